"""Which primitives have a compiled kernel that an equation alone says all about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from funcnet.compiler.kernels.chosen import middle_count, middle_extreme, middle_place
from funcnet.compiler.kernels.convolutions import convolved
from funcnet.compiler.kernels.cumulative import accumulated
from funcnet.compiler.kernels.draws import drawn, new_keys
from funcnet.compiler.kernels.indexed import rows_taken
from funcnet.compiler.kernels.moved import repeated_elements
from funcnet.compiler.kernels.outer import outer
from funcnet.compiler.kernels.pool_sums import pool_sum
from funcnet.compiler.kernels.pooling import spread
from funcnet.compiler.kernels.prods import multiplied
from funcnet.compiler.kernels.resampled import resampled
from funcnet.compiler.kernels.searched import searched
from funcnet.compiler.kernels.sums import middle_sum
from funcnet.compiler.kernels.triangles import triangle
from funcnet.compiler.kernels.turned import flipped, rolled

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Special

__all__ = ["MAKERS"]

#: Primitive -> what makes its kernel.
MAKERS: dict[str, Callable[[Equation], Special | None]] = {
    "argmax": middle_place,
    "argmin": middle_place,
    "conv": convolved,
    "conv_adjoint": convolved,
    "conv_bias": convolved,
    "conv_kernel": convolved,
    "count_nonzero": middle_count,
    "cumulative_prod": accumulated,
    "cumulative_sum": accumulated,
    "flip": flipped,
    "gather": rows_taken,
    "linear_recurrence": accumulated,
    "max": middle_extreme,
    "max_pool_spread": spread,
    "mean": middle_sum,
    "min": middle_extreme,
    "multiply": outer,
    "prod": multiplied,
    "random_bits": drawn,
    "random_bits_batch": drawn,
    "random_fold_in": new_keys,
    "random_fold_in_batch": new_keys,
    "random_integers": drawn,
    "random_integers_batch": drawn,
    "random_normal": drawn,
    "random_normal_batch": drawn,
    "random_split": new_keys,
    "random_split_batch": new_keys,
    "random_truncated_normal": drawn,
    "random_truncated_normal_batch": drawn,
    "random_uniform": drawn,
    "random_uniform_batch": drawn,
    "repeat": repeated_elements,
    "resample": resampled,
    "roll": rolled,
    "searchsorted": searched,
    "sum": middle_sum,
    "sum_pool": pool_sum,
    "sum_pool_spread": pool_sum,
    "tril": triangle,
    "triu": triangle,
}
