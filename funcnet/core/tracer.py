"""The array that a transformed function sees.

A tracer is a handle: it names a value and what one transformation knows of it. Assigning into it rebinds the handle to
the updated value, so it behaves like an ordinary array while every value stays single assignment. A view remembers
what it is a part of, and assigning into it rebinds that as well.
Operators, methods and protocol functions are attached by `funcnet.ops`, since this package knows no numerics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core.frames import user_frame
from funcnet.errors import TracerConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from funcnet.core.trace import Trace

__all__ = ["Tracer", "carries_derivative", "raw"]


class Tracer:
    """An array inside a transformation.

    Attributes
    ----------
    trace : Trace
        The transformation that made it.
    value : array or Tracer
        The array, or a tracer of an enclosing transformation.
    node : object or None
        What the trace follows: a tape node, a tangent, or None for a constant. An integer is a dimension of the
        value that the tracer does not show: that over which `vmap` maps.
    """

    __slots__ = ("__weakref__", "base", "node", "trace", "value", "views")
    __hash__ = None  # type: ignore[assignment]  # like every array: == is elementwise
    __array_priority__ = 1000.0

    #: Only in a view: the tracer whose elements it shows, and how; see `funcnet.ops.views`.
    base: tuple[Any, Any, Any]
    #: Only in a tracer with views: weak references to them.
    views: list[Any]

    def __init__(self, trace: Trace, value: Any, node: Any) -> None:
        self.trace = trace
        self.value = value
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each dimension."""
        shape = self.value.shape
        axis = self.node
        if axis.__class__ is not int:
            return shape
        return shape[1:] if axis == 0 else shape[:axis] + shape[axis + 1 :]

    @property
    def dtype(self) -> Any:
        """Data type of the elements, an object of the array's own library."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def device(self) -> Any:
        """Device that holds the elements."""
        return self.value.device

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError("len() of an array without dimensions")
        return shape[0]

    def __iter__(self) -> Iterator[Any]:
        shape = self.shape
        if not shape:
            raise TypeError("iteration over an array without dimensions")
        return (self[i] for i in range(shape[0]))  # type: ignore[index]  # attached by funcnet.ops

    def __repr__(self) -> str:
        return f"traced({self.value!r}, by={self.trace.name!r})"

    def __format__(self, spec: str) -> str:
        return format(_concrete(self, "format()"), spec) if spec else repr(self)

    def rebind(self, other: Tracer) -> None:
        """Make this handle name what `other` names."""
        self.trace, self.value, self.node = other.trace, other.value, other.node

    def __copy__(self) -> Tracer:
        return Tracer(self.trace, self.value, self.node)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tracer:
        return self.__copy__()

    copy = __copy__

    # Reading a value: comparisons and truth are concrete, whatever would drop a derivative is refused.

    def __bool__(self) -> bool:
        return bool(_concrete(self, "bool()"))

    def __int__(self) -> int:
        return int(_detached(self, "int()"))

    def __index__(self) -> int:
        return _detached(self, "use as an index").__index__()

    def __float__(self) -> float:
        return float(_detached(self, "float()"))

    def __complex__(self) -> complex:
        return complex(_detached(self, "complex()"))

    def item(self, *index: Any) -> Any:
        """Return the only element as a Python scalar; refused where that would drop a derivative."""
        return _detached(self, ".item()").item(*index)

    def tolist(self) -> Any:
        """Return the elements as nested lists; refused where that would drop a derivative."""
        return _detached(self, ".tolist()").tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        value = _detached(self, "conversion to a NumPy array (numpy.asarray)")
        return value.__array__() if dtype is None else value.__array__(dtype)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return _detached(self, "DLPack export").__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return _concrete(self, "__dlpack_device__()").__dlpack_device__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TracerConversionError(
            f"A traced array cannot be pickled, in {user_frame()}.",
            found=repr(self),
            needed="a plain array",
            write="return the array from the transformed function, and pickle what the transformation returns",
        )


def carries_derivative(value: Any) -> bool:
    """Whether a derivative flows through `value` at any level."""
    while value.__class__ is Tracer:
        if value.trace.carries(value):
            return True
        value = value.value
    return False


def raw(value: Any) -> Any:
    """Return the plain array inside `value`, whatever traces wrap it."""
    while value.__class__ is Tracer:
        value = value.value
    return value


def _concrete(tracer: Tracer, what: str) -> Any:
    value: Any = tracer
    while value.__class__ is Tracer:
        trace = value.trace
        if not trace.concrete and (error := trace.hidden(value, what)) is not None:
            raise error
        value = value.value
    return value


def _detached(tracer: Tracer, what: str) -> Any:
    if carries_derivative(tracer):
        raise TracerConversionError(
            f"{what} of a traced array would drop its derivative, in {user_frame()}.",
            found=repr(tracer),
            needed="array operations from here to the output, or the statement that no derivative is wanted",
            write="the function of funcnet.xp in place of the one that converts, as xp.asarray([[a, b], [c, d]]) for "
            "np.array; fn.stop_gradient(x) if no derivative is wanted; a = fn.lift(a) before a[i] = x where a is a "
            "plain array",
        )
    return _concrete(tracer, what)
