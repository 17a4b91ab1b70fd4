"""Errors that layers have in common. What each layer needs is in the tests of the layers."""

import numpy as np
import pytest

from funcnet import nn, random
from funcnet.errors import DtypeError, ParameterError
from funcnet.nn.misfits import foreign, positive


def test_parameters_are_shown_with_their_shapes():
    error = foreign("mlp.dense_0", {"kernel": np.zeros((2, 3)), "more": {"bias": 0}}, "{'table': (4, 2)}", shape="ids")
    assert str(error).split("\n") == [
        "Layer mlp.dense_0 got parameters that are not its own.",
        "  found:  {'kernel': (2, 3), 'more'}",
        "  needed: {'table': (4, 2)}",
        "  write:  params, state = layer.init(key, ids) with this very layer",
    ]
    assert "found:  list" in str(foreign("dense", [], "{}"))


@pytest.mark.parametrize("n", [0, -1, True, 2.0, None])
def test_counts(n):
    with pytest.raises(ParameterError, match=r"nn\.dense takes the number of its output features") as error:
        positive("dense", n)
    assert f"found:  {n!r}" in str(error.value)
    assert positive("dense", np.int64(3)) == 3


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.dense(2), (3,)), (nn.einsum_dense("bi,ij->bj", (2,)), (3,)), (nn.prelu(), (3,)), (nn.bilinear(2), None)],
)
def test_integers_are_refused(layer, shape):
    spec = ((1, 3), (1, 3)) if shape is None else (1, *shape)
    params, state = layer.init(random.key(0), spec)
    x = np.ones((1, 3), int)
    with pytest.raises(DtypeError, match="got an input that is not floating-point") as error:
        layer.apply(params, state, (x, x) if shape is None else x)
    assert "an array of dtype int64 and shape (1, 3)" in str(error.value)
