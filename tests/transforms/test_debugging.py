"""debug_nans."""

import threading

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.core import registry
from funcnet.errors import NanError

X = np.array([1.0, -2.0, 3.0])


def test_the_forward_pass_names_operation_line_values_and_leaf():
    def loss(p, x):
        return xp.sum(xp.log(p["net"]["w"]) * x)

    with pytest.raises(NanError) as caught, fn.debug_nans():
        fn.grad(loss)({"net": {"w": X}}, X)
    text = str(caught.value)
    assert "xp.log made a NaN in the forward pass" in text
    assert f"{__file__}:{loss.__code__.co_firstlineno + 1} (loss)" in text
    assert "1 of 3 elements, the first at (1,)" in text
    assert "argument 0 float64[3] is -2.0 there (argument 0, leaf .net.w of fn.grad)" in text
    assert isinstance(caught.value, FloatingPointError)


def test_the_backward_pass_names_the_line_of_the_operation():
    def loss(x):
        y = x * 0.0
        return xp.sum(xp.sqrt(y))

    with pytest.raises(NanError) as caught, fn.debug_nans():
        fn.grad(loss)(X)
    text = str(caught.value)
    assert "The derivative of xp.multiply in argument 0 is NaN in the backward pass" in text
    assert f"{__file__}:{loss.__code__.co_firstlineno + 1} (loss)" in text


def test_forward_mode():
    with pytest.raises(NanError, match=r"xp\.multiply in argument 0 is NaN in forward mode"), fn.debug_nans():
        fn.jvp(lambda x: x * 0.0, (X,), (np.full(3, np.inf),))


def test_a_nan_that_was_there_already():
    with (
        pytest.raises(NanError, match=r"xp\.(square|pow|multiply)(.|\n)*is nan there \(argument 0 of fn\.vjp\)"),
        fn.debug_nans(),
    ):
        fn.vjp(lambda x: x * x, np.array([1.0, np.nan]))


def test_without_any_transformation_and_with_scalars():
    with fn.debug_nans():
        with pytest.raises(NanError, match=r"xp\.subtract made a NaN"):
            xp.subtract(np.array(np.inf), np.array(np.inf))
        with pytest.raises(NanError, match=r"xp\.log made a NaN"):
            xp.log(-1.0)
    with np.errstate(all="ignore"):
        assert np.isnan(xp.log(-1.0))


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
def test_backends(backend):
    with fn.use_backend(backend), fn.debug_nans(), pytest.raises(NanError, match=r"xp\.log(.|\n)*leaf \.w of fn\.grad"):
        fn.grad(lambda p: xp.sum(xp.log(p["w"])))({"w": xp.asarray(X)})


def test_right_programs_are_left_alone_and_everything_is_put_back():
    def f(x):
        return xp.sum(xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, 1.0)), 0.0)) + xp.sum(xp.stack([x, x])[0] ** 2)

    plain = fn.grad(f)(X)
    rules = {name: primitive.reverse for name, primitive in registry.items()}
    with fn.debug_nans(), fn.debug_nans():
        np.testing.assert_array_equal(fn.grad(f)(X), plain)
        np.testing.assert_allclose(fn.jvp(f, (X,), (X,))[1], plain @ X)
        np.testing.assert_allclose(fn.hessian(f)(X), fn.hessian(f)(X))
    np.testing.assert_array_equal(fn.grad(f)(X), plain)
    assert type(registry["sin"].reverse) in (tuple, type(None))
    assert type(rules["sin"]) in (tuple, type(None))
    assert all(type(p.reverse).__name__ != "_CheckedMakers" for p in registry.values())


def test_other_threads_are_left_alone():
    results = []

    def work():
        with np.errstate(all="ignore"):
            results.append(fn.vjp(xp.log, X)[1](np.ones(3))[0])

    with fn.debug_nans():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    np.testing.assert_array_equal(results[0], 1 / X)
