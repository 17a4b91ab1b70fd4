"""Equations that a compiled kernel computes, into memory that the plan gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["Special", "type_of"]


class Special:
    """Takes the place of a primitive in an equation.

    Parameters
    ----------
    name : str
        What it is called in reports.
    build : callable
        Called with what compiles sources and with the number of threads; returns a function of the equation's values
        and of the arrays for its results, all of them contiguous. The function is called from one thread at a time.
    """

    __slots__ = ("build", "name")

    #: As primitives have them.
    kind = "special"
    multiple = True
    impl = None
    meta: dict[str, Any] = {}  # noqa: RUF012  # never written to

    def __init__(self, name: str, build: Callable[[Compile, int], Callable[..., None]]) -> None:
        self.name = name
        self.build = build


def type_of(dtype: Any) -> str:
    """Return the name of a dtype in generated code."""
    return {"float32": "f4", "float64": "f8"}[str(dtype)]
