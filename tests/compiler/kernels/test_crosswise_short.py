"""Kernels of tables of a few rows have the interpreter's results, whatever is broadcast and vectors go along."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.crosswise import crosswise
from funcnet.compiler.kernels.crosswise_short import FEW
from funcnet.compiler.loops import build
from funcnet.compiler.loops.subnormal import looked_at
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
#: Vectors along the last dimension, the first one, one in the middle, and along two as one.
SHAPES: list[tuple[tuple[int, ...], Any]] = [
    ((3, 4, 20), 1),
    ((17, 4, 3), 1),
    ((2, 18, 3, 5), 2),
    ((5, 4, 8), 0),
    ((4, 8), 0),
    ((2, 3, 2, 16), (1, 2)),
]
needs_compiler = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def checked(compile: Any, f: Any, *arguments: Any, calls: int, rtol: float = 1e-11) -> None:
    graph = optimised(fn.trace(f, *arguments))
    plan = FusedPlan(graph, compile)
    assert sum(["column by column" in c for c in plan.calls]) == calls
    with np.errstate(invalid="ignore"):
        wanted = interpret(graph, arguments)
    for a, b in zip(plan(*arguments), wanted, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rows written out in plans as well, not in steps of loops only."""
    monkeypatch.setattr(fused, "crosswise", partial(crosswise, written=True))


def operands(shape: Any) -> list[Any]:
    """Return an array for each set of dimensions that it is not broadcast along."""
    kept = RNG.integers(0, 2, (4, len(shape)))
    return [RNG.normal(size=[n if k else 1 for n, k in zip(shape, keep, strict=True)]) for keep in kept]


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_as_interpreted(in_python: Any, shape: Any, axis: Any) -> None:
    x, others = RNG.normal(size=shape), operands(shape)

    def f(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        y = x * a + b
        s = xp.logsumexp(y, axis=axis, keepdims=True)
        many = xp.count_nonzero(y > s - 2, axis=axis, keepdims=True)
        most = xp.max(y, axis=axis, keepdims=True)
        return xp.exp(y - s) * c, xp.mean(y * d, axis=axis), s, xp.where(y > c, y - most, many)

    checked(in_python, f, x, *others, calls=1)
    gradient = fn.grad(lambda *v: sum([xp.sum(xp.tanh(y)) for y in f(*v)]), argnums=(0, 1, 2))
    graph = optimised(fn.trace(gradient, x, *others))
    for a, b in zip(FusedPlan(graph, in_python)(x, *others), interpret(graph, (x, *others)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("written")
def test_not_finite(in_python: Any) -> None:
    x = RNG.normal(size=(4, 20))
    x[2, :4] = [np.nan, np.inf, -np.inf, -0.0]
    x[:, 4] = -np.inf
    checked(in_python, lambda x: (xp.logsumexp(x, axis=0), x - xp.min(x, axis=0)), x, calls=2)


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("shape", [(FEW + 1, 40), (3, 7), (2, 3, 3)])
def test_left_alone(in_python: Any, shape: Any) -> None:
    """Many rows, and columns that fill no vector."""
    checked(in_python, lambda x: xp.softmax(x, axis=-2), RNG.normal(size=shape), calls=0)


def forward(last: bool) -> Any:
    """Return the logarithm of how likely observations are, by the sum over paths through hidden states."""
    axis = 1 if last else 0

    def f(moves: Any, seen: Any) -> Any:
        def step(a: Any, o: Any) -> Any:
            both = a[:, :, None] + moves[None] if last else a[:, None, :] + moves[:, :, None]
            return xp.logsumexp(both, axis=axis) + o, None

        a, _ = fn.scan(step, seen[0], seen[1:])
        return xp.mean(xp.logsumexp(a, axis=axis))

    return f


@pytest.mark.parametrize("last", [True, False])
def test_in_steps(in_python: Any, last: bool) -> None:
    moves, seen = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 17, 3) if last else (4, 3, 17))
    graph = optimised(fn.trace(fn.value_and_grad(forward(last), argnums=(0, 1)), moves, seen))
    texts: list[str] = []

    def compile(source: str, signature: str) -> Any:
        texts.append(source)
        return in_python(source, signature)

    plan = FusedPlan(graph, compile)
    # Sums and extremes of both loops are in kernels with what is computed of them.
    assert sum(["v0_2" in t or "_2 = exp" in t for t in texts if "steps = sizes[0]" in t]) == 2
    for a, b in zip(plan(moves, seen), interpret(graph, (moves, seen)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@needs_compiler
def test_compiled() -> None:
    moves, seen = [RNG.normal(size=shape).astype("float32") for shape in [(3, 3), (4, 17, 3)]]
    graph = optimised(fn.trace(forward(last=True), moves, seen))
    np.testing.assert_allclose(FusedPlan(graph)(moves, seen), interpret(graph, (moves, seen)), rtol=1e-5)


def test_subnormal_numbers_of_cotangents(in_python: Any) -> None:
    """They count as 0 in kernels of a step back as well, where it is made of sums and products."""

    def f(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            return 0.5 * (c - 0.25 * xp.sum(c, axis=0)), None

        return xp.sum(fn.scan(step, x, None, length=3)[0] ** 2)

    x = RNG.normal(size=(4, 20))
    graph = optimised(fn.trace(fn.grad(f), x))
    texts: list[str] = []

    def compile(source: str, signature: str) -> Any:
        texts.append(source)
        return in_python(source, signature)

    (found,) = FusedPlan(graph, compile)(x)
    np.testing.assert_allclose(found, interpret(graph, (x,))[0], rtol=1e-12, atol=1e-14)
    back = [t for t in texts if "t = steps - 1 - k" in t]
    assert len(back) == 1
    assert looked_at(back[0]) == ()
