"""Draws in compiled functions are those of plain calls, for keys that are arguments."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import random, xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
KEYS = [random.key(0), random.key(2**32 - 1), np.array([2**32 - 1, 2**31], np.uint32), np.array([7, 0], np.uint32)]


def planned(f: Any) -> Any:
    plan = FusedPlan(optimised(fn.trace(f, KEYS[0])))
    assert all([c.startswith("random_") and c.endswith("in registers") for c in plan.calls])
    assert plan.calls
    return lambda key: plan(key)[0]


def same(f: Any, *, ulps: int = 0) -> None:
    plan = planned(f)
    for key in KEYS:
        found, wanted = plan(key), f(key)
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        if ulps:
            np.testing.assert_array_max_ulp(found, wanted, ulps)
        else:
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(), (1,), (17,), (3, 5, 70)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform(shape: Any, dtype: str) -> None:
    same(lambda key: random.uniform(key, shape, dtype=dtype))
    same(lambda key: random.uniform(key, shape, dtype=dtype, minval=-3.0, maxval=7.1))
    same(lambda key: random.uniform(key, shape, dtype=dtype, minval=2.0, maxval=2.0))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal(monkeypatch: pytest.MonkeyPatch, threads: int, dtype: str) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    for shape in ((), (5,), (300, 201)):
        same(lambda key, shape=shape: random.normal(key, shape, dtype=dtype), ulps=8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bounds", [(-2.0, 1.5), (0.1, np.inf), (-np.inf, np.inf), (-1e-3, 1e-3), (5.0, 9.0)])
def test_truncated_normal(dtype: str, bounds: Any) -> None:
    f = lambda key: random.truncated_normal(key, bounds[0], bounds[1], (500,), dtype=dtype)  # noqa: E731
    plan = planned(f)
    for key in KEYS:
        found = plan(key)
        np.testing.assert_allclose(found, f(key), rtol=2e-6 if dtype == "float32" else 1e-14)
        assert found.min() >= bounds[0]
        assert found.max() <= bounds[1]


def test_bits() -> None:
    for shape in ((), (3,), (7, 129)):
        same(lambda key, shape=shape: random.bits(key, shape))


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 100), (0, 1), (5, 5), (9, 3), (-7, 2**16 - 7), (-(2**31), 2**31 - 1), (-5, 2**31 - 1), (0, 65537), (-1, 2)],
)
def test_integers(low: int, high: int) -> None:
    same(lambda key: random.randint(key, (999,), low, high))


def test_what_is_made_of_them() -> None:
    same(lambda key: random.bernoulli(key, 0.3, (40, 50)))
    x = np.linspace(-1, 1, 600, dtype=np.float32).reshape(20, 30)

    def dropped(key: Any) -> Any:
        return xp.where(random.bernoulli(key, 0.7, x.shape), x / 0.7, 0.0)

    same(dropped)
    loss = fn.grad(lambda x, key: xp.sum(xp.where(random.bernoulli(key, 0.7, x.shape), x * x, 0.0)))
    plan = FusedPlan(optimised(fn.trace(loss, x, KEYS[0])))
    for key in KEYS:
        np.testing.assert_allclose(plan(x, key)[0], loss(x, key), rtol=1e-6)


def test_what_stays() -> None:
    key = KEYS[1]
    for f in (
        lambda key: random.uniform(key, (0, 3)),
        lambda key: random.uniform(key, (5,), dtype="float16"),
        lambda key: random.bits(key, (5,), dtype="uint8"),
        lambda key: random.randint(key, (5,), 0, 9, dtype="int64"),
        lambda key: fn.vmap(lambda key: random.normal(key, (3, 0)))(xp.stack([key, key])),
    ):
        plan = FusedPlan(optimised(fn.trace(f, key)))
        assert not any(["in registers" in c for c in plan.calls])
        np.testing.assert_array_equal(plan(key)[0], f(key))


@pytest.mark.parametrize("shape", [(), (3,), (40,)])
@pytest.mark.parametrize("count", [1, 37])
def test_several_keys(shape: Any, count: int) -> None:
    draws: list[Any] = [
        lambda key: random.uniform(key, shape),
        lambda key: random.uniform(key, shape, dtype="float64", minval=-2.0, maxval=3.0),
        lambda key: random.randint(key, shape, -5, 100),
        lambda key: random.bits(key, shape),
        lambda key: random.split(key, 3),
    ]
    for draw in draws:
        same(lambda key, draw=draw: fn.vmap(draw)(random.split(key, count)))
    same(lambda key: fn.vmap(lambda k: random.normal(k, shape))(random.split(key, count)), ulps=8)


@pytest.mark.parametrize("num", [2, 3, 65, (2, 5)])
def test_keys_that_are_split(num: Any) -> None:
    same(lambda key: random.split(key, num))


def test_numbers_that_are_folded_in() -> None:
    for number in (0, 7, 2**32 - 1):
        same(lambda key, number=number: random.fold_in(key, number))
    for dtype in ("int32", "int64", "uint32"):
        for number in (0, 1, -1, 2**31 - 1) if dtype != "uint32" else (0, 2**32 - 1):
            data = np.array(number, dtype)
            plan = FusedPlan(optimised(fn.trace(random.fold_in, KEYS[0], data)))
            assert plan.calls == ["random_fold_in, in registers"]
            for key in KEYS:
                np.testing.assert_array_equal(plan(key, data)[0], random.fold_in(key, data))
    numbers = np.array([3, -1, 0, 2**31 - 1], np.int32)
    for axes in ((None, 0), (0, 0), (0, None)):
        f: Any = fn.vmap(random.fold_in, in_axes=axes)
        given = (KEYS[1] if axes[0] is None else np.stack(KEYS), numbers if axes[1] == 0 else numbers[1])
        plan = FusedPlan(optimised(fn.trace(f, *given)))
        assert plan.calls[-1] == "random_fold_in_batch, in registers"
        np.testing.assert_array_equal(plan(*given)[0], f(*given))


def test_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 3)
    same(lambda key: fn.vmap(lambda k: random.uniform(k, (300,)))(random.split(key, 301)))
    same(lambda key: random.split(key, 50_001))


def test_infinite_numbers_in_steps() -> None:
    def f(key: Any) -> Any:
        def step(key: Any, _: Any) -> Any:
            key, own = random.split(key)
            # The bounds are further from each other than any number of single precision is from zero.
            return key, random.uniform(own, (70,), minval=-3e38, maxval=3e38)

        return fn.scan(step, key, length=3)

    plan = FusedPlan(optimised(fn.trace(f, KEYS[0])))
    assert "whole scan" in plan.calls
    with np.errstate(over="ignore"):
        for a, b in zip(plan(KEYS[1]), f(KEYS[1]), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
