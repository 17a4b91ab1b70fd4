"""Loops and branches of captured functions agree with the eager ones under every transformation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.errors import DtypeError, NotDifferentiableError, ShapeError

RNG = np.random.default_rng(0)
W = RNG.normal(size=3)
X0 = RNG.normal(size=3)
XS = RNG.normal(size=(7, 3))


def assert_same(a: Any, b: Any) -> None:
    assert tree.structure(a) == tree.structure(b)
    for p, q in zip(tree.leaves(a), tree.leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(p), np.asarray(q), rtol=1e-11, atol=1e-13)


def rnn(w: Any, x0: Any, xs: Any, **options: Any) -> Any:
    c, ys = fn.scan(lambda c, x: (xp.tanh(c * w + x), {"y": c * x, "z": xp.sum(c)}), x0, xs, **options)
    return xp.sum(c) + xp.sum(ys["y"] ** 2) + xp.sum(xp.sin(ys["z"]))


def every_transformation(f: Callable[..., Any], *args: Any) -> None:
    """Compare jit outside, jit inside, and eager: values, gradients, tangents, Hessians, batches."""
    every = tuple(range(len(args)))
    ts = tuple([xp.cos(a + 1.0) for a in args])
    g = fn.jit(f)
    assert_same(g(*args), f(*args))
    assert_same(fn.jit(fn.grad(f, every))(*args), wanted := fn.grad(f, every)(*args))
    assert_same(fn.grad(g, every)(*args), wanted)
    assert_same(fn.jit(lambda *p: fn.jvp(f, p, ts))(*args), wanted := fn.jvp(f, args, ts))
    assert_same(fn.jvp(g, args, ts), wanted)
    assert_same(fn.jit(fn.hessian(f))(*args), wanted := fn.hessian(f)(*args))
    assert_same(fn.hessian(g)(*args), wanted)
    batch = [xp.stack([a, a * 0.5]) for a in args]
    assert_same(fn.jit(fn.vmap(f))(*batch), wanted := fn.vmap(f)(*batch))
    assert_same(fn.vmap(g)(*batch), wanted)
    axes = (0, *[None] * (len(args) - 1))
    one = [batch[0], *args[1:]]
    assert_same(fn.jit(fn.vmap(fn.grad(f), in_axes=axes))(*one), wanted := fn.vmap(fn.grad(f), in_axes=axes)(*one))
    assert_same(fn.vmap(fn.grad(g), in_axes=axes)(*one), wanted)


class TestScan:
    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("checkpoint", [False, True, 3])
    def test_every_transformation(self, reverse: bool, checkpoint: Any) -> None:
        every_transformation(lambda w, x0, xs: rnn(w, x0, xs, reverse=reverse, checkpoint=checkpoint), W, X0, XS)

    def test_one_equation_whatever_the_length(self) -> None:
        graphs = [fn.trace(fn.grad(rnn), W, X0, np.ones((n, 3))) for n in (5, 50)]
        assert len(graphs[0]) == len(graphs[1])
        assert [e.primitive.name for e in graphs[0].equations].count("scan") == 2

    def test_weights_from_outside(self) -> None:
        def f(w: Any) -> Any:
            return xp.sum(fn.scan(lambda c, x: (xp.sin(c * w) + x, c), X0, XS)[1])

        every_transformation(f, W)

    def test_integer_carry_and_numbers(self) -> None:
        def f(x: Any) -> Any:
            (i, total, power), _ = fn.scan(
                lambda c, t: ((c[0] + 1, c[1] + t * x * c[0], c[2] * x), None), (np.array(0), 0.0, 1.0), np.arange(4.0)
            )
            return total + power + i

        every_transformation(f, np.array(1.5))

    def test_no_steps(self) -> None:
        def f(x: Any) -> Any:
            return fn.scan(lambda c, t: (c * t, c + t), x, np.zeros((0, 3)))

        c, ys = fn.jit(f)(X0)
        assert_same(c, X0)
        assert not np.may_share_memory(c, X0)
        assert ys.shape == (0, 3)

    def test_length_and_nested(self) -> None:
        def inner(x: Any) -> Any:
            return fn.scan(lambda c, _: (xp.sin(c) * x, None), x, length=3)[0]

        def f(x: Any) -> Any:
            return xp.sum(fn.scan(lambda c, _: (c + inner(c * x), None), x, length=4)[0])

        every_transformation(f, X0)

    def test_map(self) -> None:
        every_transformation(lambda xs: xp.sum(fn.map(lambda x: xp.sin(x) * xp.sum(x), xs)), XS)

    def test_errors(self) -> None:
        with pytest.raises(ShapeError, match=r"carry of fn\.scan has another shape"):
            fn.jit(lambda x: fn.scan(lambda c, t: (xp.stack([c, c]), None), x, XS))(X0)
        with pytest.raises(DtypeError, match=r"carry of fn\.scan has another dtype"):
            fn.jit(lambda x: fn.scan(lambda c, t: (xp.astype(c, "float32"), None), x, XS))(X0)

    @pytest.mark.parametrize("backend", ["strict", "torch"])
    def test_backends(self, backend: str) -> None:
        if backend == "torch":
            pytest.importorskip("torch", reason="PyTorch is not installed")
        args = fn.device_put((W, X0, XS), f"{backend}:cpu" if backend == "torch" else backend)
        found = fn.jit(fn.grad(rnn, (0, 1, 2)))(*args)
        assert_same(tree.map(fn.to_numpy, found), fn.grad(rnn, (0, 1, 2))(W, X0, XS))


class TestBranches:
    @staticmethod
    def f(x: Any) -> Any:
        return xp.sum(fn.cond(x[0] > 0, lambda x: xp.sin(x) ** 2, lambda x: -x * x, x)) * x[1]

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_cond(self, sign: float) -> None:
        every_transformation(self.f, sign * np.array([1.0, 2.0, 3.0]))

    def test_batch_with_both_branches(self) -> None:
        xs = np.array([[1.0, 2.0, 3.0], [-1.0, 2.0, 3.0]])
        assert_same(fn.jit(fn.vmap(fn.grad(self.f)))(xs), fn.vmap(fn.grad(self.f))(xs))
        assert_same(fn.vmap(fn.grad(fn.jit(self.f)))(xs), fn.vmap(fn.grad(self.f))(xs))

    @pytest.mark.parametrize("index", [-3, 0, 1, 2, 9])
    def test_switch(self, index: int) -> None:
        branches = [lambda x, w: x * w, lambda x, w: x**2 + 1.0, lambda x, w: xp.sin(w)]
        f = lambda i, x: xp.sum(fn.switch(i, branches, x, W))  # noqa: E731
        i = np.array(index)
        assert_same(fn.jit(f)(i, X0), f(i, X0))
        assert_same(fn.jit(fn.grad(f, 1))(i, X0), fn.vjp(lambda x: f(i, x), X0)[1](1.0)[0])
        assert_same(fn.grad(fn.jit(f), 1)(i, X0), fn.vjp(lambda x: f(i, x), X0)[1](1.0)[0])

    def test_closures_of_both_branches(self) -> None:
        def f(x: Any) -> Any:
            y, z = x * 2, xp.sin(x)
            return xp.sum(fn.cond(xp.sum(x) > 0, lambda: y * z, lambda: z + 0.0 * y))

        every_transformation(f, np.array([1.0, 2.0]))
        every_transformation(f, np.array([-1.0, -2.0]))

    def test_known_condition_takes_one_branch(self) -> None:
        graph = fn.trace(lambda x: fn.cond(True, lambda: x * 2, lambda: x), X0)
        assert [e.primitive.name for e in graph.equations] == ["multiply"]

    def test_branches_that_differ(self) -> None:
        with pytest.raises(ShapeError, match="result of a branch"):
            fn.jit(lambda x: fn.cond(x[0] > 0, lambda: x, lambda: x[:1]))(X0)


class TestLoops:
    @staticmethod
    def squares(x: Any) -> Any:
        return fn.while_loop(lambda y: y < 100.0, lambda y: y * y, x)

    def test_while_loop(self) -> None:
        x = np.array(3.0)
        assert_same(fn.jit(self.squares)(x), self.squares(x))
        assert_same(fn.jit(lambda x: fn.jvp(self.squares, (x,), (x,)))(x), fn.jvp(self.squares, (x,), (x,)))
        xs = np.array([2.0, 3.0, 200.0])
        assert_same(fn.jit(fn.vmap(self.squares))(xs), fn.vmap(self.squares)(xs))
        y = fn.jit(self.squares)(z := np.array(200.0))
        assert not np.may_share_memory(y, z)

    def test_while_loop_with_state(self) -> None:
        def f(x: Any) -> Any:
            return fn.while_loop(lambda s: s["i"] < 5, lambda s: {"i": s["i"] + 1, "y": s["y"] * x}, {"i": 0, "y": x})

        assert_same(fn.jit(lambda x: f(x)["y"])(X0), X0**6)

    def test_reverse_mode_is_refused(self) -> None:
        with pytest.raises(NotDifferentiableError, match=r"fn\.while_loop in a captured function.*test_regions"):
            fn.jit(fn.grad(self.squares))(np.array(3.0))

    @pytest.mark.parametrize("steps", [3, 20])
    def test_fori_loop(self, steps: int) -> None:
        every_transformation(
            lambda x: xp.sum(fn.fori_loop(0, steps, lambda i, y: xp.sin(y) * x + y / (i + 1.0), x)), X0
        )

    def test_fori_loop_with_unknown_bound(self) -> None:
        f = lambda n, x: fn.fori_loop(1, n, lambda i, y: y * x, x)  # noqa: E731
        for n in (0, 1, 5):
            assert_same(fn.jit(f)(np.array(n), X0), f(np.array(n), X0))
