"""Machine code that Python calls: two or three instructions of CPython around a function of int64."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["routine_at"]

_FASTCALL = 0x80


class _Method(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


#: What CPython reads as long as it has the functions.
_methods: list[_Method] = []


def routine_at(address: int) -> Callable[..., int]:
    """Return the Python function for what :func:`funcnet.compiler.team.entry_code.routine` has written."""
    method = _Method(b"funcnet_routine", address, _FASTCALL, None)
    _methods.append(method)
    new: Any = ctypes.pythonapi.PyCFunction_NewEx
    new.argtypes, new.restype = [ctypes.c_void_p] * 3, ctypes.py_object
    return new(ctypes.addressof(method), None, None)
