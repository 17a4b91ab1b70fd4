"""Activation functions by name."""

import numpy as np
import pytest

from funcnet import nn, random, xp
from funcnet.errors import ParameterError
from funcnet.nn import activations
from funcnet.nn.layer import kind_of

NEED_MORE = {"maxout": {"pieces": 2}}
X = np.random.default_rng(0).standard_normal((3, 4))


@pytest.mark.requirement("A6")
@pytest.mark.parametrize("name", activations.__all__)
def test_a_name_round_trips(name: str) -> None:
    layer = nn.activation(name, **NEED_MORE.get(name, {}))
    assert kind_of(layer) == name
    again = nn.activation(kind_of(layer), **NEED_MORE.get(name, {}))
    params, state = layer.init(random.key(0), X.shape)
    np.testing.assert_array_equal(layer.apply(params, state, X)[0], again.apply(params, state, X)[0])


@pytest.mark.requirement("A6")
def test_a_function_or_a_layer_does_as_well() -> None:
    np.testing.assert_array_equal(nn.activation(np.cos).apply({}, {}, X)[0], np.cos(X))
    assert kind_of(nn.activation(xp.tanh)) == "tanh"
    layer = nn.relu6()
    assert nn.activation(layer) is layer
    wanted = np.where(X > 0, X, 0.3 * X)
    np.testing.assert_allclose(nn.activation("leaky_relu", slope=0.3).apply({}, {}, X)[0], wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("gleu", "gelu"), ("LeakyReLU", "leaky_relu"), ("hardtanh", "hard_tanh"), ("swich", "swish")],
)
def test_unknown_names_list_close_ones(name: str, suggestion: str) -> None:
    for call in (nn.activation, lambda name: nn.dense(3, activation=name)):
        with pytest.raises(ParameterError, match=f"no activation function of the name '{name}'") as error:
            call(name)
        assert suggestion in str(error.value)


def test_nothing_close_lists_all() -> None:
    with pytest.raises(ParameterError, match="celu, elu, entmax15"):
        nn.activation("zzzzzz")


def test_other_misuse() -> None:
    with pytest.raises(ParameterError, match="does not take these parameters") as error:
        nn.activation("gelu", slope=3)
    assert "found:  slope" in str(error.value)
    with pytest.raises(ParameterError, match="out of range"):
        nn.activation("softplus", beta=-1.0)
    with pytest.raises(ParameterError, match="takes a name"):
        nn.activation(3)
    with pytest.raises(ParameterError, match="parameters slope"):
        nn.activation(np.cos, slope=1)
    with pytest.raises(ParameterError, match="by its name or as a function"):
        nn.dense(3, activation=nn.relu())


@pytest.mark.requirement("A5")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [None, "relu", "gelu", np.sin])
def test_dense_is_a_product_with_optional_bias_and_activation(bias: bool, activation: object) -> None:
    layer = nn.dense(3, bias=bias, activation=activation, bias_init=nn.initializers.normal(1.0), dtype="float64")
    params, state = layer.init(random.key(0), X.shape)
    wanted = X @ params["kernel"] + (params["bias"] if bias else 0)
    if activation is not None:
        wanted = activation(wanted) if callable(activation) else getattr(nn.functional, activation)(wanted)
    np.testing.assert_allclose(layer.apply(params, state, X)[0], wanted, rtol=1e-13)
