"""What losses have in common."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.losses.reduction import check_reduction, check_same_shape, reduced


def test_reductions():
    values = np.array([[1.0, 2.0], [3.0, 6.0]])
    assert reduced(values, "mean") == 3
    assert reduced(values, "sum") == 12
    assert reduced(values, "none") is values


def test_unknown_reduction_shows_the_call():
    with pytest.raises(ParameterError, match=r"losses\.mse got an unknown reduction") as error:
        check_reduction("mse", "avg")
    assert 'losses.mse(..., reduction="mean")' in str(error.value)


def test_a_number_is_no_target_of_an_array():
    check_same_shape("mse", np.zeros(3), np.zeros(3), "a prediction and a target")
    with pytest.raises(ShapeError, match="of different shapes") as error:
        check_same_shape("mse", np.zeros(3), 1.0, "a prediction and a target")
    assert "(3,) and ()" in str(error.value)


def test_lists_and_numbers_are_no_arrays():
    for prediction, target in ((1.0, 2.0), ([1.0], np.zeros(1)), (np.zeros(1), [1.0])):
        with pytest.raises(DtypeError, match=r"losses\.mse takes arrays") as error:
            losses.mse(prediction, target)
        assert "xp.asarray(x)" in str(error.value)
    with pytest.raises(DtypeError, match="list, which is no array"):
        losses.softmax_cross_entropy([[1.0, 2.0]], np.array([0]))
    # A number fits a prediction without dimensions.
    assert losses.mse(np.array(1.0), 3) == 4


def test_weights():
    values, weights = np.array([[1.0, np.inf], [3.0, 6.0]]), np.array([[1, 0], [2, 1]])
    np.testing.assert_array_equal(reduced(values, "none", weights), [[1, 0], [6, 6]])
    assert reduced(values, "sum", weights) == 13
    assert reduced(values, "mean", weights) == 13 / 4
    # A weight per row counts for each element.
    assert reduced(values[1:], "mean", np.array([[5.0]])) == 4.5
    with np.errstate(invalid="ignore"):
        assert np.isnan(reduced(values, "mean", np.zeros((1, 1))))
    with pytest.raises(ShapeError, match=r"losses\.mse got weights that do not fit") as error:
        reduced(values, "mean", np.ones(2), "mse")
    assert "weights (2,) for losses (2, 2)" in str(error.value)
    assert "xp.expand_dims(weights, axis=-1)" in str(error.value)


def test_weights_are_differentiated_also_where_they_are_0():
    values, weights = np.array([1.0, 2.0, 6.0]), np.array([1.0, 0.0, 3.0])
    grad = fn.grad(lambda w: reduced(values, "mean", w))(weights)
    np.testing.assert_allclose(grad, (values - 19 / 4) / 4, rtol=1e-14)
