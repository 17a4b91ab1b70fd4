"""The Array API standard, differentiable: the namespace that users and other libraries see.

Functions act on the arrays they are given, of whatever library. Data types and what is created from nothing follow the
current backend; see `funcnet.use_backend`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import Any

from funcnet import backends
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.core import Tracer, owner
from funcnet.ops import abs as abs
from funcnet.ops import acos as acos
from funcnet.ops import acosh as acosh
from funcnet.ops import add as add
from funcnet.ops import all as all
from funcnet.ops import any as any
from funcnet.ops import arange as arange
from funcnet.ops import argmax as argmax
from funcnet.ops import argmin as argmin
from funcnet.ops import argsort as argsort
from funcnet.ops import asarray as asarray
from funcnet.ops import asin as asin
from funcnet.ops import asinh as asinh
from funcnet.ops import astype as astype
from funcnet.ops import at as at
from funcnet.ops import atan as atan
from funcnet.ops import atan2 as atan2
from funcnet.ops import atanh as atanh
from funcnet.ops import bitwise_and as bitwise_and
from funcnet.ops import bitwise_invert as bitwise_invert
from funcnet.ops import bitwise_left_shift as bitwise_left_shift
from funcnet.ops import bitwise_or as bitwise_or
from funcnet.ops import bitwise_right_shift as bitwise_right_shift
from funcnet.ops import bitwise_xor as bitwise_xor
from funcnet.ops import broadcast_arrays as broadcast_arrays
from funcnet.ops import broadcast_shapes as broadcast_shapes
from funcnet.ops import broadcast_to as broadcast_to
from funcnet.ops import can_cast as can_cast
from funcnet.ops import ceil as ceil
from funcnet.ops import clip as clip
from funcnet.ops import concat as concat
from funcnet.ops import conj as conj
from funcnet.ops import copysign as copysign
from funcnet.ops import cos as cos
from funcnet.ops import cosh as cosh
from funcnet.ops import count_nonzero as count_nonzero
from funcnet.ops import cumulative_prod as cumulative_prod
from funcnet.ops import cumulative_sum as cumulative_sum
from funcnet.ops import diff as diff
from funcnet.ops import divide as divide
from funcnet.ops import empty as empty
from funcnet.ops import empty_like as empty_like
from funcnet.ops import equal as equal
from funcnet.ops import exp as exp
from funcnet.ops import expand_dims as expand_dims
from funcnet.ops import expm1 as expm1
from funcnet.ops import extras, namespace_info
from funcnet.ops import eye as eye
from funcnet.ops import finfo as finfo
from funcnet.ops import flip as flip
from funcnet.ops import floor as floor
from funcnet.ops import floor_divide as floor_divide
from funcnet.ops import from_dlpack as from_dlpack
from funcnet.ops import full as full
from funcnet.ops import full_like as full_like
from funcnet.ops import greater as greater
from funcnet.ops import greater_equal as greater_equal
from funcnet.ops import hypot as hypot
from funcnet.ops import iinfo as iinfo
from funcnet.ops import imag as imag
from funcnet.ops import isdtype as isdtype
from funcnet.ops import isfinite as isfinite
from funcnet.ops import isin as isin
from funcnet.ops import isinf as isinf
from funcnet.ops import isnan as isnan
from funcnet.ops import less as less
from funcnet.ops import less_equal as less_equal
from funcnet.ops import linspace as linspace
from funcnet.ops import log as log
from funcnet.ops import log1p as log1p
from funcnet.ops import log2 as log2
from funcnet.ops import log10 as log10
from funcnet.ops import log_softmax as log_softmax
from funcnet.ops import logaddexp as logaddexp
from funcnet.ops import logical_and as logical_and
from funcnet.ops import logical_not as logical_not
from funcnet.ops import logical_or as logical_or
from funcnet.ops import logical_xor as logical_xor
from funcnet.ops import logsumexp as logsumexp
from funcnet.ops import matmul as matmul
from funcnet.ops import matrix_transpose as matrix_transpose
from funcnet.ops import max as max
from funcnet.ops import maximum as maximum
from funcnet.ops import mean as mean
from funcnet.ops import meshgrid as meshgrid
from funcnet.ops import min as min
from funcnet.ops import minimum as minimum
from funcnet.ops import moveaxis as moveaxis
from funcnet.ops import multiply as multiply
from funcnet.ops import negative as negative
from funcnet.ops import nextafter as nextafter
from funcnet.ops import nonzero as nonzero
from funcnet.ops import not_equal as not_equal
from funcnet.ops import ones as ones
from funcnet.ops import ones_like as ones_like
from funcnet.ops import permute_dims as permute_dims
from funcnet.ops import positive as positive
from funcnet.ops import pow as pow
from funcnet.ops import prod as prod
from funcnet.ops import real as real
from funcnet.ops import reciprocal as reciprocal
from funcnet.ops import relu as relu
from funcnet.ops import remainder as remainder
from funcnet.ops import repeat as repeat
from funcnet.ops import reshape as reshape
from funcnet.ops import result_type as result_type
from funcnet.ops import roll as roll
from funcnet.ops import round as round
from funcnet.ops import searchsorted as searchsorted
from funcnet.ops import sigmoid as sigmoid
from funcnet.ops import sign as sign
from funcnet.ops import signbit as signbit
from funcnet.ops import sin as sin
from funcnet.ops import sinh as sinh
from funcnet.ops import softmax as softmax
from funcnet.ops import softplus as softplus
from funcnet.ops import sort as sort
from funcnet.ops import sqrt as sqrt
from funcnet.ops import square as square
from funcnet.ops import squeeze as squeeze
from funcnet.ops import stack as stack
from funcnet.ops import std as std
from funcnet.ops import subtract as subtract
from funcnet.ops import sum as sum
from funcnet.ops import take as take
from funcnet.ops import take_along_axis as take_along_axis
from funcnet.ops import tan as tan
from funcnet.ops import tanh as tanh
from funcnet.ops import tensordot as tensordot
from funcnet.ops import tile as tile
from funcnet.ops import tril as tril
from funcnet.ops import triu as triu
from funcnet.ops import trunc as trunc
from funcnet.ops import unique_all as unique_all
from funcnet.ops import unique_counts as unique_counts
from funcnet.ops import unique_inverse as unique_inverse
from funcnet.ops import unique_values as unique_values
from funcnet.ops import unstack as unstack
from funcnet.ops import var as var
from funcnet.ops import vecdot as vecdot
from funcnet.ops import where as where
from funcnet.ops import zeros as zeros
from funcnet.ops import zeros_like as zeros_like
from funcnet.surface import listing, unknown
from funcnet.xp.namespace import API_VERSION, EXTENSIONS, namespace_of
from funcnet.xp.numpy_protocol import array_function, array_ufunc
from funcnet.xp.spellings import SPELLINGS
from funcnet.xp.torch_protocol import torch_function

__array_api_version__ = API_VERSION
newaxis = None

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "at",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "ceil",
    "clip",
    "concat",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "divide",
    "e",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "finfo",
    "flip",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "greater",
    "greater_equal",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "isdtype",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "real",
    "reciprocal",
    "relu",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "searchsorted",
    "sigmoid",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "tril",
    "triu",
    "trunc",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
]

# Loaded at first use.
__all__ += extras.__all__


def __getattr__(name: str) -> Any:
    if name in STANDARD or name in OPTIONAL:
        return backends.current().backend.dtype(name)
    if name in EXTENSIONS:
        return import_module(f"{__name__}.{name}")
    if name in extras.__all__:
        return getattr(extras, name)
    raise unknown(__name__, name, EXTENSIONS, SPELLINGS)


def __dir__() -> list[str]:
    return sorted({*_listed(), *STANDARD, *OPTIONAL, *EXTENSIONS})


_listed = listing(__name__)


def __array_namespace_info__() -> Any:  # noqa: N807  # the standard's name
    """Return the inspection object: devices, data types and capabilities of the current backend."""
    return namespace_info()


def _array_namespace(self: Tracer, *, api_version: str | None = None) -> Any:
    """Return the namespace of functions that act on this traced array."""
    return namespace_of(owner(self), sys.modules[__name__], api_version)


for _name, _method in {
    "__array_namespace__": _array_namespace,
    "__array_ufunc__": array_ufunc,
    "__array_function__": array_function,
    "__torch_function__": classmethod(torch_function),
}.items():
    setattr(Tracer, _name, _method)
