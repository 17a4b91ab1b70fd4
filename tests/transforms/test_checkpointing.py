"""checkpoint."""

import threading
import tracemalloc

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError, ParameterError

X = np.linspace(-1.0, 1.0, 7)
W = np.linspace(0.5, 1.5, 7)
PAIR = np.stack([X, 2 * X])


def program(checkpoint):
    def f(x, w):
        @checkpoint
        def block(arg, *, scale, label):
            assert label == "block"
            y = xp.sin(arg["x"] * w) * scale
            y[0] = y[1] * arg["x"][2]
            arg = {"x": arg["x"].copy()}
            arg["x"][1] = 3.0
            return {"a": xp.exp(y), "b": xp.sum(arg["x"] ** 2 * w), "n": None, "k": xp.argmax(y), "same": x}

        r = block({"x": x, "none": None}, scale=2.0, label="block")

        @checkpoint
        def outer(a):
            inner = checkpoint(lambda a: xp.cos(a) * w)
            return inner(a) * r["b"], checkpoint(lambda: w * a)()

        y, z = outer(r["a"])
        return xp.sum(y * z) + xp.sum(r["same"] ** 3) + xp.sum(x[int(r["k"])])

    return f


OURS, PLAIN = program(fn.checkpoint), program(lambda f: f)


@pytest.mark.parametrize(
    "use",
    [
        lambda f: f(X, W),
        lambda f: fn.grad(f, 0)(X, W),
        lambda f: fn.grad(f, 1)(X, W),
        lambda f: fn.jvp(f, (X, W), (X, W))[1],
        lambda f: fn.grad(lambda x: xp.sum(fn.grad(f, 1)(x, W) ** 2))(X),
        lambda f: fn.jvp(lambda x: fn.grad(f)(x, W), (X,), (X,))[1],
        lambda f: fn.grad(lambda x: fn.jvp(lambda w: f(x, w), (W,), (W,))[1])(X),
        lambda f: fn.grad(lambda x: xp.sum(fn.grad(lambda x: xp.sum(fn.grad(f, 1)(x, W) ** 2))(x) ** 2))(X),
    ],
)
def test_every_order_and_nesting_equals_the_plain_function(use):
    np.testing.assert_allclose(use(OURS), use(PLAIN), rtol=1e-12)


def test_first_derivatives_are_the_same_to_the_last_bit():
    np.testing.assert_array_equal(fn.grad(OURS)(X, W), fn.grad(PLAIN)(X, W))


def test_with_vmap_inside_and_around():
    def f(x, w):
        block = fn.checkpoint(lambda x: xp.sin(x * w))
        return xp.sum(block(block(x)))

    def plain(x, w):
        return xp.sum(xp.sin(xp.sin(x * w) * w))

    for use in (
        lambda f: fn.vmap(fn.grad(f), (0, None))(PAIR, W),
        lambda f: fn.grad(lambda w: xp.sum(fn.vmap(f, (0, None))(PAIR, w)))(W),
        lambda f: fn.vmap(fn.grad(lambda x: xp.sum(fn.grad(f)(x, W) ** 2)))(PAIR),
    ):
        np.testing.assert_allclose(use(f), use(plain), rtol=1e-13)


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
def test_backends(backend):
    with fn.use_backend(backend):
        x = xp.asarray([0.3, 0.7])
        block = fn.checkpoint(lambda x: xp.sin(xp.exp(x)))
        g = fn.grad(lambda x: xp.sum(block(x)))(x)
        assert type(g) is type(x)
        np.testing.assert_array_equal(fn.to_numpy(g), fn.to_numpy(fn.grad(lambda x: xp.sum(xp.sin(xp.exp(x))))(x)))


def test_custom_rules_and_shapes():
    f = fn.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (x * 1.0, None), lambda _, g: (10.0 * g,))
    block = fn.checkpoint(lambda x: xp.sum(f(x)))
    np.testing.assert_array_equal(fn.grad(block)(X), np.full(7, 10.0))
    assert fn.eval_shape(fn.grad(block), X) == fn.Spec((7,), "float64")
    assert block(X) == np.sum(X)


