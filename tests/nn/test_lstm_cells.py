"""Cells of long short-term memories: their biases and windows. Agreement with PyTorch is tested for the layers."""

import numpy as np
import pytest

from funcnet import nn, random
from funcnet.errors import ParameterError


@pytest.mark.parametrize("name", ["lstm", "conv_lstm"])
def test_the_bias_that_makes_a_cell_remember(name):
    size = () if name == "lstm" else (3,)
    make, shape = getattr(nn, f"{name}_cell"), (2, 1) if name == "lstm" else (2, 4, 4, 1)
    params = make(2, *size, forget_bias=1.5).init(random.key(0), shape)
    np.testing.assert_array_equal(params["input"]["bias"], [0, 0, 1.5, 1.5, 0, 0, 0, 0])
    with pytest.raises(ParameterError, match=r"(?s)has no bias to add to.*forget_bias=1\.0 and bias=False"):
        make(2, *size, forget_bias=1.0, bias=False)
    assert "bias" not in make(2, *size, bias=False).init(random.key(0), shape)["input"]


def test_the_window_of_the_carry():
    params = nn.conv_lstm_cell(2, 3, recurrent_size=1).init(random.key(0), (2, 4, 4, 1))
    assert params["input"]["kernel"].shape == (3, 3, 1, 8)
    assert params["hidden"]["kernel"].shape == (1, 1, 2, 8)
    with pytest.raises(ParameterError, match=r"(?s)window that does not fit.*0 for 2 spatial axes"):
        nn.conv_lstm_cell(2, 3, recurrent_size=0).init(random.key(0), (2, 4, 4, 1))
