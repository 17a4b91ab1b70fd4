"""U-Net: sizes of the paper, what it cuts and joins, and PyTorch."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn import models


def test_sizes_of_the_paper():
    found = nn.summary(models.unet(padding="VALID"), (1, 572, 572, 1))
    assert found.rows[0].output == (1, 388, 388, 2)
    assert found.parameters == 31_030_658


def error(found, wanted):
    wanted = wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def compared(padding="SAME"):
    """The largest relative errors of output, input gradient and parameter gradients, of two levels."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    x = np.random.default_rng(0).standard_normal((2, 24, 20, 2))
    model = models.unet(3, width=2, depth=1, padding=padding, dtype="float64")
    params, _ = model.init(random.key(0), x.shape)
    pad, modules = {"SAME": 1, "VALID": 0}[padding], []

    def loaded(module, entry, order):
        module = module.to(torch.float64)
        module.weight.data = torch.from_numpy(entry["kernel"].transpose(order).copy())
        module.bias.data = torch.from_numpy(entry["bias"].copy())
        modules.append((module, order))
        return module

    def twice(y, entries, inputs, channels):
        for name, n in (("conv_0", inputs), ("conv_1", channels)):
            y = torch.relu(loaded(torch.nn.Conv2d(n, channels, 3, padding=pad), entries[name], (3, 2, 0, 1))(y))
        return y

    xt = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).requires_grad_()
    level = params["level"]
    below = level["across"]["below"]
    skip = twice(xt, level["down"], 2, 2)
    y = twice(torch.nn.functional.max_pool2d(skip, 2), below["level"], 2, 4)
    # A transposed convolution's kernel is that of the convolution whose adjoint it is: (*window, out, in).
    y = loaded(torch.nn.ConvTranspose2d(4, 2, 2, 2), below["up"], (3, 2, 0, 1))(y)
    a, b = (skip.shape[2] - y.shape[2]) // 2, (skip.shape[3] - y.shape[3]) // 2
    skip = skip[:, :, a : a + y.shape[2], b : b + y.shape[3]]
    y = twice(torch.cat([skip, y], 1), level["out"], 4, 2)
    yt = loaded(torch.nn.Conv2d(2, 3, 1), params["head"], (3, 2, 0, 1))(y)
    yt.sin().sum().backward()

    def objective(p, x):
        y = model.apply(p, {}, x)[0]
        return xp.sum(xp.sin(y)), y

    (_, y), (gp, gx) = fn.value_and_grad(objective, (0, 1), has_aux=True)(params, x)
    below = gp["level"]["across"]["below"]
    parts = [gp["level"]["down"], below["level"], {"up": below["up"]}, gp["level"]["out"], {"head": gp["head"]}]
    entries = [entry for part in parts for entry in part.values()]
    worst = 0.0
    for entry, (module, order) in zip(entries, modules, strict=True):
        worst = max(worst, error(entry["kernel"].transpose(order), module.weight.grad))
        worst = max(worst, error(entry["bias"], module.bias.grad))
    first = (0, 3, 1, 2)
    return {
        "output": error(y.transpose(first), yt),
        "input gradient": error(gx.transpose(first), xt.grad),
        "parameter gradients": worst,
    }


CASES = {"U-Net": {}, "U-Net without padding": {"padding": "VALID"}}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, options in CASES.items():
        found = compared(**options)
        yield name, "torch", found["output"], found["input gradient"], found["parameter gradients"]


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_torch(case):
    assert max(compared(**CASES[case]).values()) < 1e-10


@pytest.mark.parametrize("upsampling", ["nearest", "linear"])
def test_interpolation_keeps_sizes(upsampling):
    model = models.unet(2, width=2, depth=2, upsampling=upsampling)
    assert nn.summary(model, (1, 16, 24, 1)).rows[0].output == (1, 16, 24, 2)


def test_parameters_have_readable_names():
    params, _ = models.unet(2, width=2, depth=2).init(random.key(0), (1, 8, 8, 1))
    assert sorted(params) == ["head", "level"]
    assert sorted(params["level"]) == ["across", "down", "out"]
    assert sorted(params["level"]["across"]["below"]) == ["level", "up"]


def test_sides_that_cannot_be_halved():
    with pytest.raises(ShapeError, match="cannot halve this image so often") as caught:
        models.unet(2, width=2, depth=2).init(random.key(0), (1, 10, 8, 1))
    assert "multiples of 4" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0}, "bad depth"),
        ({"padding": "same"}, "does not know this padding"),
        ({"upsampling": "cubic"}, "does not know this upsampling"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ParameterError, match=message):
        models.unet(**arguments)
