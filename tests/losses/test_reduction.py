"""What losses have in common."""

import numpy as np
import pytest

from funcnet.errors import ParameterError, ShapeError
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
