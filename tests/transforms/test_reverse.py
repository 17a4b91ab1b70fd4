"""grad, value_and_grad and vjp."""

import gc
import sys
import threading
import tracemalloc
import weakref
from typing import NamedTuple

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.core import current_trace
from funcnet.errors import (
    DtypeError,
    IndependentOutputError,
    NonScalarOutputError,
    ParameterError,
    ShapeError,
    TreeError,
)


class Point(NamedTuple):
    x: object
    y: object


def square_sum(tree):
    return sum(xp.sum(leaf * leaf) for leaf in fn.tree.leaves(tree))


# ------------------------------------------------------------------ values


@pytest.mark.requirement("D1")
def test_gradients_of_trees_keep_structure_dtype_and_shape():
    params = {
        "w": np.ones((2, 3), dtype=np.float32),
        "p": Point([np.array(2.0), None], (np.arange(3.0),)),
        "empty": np.zeros((0, 4)),
    }
    grads = fn.grad(square_sum)(params)
    assert fn.tree.structure(grads) == fn.tree.structure(params)
    for g, leaf in zip(fn.tree.leaves(grads), fn.tree.leaves(params), strict=True):
        assert type(g) is np.ndarray
        assert (g.shape, g.dtype) == (leaf.shape, leaf.dtype)
        np.testing.assert_array_equal(g, 2 * leaf)


@pytest.mark.requirement("D1")
def test_value_and_grad_takes_the_same_path_as_grad():
    x = np.linspace(-1.0, 1.0, 7)
    value, g = fn.value_and_grad(lambda x: xp.sum(xp.sin(x) * x))(x)
    np.testing.assert_array_equal(g, fn.grad(lambda x: xp.sum(xp.sin(x) * x))(x))
    assert value == np.sum(np.sin(x) * x)


def test_argnums():
    def f(a, b, c):
        return a * b**2 * c**3

    args = (np.array(2.0), np.array(3.0), np.array(5.0))
    assert fn.grad(f, argnums=1)(*args) == 2 * 2 * 3 * 125
    assert fn.grad(f, argnums=-1)(*args) == 2 * 9 * 3 * 25
    assert [float(g) for g in fn.grad(f, argnums=(2, 0))(*args)] == [1350.0, 1125.0]
    assert fn.grad(f)(args[0], b=args[1], c=args[2]) == 1125.0


def test_has_aux():
    def f(x):
        return xp.sum(x * x), {"double": 2 * x, "name": "aux", "none": None}

    x = np.array([1.0, 2.0])
    g, aux = fn.grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(g, 2 * x)
    assert type(aux["double"]) is np.ndarray
    assert aux["name"] == "aux"
    (value, aux), g = fn.value_and_grad(f, has_aux=True)(x)
    assert value == 5.0
    np.testing.assert_array_equal(aux["double"], 2 * x)


def test_python_floats_are_leaves_in_the_default_dtype():
    g = fn.grad(lambda x: x**3)(2.0)
    assert (type(g), g.dtype, float(g)) == (np.ndarray, np.float32, 12.0)
    with fn.use_backend("numpy", dtype="float64"):
        assert fn.grad(lambda x: x**3)(2.0).dtype == np.float64


