"""Where windows lie, against counting them one by one."""

from itertools import product

import numpy as np
import pytest

from funcnet.backends.windows import inside_of, places_of, taps

CASES = list(product([5, 6], [1, 2, 3], [1, 2], [(0, 0), (1, 2), (-1, 0)], [1, 2]))


@pytest.mark.parametrize(("n", "size", "stride", "padding", "dilation"), CASES)
def test_windows_of_one_axis(n, size, stride, padding, dilation):
    length, reach = n + sum(padding), dilation * (size - 1) + 1
    starts = range(0, max(length - reach + 1, 0), stride)
    (count,) = places_of((n,), (size,), (stride,), (padding,), (dilation,))
    assert max(count, 0) == len(starts)
    x = np.arange(2 * length * 3).reshape(2, length, 3)
    found = [tap for tap, _ in taps((size,), (count,), (stride,), (dilation,))]
    assert found == [(k,) for k in range(size)]
    if count > 0:
        for (k,), part in taps((size,), (count,), (stride,), (dilation,)):
            np.testing.assert_array_equal(x[part], x[:, [start + k * dilation for start in starts]])


def test_the_inside_of_a_padded_array():
    x = np.arange(24).reshape(1, 2, 3, 4)
    wide = np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)))
    np.testing.assert_array_equal(wide[inside_of((2, 3), ((1, 2), (0, 3)))], x)
