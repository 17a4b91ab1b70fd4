"""Plans whose loops run natively: in order with everything else, with any arrays, from any number of threads."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.fusion import loops
from funcnet.compiler.loops.build import available, compiled
from funcnet.compiler.passes import optimised
from funcnet.compiler.steps import Fixed, Given, StepWriter
from funcnet.compiler.team import crew
from funcnet.testing.programs import random_program

pytestmark = pytest.mark.skipif(bool(available()) and "FUNCNET_JIT" not in available(), reason="no Numba")

RNG = np.random.default_rng(7)


@pytest.fixture(params=[1, 3])
def count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Give loops so many threads, however small they are."""
    monkeypatch.setattr(loops, "_PARALLEL", 1)
    monkeypatch.setattr(fused, "threads", lambda: request.param)
    return request.param


def checked(f: Callable[..., Any], *arguments: Any, rtol: float = 1e-12) -> FusedPlan:
    leaves = tree.leaves(arguments)
    graph = optimised(fn.trace(f, *arguments))
    wanted = interpret(graph, leaves)
    plan = FusedPlan(graph)
    for _ in range(3):
        for a, b in zip(wanted, plan(*leaves), strict=True):
            assert np.shape(a) == np.shape(b)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * float(np.max(np.abs(a), initial=0.0)))
    return plan


def test_a_step_is_one_call() -> None:
    def update(p: Any, m: Any, g: Any) -> Any:
        m = 0.9 * m + 0.1 * g
        return p - 0.01 * m / (xp.sqrt(m * m) + 1e-8), m

    def step(ps: Any, ms: Any, gs: Any) -> Any:
        return [update(*t) for t in zip(ps, ms, gs, strict=True)]

    shapes = [(5, 3), (7,), (2, 3, 4)]
    arrays = [[RNG.normal(size=s) for s in shapes] for _ in range(3)]
    plan = checked(step, *arrays)
    (run,) = plan._idle
    assert len(plan.loops) == 3
    names = run.__code__.co_names
    assert sum(run.__globals__.get(name) is crew.run() for name in names) == 1
    assert not any(run.__globals__.get(name) in plan.loops for name in names)


def test_totals_that_later_loops_read(count: int) -> None:
    def f(a: Any, b: Any) -> Any:
        norm = xp.sqrt(xp.sum(a * a) + xp.sum(b * b))
        scale = xp.minimum(1.0, 0.1 / norm)
        a, b = a * scale + 1.0, b * scale - xp.mean(a * b[0, 0])
        return a, b, xp.sum(a * a, axis=0) * norm, xp.mean(b * b, axis=0) + 1.0, xp.max(a * 2.0, axis=1) * norm

    checked(f, RNG.normal(size=(7, 5)), RNG.normal(size=(4, 6)))


def test_calls_between_loops_see_what_loops_wrote(count: int) -> None:
    def f(x: Any) -> Any:
        y = xp.exp(x) * 0.5 - 1.0
        z = xp.cumulative_sum(y, axis=0) * 2.0 + y
        w = xp.permute_dims(z, (1, 0)) * 3.0 - 1.0
        v = xp.sort(w * w - 1.0, axis=0)
        return xp.sum(v * w, axis=0) + xp.sum(z * z), v[::-1] * 2.0 + w, xp.permute_dims(z * z + 1.0, (1, 0))

    checked(f, RNG.normal(size=(6, 5)))


def test_views_of_what_waits(count: int) -> None:
    def f(x: Any, y: Any) -> Any:
        a = x * y + 1.0
        b = xp.matrix_transpose(a)
        c = xp.exp(b) * 2.0 - xp.matrix_transpose(y)
        return a, b, c, xp.reshape(c, (-1,)) * 2.0 + 1.0

    checked(f, RNG.normal(size=(6, 4)), RNG.normal(size=(6, 4)))


def test_a_view_that_is_a_result_and_is_read(count: int) -> None:
    def f(x: Any, y: Any) -> Any:
        a = xp.matrix_transpose(x * y + 1.0)
        b = xp.permute_dims(xp.reshape(x - y, (2, 2, 4)), (2, 0, 1))
        c = xp.matrix_transpose(x @ y)
        return a, xp.exp(a) * 2.0, b, b * b + 1.0, c, c @ x, xp.sum(c * 2.0, axis=0)

    checked(f, RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4)))


