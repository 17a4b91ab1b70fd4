"""Residual networks against PyTorch: outputs, running statistics, input and parameter gradients."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError
from funcnet.nn import models

X = np.random.default_rng(0).standard_normal((4, 28, 28, 3))


def torch_resnet(torch, blocks, kind, classes, width, *, small, first_strides):
    """The network as PyTorch's users write it, and the names of its modules in ours."""
    names = {}

    def conv(name, inputs, outputs, size, stride=1):
        module = torch.nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False, dtype=torch.float64)
        names[name] = module
        return module

    def norm(name, channels):
        names[name] = torch.nn.BatchNorm2d(channels, dtype=torch.float64)
        return names[name]

    class Block(torch.nn.Module):
        def __init__(self, path, inputs, channels, stride):
            super().__init__()
            body = f"{path}/residual_0/body"
            outputs = channels if kind == "basic" else 4 * channels
            if kind == "basic":
                sizes = [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
            else:
                a, b = (stride, 1) if first_strides else (1, stride)
                sizes = [(inputs, channels, 1, a), (channels, channels, 3, b), (channels, outputs, 1, 1)]
            self.body = torch.nn.Sequential()
            for i, size in enumerate(sizes):
                self.body.extend([conv(f"{body}/conv_{i}", *size), norm(f"{body}/batch_norm_{i}", size[1])])
                if i < len(sizes) - 1:
                    self.body.append(torch.nn.ReLU())
            self.shortcut = torch.nn.Identity()
            if stride != 1 or inputs != outputs:
                other = f"{path}/residual_0/shortcut"
                parts = conv(f"{other}/conv_0", inputs, outputs, 1, stride), norm(f"{other}/batch_norm_0", outputs)
                self.shortcut = torch.nn.Sequential(*parts)

        def forward(self, x):
            return torch.relu(self.body(x) + self.shortcut(x))

    layers = [conv("stem/conv_0", 3, width, 3 if small else 7, 1 if small else 2), norm("stem/batch_norm_0", width)]
    layers += [torch.nn.ReLU()] + ([] if small else [torch.nn.MaxPool2d(3, 2, 1)])
    inputs = width
    for i, count in enumerate(blocks):
        for j in range(count):
            channels = width * 2**i
            layers.append(Block(f"stage_{i}/block_{j}", inputs, channels, 2 if i and not j else 1))
            inputs = channels if kind == "basic" else 4 * channels
    head = names["head/dense_0"] = torch.nn.Linear(inputs, classes, dtype=torch.float64)
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), head), names


def inside(entries, name):
    for part in name.split("/"):
        entries = entries[part]
    return entries


def to_torch(torch, modules, params):
    for name, module in modules.items():
        own = inside(params, name)
        kernel = own["kernel"] if "kernel" in own else own["scale"]
        order = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}[kernel.ndim]
        module.weight.data = torch.from_numpy(kernel.transpose(order).copy())
        if "bias" in own:
            module.bias.data = torch.from_numpy(own["bias"].copy())


def error(found, wanted):
    found, wanted = np.asarray(found), wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def compared(kind="basic", **options):
    """The largest relative errors of output, input gradient, parameter gradients and statistics."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    blocks, stem, version = (2, 1), options.get("stem", "imagenet"), options.get("version", "1.5")
    model = models.resnet(blocks, block=kind, classes=5, width=4, dtype="float64", **options)
    params, state = model.init(random.key(0), X.shape)
    # Factors and shifts other than 1 and 0.
    params = tree.map(lambda p: p + 0.1 * np.random.default_rng(p.size).standard_normal(p.shape), params)
    other, modules = torch_resnet(torch, blocks, kind, 5, 4, small=stem == "small", first_strides=version == "1")
    to_torch(torch, modules, params)
    xt = torch.from_numpy(X.transpose(0, 3, 1, 2).copy()).requires_grad_()

    def objective(params, x, state):
        y, new = model.apply(params, state, x, train=True)
        return xp.sum(xp.sin(y)), (y, new)

    yt = other(xt)
    yt.sin().sum().backward()
    (_, (y, new)), (gp, gx) = fn.value_and_grad(objective, (0, 1), has_aux=True)(params, X, state)
    found = {"output": error(y, yt), "input gradient": error(gx.transpose(0, 3, 1, 2), xt.grad)}
    worst, statistics = 0.0, 0.0
    for name, module in modules.items():
        own = inside(gp, name)
        kernel = own["kernel"] if "kernel" in own else own["scale"]
        order = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}[kernel.ndim]
        worst = max(worst, error(kernel.transpose(order), module.weight.grad))
        if "bias" in own:
            worst = max(worst, error(own["bias"], module.bias.grad))
        if "scale" in own:
            kept = inside(new, name)
            pairs = (kept["mean"], module.running_mean), (kept["var"], module.running_var)
            statistics = max(statistics, *(error(a, b) for a, b in pairs))
    found |= {"parameter gradients": worst, "state": statistics}
    # With the statistics of the step.
    other.eval()
    found["output in evaluation"] = error(model.apply(params, new, X)[0], other(xt))
    return found


CASES = {
    "basic blocks": {"kind": "basic"},
    "basic blocks, small stem": {"kind": "basic", "stem": "small"},
    "bottlenecks": {"kind": "bottleneck"},
    "bottlenecks of version 1": {"kind": "bottleneck", "version": "1"},
}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, options in CASES.items():
        found = compared(**options)
        yield f"ResNet, {name}", "torch", found["output"], found["input gradient"], found["parameter gradients"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.requirement("D89", "D90", "D91")
def test_agrees_with_torch(case):
    assert max(compared(**CASES[case]).values()) < 1e-10


def test_zero_init_makes_each_block_its_shortcut():
    model = models.resnet([1], block="basic", classes=2, width=3, stem="small", zero_init=True, dtype="float64")
    params, state = model.init(random.key(0), X.shape)
    short = nn.sequential(nn.conv(3, 3, padding=1, bias=False), nn.batch_norm(), nn.relu(), nn.global_avg_pool())
    names = {"conv_0": params["stem"]["conv_0"], "batch_norm_0": params["stem"]["batch_norm_0"]}
    features, _ = short.apply(names, {"batch_norm_0": state["stem"]["batch_norm_0"]}, X)
    y, _ = model.apply(params, state, X)
    np.testing.assert_allclose(y, features @ params["head"]["dense_0"]["kernel"], rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": [1, 0]}, "bad blocks"),
        ({"blocks": []}, "bad blocks"),
        ({"blocks": [1], "block": "wide"}, "does not know this block"),
        ({"blocks": [1], "stem": "large"}, "does not know this stem"),
        ({"blocks": [1], "version": 2}, "does not know this version"),
        ({"blocks": [1], "width": 0}, "bad width"),
        ({"blocks": [1], "classes": 2.5}, "bad classes"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ParameterError, match=message):
        models.resnet(**arguments)