@pytest.mark.parametrize(
    ("f", "order", "expected"),
    [
        (lambda x: xp.sin(x), 4, np.sin(0.7)),
        (lambda x: xp.tanh(x), 3, None),
        (lambda x: x**4 - 2 * x**2, 4, 24.0),
        (lambda x: xp.exp(2 * x), 5, 32 * np.exp(1.4)),
        (lambda x: 1 / x, 3, -6 / 0.7**4),
    ],
)
@pytest.mark.requirement("D9")
def test_every_order(f, order, expected):
    for _ in range(order):
        f = fn.grad(f)
    if expected is None:
        t = np.tanh(0.7)
        expected = (1 - t * t) * (6 * t * t - 2)
    assert f(np.array(0.7)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.requirement("D9")
def test_nested_in_any_way_without_perturbation_confusion():
    x = np.array(3.0)
    # d/dx [x * d/dy (x + y)] = 1, the classic case
    assert fn.grad(lambda x: x * fn.grad(lambda y: x + y)(np.array(1.0)))(x) == 1.0
    # d/dx [x * d/dy (x y)] = 2x
    assert fn.grad(lambda x: x * fn.grad(lambda y: x * y)(np.array(5.0)))(x) == 6.0
    inner = fn.grad(lambda x: x * x * x)
    assert fn.jvp(inner, (x,), (np.array(1.0),))[1] == 18.0
    assert fn.grad(lambda x: fn.jvp(lambda y: y * y * x, (x,), (np.array(1.0),))[1])(x) == pytest.approx(12.0)
    assert fn.jvp(lambda x: fn.jvp(lambda y: y**3, (x,), (1.0,))[1], (x,), (1.0,))[1] == 18.0


@pytest.mark.requirement("D6", "D7")
def test_a_value_used_many_times_on_diamonds():
    def f(x):
        a = x * x
        b = a + x
        c = a * b
        return c + a + b + x + x

    x = 1.5
    # f = x^4 + x^3 + 2x^2 + 3x
    assert fn.grad(f)(np.array(x)) == pytest.approx(4 * x**3 + 3 * x**2 + 4 * x + 3)


@pytest.mark.requirement("D7")
def test_shared_leaves_and_leaves_without_influence():
    w = np.array([1.0, 2.0])
    g = fn.grad(lambda p: xp.sum(p["a"] * p["b"]))({"a": w, "b": w, "c": np.ones(2, dtype=np.float32)})
    np.testing.assert_array_equal(g["a"], w)
    np.testing.assert_array_equal(g["c"], np.zeros(2))
    assert g["c"].dtype == np.float32


@pytest.mark.requirement("D18")
def test_mixed_dtypes_give_each_leaf_its_own():
    def f(a, b):
        return xp.sum(a * b)

    ga, gb = fn.grad(f, argnums=(0, 1))(np.ones(2, dtype=np.float32), np.ones((3, 2)))
    assert (ga.dtype, gb.dtype, ga.shape, gb.shape) == (np.float32, np.float64, (2,), (3, 2))
    np.testing.assert_array_equal(ga, 3.0)


def test_a_real_argument_of_a_complex_computation():
    g = fn.grad(lambda x: xp.real(x * (2.0 + 3.0j) * (1.0 - 1.0j)))(np.array(1.0))
    assert (g.dtype, float(g)) == (np.float64, 5.0)


# ------------------------------------------------------------------ gradients are arrays of their own


def test_gradients_are_fresh_writable_and_not_aliased():
    a, b = np.ones(3), np.ones(3)
    ga, gb = fn.grad(lambda a, b: xp.sum(a + b), argnums=(0, 1))(a, b)
    ga += 1.0
    np.testing.assert_array_equal(gb, 1.0)
    np.testing.assert_array_equal(a, 1.0)
    assert ga.flags.owndata
    assert gb.flags.writeable


@pytest.mark.requirement("PX17")
def test_inputs_are_untouched_and_may_be_read_only():
    x = np.arange(4.0)
    x.flags.writeable = False

    def f(x):
        x[0] = 5.0
        x *= 2.0
        return xp.sum(x * x)

    np.testing.assert_array_equal(fn.grad(f)(x), [0.0, 8.0, 16.0, 24.0])
    np.testing.assert_array_equal(x, np.arange(4.0))


# ------------------------------------------------------------------ vjp


def test_vjp_of_trees_may_be_called_many_times():
    def f(a, b):
        return {"s": a + b, "p": (a * b,)}

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, pullback = fn.vjp(f, a, b)
    np.testing.assert_array_equal(y["p"][0], a * b)
    for _ in range(2):
        ga, gb = pullback({"s": np.ones(2), "p": (np.array([1.0, 10.0]),)})
        np.testing.assert_array_equal(ga, [4.0, 41.0])
        np.testing.assert_array_equal(gb, [2.0, 21.0])
    ga, _ = pullback({"s": None, "p": (np.ones(2),)})
    np.testing.assert_array_equal(ga, b)


def test_vjp_of_an_output_that_does_not_depend_on_the_input_is_zero():
    _, pullback = fn.vjp(lambda x: (np.ones(3), x), np.ones(2))
    np.testing.assert_array_equal(pullback((np.ones(3), np.zeros(2)))[0], np.zeros(2))


def test_vjp_checks_the_cotangent():
    _, pullback = fn.vjp(lambda x: {"a": x, "b": 2 * x}, np.ones(2))
    with pytest.raises(TreeError, match="b"):
        pullback({"a": np.ones(2)})
    with pytest.raises(ShapeError, match="cotangent of output 1") as caught:
        pullback({"a": np.ones(2), "b": np.ones(3)})
    assert "(3,)" in str(caught.value)
    assert "(2,)" in str(caught.value)
    with pytest.raises(DtypeError, match="cotangent"):
        pullback({"a": np.ones(2), "b": np.ones(2, dtype=np.float32)})


def test_vjp_with_aux():
    y, pullback, aux = fn.vjp(lambda x: (x * x, x + 1), np.array(3.0), has_aux=True)
    assert (y, aux, pullback(1.0)[0]) == (9.0, 4.0, 6.0)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("params", "path", "write"),
    [
        ({"a": {"n": np.arange(3)}}, "argument 0, leaf .a.n", "xp.astype"),
        ({"a": [np.ones(2), np.array([True])]}, "argument 0, leaf .a[1]", "xp.astype"),
        (3, "argument 0", "3.0"),
        ({"a": 3}, "argument 0, leaf .a", "3.0"),
        ({"a": "text"}, "argument 0, leaf .a", "argnums"),
    ],
)
@pytest.mark.requirement("D2")
def test_leaves_that_cannot_be_differentiated_are_named(params, path, write):
    with pytest.raises(DtypeError) as caught:
        fn.grad(square_sum)(params)
    assert path in str(caught.value)
    assert write in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("f", "found"),
    [
        (lambda x: x, "shape (3,)"),
        (lambda x: xp.argmax(x), "int64"),
        (lambda x: xp.sum(x) * 1j, "complex128"),
        (lambda x: (xp.sum(x), 1), "tuple"),
        (lambda x: None, "NoneType"),
    ],
)
def test_outputs_that_are_no_real_scalar(f, found):
    with pytest.raises(NonScalarOutputError, match="returns a scalar") as caught:
        fn.grad(f)(np.ones(3))
    assert found in str(caught.value)
    assert "write:" in str(caught.value)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 3.0,
        lambda x: np.array(3.0),
        lambda x: fn.stop_gradient(x) ** 2,
        lambda x: xp.sum(xp.zeros(3)),
        lambda x: fn.grad(lambda y: y * 2.0)(1.0),
    ],
)
def test_an_output_that_does_not_depend_on_the_input(f):
    with pytest.raises(IndependentOutputError, match="does not depend"):
        fn.grad(f)(np.array(1.0))
    with pytest.raises(ValueError, match="does not depend"):
        fn.value_and_grad(f)(np.array(1.0))


