"""Steps that are written out read and change elements of arrays in memory, as the interpreter does."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import scan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.ops import index_add, index_set

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing to loops over elements."""
    monkeypatch.setattr(scan, "body_of", lambda *_: None)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def whole(f: Any, *args: Any, compile: Any = in_python) -> FusedPlan:
    leaves = tree.leaves(args)
    before = [np.array(a) for a in leaves]
    traced = fn.trace(f, *args)
    wanted = interpret(traced, leaves)
    plan = FusedPlan(optimised(traced), compile)
    assert any([c.startswith("whole") for c in plan.calls])
    assert not {"scan", "while"} & set(plan.calls)
    for _ in range(2):
        for a, b in zip(wanted, plan(*leaves), strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)
    for a, b in zip(before, leaves, strict=True):
        np.testing.assert_array_equal(a, b)
    return plan


def recurrence(a: Any, i: Any) -> Any:
    return index_set(a, i, 0.5 * a[i - 1] + xp.sin(a[i - 2])), a[0]


def counts(a: Any, i: Any) -> Any:
    a = index_add(a, i, 1.0)
    return a, a[i] + a[-3]


def exchanged(a: Any, i: Any) -> Any:
    x, y = a[i], a[i - 1]
    return index_set(index_set(a, i, y), i - 1, 2 * x), x


STEPS = {"recurrence": recurrence, "counts": counts, "exchanged": exchanged}
PLACES = np.array([2, 3, 2, 99, -4])


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("case", list(STEPS))
def test_steps(case: str, reverse: bool) -> None:
    for size in (100, 7):
        places = PLACES % 7 - 3 if size == 7 else PLACES
        whole(lambda a, i: fn.scan(STEPS[case], a, i, reverse=reverse), normal(size), places)
        whole(lambda a, i: fn.scan(STEPS[case], a, i, reverse=reverse), normal(size), places[:1])


@pytest.mark.parametrize("case", list(STEPS))
def test_compiled(case: str) -> None:
    whole(lambda a, i: fn.scan(STEPS[case], a, i), normal(100).astype(np.float32), PLACES, compile=build.compiled)


@pytest.mark.parametrize("case", list(STEPS))
def test_gradients(case: str) -> None:
    def loss(a: Any) -> Any:
        a, ys = fn.scan(STEPS[case], a, PLACES)
        return xp.sum(a * a) + xp.sum(xp.sin(ys))

    a, along = normal(100), normal(100)
    (slope,) = whole(fn.grad(loss), a)(a)
    up, down = [loss(a + s * along) for s in (1e-6, -1e-6)]
    np.testing.assert_allclose(np.sum(slope * along), (up - down) / 2e-6, rtol=1e-6)


@pytest.mark.usefixtures("written")
def test_rows_columns_and_elements() -> None:
    def step(carry: Any, i: Any) -> Any:
        a, b = carry
        x = a[i] + a[i, i] * a[:, i][1]
        a = index_set(a, (slice(None), i), x)
        b = index_add(b, (i, (i + 1) % 3), a[0, 1])
        return (a, b), (x, a[1, 2], a[xp.stack([i, 0 * i])])

    whole(lambda c, i: fn.scan(step, c, i), (normal(3, 3), normal(3, 90)), np.array([0, 2, 1, 2]))


@pytest.mark.usefixtures("written")
def test_tables_and_large_elements() -> None:
    def step(s: Any, x: Any) -> Any:
        s = table_at(s)
        return s, (s, x[s], x[5])

    def f(table: Any, s: Any, x: Any) -> Any:
        nonlocal table_at
        table_at = lambda s: table[s]  # noqa: E731
        return fn.scan(step, s, x)

    table_at: Any = None
    table = RNG.permutation(80)
    whole(f, table, np.array([3, 7]), normal(4, 80))


@pytest.mark.usefixtures("written")
def test_loops_until_a_condition_fails() -> None:
    def body(c: Any) -> Any:
        a, i = c
        return index_set(a, i, a[i - 1] * 2), i + 1

    for start in (1, 8):
        f = lambda a, i: fn.while_loop(lambda c: (c[1] < 8) & (c[0][c[1] - 1] < 1e3), body, (a, i))  # noqa: E731
        whole(f, normal(9) + 2, np.array(start))


@pytest.mark.parametrize("compile", [in_python, build.compiled])
def test_places_that_are_not_there(compile: Any) -> None:
    plan = whole(lambda a, i: fn.scan(recurrence, a, i), normal(100), PLACES, compile=compile)
    a = normal(100)
    for wrong in (100, -101):
        with pytest.raises(IndexError):
            plan(a, np.array([2, wrong, 3, 4, 5]))
    plan(a, PLACES)


@pytest.mark.parametrize("compile", [in_python, build.compiled])
def test_what_is_given_stays_as_it_is(compile: Any) -> None:
    def changed(x: Any, c: Any, i: Any) -> Any:
        y = index_set(x, i, c)
        return c + 1, y[(i + 1) % 4] + y[i]

    x, c, places = normal(5, 6), np.array(2.0), np.array([0, 1, 2, 3, 1])
    whole(lambda x, c, i: fn.scan(lambda c, i: changed(x, c, i), c, i), x[0], c, places, compile=compile)
    whole(lambda x, c, i: fn.scan(lambda c, z: changed(z[0], c, z[1]), c, (x, i)), x, c, places, compile=compile)


def test_old_values() -> None:
    # Loops over elements make these.
    whole(lambda a, i: fn.scan(lambda a, i: (index_set(a, i, 1.0), a), a, i), normal(70), PLACES % 70)
    whole(
        lambda a, i: fn.scan(lambda a, i: (index_set(a, i, 1.0), a[i] * index_set(a, i, 2.0)[0]), a, i),
        normal(70),
        PLACES % 70,
    )
    whole(
        lambda a, b, i: fn.scan(lambda c, i: ((index_set(c[1], i, 1.0), c[0]), None), (a, b), i),
        *normal(2, 70),
        PLACES % 70,
    )
