"""SqueezeNet: its modules against PyTorch."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError
from funcnet.nn import models

X = np.random.default_rng(0).standard_normal((2, 35, 38, 3))


def error(found, wanted):
    wanted = wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def compared():
    """The largest relative errors of output, input gradient and parameter gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    model = models.squeezenet(5, width=8, dtype="float64")
    params, _ = model.init(random.key(0), X.shape)
    modules = []

    def conv(entry, inputs, outputs, size, **options):
        module = torch.nn.Conv2d(inputs, outputs, size, dtype=torch.float64, **options)
        module.weight.data = torch.from_numpy(entry["kernel"].transpose(3, 2, 0, 1).copy())
        module.bias.data = torch.from_numpy(entry["bias"].copy())
        modules.append(module)
        return module

    xt = torch.from_numpy(X.transpose(0, 3, 1, 2).copy()).requires_grad_()
    y, channels = torch.relu(conv(params["stem"]["conv_0"], 3, 8, 3, stride=2)(xt)), 8
    for i, stage in enumerate([(2, 2), (4, 4), (6, 6, 8, 8)]):
        y = torch.nn.functional.max_pool2d(y, 3, 2, ceil_mode=True)
        for j, between in enumerate(stage):
            own = params[f"stage_{i}"][f"fire_{j}"]
            y = torch.relu(conv(own["squeeze"], channels, between, 1)(y))
            one = conv(own["expand"]["conv_0"], between, 4 * between, 1)
            three = conv(own["expand"]["conv_1"], between, 4 * between, 3, padding=1)
            y, channels = torch.relu(torch.cat([one(y), three(y)], 1)), 8 * between
    yt = torch.relu(conv(params["head"]["conv_0"], channels, 5, 1)(y)).mean((2, 3))
    yt.sin().sum().backward()

    def objective(p, x):
        y = model.apply(p, {}, x)[0]
        return xp.sum(xp.sin(y)), y

    (_, y), (gp, gx) = fn.value_and_grad(objective, (0, 1), has_aux=True)(params, X)
    entries = [gp["stem"]["conv_0"]]
    for i, count in enumerate((2, 2, 4)):
        for j in range(count):
            own = gp[f"stage_{i}"][f"fire_{j}"]
            entries += [own["squeeze"], own["expand"]["conv_0"], own["expand"]["conv_1"]]
    entries.append(gp["head"]["conv_0"])
    worst = 0.0
    for entry, module in zip(entries, modules, strict=True):
        worst = max(worst, error(entry["kernel"].transpose(3, 2, 0, 1), module.weight.grad))
        worst = max(worst, error(entry["bias"], module.bias.grad))
    gx = gx.transpose(0, 3, 1, 2)
    return {"output": error(y, yt), "input gradient": error(gx, xt.grad), "parameter gradients": worst}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    found = compared()
    yield "SqueezeNet, small", "torch", found["output"], found.get("input gradient"), found.get("parameter gradients")


@pytest.mark.requirement("D92")
def test_agrees_with_torch():
    assert max(compared().values()) < 1e-10


def test_takes_fewer_operations_than_a_twentieth_of_resnet50():
    # The paper's point: few parameters, and for version 1.1 few operations.
    small, large = (nn.summary(m, (1, 224, 224, 3)) for m in (models.squeezenet(), models.resnet50()))
    assert 20 * small.parameters < large.parameters
    assert 10 * small.flops < large.flops


def test_bad_arguments():
    with pytest.raises(ParameterError, match="bad classes"):
        models.squeezenet(0)
