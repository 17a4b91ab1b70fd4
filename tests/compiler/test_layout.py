"""Memory in the order in which it is read: the same results as by the interpreter, and no copies."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.graph import Value
from funcnet.compiler.layout import placed_as, turned_products
from funcnet.compiler.passes import optimised

pytest.importorskip("numba", reason="Numba is not installed")
RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def compared(f: Callable[..., Any], *arguments: Any) -> FusedPlan:
    graph = optimised(fn.trace(f, *arguments))
    wanted = interpret(graph, arguments)
    plan = FusedPlan(graph)
    for _ in range(2):
        found = plan(*arguments)
        for a, b in zip(wanted, found, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11)
        for i, a in enumerate(found):
            assert not any(np.may_share_memory(a, b) for b in (*arguments, *found[:i], *found[i + 1 :]))
    return plan


def heads(h: Any, count: int) -> Any:
    batch, length, width = h.shape
    return xp.permute_dims(xp.reshape(h, (batch, length, 3, count, width // count // 3)), (2, 0, 3, 1, 4))


def attention(h: Any, w: Any, count: int = 2) -> Any:
    q, k, v = heads(h @ w, count)
    p = xp.softmax(q @ xp.matrix_transpose(k) * 0.5)
    y = xp.permute_dims(p @ v, (0, 2, 1, 3))
    return xp.reshape(y, (*h.shape[:2], -1))


class TestPlans:
    def test_attention_makes_no_copies(self) -> None:
        h, w, o = normal(2, 5, 6), normal(6, 12), normal(4, 3)

        def loss(h: Any, w: Any, o: Any) -> Any:
            return xp.sum(xp.tanh(attention(h, w) @ o))

        plan = compared(fn.value_and_grad(loss, argnums=(0, 1, 2)), h, w, o)
        copies = ("stack", "concat", "permute_dims")
        assert "stack" in plan.calls
        source = plan_source(plan)
        assert not any(f"_{name}" in source for name in copies)

    @pytest.mark.parametrize("axes", [(0, 2, 1, 3), (2, 0, 1, 3), (3, 2, 1, 0), (1, 0, 2, 3), (0, 1, 3, 2)])
    def test_permuted_products(self, axes: tuple[int, ...]) -> None:
        def f(a: Any, b: Any) -> Any:
            y = xp.permute_dims(a @ b, axes)
            return xp.sum(xp.reshape(y, (-1,)) * 2.0), xp.reshape(y, (y.shape[0], -1)) + 1.0, xp.exp(y)

        compared(f, normal(2, 3, 4, 5), normal(2, 3, 5, 6))

    def test_product_that_is_read_in_both_orders(self) -> None:
        def f(a: Any, b: Any) -> Any:
            y = a @ b
            return xp.exp(y), xp.reshape(xp.permute_dims(y, (1, 0, 2)), (-1,)) * 2.0

        compared(f, normal(2, 3, 4), normal(2, 4, 3))

    @pytest.mark.parametrize("axis", [0, 1, 2, -1])
    def test_joined_products(self, axis: int) -> None:
        def f(a: Any, b: Any, c: Any) -> Any:
            x, y, z = a @ b, b @ a, a @ c
            s = xp.stack([x, y, z], axis=axis)
            t = xp.concat([z, x, y], axis=1)
            # Parts live on after they are joined.
            return xp.exp(s), xp.tanh(t) @ c[0], s @ c[0], x + y, xp.reshape(s, (-1,))

        compared(f, normal(2, 3, 3), normal(2, 3, 3), normal(2, 3, 3))

    def test_one_product_in_several_places(self) -> None:
        def f(a: Any, b: Any) -> Any:
            x, y = a @ b, b @ a
            s, t = xp.stack([x, y, x]), xp.stack([y, x])
            return s @ a[0], t @ b[0], xp.stack([y, y]) @ a[1], xp.concat([x, x], axis=0) @ a[0]

        compared(f, normal(2, 3, 3), normal(2, 3, 3))

    def test_results_and_inputs_among_the_parts(self) -> None:
        def f(a: Any, b: Any) -> Any:
            x = a @ b
            return x, xp.stack([x, a]) @ b[0], xp.stack([a @ a, b @ b]), xp.stack([b @ a, xp.exp(a)]) @ a[0]

        compared(f, normal(2, 3, 3), normal(2, 3, 3))

    def test_views(self) -> None:
        def f(a: Any, b: Any) -> Any:
            y = a @ b
            z = xp.permute_dims(y, (2, 0, 1))
            return (
                xp.exp(y[0, 1:, ::-1]),
                z[1] @ b[0, :2, :],
                xp.expand_dims(z, axis=1) * 2.0,
                xp.squeeze(xp.reshape(y, (1, -1)), axis=0) + 1.0,
                xp.matrix_transpose(z) @ z,
                z,
                y[0, 0, 0] + 1.0,
            )

        compared(f, normal(2, 2, 3), normal(2, 3, 4))

    @pytest.mark.parametrize("seed", range(80))
    def test_random_programs(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        steps = [int(n) for n in rng.integers(0, 9, 14)]
        picks = [int(n) for n in rng.integers(0, 1 << 16, 64)]
        arguments = normal(2, 3, 4) * 0.5, normal(2, 2, 3, 2) * 0.5
        scales = [1.0] * len(arguments)

        def f(*arrays: Any) -> Any:
            values, at = list(arrays), 0

            def pick(n: int) -> int:
                nonlocal at
                at += 1
                return picks[at % len(picks)] % n

            for step in steps:
                x = values[-1 - pick(min(3, len(values)))]
                n = len(x.shape)
                if step <= 2:
                    order = list(np.random.default_rng(pick(99)).permutation(n))
                    values.append(xp.permute_dims(x, tuple(int(k) for k in order)))
                elif step == 3:
                    values.append(x @ xp.matrix_transpose(x) * 0.1)
                elif step == 4:
                    values.append(xp.matrix_transpose(xp.matrix_transpose(x) @ x) * 1.0 + 0.1)
                elif step == 5 and n > 2:
                    values.append(xp.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:])))
                elif step == 6 and n < 5:
                    y = x @ (xp.matrix_transpose(x) @ x) * 0.1
                    z = x @ (xp.matrix_transpose(x) @ (x @ (xp.matrix_transpose(x) @ x))) * 0.01
                    join = xp.stack if pick(2) else xp.concat
                    values.append(
                        join(
                            [
                                z @ (xp.matrix_transpose(x) @ x),
                                x @ (xp.matrix_transpose(z) @ x),
                                z @ (xp.matrix_transpose(y) @ x),
                            ],
                            axis=pick(n),
                        )
                    )
                elif step == 7:
                    values.append(x[(pick(x.shape[0]),)] if n > 2 else x[::-1, :])
                else:
                    values.append(xp.tanh(x))
                if len(scales) < len(values):  # in the run without tracing: powers of powers would overflow
                    scales.append(min(1.0, 10.0 / float(np.max(np.abs(values[-1])))))
                if scales[len(values) - 1] < 1.0:
                    values[-1] = values[-1] * scales[len(values) - 1]
            return tuple(values[len(arrays) :])

        f(*arguments)
        compared(f, *arguments)


def plan_source(plan: FusedPlan) -> str:
    import dis

    names = plan._idle[0].__globals__
    used = {i.argval for i in dis.get_instructions(plan._idle[0]) if i.opname == "LOAD_GLOBAL"}
    return " ".join(getattr(names[n], "__name__", "") for n in used if n in names)


class TestTurnedProducts:
    def test_weights(self) -> None:
        a, b = normal(5, 3), normal(5, 4)
        graph = optimised(fn.trace(lambda a, b: xp.matrix_transpose(xp.matrix_transpose(b) @ a) * 2.0, a, b))
        turned = optimised(turned_products(graph))
        turned.verify()
        assert [e.primitive.name for e in turned.equations] == ["matrix_transpose", "matmul", "multiply"]
        np.testing.assert_allclose(interpret(turned, [a, b])[0], a.T @ b * 2.0, rtol=1e-13)

    def test_operands_without_transposes(self) -> None:
        a, b = normal(2, 5, 3), normal(2, 3, 4)
        graph = optimised(fn.trace(lambda a, b: xp.matrix_transpose(a @ b), a, b))
        turned = turned_products(graph)
        turned.verify()
        np.testing.assert_allclose(interpret(turned, [a, b])[0], np.swapaxes(a @ b, 1, 2), rtol=1e-13)

    @pytest.mark.parametrize("which", ["kept", "vector", "broadcast"])
    def test_left_alone(self, which: str) -> None:
        a, b = normal(2, 5, 3), normal(3, 4) if which == "broadcast" else normal(2, 3, 4)

        def f(a: Any, b: Any) -> Any:
            y = a @ b
            return (y, xp.matrix_transpose(y)) if which == "kept" else xp.matrix_transpose(y)

        graph = optimised(fn.trace(f, a, b))
        turned = turned_products(graph)
        for found, wanted in zip(interpret(turned, [a, b]), interpret(graph, [a, b]), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-13)
        assert (len(turned) == len(graph)) == (which == "kept")


def test_placed_as() -> None:
    v = Value(fn.Spec((2, 3, 4), "float32"))
    array = placed_as(np.zeros(200, np.uint8), v, (1, 2, 0))
    assert array.shape == (2, 3, 4)
    assert array.transpose(1, 2, 0).flags.c_contiguous
    assert placed_as(np.zeros(200, np.uint8), v, None).flags.c_contiguous


def test_products_of_transposed_products() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return xp.matrix_transpose(xp.matrix_transpose(a @ b) @ c)

    a, b, c = [np.random.default_rng(0).normal(size=s) for s in ((3, 4), (4, 5), (3, 2))]
    graph = turned_products(fn.trace(f, a, b, c))
    graph.verify()
    np.testing.assert_allclose(interpret(graph, [a, b, c])[0], f(a, b, c), rtol=1e-12)
