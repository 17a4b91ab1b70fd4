"""Values that are read where that costs nothing."""

import numpy as np

import funcnet as fn
from funcnet.core.readable import readable


def test_values_on_the_cpu():
    x = np.array([1, 2])
    np.testing.assert_array_equal(readable(x), x)
    assert readable("no array") is None
    seen = []
    fn.grad(lambda t: (seen.append(readable(t)), t * t)[1])(np.float64(3.0))
    assert seen == [3.0]


def test_nothing_is_read_where_there_are_no_values():
    seen = []
    fn.eval_shape(lambda t: (seen.append(readable(t)), t)[1], fn.Spec((2,), "float64"))
    assert seen == [None]
