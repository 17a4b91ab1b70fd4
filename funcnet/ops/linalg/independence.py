"""Matrices that lack eigenvectors, at which eigenvalues and eigenvectors have no derivatives."""

from __future__ import annotations

from typing import Any

from funcnet.core import Arg, bind, case, general
from funcnet.core.bind import run
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops.batching import as_it_is
from funcnet.ops.linalg.common import eps_of
from funcnet.ops.linalg.splitting import handler

__all__ = ["independent"]


def independent(v: Any) -> Any:
    """Return eigenvectors as they are; raise where they are not independent, when their values are known."""
    return bind(independent_p, v)


def _independent_impl(xp: Any, v: Any) -> Any:
    n = v.shape[-1]
    if 0 not in v.shape:
        least = float(xp.min(xp.linalg.svdvals(v)[..., -1]))
        if least <= 4 * n * eps_of(v) ** 0.5:
            raise NotDifferentiableError(
                "The derivative through xp.linalg.eig of a matrix without independent eigenvectors, in "
                f"{user_frame()}.",
                found=f"eigenvectors of which the least singular value is {least:.1e}",
                needed="a matrix with independent eigenvectors; of others, eigenvalues have infinite derivatives",
                write="the function of the matrix without its decomposition: xp.linalg.expm(x), xp.linalg.det(x), "
                "xp.linalg.trace(x), xp.linalg.matrix_power(x, n)",
            )
    return v


#: Eigenvectors as they are, where they are independent.
independent_p = general(
    "independent",
    _independent_impl,
    vjp=(lambda y, v: lambda g: g,),  # noqa: ARG005
    jvp=lambda tangents, y, v: tangents[0],  # noqa: ARG005
    shape=lambda v: v.shape,
    batch=as_it_is,
    dtypes="floating",
    internal=True,
    cases=(case(Arg((3, 3), "regular")), case(Arg((2, 2, 2), "regular")), case((0, 0))),
)


@handler("independent")
def _independent_series(primitive: Any, args: Any, nodes: Any, params: Any, choice: int) -> Any:  # noqa: ARG001
    run(primitive, (nodes[0].value(),), params)
    return nodes[0]
