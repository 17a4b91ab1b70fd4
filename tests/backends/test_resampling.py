"""Tables of interpolation: weights that sum to one, and transposes that are transposes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet.backends.resampling import METHODS, table


def dense(sizes, *options, transposed=False):
    places, weights = table(sizes, *options, transposed)
    matrix = np.zeros((places.shape[0], sizes[transposed]))
    for row, (where, share) in enumerate(zip(places, weights, strict=True)):
        np.add.at(matrix[row], where, share)
    return matrix


@given(
    st.sampled_from(METHODS),
    st.integers(1, 9),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([None, 0.3, 1.0, 1.7]),
)
def test_rows_sum_to_one_and_the_transpose_is_one(method, n, m, align, scale):
    matrix = dense((n, m), method, align, scale)
    assert matrix.shape == (m, n)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(dense((n, m), method, align, scale, transposed=True), matrix.T)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_size_is_the_identity(method):
    np.testing.assert_array_equal(dense((5, 5), method, False, None), np.eye(5))


def test_aligned_corners_meet():
    matrix = dense((3, 5), "linear", True, None)
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]])
    assert dense((3, 1), "linear", True, None).tolist() == [[1.0, 0.0, 0.0]]


def test_shorter_rows_end_in_an_element_that_they_have():
    places, weights = table((3, 7), "linear", False, None, True)
    for where, share in zip(places, weights, strict=True):
        assert set(where[share == 0]) <= set(where[share != 0]) | {where[0]}