def test_a_zero_derivative_is_no_error():
    assert fn.grad(lambda x: xp.floor(x))(np.array(1.5)) == 0.0
    np.testing.assert_array_equal(fn.grad(lambda x: xp.sum(xp.sign(x)))(np.ones(2)), np.zeros(2))


@pytest.mark.parametrize("argnums", [2, -3, "x", (0, 5), 1.0])
def test_argnums_out_of_range(argnums):
    with pytest.raises(ParameterError, match="argument"):
        fn.grad(lambda x, y: x * y, argnums=argnums)(1.0, 2.0)


def test_argnums_twice_and_by_keyword():
    with pytest.raises(ParameterError, match="twice"):
        fn.grad(lambda x, y: x * y, argnums=(0, -2))(1.0, 2.0)
    with pytest.raises(ParameterError, match="not passed by position") as caught:
        fn.grad(lambda x: x * x)(x=1.0)
    assert "f(x, y) in place of" in str(caught.value)


def test_aux_needs_a_pair_and_a_function_is_needed():
    with pytest.raises(NonScalarOutputError, match="returns a pair"):
        fn.grad(lambda x: x * x, has_aux=True)(1.0)
    with pytest.raises(ParameterError, match="transforms a function"):
        fn.grad(3.0)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("eval_shape", "x"),
        ("jvp", "primals, tangents"),
        ("linear_transpose", "x"),
        ("linearize", "x"),
        ("trace", "x"),
        ("vjp", "x"),
    ],
)
def test_arguments_in_place_of_the_function_are_refused(name, arguments):
    x = np.ones(3)
    with pytest.raises(ParameterError, match="transforms a function") as caught:
        getattr(fn, name)(*([(x,)] * 3 if name == "jvp" else [x, x]))
    assert f"write:  fn.{name}(f, {arguments})" in str(caught.value)