def test_a_pullback_may_be_called_often_and_by_threads_at_once():
    _, pullback = fn.vjp(lambda x: fn.checkpoint(lambda x: xp.sin(x) * x)(x), X)
    expected = np.cos(X) * X + np.sin(X)
    results = []

    def work():
        for _ in range(20):
            results.append(pullback(np.ones(7))[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 80
    for r in results:
        np.testing.assert_allclose(r, expected, rtol=1e-14)


def test_handles_changed_after_the_call_do_not_matter_if_they_were_arguments():
    def f(x):
        y = fn.checkpoint(lambda x: x**2)(x)
        x[0] = 0.0
        return xp.sum(y) + xp.sum(x)

    np.testing.assert_array_equal(fn.grad(f)(X), 2 * X + np.r_[0.0, np.ones(6)])


# ------------------------------------------------------------------ memory


def block(x):
    return xp.sin(xp.exp(xp.cos(x)))


def chain(f, n):
    def g(x):
        for _ in range(n):
            x = f(x)
        return x

    return g


def peak(f, x):
    """Peak memory of a gradient in units of `x`."""
    g = fn.grad(lambda x: xp.sum(f(x)))
    g(x)
    tracemalloc.start()
    try:
        g(x)
        return tracemalloc.get_traced_memory()[1] / x.nbytes
    finally:
        tracemalloc.stop()


def test_memory_of_a_chain_of_64_blocks(record_property):
    x = np.ones(20_000)
    peaks = {
        "plain": peak(chain(block, 64), x),
        "8 segments of 8": peak(chain(fn.checkpoint(chain(block, 8)), 8), x),
        "8 of 8, blocks too": peak(chain(fn.checkpoint(chain(fn.checkpoint(block), 8)), 8), x),
        "4 of 4 of 4": peak(chain(fn.checkpoint(chain(fn.checkpoint(chain(fn.checkpoint(block), 4)), 4)), 4), x),
    }
    record_property(
        "summary", "checkpoint, 64 blocks, peak in arrays: " + ", ".join(f"{k} {v:.0f}" for k, v in peaks.items())
    )
    # Two arrays per block; then 8 of the segments, and 8 of the blocks of one with or without what they keep.
    assert peaks["plain"] > 120
    assert peaks["8 segments of 8"] < 8 + 2 * 8 + 8
    assert peaks["8 of 8, blocks too"] < 8 + 8 + 8
    assert peaks["4 of 4 of 4"] < 4 + 4 + 4 + 8


def test_memory_grows_with_the_square_root():
    x = np.ones(5_000)
    small, large = (peak(chain(fn.checkpoint(chain(fn.checkpoint(block), n)), n), x) for n in (4, 16))
    assert large - small < 3 * (16 - 4)


# ------------------------------------------------------------------ bad input


def test_an_array_that_leaves_by_another_way():
    kept = []

    @fn.checkpoint
    def f(x):
        kept.append(xp.sin(x))
        return x * 2

    with pytest.raises(NotDifferentiableError, match="not in its result"):
        fn.grad(lambda x: xp.sum(f(x) * kept[0]))(X)


@pytest.mark.parametrize("inside", [False, True], ids=["the step", "in the step"])
def test_in_the_step_of_a_captured_loop_that_computes_with_arrays_from_outside(inside):
    def f(w, h, xs):
        def step(h, x):
            def part(h):
                return xp.tanh(h @ xp.sin(w) + x)

            return (fn.checkpoint(part) if inside else part)(h), w[0] * 2

        h, ys = fn.scan(step if inside else fn.checkpoint(step), h, xs)
        return xp.sum(h) + xp.sum(ys * ys)

    rng = np.random.default_rng(0)
    args = [rng.normal(size=shape) for shape in ((3, 3), (2, 3), (4, 2, 3))]
    wanted = fn.grad(f, (0, 1, 2))(*args)
    for found in (fn.jit(fn.grad(f, (0, 1, 2)))(*args), fn.grad(fn.jit(f), (0, 1, 2))(*args)):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_functions_that_do_not_repeat():
    def f(x):
        w = x * 2
        y = fn.checkpoint(lambda x: x * w)(x)
        w[0] = 1.0
        return xp.sum(y)

    with pytest.raises(
        NotDifferentiableError, match=r"cannot be computed again(.|\n)*other traced arrays from outside"
    ):
        fn.grad(f)(X)
    calls = []

    @fn.checkpoint
    def g(x):
        calls.append(1)
        return (x * 2,) * len(calls) if len(calls) == 1 else (x * 2, x * 3)

    with pytest.raises(NotDifferentiableError, match="1 traced arrays in the result of the first run, 2 of the second"):
        fn.grad(lambda x: xp.sum(g(x)[0]))(X)
    with pytest.raises(ParameterError, match="transforms a function"):
        fn.checkpoint(3)


def writes(x, buffer):
    buffer[0] = 5.0
    x[1] = x[1] * 2.0
    return xp.sum(x * buffer)


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: f,
        lambda f: fn.grad(f),
        lambda f: fn.grad(f, 1),
        lambda f: lambda *args: fn.jvp(f, args, args),
        lambda f: lambda x, b: fn.vmap(f, in_axes=(0, None))(x[None], b),
        lambda f: lambda x, b: fn.vmap(fn.grad(f), in_axes=(0, None))(x[None], b),
        lambda f: fn.jit(f),
        lambda f: lambda x, b: fn.jit(lambda x: f(x, b))(x),
        lambda f: lambda x, b: fn.grad(lambda x: (y := x * 1.0, f(y, b) + xp.sum(y))[1])(x),
    ],
)
def test_assignments_to_arguments_stay_inside(transform):
    x, buffer = np.array([1.0, 2.0, 3.0]), np.ones(3)
    found = transform(fn.checkpoint(writes))(x, buffer)
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(buffer, 1.0)
    wanted = transform(lambda x, b: writes(x * 1.0, b * 1.0))(x, buffer)
    for ours, theirs in zip(fn.tree.leaves(found), fn.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_values_of_plain_arguments_are_known():
    f = fn.checkpoint(lambda x, square, start: (x**2 if square else x)[int(start) :])
    x, yes, one = np.array([1.0, 2.0, 3.0]), np.array(True), np.int64(1)
    assert type(f(x, yes, one)) is np.ndarray
    for found in (f(x, yes, one), fn.jit(lambda x: f(x, yes, one))(x), fn.vmap(lambda x: f(x, yes, one))(x[None])[0]):
        np.testing.assert_array_equal(found, [4.0, 9.0])
    np.testing.assert_array_equal(fn.grad(lambda x: xp.sum(f(x, yes, one)))(x), [0.0, 4.0, 6.0])
    assert fn.eval_shape(lambda x: f(x, yes, one), x).shape == (2,)
