"""Small examples of arguments, kept with a primitive's declaration for tests and documentation."""

from typing import Any, NamedTuple

__all__ = ["Arg", "Case", "case"]


class Arg(NamedTuple):
    """What one array argument of a case may hold.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    kind : str
        ``"float"`` (any floating-point dtype), ``"int"`` or ``"bool"``; ``"regular"`` for floating-point matrices far
        from singular ones, ``"definite"`` for Hermitian positive definite ones.
    low, high : float
        Bounds of the values; for integers `high` is excluded.
    distinct : bool
        Whether values must be well apart, as where the derivative jumps at ties.
    """

    shape: tuple[int, ...]
    kind: str = "float"
    low: float = -2.0
    high: float = 2.0
    distinct: bool = False


class Case(NamedTuple):
    """Arguments and parameters on which a primitive is tested."""

    args: tuple[Arg, ...]
    params: dict[str, Any]


def case(*args: Arg | tuple[int, ...], **params: Any) -> Case:
    """Return a case; a bare shape stands for a floating-point array of that shape.

    Examples
    --------
    >>> from funcnet.core.case import case
    >>> case((2, 3), axis=(0,)).args[0].shape
    (2, 3)
    """
    return Case(tuple(a if isinstance(a, Arg) else Arg(a) for a in args), params)
