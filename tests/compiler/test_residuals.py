"""What a loop leaves for the loop back."""

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp
from funcnet.compiler import passes
from funcnet.compiler.capture import interpret
from funcnet.nn import functional as nnf

W, X, XS = (np.random.default_rng(0).normal(size=s) for s in ((3, 3), (2, 3), (5, 2, 3)))


def scans_of(f: Any, *args: Any) -> list[Any]:
    graph = passes.optimised(fn.trace(f, *args))
    graph.verify()
    scans = [e for e in graph.equations if e.primitive.name == "scan"]
    for e in scans:
        e.primitive.regions[0].verify()
    for a, b in zip(f(*args), interpret(graph, args), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-11)
    return scans


def test_the_sum_in_place_of_what_it_is_the_sum_of() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            z = t + c @ w
            return xp.sin(z[:, :1]) * xp.cos(z), None

        return xp.sum(fn.scan(step, x, xs)[0])

    forward, back = scans_of(fn.grad(loss, (0, 1, 2)), W, X, XS)
    # The loop back reads the sum and nothing else that is stacked, and does not add it up again.
    assert len(back.inputs) == 3
    assert back.primitive.regions[0].equations[0].primitive.name == "getitem"
    # The sum, and the carries for the gradient of the matrix.
    assert len(forward.outputs) == 1 + 2


def test_results_that_nobody_reads() -> None:
    def f(x: Any, xs: Any) -> Any:
        c, ys = fn.scan(lambda c, t: (c * t, (xp.sin(c), xp.cos(t))), x, xs)
        return c, ys[1]

    (e,) = scans_of(f, X, XS)
    assert len(e.outputs) == 2
    assert "sin" not in [q.primitive.name for q in e.primitive.regions[0].equations]


def test_what_is_computed_again_on_purpose_stays_so() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        return xp.sum(fn.scan(lambda c, t: (xp.sin(t + c @ w), None), x, xs, checkpoint=2)[0])

    scans_of(fn.grad(loss, (0, 1, 2)), W, X, XS)


def test_gates_in_place_of_their_sums() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        def step(carry: Any, t: Any) -> Any:
            h, c = carry
            z = t + h @ w
            c = nnf.sigmoid(z[:, :3]) * c + nnf.sigmoid(z[:, 3:6]) * xp.tanh(z[:, 6:9])
            return (nnf.sigmoid(z[:, 9:]) * xp.tanh(c), c), None

        return xp.sum(fn.scan(step, (x, x), xs)[0][0])

    w, xs = (np.random.default_rng(1).normal(size=s) for s in ((3, 12), (5, 2, 12)))
    forward, back = scans_of(fn.grad(loss, (0, 1, 2)), w, X, xs)
    names = [e.primitive.name for e in back.primitive.regions[0].equations]
    assert "sigmoid" not in names
    assert "getitem" not in names
    # What the cell holds is multiplied, added up and squashed again.
    assert names.count("tanh") == 1
    assert [v.shape for v in forward.outputs].count((5, 2, 3)) == 6


def test_operations_on_what_was_passed_on() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        def step(h: Any, t: Any) -> Any:
            z = h @ w
            r = nnf.sigmoid(t[:, :3] + z[:, :3])
            return xp.tanh(t[:, 3:] + r * z[:, 3:]) + h, None

        return xp.sum(fn.scan(step, x, xs)[0])

    w, xs = (np.random.default_rng(2).normal(size=s) for s in ((3, 6), (5, 2, 6)))
    _, back = scans_of(fn.grad(loss, (0, 1, 2)), w, X, xs)
    names = [e.primitive.name for e in back.primitive.regions[0].equations]
    assert not {"sigmoid", "tanh"} & set(names)


def test_a_value_whose_columns_others_read_too() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            z = t + c @ w
            return xp.sin(z[:, 1:2]) * xp.cos(z), None

        return xp.sum(fn.scan(step, x, xs)[0])

    _, back = scans_of(fn.grad(loss, (0, 1, 2)), W, X, XS)
    names = [e.primitive.name for e in back.primitive.regions[0].equations]
    assert names.count("getitem") == 1


def test_an_array_that_one_loop_reads_as_a_whole_and_the_other_in_steps() -> None:
    def f(xs: Any, p: Any, c: Any) -> Any:
        def with_all(c: Any, x: Any) -> Any:
            return xp.tanh(c + xp.sum(xp.sin(x + p), axis=0)), None

        def with_one(c: Any, x: Any) -> Any:
            return xp.tanh(c + xp.sum(xp.sin(x[0] + x[1]), axis=0)), None

        a, _ = fn.scan(with_all, c, xs)
        b, _ = fn.scan(with_one, c, (xs, p))
        return a, b, fn.scan(with_all, b, xs)[0]

    rng = np.random.default_rng(0)
    scans_of(f, rng.normal(size=(3, 3, 2)), rng.normal(size=(3, 2)), rng.normal(size=2))
