"""What is no array is refused by name, wherever it is passed."""

import inspect
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random
from funcnet.core.arguments import check_array
from funcnet.errors import DtypeError

X = np.ones((1, 4, 4, 4))
NUMBERS = ("factor", "groups", "padding", "pieces", "size", "sizes", "window")
FUNCTIONS = [
    name
    for name in nn.functional.__all__
    if next(iter(inspect.signature(getattr(nn.functional, name)).parameters)) in ("x", "y", "q", "logits")
]


def test_arrays_pass():
    for x in (X, np.float64(1.0), fn.Spec((2,)), random.key(0)):
        check_array("here", x)
    with pytest.raises(DtypeError, match=r"(?s)^here takes y as an array\..*found:  tuple.*write:  xp\.asarray\(y\)"):
        check_array("here", (1.0, 2.0), "y")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_layers_refuse_lists(name):
    f = getattr(nn.functional, name)
    needed = [p for p in inspect.signature(f).parameters.values() if p.default is p.empty]
    others: list[Any] = [2 if p.name in NUMBERS else X for p in needed[1:] if p.kind is not p.KEYWORD_ONLY]
    named = {p.name: random.key(0) for p in needed if p.kind is p.KEYWORD_ONLY}
    if name == "dropout":
        others = [0.5]
    with pytest.raises(DtypeError, match=r"array"):
        f([[1.0, 2.0]], *others, **named)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.dense(2), (1, 2)),
        (nn.conv(2, 1), (1, 2, 2)),
        (nn.max_pool(1), (1, 2, 2)),
        (nn.global_avg_pool(), (1, 2, 2)),
        (nn.layer_norm(), (1, 2)),
        (nn.batch_norm(), (1, 2)),
        (nn.multi_head_attention(1), (1, 2, 2)),
    ],
)
def test_layers_refuse_lists(layer, shape):
    params, state = layer.init(random.key(0), shape)
    with pytest.raises(DtypeError, match=r"^Layer \w+ takes x as an array"):
        layer.apply(params, state, "not an array")
