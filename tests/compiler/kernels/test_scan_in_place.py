"""Carries of which steps change some elements stay where they are, and are what the interpreter makes of them."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import reference, scalars, scan_body
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.ops import index_add, index_set

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no step out, however few numbers it has."""
    monkeypatch.setattr(scalars, "OPERATIONS", 0)


@pytest.fixture
def stayed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many values each step leaves where a carry is."""
    found: list[int] = []

    def counted(*args: Any) -> Any:
        known = scan_in_place(*args)
        found.append(len(known))
        return known

    scan_in_place = scan_body.changed_in_place
    monkeypatch.setattr(scan_body, "changed_in_place", counted)
    return found


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def whole(f: Any, *args: Any, compile: Any = reference.in_python) -> list[Any]:
    leaves = tree.leaves(args)
    before = [np.array(a) for a in leaves]
    traced = fn.trace(f, *args)
    wanted = interpret(traced, leaves)
    plan = FusedPlan(optimised(traced), compile)
    assert any([c.startswith("whole") for c in plan.calls])
    assert not {"scan", "while"} & set(plan.calls)
    for _ in range(2):
        for a, b in zip(wanted, plan(*leaves), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)
    for a, b in zip(before, leaves, strict=True):
        np.testing.assert_array_equal(a, b)
    return list(plan(*leaves))


def recurrence(a: Any, i: Any) -> Any:
    return index_set(a, i, 0.5 * a[i - 1] + a[i - 2]), None


def counts(a: Any, i: Any) -> Any:
    return index_add(a, i, 1.0), a[0]


def several(a: Any, i: Any) -> Any:
    first = a[i]
    a = index_add(index_set(a, i, xp.sum(a)), (i + 1) % 6, 2.0)
    return index_set(a, 2, first), (a[2], xp.max(a))


def rows(a: Any, i: Any) -> Any:
    return index_add(index_set(a, (slice(None), i % 3), normal_row * i), (slice(1, 3),), a[0]), xp.sum(a)


normal_row = normal(6)
STAYING = {"recurrence": (recurrence, (6,), 1), "counts": (counts, (6,), 1), "several": (several, (6,), 3)}


@pytest.mark.parametrize("case", list(STAYING))
@pytest.mark.parametrize("compile", [reference.in_python, build.compiled])
def test_steps(case: str, compile: Any, stayed: list[int]) -> None:
    step, shape, count = STAYING[case]
    places = np.array([2, 3, 2, 5, 4])
    whole(lambda a, i: fn.scan(step, a, i), normal(*shape), places, compile=compile)
    assert count in stayed
    whole(lambda a, i: fn.scan(step, a, i, reverse=True), normal(*shape), places[:1], compile=compile)


def test_rows(stayed: list[int]) -> None:
    # The last change reads the array that it changes.
    whole(lambda a, i: fn.scan(rows, a, i), normal(6, 3), np.array([2, 3, 2]))
    assert stayed


@pytest.mark.parametrize("case", list(STAYING))
def test_gradients(case: str) -> None:
    step, shape, _ = STAYING[case]
    places = np.array([2, 3, 2, 5, 4])

    def loss(a: Any) -> Any:
        a, ys = fn.scan(step, a, places)
        return xp.sum(a * a) + sum([xp.sum(xp.sin(y)) for y in tree.leaves(ys)])

    a, along = normal(*shape), normal(*shape)
    (slope,) = whole(fn.grad(loss), a)
    up, down = [loss(a + s * along) for s in (1e-6, -1e-6)]
    np.testing.assert_allclose(np.sum(slope * along), (up - down) / 2e-6, rtol=1e-6)


def test_carries_that_cannot_stay(stayed: list[int]) -> None:
    places = np.array([2, 3, 0])
    # Its old value is a result, becomes another carry, or is needed after the change.
    whole(lambda a, i: fn.scan(lambda a, i: (index_set(a, i, 1.0), a), a, i), normal(4), places)
    whole(
        lambda a, b, i: fn.scan(lambda c, i: ((index_set(c[1], i, 1.0), c[0]), None), (a, b), i), *normal(2, 4), places
    )
    whole(
        lambda a, b, i: fn.scan(lambda c, i: ((index_set(c[0], i, 1.0), c[0]), None), (a, b), i), *normal(2, 4), places
    )

    def both(a: Any, i: Any) -> Any:
        b = index_set(a, i, 5.0)
        return b, a @ b

    whole(lambda a, i: fn.scan(both, a, i), normal(4), places)
    assert set(stayed) == {0}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_carries_whose_old_values_are_needed(order: tuple[int, int], stayed: list[int]) -> None:
    # What reads one's old value waits for the other's new one.
    def step(c: Any, z: Any) -> Any:
        (x, i), (a, b) = z, (c[order[0]], c[order[1]])
        new = index_set(a, i, 5 * x), index_set(b, i, x)
        ys = xp.sum(a * new[1]), xp.sum(xp.cumulative_sum(b))
        return (new[order[0]], new[order[1]]), ys

    whole(lambda a, b, x, i: fn.scan(step, (a, b), (x, i)), *normal(2, 6), normal(4), np.array([1, 2, 1, 0]))
    assert 2 in stayed


def test_the_new_value_is_a_result_of_each_step(stayed: list[int]) -> None:
    def step(a: Any, i: Any) -> Any:
        a = index_set(a, i, xp.sum(a))
        return a, (a, 2 * a)

    whole(lambda a, i: fn.scan(step, a, i), normal(4), np.array([2, 3, 0]))


def test_loops_until_a_condition_fails() -> None:
    def body(c: Any) -> Any:
        a, i = c
        return index_set(a, i, a[i - 1] * 2), i + 1

    for stop in (7, 0):
        whole(lambda a, i, stop=stop: fn.while_loop(lambda c: c[1] < stop, body, (a, i)), normal(8), np.array(1))


def test_carries_that_no_step_changes() -> None:
    def step(c: Any, x: Any) -> Any:
        return (c[0], c[1] + c[0] * x), c[0]

    whole(lambda a, b, x: fn.scan(step, (a, b), x), *normal(2, 4), normal(3, 4))
