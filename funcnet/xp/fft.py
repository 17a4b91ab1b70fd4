"""The standard's extension ``fft``: discrete Fourier transforms, differentiable in both modes and to every order."""

from typing import TYPE_CHECKING

from funcnet.ops.fft import fft as fft
from funcnet.ops.fft import fftfreq as fftfreq
from funcnet.ops.fft import fftn as fftn
from funcnet.ops.fft import fftshift as fftshift
from funcnet.ops.fft import hfft as hfft
from funcnet.ops.fft import ifft as ifft
from funcnet.ops.fft import ifftn as ifftn
from funcnet.ops.fft import ifftshift as ifftshift
from funcnet.ops.fft import ihfft as ihfft
from funcnet.ops.fft import irfft as irfft
from funcnet.ops.fft import irfftn as irfftn
from funcnet.ops.fft import rfft as rfft
from funcnet.ops.fft import rfftfreq as rfftfreq
from funcnet.ops.fft import rfftn as rfftn
from funcnet.surface import lazily as _lazily

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]

if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(__name__, {})
