"""Loops over steps that are compiled whole agree with the interpreter."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import scalars, scan_inputs, scan_sums
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Move products and sums into loops however small they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_inputs, "_ROWS", 1)
        patch.setattr(scan_sums, "_COLUMNS", 1)
        # Nothing is written out, however few numbers it has.
        patch.setattr(scalars, "OPERATIONS", 0)
        yield


def compared(
    f: Callable[..., Any], *args: Any, rtol: float = 1e-11, compile: Any = in_python, whole: bool = True
) -> Any:
    """Compare the plan of a function with what the interpreter makes of its graph."""
    with np.errstate(all="ignore"):
        traced = fn.trace(f, *args)
        graph = optimised(traced)
        leaves = tree.leaves(args)
        wanted = interpret(traced, leaves)
        plan = FusedPlan(graph, compile)
        before = [np.array(a) for a in leaves]
        # Where terms cancel, as in derivatives that are 0, what is left is rounding of the terms.
        sizes = [np.max(np.abs(np.where(np.isfinite(a), a, 0)), initial=0.0) for a in (*wanted, *leaves)]
        scale = float(max(sizes))
        for _ in range(2):
            found = plan(*leaves)
            for a, b in zip(wanted, found, strict=True):
                assert np.shape(a) == np.shape(b)
                assert a.dtype == b.dtype
                np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * scale)
        for a, b in zip(before, leaves, strict=True):
            np.testing.assert_array_equal(a, b)
    if whole:
        assert "scan" not in plan.calls
        assert "whole scan" in plan.calls
    return plan


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def lstm(w: Any, u: Any, b: Any, start: Any, xs: Any, **options: Any) -> Any:
    n = u.shape[0]

    def step(carry: Any, x: Any) -> Any:
        h, c = carry
        z = x @ w + h @ u + b
        i, f, g, o = [z[:, k * n : (k + 1) * n] for k in range(4)]
        c = xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g)
        h = xp.sigmoid(o) * xp.tanh(c)
        return (h, c), h

    return fn.scan(step, start, xs, **options)


def gru(w: Any, u: Any, b: Any, h: Any, xs: Any, **options: Any) -> Any:
    n = u.shape[0]

    def step(h: Any, x: Any) -> Any:
        p, q = x @ w + b, h @ u
        r, z = xp.sigmoid(p[:, :n] + q[:, :n]), xp.sigmoid(p[:, n : 2 * n] + q[:, n : 2 * n])
        h = (1 - z) * xp.tanh(p[:, 2 * n :] + r * q[:, 2 * n :]) + z * h
        return h, h

    return fn.scan(step, h, xs, **options)


def joined(w: Any, h: Any, xs: Any, **options: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = xp.tanh(xp.concat([h, x], axis=-1) @ w)
        return h, xp.sum(h, axis=-1)

    return fn.scan(step, h, xs, **options)


def loss(f: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    def total(*args: Any) -> Any:
        parts = tree.leaves(f(*args, **options))
        return sum([xp.sum(xp.sin(part)) for part in parts])

    return lambda *args: fn.value_and_grad(total, tuple(range(len(args))))(*args)


def arguments(kind: str, steps: int, batch: int, width: int, features: int, dtype: str = "float32") -> Any:
    gates = {"lstm": 4, "gru": 3}.get(kind, 1)
    start = (normal(batch, width), normal(batch, width)) if kind == "lstm" else normal(batch, width)
    xs = normal(steps, batch, features)
    if kind == "joined":
        args = (normal(width + features, width) * 0.3, start, xs)
    else:
        args = (normal(features, gates * width) * 0.3, normal(width, gates * width) * 0.3, normal(gates * width))
        args = (*args, start, xs)
    return tree.map(lambda a: a.astype(dtype), args)


CELLS = {"lstm": lstm, "gru": gru, "joined": joined}


@pytest.mark.parametrize("kind", list(CELLS))
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_cells_and_their_gradients(kind: str, reverse: bool, steps: int) -> None:
    args = arguments(kind, steps, 3, 5, 2)
    compared(lambda *p: CELLS[kind](*p, reverse=reverse), *args, rtol=2e-6)
    compared(loss(CELLS[kind], reverse=reverse), *args, rtol=2e-5)


@pytest.mark.parametrize("kind", list(CELLS))
def test_compiled(kind: str) -> None:
    args = arguments(kind, 6, 17, 35, 3)
    compared(loss(CELLS[kind]), *args, rtol=2e-5, compile=build.compiled)
    args = arguments(kind, 3, 2, 4, 3)
    compared(loss(CELLS[kind], reverse=True), *args, rtol=2e-5, compile=build.compiled)


@pytest.mark.parametrize("kind", list(CELLS))
def test_other_transformations(kind: str) -> None:
    args = arguments(kind, 3, 2, 3, 2)
    ts = tree.map(np.cos, args)
    compared(lambda *p: fn.jvp(CELLS[kind], p[: len(args)], p[len(args) :]), *args, *ts, rtol=2e-5)
    batch = tree.map(lambda a: np.stack([a, a * 0.5]), args[-2:])
    axes = (*[None] * (len(args) - 2), 0, 0)
    compared(lambda *p: fn.vmap(CELLS[kind], in_axes=axes)(*p), *args[:-2], *batch, rtol=2e-5)
    compared(lambda *p: fn.vmap(loss(CELLS[kind]), in_axes=axes)(*p), *args[:-2], *batch, rtol=2e-5, whole=False)


def test_parts_on_threads(monkeypatch: pytest.MonkeyPatch, bounds_of_steps: list[tuple[int, ...]]) -> None:
    """Each thread goes through all steps for its part of the batch."""
    monkeypatch.setattr("funcnet.compiler.kernels.scan._PARALLEL", 0)
    monkeypatch.setattr("funcnet.compiler.fused.threads", lambda: 3)
    compared(loss(lstm), *arguments("lstm", 4, 7, 5, 2), rtol=2e-5, compile=build.compiled)
    assert (0, 2, 4, 7) in bounds_of_steps


def test_one_row_on_threads(monkeypatch: pytest.MonkeyPatch, bounds_of_steps: list[tuple[int, ...]]) -> None:
    """Threads put large matrices in order together for the one that goes through the steps."""
    monkeypatch.setattr("funcnet.compiler.kernels.scan._PACKED", 1)
    monkeypatch.setattr("funcnet.compiler.fused.threads", lambda: 2)
    compared(loss(lstm), *arguments("lstm", 3, 1, 20, 2), rtol=2e-5, compile=build.compiled)
    assert {len(b) for b in bounds_of_steps} == {2, 3}


def test_a_vector_by_a_matrix() -> None:
    def f(a: Any, x: Any, ts: Any) -> Any:
        return fn.scan(lambda x, t: (xp.sin(a @ x + t), x @ a), x, ts)

    args = (normal(3, 3), normal(3), normal(4, 3))
    compared(f, *args)
    compared(loss(f), *args)
    compared(lambda a, x, ts: fn.scan(lambda x, t: (xp.sin(a.T @ x) * t, x @ a.T), x, ts), *args)


def test_carries_that_change_places() -> None:
    def f(a: Any, b: Any, xs: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            p, q = c[:2]
            return (q, p, x, p + x), {"before": p, "again": p, "x": x, "sum": p + x, "fixed": b, "more": q * 2.0}

        return fn.scan(step, (a, b, a * 2.0, b * 3.0), xs)

    compared(f, normal(2, 3), normal(2, 3), normal(5, 2, 3))
    compared(loss(f), normal(2, 3), normal(2, 3), normal(5, 2, 3))
    compared(f, normal(2, 3), normal(2, 3), normal(1, 2, 3), compile=build.compiled)


def test_sums_and_numbers() -> None:
    def f(x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            n, y, total = c
            y = y * 0.5 + t / (1.0 + n)
            m = xp.mean(y, axis=0, keepdims=True)
            return (n + 1, y - m, total + xp.sum(y)), (xp.sum(y, axis=0), xp.mean(y), xp.max(y, axis=1), n)

        return fn.scan(step, (np.array(0), x, 0.0), xs)

    args = (normal(3, 4), normal(5, 3, 4))
    compared(f, *args)
    compared(f, *args, compile=build.compiled)
    compared(loss(lambda *p: [v for v in tree.leaves(f(*p)) if v.dtype == np.float64]), *args, whole=False)


def test_what_is_not_for_it() -> None:
    def f(x: Any, xs: Any) -> Any:
        return fn.scan(lambda c, t: (xp.sort(c * t), c), x, xs)

    plan = compared(f, normal(3), normal(4, 3), whole=False)
    assert "scan" in plan.calls
    # Numbers that loops do not hold.
    xs = normal(4, 3) + 1j * normal(4, 3)
    plan = compared(lambda x, xs: fn.scan(lambda c, t: (c * t, c), x, xs), xs[0], xs, whole=False)
    assert "scan" in plan.calls


def test_nan_stays_where_it_is() -> None:
    w, u, b, start, xs = arguments("lstm", 3, 4, 5, 2)
    xs[1, 2, 0] = np.nan
    start[1][0, 3] = np.inf
    compared(lstm, w, u, b, start, xs, rtol=2e-6)
    (h, _), _ = lstm(w, u, b, start, xs)
    assert np.isnan(h).all(axis=1).tolist() == [False, False, True, False]


def test_a_product_that_is_multiplied_and_added() -> None:
    """Its sum is a factor of the next one, so that the two do not go through the result together."""

    def f(w: Any, h: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            y = h @ w + h
            return y @ w + y, None

        return fn.scan(step, h, None, length=3)[0]

    rng = np.random.default_rng(0)
    w, h = rng.normal(size=(5, 5)), rng.normal(size=(3, 5))
    np.testing.assert_allclose(compared(f, w, h)(w, h)[0], h @ np.linalg.matrix_power(np.eye(5) + w, 6))
    compared(loss(f), w, h)


def test_a_product_and_what_is_in_another_order() -> None:
    """The other order is there in memory, though only products read it."""

    def f(w: Any, h: Any) -> Any:
        return fn.scan(lambda h, _: (xp.tanh(h @ w + xp.permute_dims(h, (1, 0, 2))), None), h, None, length=3)[0]

    compared(f, normal(4, 4), normal(3, 3, 4))
    compared(loss(f), normal(4, 4), normal(3, 3, 4))


def test_sums_of_what_is_in_another_order() -> None:
    """The order is another one in memory, too, where a product and a sum of all steps read it."""

    def f(w: Any, v: Any, h: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return 0.9 * h + xp.sin((v * x @ w).T @ xs), None

        return fn.scan(step, h, xs[:, :1])[0]

    compared(loss(f), normal(3, 2), normal(5, 3), normal(2, 2), normal(5, 2))


def test_sums_of_rows_of_another_width() -> None:
    """A bias of each head is a sum over rows of memory in which the rows of all heads are longer."""

    def f(w: Any, b: Any, h: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            z = (h @ w).reshape(6, 4) + b
            return xp.tanh(z.reshape(3, 8) + x), None

        return fn.scan(step, h, xs)[0]

    compared(loss(f), normal(8, 8), normal(4), normal(3, 8), normal(5, 3, 8))


def test_sums_of_products_that_another_adds() -> None:
    """The loop back sums up rows of a product of which nothing else is left: it starts from what is added to it."""

    def f(w: Any, b: Any, h: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            y = xp.tanh(h)
            return xp.tanh((y + b) @ w) + y + x, None

        return fn.scan(step, h, xs)[0]

    compared(loss(f), normal(4, 4), normal(4), normal(3, 4), normal(5, 3, 4))


def test_sums_of_what_nothing_else_reads() -> None:
    """It is there beside linear systems, whose factors leave out what nothing reads."""
    xs = normal(5, 3, 4)

    def f(b: Any, h: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return xp.linalg.solve(8.0 * xp.eye(3) + 0.1 * (h @ h.T), h) + xp.tanh(x + b), None

        return fn.scan(step, h, xs)[0]

    compared(loss(f), normal(4), normal(3, 4))


@st.composite
def programs(draw: Any) -> Any:
    """Return a step of random operations, and the arrays that it starts from."""
    width = draw(st.integers(1, 4))
    carried, elements, steps = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 4))
    outer = draw(st.sampled_from([(), (1,), (3,), (width,), (3, 3), (2, width)]))
    shape = (*outer, width)
    # Rows in parts, as those of the heads of an attention.
    part = width // 2 if width % 2 == 0 else 1
    pool = carried + elements
    count = draw(st.integers(1, 8))
    kinds = ("tanh", "add", "multiply", "matmul", "turned", "slice", "concat", "row", "column", "held", "where")
    kinds += ("biased", "parts", "order", "softmax")
    lines = []
    for k in range(count):
        n = pool + k
        lines.append((draw(st.sampled_from(kinds)), draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))))
    ends = [draw(st.integers(0, pool + count - 1)) for _ in range(carried)]
    results = [draw(st.integers(0, pool + count - 1)) for _ in range(draw(st.integers(0, 3)))]
    reverse = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 1000)))

    def turned(x: Any) -> Any:
        if len(shape) > 1 and shape[-2] == width:
            return xp.matrix_transpose(x)
        return xp.permute_dims(x, (1, 0, 2)) if shape[:-1] == (3, 3) else x

    def f(w: Any, b: Any, start: Any, xs: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            values = [*c, *x]
            for kind, i, j in lines:
                p, q = values[i], values[j]
                values.append(
                    {
                        "tanh": lambda p, q: xp.tanh(p),
                        "add": lambda p, q: p + q,
                        "multiply": lambda p, q: p * xp.cos(q),
                        "matmul": lambda p, q: p @ w + q,
                        "turned": lambda p, q: w @ p if p.ndim == 1 else p @ w.T,
                        "slice": lambda p, q: p[..., :1] - q,
                        "concat": lambda p, q: xp.concat([p[..., 1:], q[..., :1]], axis=-1),
                        "row": lambda p, q: p - xp.sum(q, axis=-1, keepdims=True),
                        "column": lambda p, q: p * 0.5 + xp.mean(q, axis=0, keepdims=True),
                        "held": lambda p, q: p * b + q,
                        "biased": lambda p, q: (xp.tanh(p) + b) @ w + q,
                        "parts": lambda p, q: ((p @ w).reshape(-1, part) + b[:part]).reshape(shape) + q,
                        "order": lambda p, q: p @ w + turned(q),
                        "softmax": lambda p, q: p - xp.logsumexp(q, axis=-1, keepdims=True),
                        "where": lambda p, q: xp.where(p > q, p, xp.tanh(q) * 0.5),
                    }[kind](p, q)
                )
            return [values[i] for i in ends], [values[i] for i in results]

        return fn.scan(step, start, xs, length=steps, reverse=reverse)

    start = [rng.normal(size=shape) for _ in range(carried)]
    xs = [rng.normal(size=(steps, *shape)) for _ in range(elements)]
    return f, (rng.normal(size=(width, width)), rng.normal(size=width), start, xs)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_random_steps(program: Any) -> None:
    f, args = program
    compared(f, *args, rtol=1e-9, whole=False)
    compared(loss(f), *args, rtol=1e-8, whole=False)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(programs())
def test_many_random_steps(program: Any) -> None:
    f, args = program
    compared(f, *args, rtol=1e-9, whole=False)
    compared(loss(f), *args, rtol=1e-8, whole=False)
    ts = tree.map(np.cos, args)
    compared(lambda *p: fn.jvp(f, p[:4], p[4:]), *args, *ts, rtol=1e-8, whole=False)
