"""What functions of arrays require of all their arguments."""

from __future__ import annotations

from typing import Any

from funcnet.errors import DtypeError

__all__ = ["check_array"]


def check_array(where: str, x: Any, what: str = "x") -> None:
    """Raise `DtypeError` unless an argument, which errors call `what`, is an array."""
    if not hasattr(x, "dtype") or not hasattr(x, "shape"):
        raise DtypeError(
            f"{where} takes {what} as an array.",
            found=type(x).__name__,
            needed="an array",
            write=f"xp.asarray({what})",
        )
