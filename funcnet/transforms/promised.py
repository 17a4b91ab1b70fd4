"""What functions that cannot be traced say of their results beforehand, for where only shapes are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Spec, owner
from funcnet.core.dtypes import is_inexact
from funcnet.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_promise", "first_inexact", "promised"]


def _spec(leaf: Any) -> Any:
    """Return the spec of an array; anything else as it is."""
    if leaf.__class__ is Spec:
        return leaf
    return Spec(leaf.shape, leaf.dtype, owner(leaf)) if hasattr(leaf, "dtype") else leaf


def first_inexact(specs: Any) -> Spec | None:
    """Return the first spec of a floating-point array in a tree."""
    return next((s for s in tree.leaves(specs) if isinstance(s, Spec) and is_inexact(s.dtype)), None)


def promised(shape: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Return the tree of specs that a rule gives for arguments.

    Parameters
    ----------
    shape : callable
        Takes the arguments with specs in place of arrays; returns such a tree, or one shape alone.
    args : tuple
        The arguments.
    """
    specs = tree.map(_spec, args)
    found = shape(*specs)
    if isinstance(found, tuple) and all(isinstance(n, int) for n in found):
        first = first_inexact(specs)
        found = Spec(found, None if first is None else first.dtype, None if first is None else first.backend)
    return found


def check_promise(what: str, ys: Sequence[Any], specs: Sequence[Spec]) -> None:
    """Refuse results that are not as promised; `what` names the function."""
    shapes, declared = [tuple(y.shape) for y in ys], [s.shape for s in specs]
    if shapes != declared:
        raise ShapeError(
            f"{what} returned other shapes than its rule says.",
            found=", ".join(map(str, shapes)),
            needed=", ".join(map(str, declared)),
            write="shape=lambda *specs: ... that returns what the function returns",
        )
    for y, s in zip(ys, specs, strict=True):
        if y.dtype != s.dtype:
            raise DtypeError(
                f"{what} returned another dtype than its rule says.",
                found=str(y.dtype),
                needed=str(s.dtype),
                write="a conversion in the function, or shape=lambda x: fn.Spec(x.shape, 'float64')",
            )
