"""Steps with moves, kernels and products of what changes are compiled whole, and agree with the interpreter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import random, tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import reference, scalars, scan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.ops import index_add, index_set, logsumexp
from funcnet.ops.nn.convolution import conv

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no step out, however few numbers it has."""
    monkeypatch.setattr(scalars, "OPERATIONS", 0)


Step = Callable[[Any, Any], tuple[Any, Any]]


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def whole(f: Callable[..., Any], *args: Any, compile: Any = reference.in_python, calls: bool = False) -> list[Any]:
    """Return what a plan makes of a function, once it is what the interpreter makes of its graph."""
    leaves = tree.leaves(args)
    traced = fn.trace(f, *args)
    with np.errstate(all="ignore"):
        wanted = interpret(traced, leaves)
        plan = FusedPlan(optimised(traced), compile)
        results = [plan(*leaves) for _ in range(2)]
    assert calls or ("whole scan" in plan.calls and "scan" not in plan.calls)
    size = max([float(np.max(np.abs(np.where(np.isfinite(a), a, 0)), initial=0)) for a in wanted])
    for found in results:
        for a, b in zip(wanted, found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12 * size)
    return list(results[0])


def heat(u: Any, _: Any) -> Any:
    along = xp.roll(u, 1, axis=0) + xp.roll(u, -1, axis=0) + xp.roll(u, 1, axis=1) + xp.roll(u, -2, axis=1)
    return u + 0.1 * (along - 4 * u), None


def fixed_ends(u: Any, _: Any) -> Any:
    inner = u[1:-1] + 0.1 * (u[:-2] - 2 * u[1:-1] + u[2:])
    return xp.concat([u[:1], inner, u[-1:]]), xp.sum(u[::2]) + u[-1]


def shifted(u: Any, _: Any) -> Any:
    turned = xp.roll(u, (1, -2), axis=(0, 1)) * 0.9 + xp.flip(u, axis=0)
    return 0.5 * xp.stack([turned[:, k] for k in range(3, -1, -1)], axis=1), turned.T


def lorenz(y: Any, _: Any) -> Any:
    a, b, c = y[0], y[1], y[2]
    y = y + 0.01 * xp.stack([10.0 * (b - a), a * (28.0 - c) - b, a * b - 2.6 * c])
    return y, y


def bodies(x: Any, _: Any) -> Any:
    d = x[None, :, :] - x[:, None, :]
    r = xp.sum(d * d, axis=-1) + 0.1
    return x + 0.01 * xp.sum((1 / (r * xp.sqrt(r)))[:, :, None] * d, axis=1), xp.max(r)


def forward(a: Any, _: Any) -> Any:
    a = logsumexp(a[:, None] + xp.sin(xp.expand_dims(a, axis=0)), axis=0)
    return 0.1 * a, xp.argmax(a[:, None] - a[None, :], axis=0)


def newton(a: Any, _: Any) -> Any:
    return a @ (2 * np.eye(4) - 0.1 * (a @ a.T)) * 0.5, xp.matrix_transpose(a @ a[:, 0:1])


def stacked_products(a: Any, _: Any) -> Any:
    b = xp.tanh(a @ xp.permute_dims(a, (0, 2, 1)) @ a)
    return b, a[0] @ b[1, :, 0] + b[0, 0] @ a[1]


def changed(a: Any, _: Any) -> Any:
    a = index_set(a, (slice(1, 3), 0), 2 * a[:2, 1])
    return index_add(a, (slice(None), -1), a[:, 0] * 0.5), a[2, ::-1]


def extremes(a: Any, _: Any) -> Any:
    a = xp.broadcast_to(xp.sin(a[0]), a.shape) + 0.5 * a
    return a, (xp.max(a), xp.min(a, axis=1), xp.any(a > 1), xp.all(a < 2), xp.max(a, axis=0))