def test_arrays_that_are_not_contiguous(count: int) -> None:
    x = RNG.normal(size=(12, 8))
    f = lambda a, b: (xp.exp(a) * b - 1.0, xp.sum(a * b, axis=0), a * 2.0 + b)  # noqa: E731
    checked(f, x[::2, ::2], x.T[:4, :6].T)
    checked(f, x[::-1], np.asfortranarray(x))
    checked(f, np.broadcast_to(x[0], (12, 8)), x)


def test_kinds_of_scalars(count: int) -> None:
    def f(x: Any, n: Any, t: Any, s: Any) -> Any:
        y = xp.where(t, x * s, x - s) + 1.0
        return y, y * 2.0 + xp.astype(n, xp.float64), xp.where(y > s, y, x)

    for n, t in ((3, True), (-4, False)):
        checked(f, RNG.normal(size=(3, 4)), np.asarray(n), np.asarray(t), np.asarray(0.25))


@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed: int, count: int) -> None:
    program = random_program(seed)
    with np.errstate(all="ignore"):
        checked(fn.value_and_grad(lambda a: program(xp, a)), program.arguments, rtol=1e-10)


def test_one_plan_in_many_threads(count: int) -> None:
    def f(x: Any) -> Any:
        y = xp.exp(x) * 0.5
        return y * y - 1.0, xp.sum(y, axis=0), xp.sum(y * x), xp.cumulative_sum(y, axis=1) * 2.0 - y

    x = RNG.normal(size=(9, 5))
    plan = checked(f, x)
    graph = optimised(fn.trace(f, x))
    errors: list[BaseException] = []

    def work(k: int) -> None:
        mine = x + k
        wanted = interpret(graph, [mine])
        try:
            for _ in range(100):
                for a, b in zip(wanted, plan(mine), strict=True):
                    np.testing.assert_allclose(b, a, rtol=1e-12)
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    assert not errors


def test_donated_arrays(count: int) -> None:
    def f(p: Any, g: Any) -> Any:
        p = p - 0.1 * g
        return p, xp.sum(p * p)

    p, g = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 4))
    graph = optimised(fn.trace(f, p, g))
    plan = FusedPlan(graph, donated=[0])
    wanted = interpret(graph, [p.copy(), g])
    given = p.copy()
    found = plan(given, g)
    assert plan.reused == {0: 0}
    assert found[0] is given
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-14)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-14)


def test_python_functions_run_where_they_stand() -> None:
    order: list[str] = []
    double = compiled("def loop(lo, hi, part, x, k):\n    for i in range(lo, hi):\n        x[i] = x[i] * k\n",
                      "void(int64, int64, int64, float64[::1], float64)")  # fmt: skip

    def add(lo: int, hi: int, part: int, x: Any, k: float) -> None:
        order.append(f"{lo}:{hi}")
        x[lo:hi] += k

    writer = StepWriter()
    own = np.ones(4)
    writer.step(double, (0, 4), [Fixed(own), Fixed(3.0)], [])
    writer.step(double, (0, 4), [Given("x", (4,)), Given("k")], [])
    writer.step(add, (0, 4), [Given("x", (4,)), Fixed(1.0)], [])
    writer.step(add, (0, 2, 4), [Fixed(own), Given("k")], [])
    writer.step(double, (0, 4), [Given("x", (4,)), Fixed(10.0)], [])
    writer.after(["y = x.sum()"], [])
    writer.drop(["k"])
    writer.flush()
    exec(compile("\n".join(["def f(x, k):", *[f"    {line}" for line in writer.lines], "    return y"]), "", "exec"),
         writer.globals)  # fmt: skip
    x = np.arange(4.0).reshape(2, 2)
    assert writer.globals["f"](x, 2.0) == 10 * (2 * 6 + 4)
    np.testing.assert_array_equal(own, [5.0] * 4)
    assert sorted(order) == ["0:2", "0:4", "2:4"]
