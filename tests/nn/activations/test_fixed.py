"""Layers of activation functions without parameters: each is the function of its name."""

import numpy as np
import pytest

from funcnet import nn
from funcnet.nn.activations import fixed
from funcnet.nn.layer import kind_of

#: What the layers make of -1, 0 and 2, from their formulas.
WANTED = {
    "exponential": [0.36787944, 1.0, 7.3890561],
    "hard_sigmoid": [1 / 3, 0.5, 5 / 6],
    "hard_swish": [-1 / 3, 0.0, 5 / 3],
    "identity": [-1.0, 0.0, 2.0],
    "log_sigmoid": [-1.31326169, -0.69314718, -0.12692801],
    "mish": [-0.30340146, 0.0, 1.94395896],
    "quick_gelu": [-0.15420423, 0.0, 1.93565862],
    "relu": [0.0, 0.0, 2.0],
    "relu6": [0.0, 0.0, 2.0],
    "selu": [-1.11133074, 0.0, 2.10140197],
    "sigmoid": [0.26894142, 0.5, 0.88079708],
    "silu": [-0.26894142, 0.0, 1.76159416],
    "softsign": [-0.5, 0.0, 2 / 3],
    "sparse_plus": [0.0, 0.25, 2.0],
    "sparse_sigmoid": [0.0, 0.5, 1.0],
    "tanh": [-0.76159416, 0.0, 0.96402758],
    "tanh_shrink": [-0.23840584, 0.0, 1.03597242],
}


@pytest.mark.parametrize("name", fixed.__all__)
def test_a_layer_is_the_function_of_its_name(name):
    layer = getattr(nn, name)()
    y, state = layer.apply({}, {}, np.array([-1.0, 0.0, 2.0]))
    np.testing.assert_allclose(y, WANTED[name], rtol=1e-7)
    assert (kind_of(layer), state) == (name, {})
