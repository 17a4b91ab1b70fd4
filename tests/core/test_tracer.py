"""What a traced array gives away, and how it is written to."""

import copy
import pickle

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import AbstractValueError, DtypeError, EscapedTracerError, ShapeError, TracerConversionError

X = np.array([1.0, 2.0, 3.0])


def under_grad(f):
    """Return what `f` returns for a traced vector."""
    return fn.grad(lambda x: (xp.sum(x * x), f(x)), has_aux=True)(X)[1]


CONVERSIONS = {
    "float()": lambda x: float(x[0]),
    "complex()": lambda x: complex(x[0]),
    "int()": lambda x: int(x[0]),
    "use as an index": lambda x: [1, 2, 3][x[0]],
    ".item()": lambda x: x[0].item(),
    ".tolist()": lambda x: x.tolist(),
    "numpy.asarray": lambda x: np.asarray(x),
    "DLPack export": lambda x: np.from_dlpack(x),
}


@pytest.mark.parametrize("what", CONVERSIONS)
@pytest.mark.parametrize("transformation", ["grad", "jvp"])
def test_conversions_that_drop_the_derivative_are_refused(what, transformation):
    def f(x):
        CONVERSIONS[what](x)
        return xp.sum(x)

    transformed = {"grad": lambda: fn.grad(f)(X), "jvp": lambda: fn.jvp(f, (X,), (X,))}[transformation]
    with pytest.raises(TracerConversionError) as caught:
        transformed()
    message = str(caught.value)
    assert what in message
    assert "test_tracer.py" in message, "the frame is named"
    assert "fn.stop_gradient(x)" in message


def test_conversion_is_refused_when_only_an_outer_transformation_follows_the_value():
    def outer(x):
        return fn.grad(lambda y: y * float(x))(1.0)

    with pytest.raises(TracerConversionError, match="float"):
        fn.grad(outer)(2.0)


@pytest.mark.parametrize("what", [w for w in CONVERSIONS if w not in ("DLPack export", "use as an index")])
def test_conversions_of_constants_work(what):
    def f(x):
        return CONVERSIONS[what](fn.stop_gradient(x))

    expected = CONVERSIONS[what](X)
    np.testing.assert_array_equal(under_grad(f), expected)


def test_integer_results_are_concrete():
    assert under_grad(lambda x: [10, 20, 30][xp.argmax(x)]) == 30
    assert under_grad(lambda x: int(xp.argmax(x))) == 2
    table = np.array([5.0, 6.0, 7.0])
    assert under_grad(lambda x: table[np.asarray(xp.argmax(x))]) == 7.0


@pytest.mark.requirement("P32", "PX15")
def test_truth_and_comparisons_are_concrete():
    def f(x):
        return xp.sum(x if x[0] < x[1] and x[2] else -x)

    np.testing.assert_array_equal(fn.grad(f)(X), np.ones(3))
    with pytest.raises(ValueError, match="ambiguous"):
        under_grad(bool)


def test_abstract_values_are_not_read():
    with pytest.raises(AbstractValueError, match="only shape and dtype are known") as caught:
        fn.eval_shape(lambda x: x if x[0] > 0 else -x, fn.Spec((3,)))
    assert "xp.where" in str(caught.value)
    with pytest.raises(AbstractValueError, match=r"float\(\)"):
        fn.eval_shape(lambda x: float(x), fn.Spec(()))


def test_pickling_is_refused_and_copying_gives_a_new_handle():
    with pytest.raises(TracerConversionError, match="pickled"):
        under_grad(pickle.dumps)

    def f(x):
        y, z = copy.copy(x), copy.deepcopy(x)
        y[0] = 0.0
        z *= 2.0
        return xp.sum(x) + 10 * xp.sum(y) + 100 * xp.sum(z)

    np.testing.assert_array_equal(fn.grad(f)(X), [201.0, 211.0, 211.0])


@pytest.mark.requirement("D5", "P35")
def test_attributes_of_arrays():
    def f(x):
        m = x[:, None] * np.ones((1, 2))
        return m.shape, m.ndim, m.size, m.dtype, m.device, m.T.shape, m.mT.shape, len(m), [row.shape for row in m]

    shape, ndim, size, dtype, device, t, mt, length, rows = under_grad(f)
    assert (shape, ndim, size, dtype, device) == ((3, 2), 2, 6, np.float64, "cpu")
    assert (t, mt, length, rows) == ((2, 3), (2, 3), 3, [(2,)] * 3)


@pytest.mark.requirement("D5")
def test_length_and_iteration_need_a_dimension():
    with pytest.raises(TypeError, match="len"):
        fn.grad(lambda x: len(x) * x)(1.0)
    with pytest.raises(TypeError, match="iteration"):
        fn.grad(lambda x: sum(x))(1.0)


@pytest.mark.requirement("PX16")
def test_unhashable_like_every_array():
    with pytest.raises(TypeError, match="unhashable"):
        under_grad(hash)


@pytest.mark.requirement("D4", "P34")
def test_repr_shows_the_value_and_the_transformation():
    assert under_grad(lambda x: f"{x[0]:.2f}") == "1.00"
    assert "traced(" in under_grad(repr)
    assert "reverse-mode" in under_grad(str)


# ------------------------------------------------------------------ writing


