"""Sums of windows, which averages are made of, as convolutions that mix no channels and have no weights."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.direct import PHASES, convolution
from funcnet.compiler.kernels.special import Special
from funcnet.compiler.kernels.windows import Geometry, three

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation

__all__ = ["pool_sum"]

# Channels below which most of a vector would be idle.
_CHANNELS = 4


def pool_sum(e: Equation) -> Special | None:
    """Return the kernel for sums of windows or for their transpose, None where it does not apply."""
    given, result, p = e.values[0], e.outputs[0], e.params
    axes, spread = p["axes"], e.primitive.name == "sum_pool_spread"
    if len(axes) > 3 or axes != tuple(range(axes[0], axes[0] + len(axes))):
        return None
    dtypes = {str(given.dtype), str(result.dtype)}
    channels = prod(given.shape[axes[-1] + 1 :])
    if dtypes not in ({"float32"}, {"float64"}) or channels < _CHANNELS or not prod(given.shape) * prod(result.shape):
        return None
    if spread and prod(p["strides"]) > PHASES:
        return None
    shape = Geometry(
        prod(given.shape[: axes[0]]),
        three([given.shape[a] for a in axes], 1),
        three([result.shape[a] for a in axes], 1),
        channels,
        channels,
        three(p["window"], 1),
        three(p["strides"], 1),
        three(p["low"], 0),
        three(p["dilation"], 1),
        channels,
        1,
    )
    dtype = np.dtype(str(given.dtype))
    return Special(
        f"{e.primitive.name}, direct",
        lambda compile, threads: convolution(shape, dtype, compile, threads, adjoint=spread, kind="sum"),
    )
