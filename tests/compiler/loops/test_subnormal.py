"""Updates in which subnormal numbers count as 0, and loops in which they must not."""

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.loops.subnormal import enough, looked_at
from funcnet.compiler.passes import optimised

compiling = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
SIZE = 100


def momentum(w: Any, m: Any, g: Any) -> Any:
    m = 0.9 * m + g
    return w - 0.1 * m, m


def adam(w: Any, m: Any, v: Any, g: Any, eps: Any) -> Any:
    m, v = m + (g - m) * 0.1, v + (g * g - v) * 0.001
    return w - 0.1 * m / (xp.sqrt(v) + eps), m, v


def plan_of(f: Callable[..., Any], *arguments: Any, donated: tuple[int, ...], compile: Any = in_python) -> FusedPlan:
    return FusedPlan(optimised(fn.trace(f, *arguments)), compile, donated=donated)


def full(*values: float) -> list[np.ndarray]:
    return [np.full(SIZE, v, np.float32) for v in values]


def marked(f: Callable[..., Any], count: int, donated: tuple[int, ...] = (0, 1)) -> list[bool]:
    return [looked_at(loop.source) is not None for loop in plan_of(f, *full(*[0.5] * count), donated=donated).loops]


def test_updates_of_optimizers_are_such_loops() -> None:
    assert marked(momentum, 3) == [True]
    assert marked(lambda w, m, v, g: adam(w, m, v, g, 1e-8), 4, (0, 1, 2)) == [True]
    for make in (optim.adam, optim.adamw, optim.sgd, optim.amsgrad):
        optimizer = make(0.1)
        params = {"w": full(1.0)[0]}

        def step(params: Any, state: Any, g: Any, optimizer: Any = optimizer) -> Any:
            updates, state = optimizer.update({"w": g}, state, params)
            return optim.apply_updates(params, updates), state

        graph = optimised(fn.trace(step, params, optimizer.init(params), full(1.0)[0]))
        plan = FusedPlan(graph, in_python, donated=range(len(graph.inputs) - 1))
        assert [looked_at(loop.source) is not None for loop in plan.loops if loop.group.shape == (SIZE,)] == [True]


@pytest.mark.parametrize(
    "f",
    [
        pytest.param(lambda w, m, g: (w - xp.sign(m), 0.9 * m + g), id="sign"),
        pytest.param(lambda w, m, g: (xp.where(m > 0, w, 0.0), 0.9 * m + g), id="comparison"),
        pytest.param(lambda w, m, g: (w - m / g, 0.9 * m + g), id="quotient of two arrays"),
        pytest.param(lambda w, m, g: (w - m / (xp.sqrt(m) + g), 0.9 * m + g), id="no epsilon"),
        pytest.param(lambda w, m, g: (w - m / (xp.sqrt(g) + 1e-15), 0.9 * m + g), id="tiny epsilon"),
        pytest.param(lambda w, m, g: (w - m**-1.0, 0.9 * m + g), id="reciprocal"),
        pytest.param(lambda w, m, g: (w - xp.log(m), 0.9 * m + g), id="logarithm"),
        pytest.param(lambda w, m, g: (w - xp.sqrt(m), 0.9 * m + g), id="root"),
        pytest.param(lambda w, m, g: (w - m**0.5, 0.9 * m + g), id="power"),
        pytest.param(lambda w, m, g: (w / (xp.sqrt(g) + 1e-3), xp.sqrt(g) + 1e-3), id="root that is a result, too"),
    ],
)
def test_what_would_be_wrong_is_not(f: Callable[..., Any]) -> None:
    assert marked(f, 3) == [False]


def test_what_is_not_written_to_its_input_is_not() -> None:
    assert marked(momentum, 3, ()) == [False]


def loops_back(step: Callable[..., Any], compile: Any = in_python) -> tuple[list[bool], Any]:
    """Return of which loops of 140 steps and their way back subnormal numbers may count as 0, and the derivative."""
    found: list[bool] = []

    def noted(source: str, signature: str) -> Any:
        if "steps = sizes[0]" in source:
            found.append(looked_at(source) is not None)
        return compile(source, signature)

    def last(h: Any) -> Any:
        return fn.scan(lambda h, x: (step(h), None), h, None, length=140)[0]

    h, g = np.full(SIZE, 0.3, np.float32), np.ones(SIZE, np.float32)
    plan = FusedPlan(optimised(fn.trace(lambda h, g: fn.vjp(last, h)[1](g), h, g)), noted)
    return found, plan(h, g)[0]


@pytest.mark.parametrize(
    ("step", "marks"),
    [
        pytest.param(lambda h: xp.tanh(0.5 * h), [False, True], id="tanh"),
        pytest.param(lambda h: xp.where(h > 0, xp.sin(h), h), [False, False], id="comparison"),
        pytest.param(lambda h: xp.log(1.5 + h), [False, False], id="quotient"),
    ],
)
def test_loops_back_are_too_where_they_are_sums_and_products(step: Callable[..., Any], marks: list[bool]) -> None:
    assert loops_back(step)[0] == marks


@compiling
def test_small_cotangents_of_a_loop_are_zero() -> None:
    _, slope = loops_back(lambda h: xp.tanh(h) * 0.5, build.compiled)
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    assert (slope == 0).all() if x86 else (slope > 0).all()


@compiling
def test_small_moments_are_zero_and_nothing_else_changes() -> None:
    arguments = full(1.0, 1e-39, 0.0)
    plan = plan_of(momentum, *arguments, donated=(0, 1), compile=build.compiled)
    w, m = plan(*[a.copy() for a in arguments])
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    np.testing.assert_array_equal(m, np.float32(0.0 if x86 else 9e-40))
    np.testing.assert_array_equal(w, 1.0)
    # The rest of the process computes as before.
    assert (full(1e-39)[0] * np.float32(0.5)).all()


@compiling
def test_ends_of_the_range_are_as_ever() -> None:
    g = np.array([0.0, 1e-30, 2e-38, 1.0, 3e38, -np.inf, np.inf, np.nan], np.float32)
    arguments = [np.ones_like(g), g.copy(), np.abs(g), g, np.asarray(np.float32(1e-8))]
    with np.errstate(all="ignore"):
        wanted = adam(arguments[0], arguments[1], arguments[2], g, np.float32(1e-8))
    plan = plan_of(adam, *arguments, donated=(0, 1, 2), compile=build.compiled)
    for a, b in zip(wanted, plan(*[a.copy() for a in arguments]), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1.2e-38)


@compiling
@pytest.mark.parametrize("eps", [0.0, 1e-30, 1e-13, 1e-8])
def test_roots_beside_a_tiny_epsilon_count(eps: float) -> None:
    arguments = [*full(1.0, 0.0, 1e-40), np.full(SIZE, 3e-20, np.float32), np.asarray(np.float32(eps))]
    assert (eps < enough(np.float32)) == (eps < 1e-12)
    plan = plan_of(adam, *arguments, donated=(0, 1, 2), compile=build.compiled)
    wanted = adam(*arguments)
    for a, b in zip(wanted, plan(*[a.copy() for a in arguments]), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-37)
