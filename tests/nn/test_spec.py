"""Descriptions of inputs."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError
from funcnet.nn.spec import as_spec, output_spec


def test_what_a_spec_may_be():
    assert as_spec((2, 3)) == fn.Spec((2, 3))
    assert as_spec(()) == fn.Spec(())
    assert as_spec((np.int64(2), 3)) == fn.Spec((2, 3))
    assert as_spec(np.zeros((2, 3))) == fn.Spec((2, 3), "float64")
    assert as_spec(fn.Spec((1,), "int32")) == fn.Spec((1,), "int32")
    assert as_spec([(2, 3), {"a": (4,)}]) == [fn.Spec((2, 3)), {"a": fn.Spec((4,))}]


def test_default_data_type_of_a_shape():
    with fn.use_backend(dtype="float64"):
        assert as_spec((2,)).dtype == np.float64


@pytest.mark.parametrize("spec", [3, "ab", (2, "3"), (2.0, 3)])
def test_what_it_may_not_be(spec):
    with pytest.raises(ParameterError, match="takes the shape of its input"):
        as_spec(spec)


def test_output_of_a_layer():
    layer = nn.sequential(nn.dense(7), nn.dropout(0.5))
    params, state = layer.init(random.key(0), (4, 2, 3))
    assert output_spec(layer, params, state, as_spec((4, 2, 3))) == fn.Spec((4, 2, 7))


def test_layers_of_several_inputs():
    def bilinear(features):
        def init(key, spec):
            left, right = as_spec(spec)
            return {"kernel": nn.initializers.normal(1.0)(key, (left.shape[-1], right.shape[-1], features))}, {}

        def apply(params, state, x, *, key=None, train=False):
            left, right = x
            return xp.sum(left[:, :, None, None] * right[:, None, :, None] * params["kernel"], axis=(1, 2)), state

        return nn.Layer(init, apply)

    model = nn.sequential(bilinear(5), nn.dense(2))
    params, state = model.init(random.key(0), [(4, 2), (4, 3)])
    y, _ = model.apply(params, state, [np.ones((4, 2), "float32"), np.ones((4, 3), "float32")])
    assert y.shape == (4, 2)
