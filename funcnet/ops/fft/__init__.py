"""Discrete Fourier transforms: the primitives, and the functions of the standard's extension ``fft``."""

from funcnet.ops.fft.frequencies import fftfreq as fftfreq
from funcnet.ops.fft.frequencies import fftshift as fftshift
from funcnet.ops.fft.frequencies import ifftshift as ifftshift
from funcnet.ops.fft.frequencies import rfftfreq as rfftfreq
from funcnet.ops.fft.transforms import fft as fft
from funcnet.ops.fft.transforms import fftn as fftn
from funcnet.ops.fft.transforms import hfft as hfft
from funcnet.ops.fft.transforms import ifft as ifft
from funcnet.ops.fft.transforms import ifftn as ifftn
from funcnet.ops.fft.transforms import ihfft as ihfft
from funcnet.ops.fft.transforms import irfft as irfft
from funcnet.ops.fft.transforms import irfftn as irfftn
from funcnet.ops.fft.transforms import rfft as rfft
from funcnet.ops.fft.transforms import rfftn as rfftn

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
