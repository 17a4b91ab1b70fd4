"""The pair, its kinds and paths, and its use without state."""

import numpy as np
import pytest

from funcnet import nn, random, xp
from funcnet.errors import ParameterError
from funcnet.nn.layer import kind_of, layer_path, name_of, scope


def with_state():
    def init(key, spec):
        return {}, {"mean": np.zeros(3)}

    def apply(params, state, x, *, key=None, train=False):
        return x, state

    return nn.Layer(init, apply)


def make_init(key, spec):
    return {}, {}


def test_kinds():
    assert kind_of(nn.softmax()) == "softmax"
    assert kind_of(with_state()) == "with_state"
    assert kind_of(nn.Layer(make_init, nn.relu().apply)) == "layer"
    assert kind_of(xp.tanh) == "tanh"
    assert kind_of(np.sin) == "sin"


def test_named_keeps_the_functions():
    layer = nn.dense(2)
    named = nn.named("head", layer)
    assert tuple(named) == tuple(layer)
    assert isinstance(named, nn.Layer)
    assert (name_of(named), name_of(layer)) == ("head", None)


def test_scope_is_undone_by_an_error():
    with pytest.raises(KeyError) as error, scope("a"), scope("a.b"):
        raise KeyError("x")
    assert layer_path("dense") == "dense"
    assert error.value.__notes__ == ["in layer a.b"]


def test_stateless_equals_the_layer():
    layer = nn.sequential(nn.dense(4), nn.dropout(0.5), nn.dense(2))
    init, apply = nn.stateless(layer)
    params = init(random.key(0), (3, 4))
    x, key = np.ones((3, 4), dtype="float32"), random.key(1)
    np.testing.assert_array_equal(apply(params, x), layer.apply(params, {}, x)[0])
    np.testing.assert_array_equal(
        apply(params, x, key=key, train=True), layer.apply(params, {}, x, key=key, train=True)[0]
    )


def test_stateless_refuses_state():
    init, _ = nn.stateless(nn.sequential(nn.dense(2), with_state()))
    with pytest.raises(ParameterError, match="got a layer with state: sequential") as error:
        init(random.key(0), (1, 3))
    assert ".with_state_0.mean" in str(error.value)
    assert "y, state = layer.apply(params, state, x, train=True)" in str(error.value)

    def grow(params, state, x, *, key=None, train=False):
        return x, {"calls": np.ones(())}

    with pytest.raises(ParameterError, match=r"state at \.calls"):
        nn.stateless(nn.Layer(make_init, grow)).apply({}, np.ones(3))


def test_stateless_takes_a_layer():
    with pytest.raises(ParameterError, match=r"nn\.stateless takes a layer"):
        nn.stateless(xp.tanh)
