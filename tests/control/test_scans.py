"""scan and map."""

import tracemalloc
from functools import partial

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError, TreeError

rng = np.random.default_rng(0)
W, XS, C = rng.normal(size=(3, 3)), rng.normal(size=(6, 3)), rng.normal(size=3)


def _recurrent(scan, tanh, reverse):
    def loss(w, xs, c):
        def step(state, x):
            h = tanh(w @ state["h"] + x["a"] * x["b"])
            return {"h": h, "n": state["n"] + 1.0}, (h * h, None)

        state, (ys, none) = scan(step, {"h": c, "n": 0.0}, {"a": xs, "b": xs[:, 0]}, reverse=reverse)
        assert none is None
        return (ys * ys[::-1]).sum() + (state["h"] ** 3).sum() * state["n"]

    return loss


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_has_jaxs_values_and_gradients(reverse):
    jax = pytest.importorskip("jax")
    value, gradients = fn.value_and_grad(_recurrent(fn.scan, xp.tanh, reverse), argnums=(0, 1, 2))(W, XS, C)
    with jax.enable_x64(True):
        theirs = _recurrent(jax.lax.scan, jax.numpy.tanh, reverse)
        given = [jax.numpy.asarray(a) for a in (W, XS, C)]
        expected, others = jax.value_and_grad(theirs, argnums=(0, 1, 2))(*given)
        np.testing.assert_allclose(value, np.asarray(expected), rtol=1e-13)
        for ours, other in zip(gradients, others, strict=True):
            np.testing.assert_allclose(ours, np.asarray(other), rtol=1e-12, atol=1e-14)


def test_forward_mode_and_second_order():
    f = lambda x: fn.scan(lambda c, a: (c * a, c + a), x[0], x)[1].prod()  # noqa: E731
    x = np.array([1.5, 0.7, 1.2])
    tangent = fn.jvp(f, (x,), (x,))[1]
    np.testing.assert_allclose(tangent, fn.grad(f)(x) @ x, rtol=1e-13)
    hvp = fn.grad(lambda x: fn.jvp(f, (x,), (x,))[1])(x)
    fn.testing.check_grads(f, (x,), order=2)
    np.testing.assert_allclose(hvp, fn.grad(f)(x) + fn.jvp(fn.grad(f), (x,), (x,))[1], rtol=1e-12)


def test_order_of_steps_and_places_of_results():
    seen = []

    def step(carry, x):
        seen.append(int(x))
        return carry + 1, carry

    carry, ys = fn.scan(step, 0, np.arange(4), reverse=True)
    assert seen == [3, 2, 1, 0]
    assert carry == 4
    np.testing.assert_array_equal(ys, [3, 2, 1, 0])


def test_a_length_in_place_of_arrays():
    assert fn.scan(lambda c, x: (c * 2, x), 1, length=5) == (32, None)
    assert fn.scan(lambda c, x: (c * 2, x), 1, None, 3) == (8, None)
    assert fn.scan(lambda c, x: (c + x, None), 0.0, np.ones(3), length=3) == (3.0, None)


def test_no_steps():
    def step(carry, x):
        return carry, (xp.sum(x * carry), x > 0, None, 1.0)

    for transform in (lambda f: f, lambda f: lambda x: fn.vjp(f, x)[0]):
        carry, ys = transform(lambda c: fn.scan(step, c, np.zeros((0, 3), dtype=np.float32)))(np.float64(2.0))
        assert carry == 2.0
        assert [y.shape for y in ys if y is not None] == [(0,), (0, 3), (0,)]
        assert [y.dtype for y in ys if y is not None] == [np.float64, np.bool_, np.float32]
        assert ys[2] is None


def test_no_steps_leave_the_gradient_of_the_carry():
    f = lambda x: fn.scan(lambda c, a: (c * a, c), x, np.zeros(0))[0] * 3.0  # noqa: E731
    assert fn.grad(f)(np.array(2.0)) == 3.0


@pytest.mark.parametrize("steps", [5, 0])
def test_shapes_come_from_one_step(steps):
    calls = []

    def f(xs, c):
        def step(carry, x):
            calls.append(1)
            return (carry[0] @ x, carry[1] + 1), {"y": carry[0], "n": 1.0}

        return fn.scan(step, (c, xp.zeros(())), xs)

    carry, ys = fn.eval_shape(f, fn.Spec((steps, 3, 3), "float64"), fn.Spec((3,), "float64"))
    assert carry == (fn.Spec((3,), "float64"), fn.Spec(()))
    assert ys == {"y": fn.Spec((steps, 3), "float64"), "n": fn.Spec((steps,))}
    assert len(calls) == 1


def test_shapes_of_a_gradient():
    loss = _recurrent(fn.scan, xp.tanh, False)
    specs = [fn.Spec(a.shape, a.dtype) for a in (W, XS, C)]
    assert fn.eval_shape(fn.grad(loss, argnums=(0, 1, 2)), *specs) == tuple(specs)


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (
            lambda c, x: ({"a": c["a"][None]}, x),
            ShapeError,
            r"carry of fn\.scan .* another shape than it must have at \.a",
        ),
        (
            lambda c, x: ({"a": c["a"] > 0}, x),
            DtypeError,
            r"carry of fn\.scan .* another dtype than it must have at \.a",
        ),
        (lambda c, x: ({"b": c["a"]}, x), TreeError, r"carry of fn\.scan differs at \.a"),
        (lambda c, x: c, ParameterError, "must return a pair"),
        (lambda c, x: (c, x, x), ParameterError, "must return a pair"),
    ],
)
def test_a_function_that_returns_the_wrong_thing(step, error, words):
    with pytest.raises(error, match=words):
        fn.scan(step, {"a": C}, XS)
    with pytest.raises(error, match=words):
        fn.eval_shape(lambda c: fn.scan(step, {"a": c}, XS), fn.Spec((3,)))


