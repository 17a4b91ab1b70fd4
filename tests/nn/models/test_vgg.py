"""VGG against PyTorch, and what its published parameters expect of images."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn import models

X = np.random.default_rng(0).standard_normal((2, 64, 32, 3))


def error(found, wanted):
    wanted = wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def compared():
    """The largest relative errors of output, input gradient and parameter gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    width, hidden = 2, 6
    model = models.vgg16(5, width=width, hidden=hidden, dtype="float64")
    params, _ = model.init(random.key(0), X.shape)
    layers, modules, inputs = [], [], 3
    for i, (count, factor) in enumerate([(2, 1), (2, 2), (3, 4), (3, 8), (3, 8)]):
        for j in range(count):
            layers += [torch.nn.Conv2d(inputs, factor * width, 3, padding=1, dtype=torch.float64), torch.nn.ReLU()]
            modules.append((("stage_" + str(i), f"conv_{j}"), layers[-2]))
            inputs = factor * width
        layers.append(torch.nn.MaxPool2d(2))
    layers.append(torch.nn.Flatten())
    for j, (n, m) in enumerate([(inputs * 2, hidden), (hidden, hidden), (hidden, 5)]):
        layers += [torch.nn.Linear(n, m, dtype=torch.float64), torch.nn.ReLU()]
        modules.append((("head", f"dense_{j}"), layers[-2]))
    other = torch.nn.Sequential(*layers[:-1])

    def moved(part, name, kernel):
        if kernel.ndim == 4:
            return kernel.transpose(3, 2, 0, 1)
        if name == "dense_0":
            # Ours are flattened with the channels last.
            kernel = kernel.reshape(2, 1, inputs, -1).transpose(2, 0, 1, 3).reshape(2 * inputs, -1)
        return kernel.T

    for (part, name), module in modules:
        module.weight.data = torch.from_numpy(moved(part, name, params[part][name]["kernel"]).copy())
        module.bias.data = torch.from_numpy(params[part][name]["bias"].copy())
    xt = torch.from_numpy(X.transpose(0, 3, 1, 2).copy()).requires_grad_()

    def objective(p, x):
        y = model.apply(p, {}, x)[0]
        return xp.sum(xp.sin(y)), y

    yt = other(xt)
    yt.sin().sum().backward()
    (_, y), (gp, gx) = fn.value_and_grad(objective, (0, 1), has_aux=True)(params, X)
    worst = 0.0
    for (part, name), module in modules:
        own = gp[part][name]
        worst = max(worst, error(moved(part, name, own["kernel"]), module.weight.grad))
        worst = max(worst, error(own["bias"], module.bias.grad))
    gx = gx.transpose(0, 3, 1, 2)
    return {"output": error(y, yt), "input gradient": error(gx, xt.grad), "parameter gradients": worst}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    found = compared()
    yield "VGG-16, small", "torch", found["output"], found.get("input gradient"), found.get("parameter gradients")


@pytest.mark.requirement("D88")
def test_agrees_with_torch():
    assert max(compared().values()) < 1e-10


def test_batch_norm_adds_a_factor_and_a_shift_for_each_channel():
    plain, normed = (nn.summary(models.vgg16(batch_norm=b), (1, 224, 224, 3)).parameters for b in (False, True))
    # As torchvision's vgg16_bn.
    assert normed == 138_365_992
    assert normed - plain == 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512)


@pytest.mark.requirement("D88")
def test_preprocess_turns_colours_round_and_takes_the_mean_away():
    images = np.random.default_rng(1).uniform(0, 255, (2, 3, 4, 3))
    found = models.vgg_preprocess(images)
    np.testing.assert_allclose(found, images[..., ::-1] - np.array([103.939, 116.779, 123.68]), rtol=1e-14)
    assert models.vgg_preprocess(images.astype("float32")).dtype == np.float32
    with pytest.raises(ShapeError, match="takes images in colour"):
        models.vgg_preprocess(images[..., :2])


def test_dropout_needs_a_key():
    model = models.vgg16(2, width=1, hidden=2)
    params, state = model.init(random.key(0), (1, 32, 32, 3))
    with pytest.raises(ParameterError, match=r"vgg16\.head\.dropout_0 needs a random key|needs a random key"):
        model.apply(params, state, np.ones((1, 32, 32, 3), dtype="float32"), train=True)


def test_bad_arguments():
    with pytest.raises(ParameterError, match="bad width"):
        models.vgg16(width=True)