def test_an_exception_leaves_no_state_behind():
    class MineError(Exception):
        pass

    def f(x):
        raise MineError

    for transformed in (fn.grad(f), lambda x: fn.jvp(f, (x,), (x,)), lambda x: fn.eval_shape(f, x)):
        with pytest.raises(MineError):
            transformed(np.array(1.0))
        assert current_trace() is None
    assert fn.grad(lambda x: x * x)(np.array(3.0)) == 6.0


# ------------------------------------------------------------------ size and memory


@pytest.mark.parametrize("free", [True, False])
def test_deep_chains_need_no_recursion(free):
    n = 100_000

    def f(x):
        for _ in range(n):
            x = x * 1.00001
        return x

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        if free:
            g = fn.grad(f)(np.array(1.0))
        else:
            _, pullback = fn.vjp(f, np.array(1.0))
            (g,) = pullback(1.0)
            del pullback
    finally:
        sys.setrecursionlimit(limit)
    assert g == pytest.approx(1.00001**n, rel=1e-9)


def test_a_deep_chain_that_is_dropped_unused_frees_without_recursion():
    def f(x):
        y = x
        for _ in range(100_000):
            y = xp.sin(y)
        return x

    assert fn.grad(f)(np.array(1.0)) == 1.0


def test_an_input_used_5000_times():
    def f(x):
        total = x * 0.0
        for _ in range(5_000):
            total = total + x
        return xp.sum(total)

    np.testing.assert_array_equal(fn.grad(f)(np.ones(3)), 5_000.0)
    x = np.arange(5_000.0)
    np.testing.assert_array_equal(fn.grad(lambda x: sum(x[i] * x[i] for i in range(5_000)))(x), 2 * x)


class Watched(np.ndarray):
    """An array that can be referenced weakly."""


@pytest.mark.requirement("D17")
def test_the_tape_dies_with_the_call():
    alive = []

    def f(x):
        y = xp.exp(x)
        alive.append(weakref.ref(y.value))
        return xp.sum(y * y)

    x = np.ones(1000).view(Watched)
    gc.disable()
    try:
        fn.grad(f)(x)
        assert alive[0]() is None, "no cycle keeps the tape"
    finally:
        gc.enable()


@pytest.mark.requirement("D17")
def test_memory_is_given_back():
    x = np.ones(100_000)

    def f(x):
        for _ in range(20):
            x = xp.tanh(x)
        return xp.sum(x)

    g = fn.grad(f)
    g(x)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        g(x)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000
    assert peak - before < 30 * x.nbytes


def test_the_sweep_frees_as_it_goes():
    """With n saved results, the peak of forward and backward together stays near n, not 2n."""
    x = np.ones(250_000)
    n = 40

    def f(x):
        for _ in range(n):
            x = xp.exp(x * 0.01)
        return xp.sum(x)

    fn.grad(f)(x)
    tracemalloc.start()
    try:
        fn.grad(f)(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (n + 8) * x.nbytes


# ------------------------------------------------------------------ concurrency


def test_threads_do_not_see_each_other():
    results, errors = {}, []

    def work(i):
        try:
            x = np.full(50, float(i))
            for _ in range(20):
                g = fn.grad(lambda x: fn.jvp(lambda y: xp.sum(y * y * x), (x,), (x,))[1])(x)
                np.testing.assert_allclose(g, 6 * x * x)
                assert current_trace() is None
            results[i] = True
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    assert len(results) == 8