CASES: dict[str, tuple[Step, tuple[int, ...], bool]] = {
    "heat": (heat, (5, 6), True),
    "fixed ends": (fixed_ends, (7,), True),
    "shifted": (shifted, (4, 4), True),
    "lorenz": (lorenz, (3,), True),
    "lorenz in a batch": (lorenz, (3, 5), True),
    "bodies": (bodies, (6, 3), True),
    "forward": (forward, (5,), True),
    "newton": (newton, (4, 4), True),
    "stacked products": (stacked_products, (2, 4, 4), True),
    "changed": (changed, (4, 3), True),
    "extremes": (extremes, (3, 4), True),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_steps(case: str, reverse: bool) -> None:
    step, shape, _ = CASES[case]
    whole(lambda x: fn.scan(step, x, None, length=4, reverse=reverse), normal(*shape))


@pytest.mark.parametrize("case", CASES)
def test_gradients(case: str) -> None:
    step, shape, _ = CASES[case]
    x = normal(*shape)

    def loss(x: Any) -> Any:
        carry, ys = fn.scan(step, x, None, length=3)
        return xp.sum(carry**2) + sum([xp.sum(xp.sin(y)) for y in tree.leaves(ys) if y.dtype == np.float64])

    # Not every operation of a gradient has a place in a step; what is computed is the same anyway.
    (found,) = whole(fn.grad(loss), x, calls=True)
    direction = normal(*shape)
    step_size = 1e-6
    change = (loss(x + step_size * direction) - loss(x - step_size * direction)) / (2 * step_size)
    np.testing.assert_allclose(np.sum(found * direction), change, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", ["heat", "fixed ends", "lorenz", "bodies", "forward", "newton", "changed", "extremes"])
def test_compiled(case: str) -> None:
    step, shape, _ = CASES[case]
    whole(lambda x: fn.scan(step, x, None, length=4), normal(*shape), compile=build.compiled)


def test_what_changes_in_each_step() -> None:
    def step(carry: Any, given: Any) -> Any:
        n, a = carry
        x, w = given
        a = xp.tanh(a @ w + x[None, :]) + w[:, 1:2].T @ w
        return (n + 1, a), (a @ w.T, xp.where(n % 2 == 0, a[0], -a[1]) if False else a[0])

    args = (np.array(3), normal(4, 4)), normal(5, 4), normal(5, 4, 4)
    whole(lambda c, x, w: fn.scan(step, c, (x, w)), *args)


def table(carry: Any, given: Any) -> Any:
    a, i = carry
    x, k = given
    a = index_set(a, (slice(None), i), x)
    a = index_add(a, k, 0.5 * a[i - 1])
    return (a + 0.1 * a[[1, 0, 1, -1]], (i + k) % 3), (
        a[:, i],
        a[k, :],
        a[np.array([[0, 2]]), :],
        index_set(a, k, a[0]),
    )


def test_places_that_steps_compute() -> None:
    args = (normal(4, 4), np.array(1)), (normal(5, 4), np.array([0, -1, 2, 3, -4]))
    whole(lambda c, x: fn.scan(table, c, x), *args)
    whole(lambda c, x: fn.scan(table, c, x, reverse=True), *args)
    whole(lambda c, x: fn.scan(table, c, x), *args, compile=build.compiled)

    def loss(a: Any, x: Any) -> Any:
        (a, _), ys = fn.scan(table, (a, args[0][1]), (x, args[1][1]))
        return xp.sum(a**2) + sum([xp.sum(xp.sin(y)) for y in ys])

    found = whole(fn.grad(loss, argnums=(0, 1)), args[0][0], args[1][0])
    along = normal(4, 4), normal(5, 4)
    given = args[0][0], args[1][0]
    up, down = [loss(*[a + s * d for a, d in zip(given, along, strict=True)]) for s in (1e-6, -1e-6)]
    slope = sum([np.sum(g * d) for g, d in zip(found, along, strict=True)])
    np.testing.assert_allclose(slope, (up - down) / 2e-6, rtol=1e-6)


def crossed(a: Any, given: Any) -> Any:
    i, j, x = given
    a = index_add(a, (i, j), x * a[j, i])
    return index_set(a, (slice(None), j, i), x), (a[j, j], index_add(a, (j, i, i), x[0, 0]))


def test_places_along_several_dimensions() -> None:
    i, j = np.array([[0, 1], [1, -1], [0, 0]]), np.array([[1, 1], [-2, 0], [-1, 1]])
    args = normal(2, 2, 2), normal(3, 2, 2)
    whole(lambda a, x: fn.scan(crossed, a, (i, j, x)), *args)
    whole(lambda a, x: fn.scan(crossed, a, (i, j, x)), *args, compile=build.compiled)
    plan = FusedPlan(optimised(fn.trace(lambda a, x, i: fn.scan(crossed, a, (i, j, x)), *args, i)), reference.in_python)
    for wrong in (2, -3):
        with pytest.raises(IndexError):
            plan(*args, np.where(i == -1, wrong, i))


def test_places_that_are_not_there() -> None:
    def f(a: Any, k: Any) -> Any:
        return fn.scan(lambda c, i: (c + a[i], c), a[0], k)[0]

    plan = FusedPlan(optimised(fn.trace(f, normal(3, 2), np.array([0, 1]))), reference.in_python)
    assert "whole scan" in plan.calls
    a = normal(3, 2)
    for wrong in (3, -4):
        with pytest.raises(IndexError):
            plan(a, np.array([1, wrong]))
    (found,) = plan(a, np.array([1, -3]))
    np.testing.assert_allclose(found, 2 * a[0] + a[1])


def test_remainders_of_integers() -> None:
    def step(c: Any, k: Any) -> Any:
        rest = c % k[0]
        return c * 7 - 2 * rest, (rest, c // -3, (c + k) // (1 + k * k), 17 % (1 + k * k), k[0] // c)

    start, divisors = np.array([-5, 4, 9], np.int32), np.array([[2, 1, 0], [0, 5, 7], [-3, 1, 1]], np.int32)
    whole(lambda c, k: fn.scan(step, c, k), start, divisors)
    whole(lambda c, k: fn.scan(step, c, k), start, divisors, compile=build.compiled)
    # Which is an error of some processors.
    least = np.full(3, np.iinfo(np.int64).min)
    whole(lambda c, k: fn.scan(step, c, k), least, np.full((2, 1), -1), compile=build.compiled)


def test_keys_that_steps_split() -> None:
    def step(carry: Any, t: Any) -> Any:
        key, x = carry
        key, first, second = random.split(key, 3)
        proposed = x + 0.3 * random.normal(first, x.shape, dtype="float64")
        accepted = random.uniform(random.fold_in(second, t), (), dtype="float64") < 0.5
        each = fn.vmap(lambda k: random.uniform(k, (3,), dtype="float64"))(random.split(second, 2))
        return (key, xp.where(accepted, proposed, x)), (key, each, random.randint(second, (4,), 0, 9))

    args = random.key(3), normal(70), np.arange(5)
    whole(lambda key, x, t: fn.scan(step, (key, x), t), *args, compile=build.compiled)
    slope = fn.grad(lambda x, key, t: xp.sum(fn.scan(step, (key, x), t)[0][1] ** 2))
    whole(slope, args[1], args[0], args[2], compile=build.compiled)


def filtered(carry: Any, z: Any) -> Any:
    x, p = carry
    seen = p[:2, :2] + xp.eye(2)
    gain = xp.linalg.solve(seen, p[:2]).T
    root = xp.linalg.cholesky(p + 0.1 * xp.eye(3))
    p = 0.9 * (p - gain @ p[:2]) + 0.1 * xp.eye(3)
    x = 0.5 * x + gain @ (z - x[:2])
    sign, size = xp.linalg.slogdet(-p)
    return (x, p), (xp.linalg.det(p), sign, size, xp.linalg.inv(p) @ x, root)


def test_matrices_in_steps() -> None:
    args = (normal(3), np.eye(3)), normal(4, 2)
    whole(lambda c, z: fn.scan(filtered, c, z), *args)
    whole(lambda c, z: fn.scan(filtered, c, z), *args, compile=build.compiled)

    def loss(p: Any) -> Any:
        (x, p), ys = fn.scan(filtered, (args[0][0], p), args[1])
        return xp.sum(x * x) + xp.sum(p) + sum([xp.sum(y * y) for y in ys])

    (slope,) = whole(fn.grad(loss), np.eye(3))
    along = normal(3, 3)
    up, down = [loss(np.eye(3) + s * along) for s in (1e-6, -1e-6)]
    np.testing.assert_allclose(np.sum(slope * along), (up - down) / 2e-6, rtol=1e-6)


def test_matrices_of_medium_size_in_steps() -> None:
    a = normal(11, 11) + 5 * np.eye(11)
    whole(lambda a: fn.scan(lambda a, _: (xp.linalg.inv(a).T, xp.sum(a)), a, None, length=3), a, compile=build.compiled)


@pytest.mark.parametrize("n", [3, 11])
def test_matrices_without_result(n: int) -> None:
    f = lambda a, x: fn.scan(lambda c, m: (xp.linalg.inv(m) @ c, None), a, x)[0]  # noqa: E731
    plan = FusedPlan(optimised(fn.trace(f, normal(n), normal(2, n, n))), build.compiled)
    assert "whole scan" in plan.calls
    with pytest.raises(np.linalg.LinAlgError):
        plan(np.ones(n), np.stack([np.eye(n), np.ones((n, n))]))
    (found,) = plan(np.ones(n), np.stack([np.eye(n), 2 * np.eye(n)]))
    np.testing.assert_allclose(found, np.full(n, 0.5))


def test_convolution_in_steps(in_python: Any) -> None:
    def f(h: Any, xs: Any, k: Any) -> Any:
        return fn.scan(lambda h, x: (xp.tanh(conv(h, k, padding="same") + x), None), h, xs)[0]

    args = normal(2, 5, 5, 3), normal(3, 2, 5, 5, 3), 0.2 * normal(3, 3, 3, 3)
    whole(f, *args, compile=in_python)
    whole(fn.grad(lambda *p: xp.sum(f(*p) ** 2), argnums=(0, 1, 2)), *args, compile=in_python)


def test_nan_moves_as_it_is() -> None:
    u = normal(5, 6)
    u[2, 3] = np.nan
    whole(lambda x: fn.scan(heat, x, None, length=1)[0], u)
    u[0, 0] = np.inf
    whole(lambda x: fn.scan(extremes, x, None, length=1), u, calls=True)


@pytest.mark.parametrize(("count", "limit"), [("2", "_ALONE"), ("1", "_MOST")])
def test_large_steps_stay_plans(count: str, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", count)
    monkeypatch.setattr(scan, limit, 50)
    traced = optimised(fn.trace(lambda x: fn.scan(newton, x, None, length=3)[0], normal(4, 4)))
    assert FusedPlan(traced, reference.in_python).calls == ["scan"]
    # Rows that have nothing to do with each other are shared by the threads all the same.
    apart = optimised(fn.trace(lambda x: fn.scan(lambda c, _: (xp.sin(c), c), x, None, length=3)[0], normal(4, 4)))
    assert FusedPlan(apart, reference.in_python).calls == ["whole scan"]


def test_two_calls_at_once_have_memory_of_their_own() -> None:
    x = normal(4, 4)
    traced = fn.trace(lambda x: fn.scan(newton, x, None, length=3)[0], x)
    plan = FusedPlan(optimised(traced), reference.in_python)
    (wanted,) = interpret(traced, [x])
    (first,) = plan(x)
    first = first.copy()
    with plan.into() as run:
        out = np.empty_like(x)
        run(x, out)
    np.testing.assert_allclose(first, wanted)
    np.testing.assert_allclose(out, wanted)
