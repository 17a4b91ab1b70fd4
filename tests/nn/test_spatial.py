"""Layers that pad, resize and rearrange: the functions they apply, against PyTorch's modules, and their errors."""

import re

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

RNG = np.random.default_rng(0)

CASES = [
    ("pad, constant", nn.pad(((1, 2), (0, 3)), value=2.5), lambda: torch.nn.ConstantPad2d((0, 3, 1, 2), 2.5)),
    ("pad, reflect", nn.pad(((1, 2), (0, 3)), mode="reflect"), lambda: torch.nn.ReflectionPad2d((0, 3, 1, 2))),
    ("pad, replicate", nn.pad(((1, 2), (0, 3)), mode="replicate"), lambda: torch.nn.ReplicationPad2d((0, 3, 1, 2))),
    ("pad, circular", nn.pad(((1, 2), (0, 3)), mode="circular"), lambda: torch.nn.CircularPad2d((0, 3, 1, 2))),
    ("upsample, nearest", nn.upsample(2), lambda: torch.nn.Upsample(scale_factor=2)),
    (
        "upsample, linear",
        nn.upsample((2, 3), method="linear"),
        lambda: torch.nn.Upsample(scale_factor=(2, 3), mode="bilinear"),
    ),
    (
        "upsample, linear, corners",
        nn.upsample(2, method="linear", align_corners=True),
        lambda: torch.nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    ),
    ("upsample, cubic", nn.upsample(2, method="cubic"), lambda: torch.nn.Upsample(scale_factor=2, mode="bicubic")),
    ("resize, linear", nn.resize((7, 3), method="linear"), lambda: torch.nn.Upsample(size=(7, 3), mode="bilinear")),
    ("pixel_shuffle", nn.pixel_shuffle(2), lambda: torch.nn.PixelShuffle(2)),
    ("pixel_unshuffle", nn.pixel_unshuffle(2), lambda: torch.nn.PixelUnshuffle(2)),
    ("channel_shuffle", nn.channel_shuffle(4), lambda: torch.nn.ChannelShuffle(4)),
]


def error_of(layer, module):
    """Return the largest relative errors of the output and of the input's gradient."""
    x = np.random.default_rng(1).standard_normal((2, 4, 6, 8))
    y, pullback = fn.vjp(lambda x: layer.apply({}, {}, x)[0], x)
    g = np.random.default_rng(2).standard_normal(y.shape)
    xt = torch.from_numpy(x).requires_grad_()
    yt = module()(xt.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    yt.backward(torch.from_numpy(g))
    pairs = ((y, yt.detach().numpy()), (pullback(g)[0], xt.grad.numpy()))
    return tuple(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)


def errors():
    """Return for each case the errors of `error_of`, and 0 for parameters, of which there are none."""
    return {name: (*error_of(layer, module), 0.0) for name, layer, module in CASES}


@pytest.mark.parametrize(("name", "layer", "module"), CASES, ids=[case[0] for case in CASES])
def test_equals_torch(name, layer, module):
    assert max(error_of(layer, module)) < 1e-10


@pytest.mark.requirement("D70", "D71")
def test_unfold_and_fold_equal_torch():
    x = RNG.standard_normal((2, 3, 6, 5))
    rows = nn.unfold((3, 2), stride=2, padding=1, data_format="NCHW").apply({}, {}, x)[0]
    wanted = torch.nn.Unfold((3, 2), stride=2, padding=1)(torch.from_numpy(x))
    np.testing.assert_array_equal(rows, wanted.numpy())
    back = nn.fold((6, 5), (3, 2), stride=2, padding=1, data_format="NCHW").apply({}, {}, rows)[0]
    wanted = torch.nn.Fold((6, 5), (3, 2), stride=2, padding=1)(wanted)
    np.testing.assert_allclose(back, wanted.numpy(), rtol=1e-13)


@pytest.mark.parametrize("backend", backend_params())
@pytest.mark.parametrize(("name", "layer", "module"), CASES, ids=[case[0] for case in CASES])
def test_the_same_on_every_backend(name, layer, module, backend):
    x = RNG.standard_normal((2, 4, 6, 8)).astype("float32")

    def loss(x):
        y = layer.apply({}, {}, x)[0]
        return xp.sum(y * y * 0.5)

    wanted = fn.grad(loss)(x)
    with backend.active():
        found = fn.grad(loss)(backend.asarray(x))
        assert found.dtype == backend.asarray(x).dtype
        np.testing.assert_allclose(fn.to_numpy(found), wanted, rtol=1e-4, atol=1e-5)


def test_shapes_and_state():
    model = nn.sequential(nn.pad(1), nn.upsample(2), nn.unfold(2, stride=2), nn.fold((12, 16), 2, stride=2))
    params, state = model.init(random.key(0), (2, 4, 6, 8))
    assert params == state == {}
    assert fn.eval_shape(lambda x: model.apply({}, {}, x)[0], fn.Spec((2, 4, 6, 8))).shape == (2, 12, 16, 8)
    x = RNG.standard_normal((3, 1, 4, 6, 8))
    found = fn.vmap(lambda x: model.apply({}, {}, x)[0])(x)
    np.testing.assert_array_equal(found, np.stack([model.apply({}, {}, one)[0] for one in x]))


@pytest.mark.parametrize(
    ("layer", "error", "text"),
    [
        (nn.pad(1, mode="mirror"), ParameterError, "Layer sequential.pad_0 does not know this mode"),
        (nn.pad(4, mode="reflect"), ShapeError, "Layer sequential.pad_0 got more padding"),
        (nn.upsample(0), ParameterError, "Layer sequential.upsample_0 got a scale"),
        (nn.resize((2, 2, 2)), ParameterError, "Layer sequential.resize_0 got a size"),
        (nn.pixel_shuffle(3), ShapeError, r"cannot divide the channels into blocks(?s:.*)in layer sequential.pixel_sh"),
    ],
)
def test_errors_name_the_layer(layer, error, text):
    model = nn.sequential(layer)
    with pytest.raises(error) as caught:
        model.apply({}, {}, np.ones((1, 4, 4, 8)))
    whole = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert re.search(text, whole), whole