@pytest.mark.requirement("P31", "PX17")
def test_assignment_rebinds_the_handle_and_never_writes_the_callers_array():
    before = X.copy()

    def f(x):
        y = x
        y[1] = x[0] * x[2]
        return xp.sum(y * y)

    # y = (a, ac, c): 2a + 2ac^2, 0, 2c + 2a^2c
    np.testing.assert_allclose(fn.grad(f)(X), [2 + 2 * 9, 0.0, 6 + 6])
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (lambda y, x: y.__iadd__(x), lambda x: 2 * np.ones(3)),
        (lambda y, x: y.__isub__(2 * x), lambda x: -np.ones(3)),
        (lambda y, x: y.__imul__(x), lambda x: 2 * x),
        (lambda y, x: y.__itruediv__(x * x), lambda x: -1 / x**2),
        (lambda y, x: y.__ipow__(2), lambda x: 2 * x),
    ],
    ids=["+=", "-=", "*=", "/=", "**="],
)
@pytest.mark.requirement("P27", "PX17")
def test_in_place_operators(operation, expected):
    def f(x):
        y = x * 1.0
        alias = y
        y = operation(y, x)
        assert alias is y, "an alias sees the update, as with ordinary arrays"
        return xp.sum(y)

    np.testing.assert_allclose(fn.grad(f)(X), expected(X))


def test_second_order_through_assignment():
    def f(x):
        y = xp.zeros(3, dtype="float64")
        y[0] = x**3
        y[1:] = x
        return xp.sum(y * y)

    # x^6 + 2 x^2
    assert fn.grad(fn.grad(f))(np.array(2.0)) == pytest.approx(30 * 2.0**4 + 4)


def test_created_arrays_receive_traced_values_and_plain_ones_refuse():
    def good(x):
        out = xp.zeros_like(x)
        for i in range(3):
            out[i] = x[i] ** 2
        return xp.sum(out)

    np.testing.assert_allclose(fn.grad(good)(X), 2 * X)
    plain = np.zeros(3)

    def setitem(x):
        plain[0] = x[0]
        return xp.sum(x)

    def add(x):
        y = plain.copy()
        y += x
        return xp.sum(y)

    def assign(x):
        plain[:2] = x[:2]
        return xp.sum(x)

    # NumPy puts its own ValueError in front where one element is assigned.
    with pytest.raises(ValueError, match="sequence") as caught:
        fn.grad(setitem)(X)
    assert isinstance(caught.value.__cause__, TracerConversionError)
    assert "a = fn.lift(a)" in str(caught.value.__cause__)
    with pytest.raises(TracerConversionError, match=r"a = fn\.lift\(a\)"):
        fn.grad(assign)(X)
    with pytest.raises(TracerConversionError, match=r"fn\.lift") as caught:
        fn.grad(add)(X)
    assert "xp.at" in str(caught.value)
    np.testing.assert_array_equal(plain, 0.0)


def test_in_place_keeps_shape_and_kind():
    with pytest.raises(ShapeError, match="cannot change the shape"):
        fn.grad(lambda x: xp.sum(x.__iadd__(np.ones((2, 3)))))(X)
    with pytest.raises(DtypeError, match="cannot change the kind"):
        fn.grad(lambda x: xp.sum(x.__iadd__(1j)))(X)
    single = X.astype(np.float32)

    def f(x):
        x += np.ones(3)
        assert x.dtype == np.float32
        return xp.sum(x)

    assert fn.grad(f)(single).dtype == np.float32


@pytest.mark.requirement("D26")
def test_a_part_shows_the_array():
    """As with NumPy, writing into a part writes into the array; the caller's own array is left alone."""

    def f(x):
        part = x[:2]
        part[0] = 0.0
        return xp.sum(x) + 0.0 * xp.sum(part)

    np.testing.assert_array_equal(fn.grad(f)(X), [0.0, 1.0, 1.0])
    assert X[0] != 0.0


# ------------------------------------------------------------------ escape


def test_an_escaped_tracer_is_named_and_refused():
    kept = []

    def f(x):
        kept.append(x)
        return xp.sum(x)

    fn.grad(f)(X)
    for use in (lambda: kept[0] + 1.0, lambda: fn.grad(lambda y: xp.sum(y * kept[0]))(X)):
        with pytest.raises(EscapedTracerError, match="reverse-mode transformation has ended") as caught:
            use()
        assert "has_aux=True" in str(caught.value)
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.requirement("D28")
def test_methods_of_arrays():
    def f(x):
        m = x.reshape(3, 1) * x
        return (
            m.sum() + m.mean(axis=0)[1] + m.max() - m.min() + m.T.ravel()[2] + m.std() + m.var() + m.prod(axis=1)[0]
            + m.swapaxes(0, 1)[0, 1] + m.cumsum()[3] + m.clip(1.5, 4.5).sum() + m.dot(x)[0] + m.squeeze().take(4)
            + m.transpose(1, 0).flatten()[1] + m.astype(np.float32).sum() + round(m, 0).sum()
            + m.repeat(2, axis=0).sum()
        )  # fmt: skip

    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    with jax.enable_x64(True):
        expected = jax.grad(lambda x: f(x))(X)
    np.testing.assert_allclose(fn.grad(f)(X), expected, rtol=1e-6)
