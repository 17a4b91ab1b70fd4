"""The error for what equal values of a spectrum leave undetermined."""

from __future__ import annotations

from typing import Any

from funcnet.core import owner, raw
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError

__all__ = ["UnseenSpectrumError", "undetermined", "unseen"]


class UnseenSpectrumError(NotDifferentiableError):
    """Equal values that only show when a captured derivative runs; a program may know a way around."""


def unseen(name: str, values: Any) -> UnseenSpectrumError:
    """Return the error for equal values that a captured derivative meets."""
    what, shown = _what(name, values)
    return UnseenSpectrumError(
        f"The derivative through the {what} or vectors of xp.linalg.{name} was captured for distinct values, in "
        f"{user_frame()}.",
        found=f"{what} that are repeated{' or zero' if name == 'svd' else ''}: {shown}",
        needed="distinct values, or the decomposition and its derivative in one graph, without donated arguments",
        write="fn.jit(fn.grad(f)) in place of fn.grad(fn.jit(f)); fn.grad(f), without fn.jit, for such matrices; or a "
        "slightly perturbed matrix",
    )


def undetermined(origin: tuple[str, Any], why: str) -> NotDifferentiableError:
    """Return the error for a derivative that equal values leave undetermined."""
    name, values = origin
    singular = name == "svd"
    what, shown = _what(name, values)
    return NotDifferentiableError(
        f"The derivative through the {what} or vectors of xp.linalg.{name} is not determined, in {user_frame()}.",
        found=f"{what} that are repeated{' or zero' if singular else ''}: {shown}; {why}",
        needed="distinct values, or a function that is smooth there and does not depend on the choice of the vectors",
        write="what takes equal values together, such as (v * xp.exp(w)) @ v.T, xp.sum(w) or v[:, :2] @ v[:, :2].T "
        "if the first two are equal; or a slightly perturbed matrix",
    )


def _what(name: str, values: Any) -> tuple[str, Any]:
    singular = name == "svd"
    rows = owner(values).to_numpy(raw(values)).reshape(-1, values.shape[-1])
    # Of a batch, the first that has any.
    shown = next((row for row in rows if _shows(row.tolist(), zero=singular)), rows[0])
    return "singular values" if singular else "eigenvalues", shown


def _shows(row: list[Any], *, zero: bool) -> bool:
    small = 1e-4 * max(map(abs, row), default=0.0)
    near = any(abs(a - b) <= small for i, a in enumerate(row) for b in row[:i])
    return near or (zero and any(abs(a) <= small for a in row))