def test_results_that_change():
    values = iter([1.0, C])
    with pytest.raises(ShapeError, match=r"result of a step of fn\.scan .* another shape than it must have"):
        fn.scan(lambda c, x: (c, next(values)), 0, XS)
    values = iter([(1.0,), [1.0]])
    with pytest.raises(TreeError, match=r"result of a step of fn\.scan differs at the root"):
        fn.scan(lambda c, x: (c, next(values)), 0, XS)


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({}, ParameterError, "how many steps"),
        ({"length": -1}, ParameterError, "length of fn.scan"),
        ({"length": 2.0}, ParameterError, "length of fn.scan"),
        ({"xs": XS, "length": 5}, ShapeError, "length=5, and 6 in the arrays"),
        ({"xs": {"a": XS, "b": C}}, ShapeError, r"6 in \.a and 3 in \.b"),
        ({"xs": {"a": XS, "b": np.array(1.0)}}, ShapeError, r"\.b does not have"),
        ({"xs": 3.0}, ShapeError, "the array does not have"),
    ],
)
def test_wrong_lengths(kwargs, error, words):
    with pytest.raises(error, match=words):
        fn.scan(lambda c, x: (c, x), 0, **kwargs)


def test_a_function_is_needed():
    with pytest.raises(ParameterError, match=r"fn\.scan takes a function as f"):
        fn.scan(3, 0, XS)
    with pytest.raises(ParameterError, match=r"fn\.map takes a function as f"):
        fn.map(3, XS)


def test_map_has_jaxs_values_and_gradients():
    jax = pytest.importorskip("jax")
    program = lambda map: lambda w, xs: (map(lambda x: {"y": w @ x["a"], "s": x["b"] ** 3}, xs)["y"] ** 2).sum()  # noqa: E731
    value, gradient = fn.value_and_grad(program(fn.map))(W, {"a": XS, "b": XS[:, 0]})
    with jax.enable_x64(True):
        expected, other = jax.value_and_grad(program(jax.lax.map))(W, {"a": XS, "b": XS[:, 0]})
        np.testing.assert_allclose(value, np.asarray(expected), rtol=1e-13)
        np.testing.assert_allclose(gradient, np.asarray(other), rtol=1e-13)


def test_map_needs_an_array():
    with pytest.raises(ParameterError, match=r"fn\.map needs an array"):
        fn.map(lambda x: x, {})


@pytest.mark.parametrize("size", [1, 4, 6, 100])
def test_map_in_batches(size):
    calls = []

    def f(x):
        calls.append(1)
        return {"y": xp.tanh(W @ x["a"]), "n": None}

    xs = {"a": XS}
    ours = fn.map(f, xs, batch_size=size)
    assert len(calls) == -(-6 // size)
    assert ours["n"] is None
    np.testing.assert_allclose(ours["y"], np.tanh(XS @ W.T), rtol=1e-13)
    g = fn.grad(lambda a: (fn.map(f, {"a": a}, batch_size=size)["y"] ** 2).sum())(XS)
    np.testing.assert_allclose(g, fn.grad(lambda a: (fn.map(f, {"a": a})["y"] ** 2).sum())(XS), rtol=1e-12)
    spec = fn.eval_shape(lambda a: fn.map(f, {"a": a}, batch_size=size), fn.Spec((6, 3), "float64"))
    assert spec["y"] == fn.Spec((6, 3), "float64")
    assert fn.map(f, {"a": XS[:0]}, batch_size=size)["y"].shape == (0, 3)


@pytest.mark.parametrize("size", [0, -1, 2.0, True])
def test_a_batch_size_that_is_none(size):
    with pytest.raises(ParameterError, match=r"batch_size of fn\.map"):
        fn.map(lambda x: x, XS, batch_size=size)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("checkpoint", [True, 1, 2, 4, 6, 100])
def test_a_scan_in_segments_is_the_same(checkpoint, reverse):
    plain = _recurrent(fn.scan, xp.tanh, reverse)
    segments = _recurrent(partial(fn.scan, checkpoint=checkpoint), xp.tanh, reverse)
    expected = fn.value_and_grad(plain, argnums=(0, 1, 2))(W, XS, C)
    found = fn.value_and_grad(segments, argnums=(0, 1, 2))(W, XS, C)
    assert found[0] == expected[0]
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    second = [fn.jvp(fn.grad(lambda w, f=f: f(w, XS, C)), (W,), (W,))[1] for f in (plain, segments)]
    np.testing.assert_allclose(*second, rtol=1e-12)


def test_segments_need_less_memory():
    n, size = 400, 20_000

    def peak(checkpoint):
        def loss(x):
            step = lambda c, _: (xp.sin(xp.exp(xp.cos(c))), None)  # noqa: E731
            return xp.sum(fn.scan(step, x, length=n, checkpoint=checkpoint)[0])

        x = np.linspace(0.1, 1.0, size)
        fn.grad(loss)(x[:2])
        tracemalloc.start()
        fn.grad(loss)(x)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found / x.nbytes

    # Three values for each step, or for each of a segment of 20 and a carry for each of 20 segments.
    assert peak(False) > 2 * n
    assert peak(True) < 120


@pytest.mark.parametrize("checkpoint", [0, -3, 1.5, None, "yes"])
def test_a_segment_that_is_no_number_of_steps(checkpoint):
    with pytest.raises(ParameterError, match=r"checkpoint of fn\.scan"):
        fn.scan(lambda c, x: (c, x), 0, XS, checkpoint=checkpoint)
