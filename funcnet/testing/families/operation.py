"""What a step of a random program is, and how its parameters are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GAP", "MATRIX", "Namespace", "Operation", "an_axis", "broadcasts", "is_complex", "matrices", "one_of"]

#: Kinks and ties are at least this far away.
GAP = 1e-3
#: The dimensions of a matrix.
MATRIX = 2


class Namespace:
    """A namespace of the standard with more attributes, such as the special functions of the same library.

    Parameters
    ----------
    base : module
        The namespace.
    **more : object
        What goes before.

    Examples
    --------
    >>> import math
    >>> Namespace(math, half=0.5).half + Namespace(math).floor(1.5)
    1.5
    """

    def __init__(self, base: Any, **more: Any) -> None:
        self._base = base
        self._more = more

    def __getattr__(self, name: str) -> Any:
        return self._more[name] if name in self._more else getattr(self._base, name)


def always(rng: np.random.Generator, *operands: np.ndarray) -> tuple[Any, ...] | None:
    del rng, operands
    return ()


def everywhere(*operands: Any) -> bool:
    del operands
    return True


class Operation(NamedTuple):
    """One kind of step: how it runs, how its parameters are drawn, and where it is smooth.

    Attributes
    ----------
    count : int
        The number of operands.
    run : callable
        ``(xp, *operands, *parameters) -> array``.
    draw : callable
        ``(rng, *operands) -> parameters``, or None if it does not apply to these operands.
    smooth : callable
        ``(*operands, *parameters) -> bool``: whether no kink is near.
    complex : bool
        Whether it takes complex numbers.
    """

    count: int
    run: Callable[..., Any]
    draw: Callable[..., tuple[Any, ...] | None] = always
    smooth: Callable[..., bool] = everywhere
    complex: bool = False


def is_complex(x: Any) -> bool:
    return "complex" in str(x.dtype)


def one_of(*options: tuple[Any, ...]) -> Callable[..., tuple[Any, ...]]:
    return lambda rng, *_: options[int(rng.integers(len(options)))]


def an_axis(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(x.ndim)),) if x.ndim else None


def matrices(*options: tuple[Any, ...], square: bool = True) -> Callable[..., tuple[Any, ...] | None]:
    """Apply to (square) matrices of at least two rows, with one of these parameters."""

    def draw(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
        if x.ndim < MATRIX or x.shape[-1] < MATRIX or x.shape[-2] < x.shape[-1]:
            return None
        return None if square and x.shape[-1] != x.shape[-2] else options[int(rng.integers(len(options)))]

    return draw


def broadcasts(rng: np.random.Generator, *arrays: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    try:
        np.broadcast_shapes(*[a.shape for a in arrays])
    except ValueError:
        return None
    return ()
