"""How implicit derivatives solve their linear systems: by a matrix, or by conjugate gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import owner, raw
from funcnet.errors import NotDifferentiableError
from funcnet.ops import concat, reshape
from funcnet.transforms.batch import vmap
from funcnet.transforms.call import like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


__all__ = ["METHODS", "Space"]


class Space:
    """Vectors, plain arrays, that stand for lists of arrays."""

    __slots__ = ("backend", "device", "dtype", "leaves", "size", "xp")

    def __init__(self, leaves: list[Any]) -> None:
        self.leaves = leaves
        self.backend = owner(leaves[0])
        self.xp = self.backend.namespace
        self.device = self.backend.device_of(raw(leaves[0]))
        self.dtype = self.xp.result_type(*[leaf.dtype for leaf in leaves])
        self.size = sum(int(np.prod(leaf.shape)) for leaf in leaves)

    def vector(self, parts: Sequence[Any]) -> Any:
        """Return one vector of all parts."""
        return concat([like(reshape(p, (-1,)), self) for p in parts])

    def parts(self, vector: Any) -> list[Any]:
        """Return the parts of a vector."""
        out, start = [], 0
        for leaf in self.leaves:
            stop = start + int(np.prod(leaf.shape))
            out.append(like(reshape(vector[start:stop], leaf.shape), leaf))
            start = stop
        return out

    def basis(self) -> Any:
        """Return the vectors of the standard basis."""
        return self.backend.asarray(np.eye(self.size), dtype=self.dtype, device=self.device)

    def norm(self, v: Any) -> float:
        """Return the length of a vector."""
        return float(self.xp.sum(self.xp.abs(v) ** 2)) ** 0.5


def _dense(space: Space, apply: Callable[..., Any], adjoint: Callable[..., Any], b: Any) -> Any:  # noqa: ARG001
    if not space.size:
        return b
    matrix = raw(vmap(apply, out_axes=1)(space.basis()))
    try:
        found = space.xp.linalg.solve(matrix, b[:, None])[:, 0]
    except Exception as error:
        # Each library has an error of that name.
        if "LinAlgError" not in type(error).__name__:
            raise
        raise _singular(f"{type(error).__name__}: {error}") from error
    if not bool(space.xp.all(space.xp.isfinite(found))):
        raise _singular("a solution that is not finite")
    return found


def _singular(found: str) -> NotDifferentiableError:
    return NotDifferentiableError(
        "The Jacobian of the condition in the solution is singular, so the solution has no derivative.",
        found=found,
        needed="a solution that is isolated: a condition with as many independent equations as unknowns",
        write="another condition, or a regularised one",
    )


def _cg(space: Space, apply: Callable[..., Any], adjoint: Callable[..., Any], b: Any) -> Any:  # noqa: ARG001
    x = space.xp.zeros_like(b)
    r = p = b
    rho, scale = space.norm(b) ** 2, space.norm(b)
    tolerance = scale * float(space.xp.finfo(space.dtype).eps) * 10
    for _ in range(10 * space.size + 10):
        if rho**0.5 <= tolerance:
            return x
        q = raw(apply(p))
        curvature = float(space.xp.sum(p * q))
        if curvature <= 0:
            break
        step = rho / curvature
        x = x + step * p
        r = r - step * q
        old, rho = rho, space.norm(r) ** 2
        p = r + (rho / old) * p
    if rho**0.5 <= 1e3 * tolerance:
        return x
    raise _unsolved(rho**0.5, scale)


def _unsolved(left: float, scale: float) -> NotDifferentiableError:
    return NotDifferentiableError(
        "Conjugate gradients did not solve the linear system for the derivative of a solution.",
        found=f"a residual of {left:.1e} for a right side of {scale:.1e}",
        needed="a matrix that is not singular; symmetric and positive definite for solve='cg'",
        write='solve="dense", or solve="normal_cg" for a matrix that is not symmetric',
    )


def _normal_cg(space: Space, apply: Callable[..., Any], adjoint: Callable[..., Any], b: Any) -> Any:
    x = _cg(space, lambda v: adjoint(raw(apply(v))), apply, raw(adjoint(b)))
    left, scale = space.norm(raw(apply(x)) - b), space.norm(b)
    if left > scale * float(space.xp.finfo(space.dtype).eps) ** 0.5:
        raise _unsolved(left, scale)
    return x


METHODS: dict[str, Callable[..., Any]] = {"dense": _dense, "cg": _cg, "normal_cg": _normal_cg}
