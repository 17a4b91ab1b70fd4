"""Padding of spatial axes, against PyTorch."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.oracles import oracle

torch = oracle("torch")


torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

pad = nn.functional.pad
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("mode", ["constant", "circular", "reflect", "replicate"])
@pytest.mark.parametrize(
    ("spatial", "pairs"), [((4,), ((2, 1),)), ((3, 4), ((0, 2), (3, 1))), ((3, 2, 4), ((1, 0),) * 3)]
)
def test_equals_torch(mode, spatial, pairs):
    x = RNG.standard_normal((2, 3, *spatial))
    names = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
    xt = torch.from_numpy(x).requires_grad_()
    wanted = torch.nn.functional.pad(xt, [n for pair in reversed(pairs) for n in pair], mode=mode)
    found, pullback = fn.vjp(lambda x: pad(x, pairs, mode=mode, data_format=names[len(spatial)]), x)
    np.testing.assert_array_equal(found, wanted.detach().numpy())
    g = RNG.integers(-9, 10, found.shape).astype(x.dtype)  # whose sums are exact, in whichever order
    wanted.backward(torch.from_numpy(g))
    np.testing.assert_array_equal(pullback(g)[0], xt.grad.numpy())
    last = pad(np.moveaxis(x, 1, -1), pairs, mode=mode)
    np.testing.assert_array_equal(np.moveaxis(last, -1, 1), found)


def test_a_value_is_put_in_and_has_a_derivative():
    x = RNG.standard_normal((1, 2, 3, 2))
    np.testing.assert_array_equal(
        pad(x, 1, value=7.0), np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=7.0)
    )
    assert fn.grad(lambda v: xp.sum(pad(x, 1, value=v)))(np.array(0.0)) == 2 * (4 * 5 - 6)
    assert pad(x.astype("float32"), 1, value=7.0).dtype == "float32"
    check_grads(lambda x: xp.sin(pad(x, ((1, 1), (2, 0)), mode="reflect")), (x,), order=2)


@pytest.mark.parametrize(
    ("x", "padding", "mode", "error", "text"),
    [
        (np.ones((2, 3)), 1, "constant", ShapeError, "one, two or three spatial axes"),
        (np.ones((1, 3, 1)), 1, "mirror", ParameterError, r"mode='mirror'(?s:.*)'constant' or 'circular'"),
        (np.ones((1, 3, 1)), -1, "constant", ParameterError, "padding=-1"),
        (np.ones((1, 3, 1)), 3, "reflect", ShapeError, r"\(3, 3\) in mode 'reflect' of 3 elements(?s:.*)at most 2"),
        (np.ones((1, 3, 1)), 4, "circular", ShapeError, "at most 3"),
        (np.ones((1, 0, 1)), 1, "replicate", ShapeError, "at most 0"),
    ],
)
def test_errors(x, padding, mode, error, text):
    with pytest.raises(error, match=text):
        pad(x, padding, mode=mode)


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf")])
def test_a_value_that_integers_do_not_hold(value):
    x = np.ones((1, 3, 1), dtype=int)
    with pytest.raises(DtypeError, match=r"(?s)a value that the data type of its input does not hold.*dtype int64"):
        pad(x, 1, value=value)
    np.testing.assert_array_equal(pad(x, 1, value=2.0).ravel(), [2, 1, 1, 1, 2])
