"""tap and grad_of_taps."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import (
    DtypeError,
    IndependentOutputError,
    NonScalarOutputError,
    NotDifferentiableError,
    ParameterError,
)

X = np.array([0.3, 0.7, -1.2])


def layers(x, tap=fn.tap, wrap=lambda f: f):
    @wrap
    def block(x, i):
        h = tap(xp.sin(x) * x, f"h{i}")
        return tap({"a": xp.exp(h), "b": (h,)}, f"pair{i}")

    p = block(x, 0)
    q = block(p["a"] * p["b"][0], 1)
    return xp.sum(q["a"]) + xp.sum(q["b"][0] ** 2)


def expected(x):
    """Each gradient by adding a variable where the tap is."""
    found = {}
    for name in ("h0", "pair0", "h1", "pair1"):

        def shifted(delta, name=name):
            def tap(x, n):
                return fn.tree.map(lambda a, d: a + d, x, delta) if n == name else x

            return layers(x, tap)

        zero = np.zeros_like(x)
        found[name] = fn.grad(shifted)({"a": zero, "b": (zero,)} if name.startswith("pair") else zero)
    return found


@pytest.mark.parametrize("wrap", [lambda f: f, fn.checkpoint, lambda f: fn.checkpoint(fn.checkpoint(f))])
@pytest.mark.requirement("D8")
def test_equals_the_gradient_of_an_added_variable(wrap):
    got = fn.grad_of_taps(lambda x: layers(x, wrap=wrap))(X)
    want = expected(X)
    assert list(got) == list(want)
    for name in want:
        assert fn.tree.structure(got[name]) == fn.tree.structure(want[name])
        for a, b in zip(fn.tree.leaves(got[name]), fn.tree.leaves(want[name]), strict=True):
            assert type(a) is np.ndarray
            np.testing.assert_allclose(a, b, rtol=1e-13)


def test_nothing_happens_without():
    assert fn.tap(X, "x") is X
    np.testing.assert_array_equal(fn.grad(layers)(X), fn.grad(lambda x: layers(x, lambda x, n: x))(X))


def test_with_other_transformations():
    def f(x):
        return xp.sum(fn.grad(lambda x: xp.sum(fn.tap(x**2, "square") ** 2))(x))

    np.testing.assert_allclose(fn.grad_of_taps(f)(X)["square"], 4 * X, rtol=1e-13)
    batch = fn.grad_of_taps(lambda x: xp.sum(fn.vmap(lambda v: xp.sum(fn.tap(v * 2, "v") ** 2))(x)))(np.stack([X, X]))
    np.testing.assert_allclose(batch["v"], np.stack([4 * X, 4 * X]))
    second = fn.grad(lambda x: xp.sum(fn.grad_of_taps(lambda x: xp.sum(fn.tap(x * x, "t") ** 3))(x)["t"]))(X)
    np.testing.assert_allclose(second, 12 * X**3, rtol=1e-13)
    mapped = fn.vmap(fn.grad_of_taps(lambda x: xp.sum(fn.tap(x * x, "t") ** 3)))(np.stack([X, 2 * X]))
    np.testing.assert_allclose(mapped["t"], np.stack([3 * X**4, 48 * X**4]), rtol=1e-13)


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
def test_backends(backend):
    with fn.use_backend(backend):
        x = xp.asarray(X)
        g = fn.grad_of_taps(layers)(x)["h1"]
        assert type(g) is type(x)
        np.testing.assert_allclose(fn.to_numpy(g), expected(X)["h1"], rtol=1e-4)


def test_a_tap_that_does_not_matter_is_zero():
    def f(x):
        fn.tap(x * 5, "unused")
        return xp.sum(fn.tap(x, "used"))

    got = fn.grad_of_taps(f)(X)
    np.testing.assert_array_equal(got["unused"], np.zeros(3))
    np.testing.assert_array_equal(got["used"], np.ones(3))


def test_bad_input():
    with pytest.raises(ParameterError, match="the name 'x' twice"):
        fn.grad_of_taps(lambda x: xp.sum(fn.tap(x, "x") + fn.tap(x, "x")))(X)
    with pytest.raises(ParameterError, match="needs a name"):
        fn.tap(X, 3)
    with pytest.raises(ParameterError, match="transforms a function"):
        fn.grad_of_taps(3)
    with pytest.raises(DtypeError, match=r"the gradient of 'k' at \.i"):
        fn.grad_of_taps(lambda x: xp.sum(fn.tap({"i": xp.argmax(x), "x": x}, "k")["x"]))(X)
    with pytest.raises(NonScalarOutputError):
        fn.grad_of_taps(lambda x: fn.tap(x, "x"))(X)
    with pytest.raises(IndependentOutputError):
        fn.grad_of_taps(lambda x: xp.sum(x))(X)


def test_taps_in_graphs():
    x = np.array([1.0, 2.0])
    inside = fn.jit(lambda x: xp.sum(fn.tap(x * 2.0, "inside")))

    def f(x):
        return xp.sum(fn.tap(x * x, "outside")) + inside(x)

    # A zero for "inside" would be wrong.
    with pytest.raises(NotDifferentiableError, match=r"'inside' inside of a captured function, in .*test_taps"):
        fn.grad_of_taps(f)(x)
    # Nor is the graph that it has by now without the tap.
    assert inside(x) == 6.0
    for _ in range(2):
        with pytest.raises(NotDifferentiableError, match="'inside' inside of a captured function"):
            fn.grad_of_taps(f)(x)
        assert inside(x) == 6.0
    branch = fn.jit(fn.grad_of_taps(lambda x: fn.cond(x[0] > 0.0, inside, xp.sum, x)))
    with pytest.raises(NotDifferentiableError, match=r"fn\.jit\(fn\.grad_of_taps"):
        branch(x)
    found = fn.jit(fn.grad_of_taps(lambda x: xp.sum(fn.tap(x * x, "outside") ** 2)))(x)
    np.testing.assert_allclose(found["outside"], 2.0 * x * x)
