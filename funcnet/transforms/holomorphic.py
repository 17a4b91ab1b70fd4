"""What complex numbers may go in and come out where derivatives are matrices of numbers; see docs/complex.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_input", "check_output"]


def check_input(
    primals: tuple[Any, ...],
    name: str,
    *,
    holomorphic: bool,
    real: bool = False,
    where: Sequence[int] | None = None,
) -> None:
    """Refuse real arguments of a holomorphic function; with `real`, complex ones of a function that is not.

    `where` has the position of each primal among the arguments.
    """
    if not (holomorphic or real):
        return
    for path, leaf in tree.flatten_with_paths(primals)[0]:
        letter = kind(leaf.dtype) if hasattr(leaf, "dtype") else "c" if isinstance(leaf, complex) else "f"
        head, _, tail = path.partition("]")
        position = int(head[1:]) if where is None else where[int(head[1:])]
        place = f"argument {position}" + (f", leaf {tail}" if tail else "")
        if holomorphic and letter != "c":
            raise DtypeError(
                f"{name} with holomorphic=True needs complex arguments, but {place} is not.",
                found=str(getattr(leaf, "dtype", type(leaf).__name__)),
                needed="a complex dtype",
                write="xp.astype(x, xp.complex128), or holomorphic=False",
            )
        if real and not holomorphic and letter == "c":
            raise DtypeError(
                f"{name} needs real arguments unless the function is holomorphic, but {place} is complex.",
                found=str(getattr(leaf, "dtype", type(leaf).__name__)),
                needed="a real dtype: real and imaginary part as two arguments",
                write="holomorphic=True if the function is holomorphic",
            )


def check_output(y: Any, name: str, *, holomorphic: bool, real: bool = True) -> None:
    """Refuse real results of a holomorphic function; with `real`, complex ones of a function that is not."""
    if not (holomorphic or real):
        return
    for path, leaf in tree.flatten_with_paths(y)[0]:
        letter = kind(leaf.dtype) if hasattr(leaf, "dtype") else "c" if isinstance(leaf, complex) else "f"
        where = f" at {path}" if path else ""
        if holomorphic and letter != "c":
            raise DtypeError(
                f"{name} with holomorphic=True needs a complex result, but that of the function{where} is not.",
                found=str(getattr(leaf, "dtype", type(leaf).__name__)),
                needed="a complex dtype: a real function is not holomorphic unless it is constant",
                write="holomorphic=False",
            )
        if real and not holomorphic and letter == "c":
            raise DtypeError(
                f"{name} needs a real result unless the function is holomorphic, but that of the function{where} is "
                "complex.",
                found=str(getattr(leaf, "dtype", type(leaf).__name__)),
                needed="a real dtype: real and imaginary part as two results",
                write="holomorphic=True if the function is holomorphic",
            )
