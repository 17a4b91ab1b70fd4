"""Every exception that funcnet raises.

A message has up to three labelled lines after its summary: what was found, what is needed, and what to write
instead. Each class also derives from the builtin exception that a caller would catch.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from collections.abc import Callable as _Callable

__all__ = [
    "AbstractValueError",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "ChangedArrayError",
    "CopyError",
    "DonatedArrayError",
    "DtypeError",
    "EscapedTracerError",
    "FuncnetError",
    "GradientCheckError",
    "GraphError",
    "IndependentOutputError",
    "JitCheckError",
    "KeyReuseError",
    "MissingExtraError",
    "MixedBackendError",
    "MixedDeviceError",
    "NanError",
    "NonScalarOutputError",
    "NotDifferentiableError",
    "ParameterError",
    "SerializationError",
    "ShapeError",
    "TracerAttributeError",
    "TracerConversionError",
    "TreeError",
    "UnknownNameError",
    "UnsupportedFunctionError",
]


class FuncnetError(Exception):
    """Base of every funcnet exception.

    Parameters
    ----------
    summary : str
        One sentence that says what went wrong.
    found, needed, write : str, optional
        What was met, what is required, and the line to write instead.

    Examples
    --------
    >>> from funcnet.errors import FuncnetError
    >>> print(FuncnetError("The shapes differ.", found="(2,)", needed="(3,)"))
    The shapes differ.
      found:  (2,)
      needed: (3,)
    """

    def __init__(self, summary: str, *, found: str = "", needed: str = "", write: str = "") -> None:
        lines = [summary]
        lines += [
            f"  {label:<7} {text}"
            for label, text in (("found:", found), ("needed:", needed), ("write:", write))
            if text
        ]
        super().__init__("\n".join(lines))


class TreeError(FuncnetError, ValueError):
    """Two trees differ in structure, or a tree holds something that it must not."""


class BackendNotFoundError(FuncnetError, ValueError):
    """No backend of that name is registered, or it has no such device."""


class BackendUnavailableError(FuncnetError, ImportError):
    """A registered backend cannot be used on this machine."""


class MissingExtraError(FuncnetError, ImportError):
    """An optional package that the call needs is not installed."""


class MixedBackendError(FuncnetError, TypeError):
    """Arrays of two libraries met in one operation."""


class MixedDeviceError(FuncnetError, ValueError):
    """Arrays of two devices met in one operation."""


class ShapeError(FuncnetError, ValueError):
    """Shapes do not fit each other or the operation."""


class DtypeError(FuncnetError, TypeError):
    """A data type does not fit the operation."""


class CopyError(FuncnetError, ValueError):
    """A copy is needed: one that ``copy=False`` forbids, or one of a view that cannot be written to."""


class ParameterError(FuncnetError, TypeError):
    """A parameter of an operation has a value that it cannot have."""


class NotDifferentiableError(FuncnetError, TypeError):
    """The derivative that was asked for does not exist or is not provided."""


class NonScalarOutputError(FuncnetError, TypeError):
    """``grad`` was given a function whose output is not a real scalar."""


class IndependentOutputError(FuncnetError, ValueError):
    """The output does not depend on the arguments that it is differentiated with respect to."""


class EscapedTracerError(FuncnetError, RuntimeError):
    """A tracer was used after the transformation that made it had ended."""


class TracerConversionError(FuncnetError, TypeError):
    """A traced value was asked for as a plain number or array, which would drop its derivative."""


class TracerAttributeError(FuncnetError, AttributeError):
    """An attribute of plain arrays was asked of a traced one, which does not have it."""

    def __init__(self, summary: str, *, found: str, needed: str, write: str, name: str, obj: object) -> None:
        super().__init__(summary, found=found, needed=needed, write=write)
        # As Python's own attribute errors have them.
        self.name, self.obj = name, obj


class UnknownNameError(FuncnetError, AttributeError):
    """A module has no such name; the message says which one was meant."""

    def __init__(self, module: str, name: str, meant: "_Callable[[], list[str]]") -> None:
        # The message is made when it is read: asking whether a name is there must not cost what nobody looks at.
        AttributeError.__init__(self, module, name, meant)
        # Without `obj`, in whose names Python would look for another suggestion.
        self.name = name

    def __str__(self) -> str:
        module, name, meant = self.args
        found = meant()
        summary = f"module {module!r} has no attribute {name!r}"
        return f"{summary}\n  write:  {' or '.join(found)}" if found else summary


class GradientCheckError(FuncnetError, AssertionError):
    """A derivative, a shape, a dtype or a device that `funcnet.testing` checked is wrong."""


class JitCheckError(FuncnetError, AssertionError):
    """A function computes something else under `jit`, as `funcnet.testing.check_jit` found."""


class GraphError(FuncnetError, ValueError):
    """A graph is not well formed."""


class NanError(FuncnetError, FloatingPointError):
    """An operation or a derivative made a NaN inside ``fn.debug_nans()``."""


class DonatedArrayError(FuncnetError, RuntimeError):
    """An array is used whose memory was given to a function under `fn.jit`."""


class ChangedArrayError(FuncnetError, RuntimeError):
    """A plain array changed between a traced operation that used it and the derivative of that operation."""


class AbstractValueError(FuncnetError, TypeError):
    """A value was read where only its shape and dtype are known."""


class UnsupportedFunctionError(FuncnetError, TypeError):
    """A function of another library has no counterpart that can be traced."""


class KeyReuseError(FuncnetError, ValueError):
    """A random key was used twice."""


class SerializationError(FuncnetError, ValueError):
    """A file cannot be read as, or does not match, what is loaded from it."""
