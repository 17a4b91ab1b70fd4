"""Attention head by head: as the interpreter and PyTorch have it, and left as it is where it cannot be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.nn import functional as nnf

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

from funcnet.compiler.kernels import attention as kernel  # noqa: E402
from funcnet.compiler.kernels import attention_code  # noqa: E402

FORWARD, BACKWARD = "attention, head by head", "attention's slopes, head by head"
RTOL = {"float32": 2e-5, "float64": 1e-12}


def normal(dtype: str, *shapes: tuple[int, ...], seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def causal(dtype: str, n: int, m: int, hidden: float = -1e9) -> Any:
    return np.where(np.arange(m)[None, :] <= np.arange(n)[:, None], 0.0, hidden).astype(dtype)


def compared(f: Callable[..., Any], *arguments: Any) -> FusedPlan:
    with np.errstate(all="ignore"):
        graph = optimised(fn.trace(f, *arguments))
        wanted = interpret(graph, arguments)
    before = [a.copy() for a in arguments]
    plan = FusedPlan(graph)
    for _ in range(2):
        for a, b in zip(wanted, plan(*arguments), strict=True):
            rtol = RTOL[str(a.dtype)]
            finite = np.where(np.isfinite(a), a, 0)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * float(np.max(np.abs(finite), initial=0.0)))
    for a, b in zip(before, arguments, strict=True):
        np.testing.assert_array_equal(a, b)
    return plan


def derived(f: Callable[..., Any], *arguments: Any, fused: bool = True) -> FusedPlan:
    """Compare a function and the gradients of a sum of its results."""
    names = tuple(i for i, a in enumerate(arguments) if a.dtype.kind == "f")
    plan = compared(fn.value_and_grad(lambda *a: xp.sum(xp.tanh(f(*a))), argnums=names), *arguments)
    assert (FORWARD in plan.calls, BACKWARD in plan.calls) == (fused, fused)
    return plan


def attend(q: Any, k: Any, v: Any, mask: Any = None, scale: Any = 0.3) -> Any:
    s = q @ xp.matrix_transpose(k) * scale
    return xp.softmax(s if mask is None else s + mask) @ v


@pytest.mark.parametrize("dtype", ["float32", "float64"])
class TestValues:
    @pytest.mark.parametrize(
        ("lead", "n", "m", "d", "e"),
        [
            ((2, 3), 16, 16, 8, 8),
            ((), 8, 1, 1, 1),
            ((3,), 9, 33, 5, 7),
            ((1, 2, 2), 50, 37, 33, 3),
            ((2,), 64, 64, 32, 65),
            ((2,), 130, 131, 16, 17),
        ],
    )
    @pytest.mark.parametrize("masked", [False, True])
    def test_shapes(self, dtype: str, lead: Any, n: int, m: int, d: int, e: int, masked: bool) -> None:
        q, k, v = normal(dtype, (*lead, n, d), (*lead, m, d), (*lead, m, e))
        mask = causal(dtype, n, m) if masked else None
        derived(lambda q, k, v: attend(q, k, v, mask), q, k, v)
        plan = compared(lambda q, k, v: attend(q, k, v, mask), q, k, v)
        assert FORWARD in plan.calls

    def test_strips(self, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """More queries than fit into the cache at once."""
        monkeypatch.setattr(kernel, "_CACHED", 1 << 14)
        q, k, v = normal(dtype, (2, 70, 8), (2, 90, 8), (2, 90, 5))
        derived(attend, q, k, v)
        derived(lambda q, k, v: attend(q, k, v, causal(dtype, 70, 90)), q, k, v)

    def test_long_sums(self, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attention_code, "_TERMS", 24)
        q, k, v = normal(dtype, (2, 70, 8), (2, 90, 8), (2, 90, 5))
        derived(lambda q, k, v: attend(q, k, v, causal(dtype, 70, 90)), q, k, v)

    @pytest.mark.parametrize("kind", ["window", "padding", "stripes", "rows", "where", "finite", "nothing", "vector"])
    def test_masks(self, dtype: str, kind: str) -> None:
        n, m = 40, 50
        q, k, v = normal(dtype, (2, 3, n, 8), (2, 3, m, 8), (2, 3, m, 5))
        i, j = np.arange(n)[:, None], np.arange(m)[None, :]
        seen = {
            "window": abs(i - j) < 5,
            "padding": (np.arange(2) * 20 + 17)[:, None, None, None] > j,
            "stripes": (i // 16 + j // 16) % 2 == 0,
            # Some queries see nothing.
            "rows": (i % 7 > 0) & (j <= i),
            "nothing": (i < 0) & (j < 0),
            "vector": np.arange(m) % 3 > 0,
        }.get(kind, j <= i)
        hidden = -1e9 if kind == "finite" else -np.inf
        if kind != "finite":
            derived(lambda q, k, v: attend(q, k, v, np.where(seen, 0.0, hidden).astype(dtype)), q, k, v)

        def chosen(q: Any, k: Any, v: Any) -> Any:
            s = xp.where(seen, q @ xp.matrix_transpose(k) / np.asarray(2.0, dtype), hidden)
            return xp.softmax(s) @ v

        derived(chosen, q, k, v)

    def test_masks_as_arguments(self, dtype: str) -> None:
        q, k, v = normal(dtype, (2, 3, 20, 8), (2, 3, 30, 8), (2, 3, 30, 5))
        seen = np.arange(30) < np.asarray([20, 30])[:, None, None, None]

        def f(q: Any, k: Any, v: Any, seen: Any, shift: Any) -> Any:
            s = q @ xp.matrix_transpose(k) * 0.5 + fn.stop_gradient(shift)
            return xp.softmax(xp.where(seen, s, -np.inf)) @ v

        derived(f, q, k, v, seen, *normal(dtype, (3, 20, 1)))

    def test_products_that_outweigh_the_mask(self, dtype: str) -> None:
        q, k, v = normal(dtype, (2, 33, 4), (2, 33, 4), (2, 33, 4))
        derived(lambda q, k, v: attend(q, k, v, causal(dtype, 33, 33, -2e4)), q * 300, k * 300, v)

    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_numbers_that_are_not_finite(self, dtype: str, number: float, which: int) -> None:
        arrays = normal(dtype, (2, 40, 4), (2, 40, 4), (2, 40, 4))
        arrays[which][0, 37, 1] = number
        for hidden in (-1e9, -np.inf):
            mask = causal(dtype, 40, 40, hidden)
            compared(lambda q, k, v, mask=mask: attend(q, k, v, mask), *arrays)
            with np.errstate(all="ignore"):
                f = fn.value_and_grad(lambda q, k, v, mask=mask: xp.sum(attend(q, k, v, mask)), argnums=(0, 1, 2))
                compared(f, *arrays)

    def test_infinite_scores(self, dtype: str) -> None:
        q, k, v = normal(dtype, (9, 4), (20, 4), (20, 3))
        extra = np.zeros((9, 20), dtype)
        extra[0, 3] = extra[0, 5] = extra[1, 0] = np.inf
        extra[2] = -np.inf
        extra[3, 1], extra[3, 2] = np.inf, np.nan
        compared(lambda q, k, v, extra: attend(q, k, v, extra), q, k, v, extra)

    def test_shared_keys(self, dtype: str) -> None:
        """Several heads of queries for each head of keys."""
        q, k, v = normal(dtype, (2, 2, 3, 16, 8), (2, 2, 1, 20, 8), (2, 2, 1, 20, 5))
        derived(attend, q, k, v)

    def test_split_and_joined_heads(self, dtype: str) -> None:
        x, w, o = normal(dtype, (2, 24, 12), (12, 36), (12, 12))

        def f(x: Any, w: Any, o: Any) -> Any:
            h = xp.permute_dims(xp.reshape(x @ w, (2, 24, 3, 4, 3)), (2, 0, 3, 1, 4))
            y = attend(h[0], h[1], h[2], causal(dtype, 24, 24))
            return xp.reshape(xp.permute_dims(y, (0, 2, 1, 3)), (2, 24, 12)) @ o

        plan = derived(f, x, w, o)
        assert plan.calls.count("permute_dims") == 4

    def test_any_strides(self, dtype: str) -> None:
        """Dimensions that do not lie side by side where the kernel wants them so."""
        q, k, v = normal(dtype, (2, 24, 5, 4), (2, 24, 5, 4), (2, 24, 5, 4))

        def f(q: Any, k: Any, v: Any) -> Any:
            h = xp.stack([xp.permute_dims(a @ a[:, :4, :, :][:, :1, :4, :], (0, 2, 1, 3)) for a in (q, k, v)], axis=-1)
            y = attend(h[..., 0], h[..., 1], h[..., 2])
            return xp.reshape(xp.permute_dims(y, (3, 1, 0, 2)), (4, -1))

        derived(f, q, k, v)

    def test_einsum(self, dtype: str) -> None:
        q, k, v = normal(dtype, (2, 24, 3, 4), (2, 17, 3, 4), (2, 17, 3, 5))

        def f(q: Any, k: Any, v: Any) -> Any:
            p = xp.softmax(xp.einsum("bqhd,bkhd->bhqk", q, k) * 0.5, axis=-1)
            return xp.einsum("bhqk,bkhd->bqhd", p, v)

        derived(f, q, k, v)

    @pytest.mark.parametrize(
        "options", [{}, {"causal": True}, {"window": 5}, {"scale": 2.0}, {"causal": True, "window": 3}]
    )
    def test_layers(self, dtype: str, options: Any) -> None:
        q, k, v = normal(dtype, (2, 24, 4, 8), (2, 24, 2, 8), (2, 24, 2, 8))
        derived(lambda q, k, v: nnf.scaled_dot_product_attention(q, k, v, **options), q, k, v)

    @pytest.mark.parametrize("wanted", [(0,), (1,), (0, 1), (1, 2)])
    def test_some_gradients(self, dtype: str, wanted: Any) -> None:
        q, k, v = normal(dtype, (2, 16, 8), (2, 20, 8), (2, 20, 5))
        plan = compared(fn.value_and_grad(lambda *a: xp.sum(xp.tanh(attend(*a))), argnums=wanted), q, k, v)
        assert BACKWARD in plan.calls

    def test_two_layers(self, dtype: str) -> None:
        q, k, v = normal(dtype, (2, 16, 8), (2, 16, 8), (2, 16, 8))
        plan = derived(lambda q, k, v: attend(attend(q, k, v), q, attend(v, q, k)), q, k, v)
        assert plan.calls.count(FORWARD) == plan.calls.count(BACKWARD) == 3

    def test_threads(self, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kernel, "_PARALLEL", 0)
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        q, k, v = normal(dtype, (5, 33, 8), (5, 33, 8), (5, 33, 8))
        derived(lambda q, k, v: attend(q, k, v, causal(dtype, 33, 33)), q, k, v)


class TestOracle:
    @pytest.mark.parametrize("masked", [False, True])
    def test_torch(self, masked: bool) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        arrays = normal("float64", (2, 3, 50, 8), (2, 3, 50, 8), (2, 3, 50, 8), (2, 3, 50, 8))
        mask = causal("float64", 50, 50, -np.inf) if masked else None
        f = fn.value_and_grad(lambda q, k, v, g: xp.sum(attend(q, k, v, mask, 8**-0.5) * g), argnums=(0, 1, 2))
        plan = FusedPlan(optimised(fn.trace(f, *arrays)))
        assert BACKWARD in plan.calls
        found = plan(*arrays)
        q, k, v, g = (torch.tensor(a, requires_grad=i < 3) for i, a in enumerate(arrays))
        y = (torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=masked) * g).sum()
        y.backward()
        for a, b in zip(found, (y.detach(), q.grad, k.grad, v.grad), strict=True):
            np.testing.assert_allclose(a, b.numpy(), rtol=1e-11, atol=1e-12)


class TestLeftAlone:
    """What looks like it and is not."""

    @pytest.mark.parametrize(
        "case",
        [
            "weights",
            "scores",
            "few",
            "bias",
            "twice",
            "other axis",
            "scaled weights",
            "squared",
            "product alone",
            "half",
        ],
    )
    def test_case(self, case: str) -> None:
        n = 4 if case == "few" else 16
        # Half of it in single precision: sums in another order differ by that.
        q, k, v, b = normal("float32" if case == "half" else "float64", (2, n, 8), (2, 16, 8), (2, 16, 8), (n, 16))

        def f(q: Any, k: Any, v: Any, b: Any) -> Any:
            s = q @ xp.matrix_transpose(k) * 0.5
            if case == "bias":
                s = s + b
            if case == "half":
                s = xp.astype(s, xp.float64)
            p = xp.softmax(s, axis=1 if case == "other axis" else -1)
            if case == "scaled weights":
                p = p * 0.9
            y = p @ v
            if case == "twice":
                y = y + p @ q
            if case == "weights":
                return xp.concat([y, p], axis=-1)
            if case == "scores":
                return xp.concat([y, s], axis=-1)
            if case == "squared":
                return p @ p
            if case == "product alone":
                return p
            return xp.astype(p, xp.float32) @ v if case == "half" else y

        derived(f, q, k, v, b, fused=False)

    def test_second_derivatives(self) -> None:
        q, k, v = normal("float64", (9, 3), (10, 3), (10, 3))

        def slope(q: Any) -> Any:
            return xp.sum(fn.grad(lambda q: xp.sum(xp.tanh(attend(q, k, v))))(q) ** 2)

        compared(fn.grad(slope), q)
