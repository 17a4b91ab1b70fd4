"""What a leaf is without its value, and the comparison of two trees by it."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import tree
from funcnet.control.mapped import is_mapped
from funcnet.core import Spec, Trace, Tracer, current_trace, owner, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.transforms.shape import ShapeTrace

__all__ = [
    "abstract",
    "check_callable",
    "check_same",
    "integer",
    "is_abstract",
    "leading",
    "trace_without_values",
]

_SCALARS = {bool: "b", int: "i", float: "f", complex: "c"}
_KINDS = "buifc"


class _Kind(NamedTuple):
    shape: tuple[int, ...]
    dtype: Any
    number: str

    def __str__(self) -> str:
        return f"an array of dtype {self.dtype} and shape {self.shape}" if self.dtype is not None else "a Python number"


def is_abstract(leaf: Any) -> bool:
    """Whether only the shape and the dtype of a leaf are known."""
    return raw(leaf).__class__ is Spec


def trace_without_values(*trees: Any) -> Trace | None:
    """Return the `eval_shape` that runs or that made a leaf of the trees; None where there is none."""
    innermost = current_trace()
    if innermost.__class__ is ShapeTrace:
        return innermost
    for leaf in tree.leaves(trees):
        while leaf.__class__ is Tracer:
            if leaf.trace.__class__ is ShapeTrace:
                return leaf.trace
            leaf = leaf.value
    return None


def abstract(trace: Trace, leaf: Any) -> Any:
    """Return a leaf whose value is not known; Python numbers and other objects as they are."""
    if is_abstract(leaf) or not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        return leaf
    return Tracer(trace, Spec(leaf.shape, leaf.dtype, owner(leaf)), None)


def check_same(needed: Any, found: Any, name: str, what: str, write: str) -> None:
    """Raise unless two trees have one structure and leaves of the same shapes and dtypes.

    A Python number among the leaves goes with an array without dimensions whose dtype can hold it.
    """
    wanted, structure = tree.flatten(needed)
    given = tree.flatten_like(structure, found, name=f"{what} of {name}")
    for i, (a, b) in enumerate(zip(wanted, given, strict=True)):
        if a is b:
            continue
        old, new = _kind_of(a), _kind_of(b)
        if old is None or new is None:
            continue
        if old.shape != new.shape:
            raise ShapeError(
                f"{what[0].upper()}{what[1:]} of {name} has another shape than it must have{_place(structure, i)}.",
                found=str(new),
                needed=str(old),
                write=write,
            )
        if not _same_dtype(old, new):
            raise DtypeError(
                f"{what[0].upper()}{what[1:]} of {name} has another dtype than it must have{_place(structure, i)}.",
                found=str(new) if new.dtype is not None else f"{new}, {b!r}",
                needed=str(old) if old.dtype is not None else f"{old}, as {a!r}",
                write=write,
            )


def _kind_of(leaf: Any) -> _Kind | None:
    number = _SCALARS.get(leaf.__class__)
    if number is not None:
        return _Kind((), None, number)
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return _Kind(tuple(leaf.shape), leaf.dtype, kind(leaf.dtype))
    return None


def _same_dtype(old: _Kind, new: _Kind) -> bool:
    if old.dtype is not None and new.dtype is not None:
        return bool(old.dtype == new.dtype)
    if old.dtype is None and new.dtype is None:
        return old.number == new.number
    number, array = (old, new) if old.dtype is None else (new, old)
    return _KINDS.index(number.number) <= _KINDS.index(array.number) if array.number in _KINDS else False


def _place(structure: Any, position: int) -> str:
    path = structure.paths()[position]
    return f" at {path}" if path else ""


def leading(xs: Any, name: str) -> int | None:
    """Return the common size of the leaves' first dimensions; None if there are no leaves."""
    size: int | None = None
    first = ""
    for path, leaf in tree.flatten_with_paths(xs)[0]:
        shown = path or "the array"
        if not getattr(leaf, "shape", ()):
            raise ShapeError(
                f"{name} goes along the first dimension of each leaf, which {shown} does not have.",
                found=f"{type(leaf).__name__}" if not hasattr(leaf, "shape") else "an array without dimensions",
                needed="arrays of at least one dimension",
                write="xp.broadcast_to(x, (length,)) for the same value in each step, or a closure over it",
            )
        if size is None:
            size, first = leaf.shape[0], shown
        elif leaf.shape[0] != size:
            raise ShapeError(
                f"The leaves given to {name} do not have first dimensions of one size.",
                found=f"{size} in {first} and {leaf.shape[0]} in {shown}",
                needed="the same number of steps in every leaf",
                write="x[:n]",
            )
    return size


def integer(value: Any, name: str, what: str) -> Any:
    """Return an integer as it is if its value cannot be read, as a Python integer otherwise."""
    dtype = getattr(value, "dtype", None)
    if value.__class__ in (int, bool) or (dtype is not None and kind(dtype) in "iub" and tuple(value.shape) == ()):
        return value if is_mapped(value) or is_abstract(value) else int(value)
    found = type(value).__name__ if dtype is None else f"an array of dtype {dtype} and shape {tuple(value.shape)}"
    raise ParameterError(
        f"{what[0].upper()}{what[1:]} of {name} must be an integer.",
        found=found,
        needed="a Python integer, or an integer array without dimensions",
        write="int(n), or xp.astype(n, xp.int64)",
    )


def check_callable(f: Any, name: str, what: str) -> None:
    """Raise unless `f` can be called."""
    if not callable(f):
        raise ParameterError(
            f"{name} takes a function as {what}.",
            found=type(f).__name__,
            needed="a callable",
            write=f"lambda *operands: ... as {what}",
        )
