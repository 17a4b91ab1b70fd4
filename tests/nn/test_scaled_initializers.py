"""PyTorch's gains. The distributions themselves are tested with the other initialisers'."""

import pytest

from funcnet import nn
from funcnet.errors import ParameterError
from funcnet.testing.oracles import oracle

torch = oracle("torch")


init = nn.initializers


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains_are_those_of_torch(activation):
    assert init.gain(activation) == pytest.approx(torch.nn.init.calculate_gain(activation), rel=1e-15)
    with pytest.raises(ParameterError, match="does not know this activation function"):
        init.gain("gelu?")


def test_leaky_gain_of_another_slope():
    assert init.gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3), rel=1e-15)
