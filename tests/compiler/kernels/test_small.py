"""Small functions between larger ones, and kernels that are made of steps."""

from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels.small import added, cleared, shares
from funcnet.compiler.kernels.special import Of, Step, Steps


def in_python(source: str, signature: str) -> Any:
    names: dict[str, Any] = {"f4": np.float32, "f8": np.float64}
    exec(source, names)
    return names["loop"]


@pytest.mark.parametrize("mean", [False, True])
def test_sums(mean: bool) -> None:
    sums, y = np.arange(12.0).reshape(3, 4), np.full(4, 7.0)
    loop = added(in_python, "float64", mean)
    loop(1, 3, 0, sums, 6, y)
    loop(0, 1, 0, sums, 6, y)
    loop(3, 4, 0, sums, 6, y)
    np.testing.assert_array_equal(y, sums.sum(axis=0) / (6 if mean else 1))


def test_zeros() -> None:
    y = np.ones(5)
    cleared(in_python, "float64")(1, 4, 0, y)
    np.testing.assert_array_equal(y, [1, 0, 0, 0, 1])


def test_shares() -> None:
    assert shares(100, 4, 30) == (0, 33, 66, 100)
    assert shares(100, 4) == (0, 100)


def test_steps_in_python() -> None:
    def scale(lo: int, hi: int, part: int, x: Any, k: float, y: Any) -> None:
        y[lo:hi] = x[lo:hi] * k + part

    own = np.zeros(6)
    both = Steps([Step(scale, (0, 6), [Of(0, (6,)), 2.0, own]), Step(scale, (0, 3, 6), [own, 10.0, Of(1, (6,))])])
    x, y = np.arange(6.0).reshape(2, 3), np.zeros((3, 2))
    both(x, y)
    np.testing.assert_array_equal(y.reshape(-1), np.arange(6) * 20 + np.repeat([0, 1], 3))
