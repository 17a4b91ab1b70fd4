"""Draws on blocks do not depend on the blocks. `tests/random` compares them with the references and with JAX."""

from typing import Any

import numpy as np
import pytest

from funcnet.backends.numpy import threefry
from funcnet.backends.numpy.draws import KERNELS

KEY = np.array([123, 4_000_000_000], np.uint32)
FLOATS = ["float16", "float32", "float64"]

DRAWS: list[tuple[str, dict[str, Any]]] = [
    *(("random_uniform", {"dtype": dtype}) for dtype in FLOATS),
    *(("random_uniform", {"dtype": dtype, "low": -0.3, "high": 5.1}) for dtype in FLOATS),
    *(("random_normal", {"dtype": dtype}) for dtype in FLOATS),
    *(
        ("random_truncated_normal", {"dtype": dtype, "low": -1.0, "high": 0.8, "least": -9.0, "most": 1.25})
        for dtype in FLOATS
    ),
    *(
        ("random_integers", {"dtype": dtype, "low": 3, "high": high})
        for dtype in ("int8", "int32", "int64")
        for high in (2, 100)
    ),
    ("random_integers", {"dtype": "uint32", "low": 0, "high": 2**32}),
    ("random_integers", {"dtype": "uint64", "low": 5, "high": 2**64}),
]


@pytest.mark.parametrize(("name", "params"), DRAWS)
@pytest.mark.parametrize("size", [0, 16, 33, 100])
def test_draws_do_not_depend_on_blocks(
    name: str, params: dict[str, Any], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = KERNELS[name]
    whole = draw(KEY, shape=(size,), **params)
    assert (whole.shape, whole.dtype) == ((size,), params["dtype"])
    monkeypatch.setattr(threefry, "_BLOCK", 16)
    assert np.array_equal(draw(KEY, shape=(size,), **params), whole)
    monkeypatch.setattr(threefry, "_SHARED", 20)
    monkeypatch.setattr(threefry, "threads", lambda: 2)
    assert np.array_equal(draw(KEY, shape=(size,), **params), whole)


@pytest.mark.parametrize(("name", "params"), DRAWS)
def test_an_element_depends_on_its_index_alone(name: str, params: dict[str, Any]) -> None:
    long, short = (KERNELS[name](KEY, shape=(size,), **params) for size in (50, 20))
    assert np.array_equal(long[:20], short)
    assert np.array_equal(KERNELS[name](KEY, shape=(5, 10), **params).ravel(), long)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_bound_that_rounds_to_the_end_is_clipped(dtype: str) -> None:
    limits = np.finfo(dtype)
    with np.errstate(all="raise"):
        found = KERNELS["random_truncated_normal"](
            KEY, shape=(3000,), dtype=dtype, low=1.0, high=1.0, least=float(limits.tiny), most=8.5
        )
    assert np.all(found == limits.dtype.type(8.5))


def test_orders() -> None:
    for size in (0, 1, 2, 1625, 1626):
        assert np.array_equal(np.sort(KERNELS["random_order"](KEY, size=size)), np.arange(size))
    # One line is ordered like a single one, but for the rounds, which follow from the number of all elements.
    assert np.array_equal(
        KERNELS["random_orders"](KEY, shape=(1, 50), axis=1)[0], KERNELS["random_order"](KEY, size=50)
    )
    assert KERNELS["random_orders"](KEY, shape=(1, 50), axis=1).flags.writeable
