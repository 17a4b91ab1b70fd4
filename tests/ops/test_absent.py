"""Attributes that traced arrays do not have, and methods that they share with NumPy's arrays."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.errors import FuncnetError, TracerAttributeError
from funcnet.ops.absent import ABSENT

X = np.array([0.5, -1.5, 2.5])


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_absent_attributes_say_what_to_write(name):
    def program(x):
        assert not hasattr(x, name)
        assert getattr(x, name, "nothing") == "nothing"
        return getattr(x, name)

    with pytest.raises(TracerAttributeError, match=rf"(?s)no attribute '{name}', in .*test_absent.*write: ") as caught:
        fn.grad(program)(X)
    assert isinstance(caught.value, AttributeError)
    assert isinstance(caught.value, FuncnetError)
    assert caught.value.name == name
    assert ABSENT[name] in str(caught.value)


def test_every_attribute_of_numpys_arrays_is_there_or_refused_by_name():
    from funcnet.core import Tracer

    public = {name for name in dir(np.ndarray) if not name.startswith("_")}
    assert public <= set(dir(Tracer))


def test_methods_and_attributes_that_numpys_arrays_have():
    def program(x):
        assert (x.nbytes, x.itemsize) == (24, 8)
        assert x[np.array([1, 0, 2])].searchsorted(1.0).tolist() == 2
        y = x * x
        y[1:].fill(3.0)
        assert X.tolist() == [0.5, -1.5, 2.5]
        return y.diagonal().sum() if y.ndim == 2 else (y.sum() + (x[:, None] * x).diagonal(1).sum())

    value, gradient = fn.value_and_grad(program)(X)
    assert value == 0.25 + 6 + 0.5 * -1.5 - 1.5 * 2.5
    np.testing.assert_allclose(gradient, [1.0 - 1.5, 0.5 + 2.5, -1.5])


def test_other_names_are_ordinary_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        fn.grad(lambda x: x.nonsense)(X)
