"""LeNet-5 against PyTorch, and its options."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError
from funcnet.nn import models

X = np.random.default_rng(0).standard_normal((3, 28, 28, 1))


def torch_error(found, wanted):
    wanted = wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def compared(pooling="average"):
    """The largest relative errors of output, input gradient and parameter gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    model = models.lenet(dtype="float64", pooling=pooling)
    params, _ = model.init(random.key(0), X.shape)
    pool = {"average": torch.nn.AvgPool2d, "max": torch.nn.MaxPool2d}[pooling]
    tanh, double = torch.nn.Tanh(), {"dtype": torch.float64}
    named = {
        "conv_0": torch.nn.Conv2d(1, 6, 5, padding=2, **double),
        "conv_1": torch.nn.Conv2d(6, 16, 5, **double),
        "dense_0": torch.nn.Linear(400, 120, **double),
        "dense_1": torch.nn.Linear(120, 84, **double),
        "dense_2": torch.nn.Linear(84, 10, **double),
    }
    c, d = list(named.values())[:2], list(named.values())[2:]
    other = torch.nn.Sequential(
        c[0], tanh, pool(2), c[1], tanh, pool(2), torch.nn.Flatten(), d[0], tanh, d[1], tanh, d[2]
    )

    def moved(name, kernel):
        if kernel.ndim == 4:
            return kernel.transpose(3, 2, 0, 1)
        if name == "dense_0":
            # Ours are flattened with the channels last.
            kernel = kernel.reshape(5, 5, 16, -1).transpose(2, 0, 1, 3).reshape(400, -1)
        return kernel.T

    for name, module in named.items():
        module.weight.data = torch.from_numpy(moved(name, params[name]["kernel"]).copy())
        module.bias.data = torch.from_numpy(params[name]["bias"].copy())
    xt = torch.from_numpy(X.transpose(0, 3, 1, 2).copy()).requires_grad_()
    yt = other(xt)
    yt.sin().sum().backward()

    def objective(p, x):
        y = model.apply(p, {}, x)[0]
        return xp.sum(xp.sin(y)), y

    (_, y), (gp, gx) = fn.value_and_grad(objective, (0, 1), has_aux=True)(params, X)
    worst = 0.0
    for name, module in named.items():
        worst = max(worst, torch_error(moved(name, gp[name]["kernel"]), module.weight.grad))
        worst = max(worst, torch_error(gp[name]["bias"], module.bias.grad))
    gx = gx.transpose(0, 3, 1, 2)
    return {"output": torch_error(y, yt), "input gradient": torch_error(gx, xt.grad), "parameter gradients": worst}


CASES = {"LeNet-5": {}, "LeNet-5 with max-pooling": {"pooling": "max"}}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, options in CASES.items():
        found = compared(**options)
        yield name, "torch", found["output"], found["input gradient"], found["parameter gradients"]


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_torch(case):
    assert max(compared(**CASES[case]).values()) < 1e-10


def test_images_of_the_paper_need_no_padding():
    assert nn.summary(models.lenet(padding=0), (1, 32, 32, 1)).parameters == 61_706


def test_activation_by_name():
    params, _ = models.lenet(activation="relu").init(random.key(0), X.shape)
    plain = models.lenet(activation=xp.tanh).apply(params, {}, X.astype("float32"))[0]
    named = models.lenet(activation="tanh").apply(params, {}, X.astype("float32"))[0]
    np.testing.assert_array_equal(plain, named)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 0}, "bad classes"),
        ({"channels": (6, -1)}, "bad channels"),
        ({"hidden": "many"}, "bad hidden"),
        ({"pooling": "median"}, "does not know this pooling"),
        ({"activation": "tanhh"}, "tanh"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ParameterError, match=message):
        models.lenet(**arguments)


def test_two_numbers_of_channels():
    with pytest.raises(ParameterError, match=r"(?s)lenet got a bad channels.*\(1, 2, 3\).*two positive integers"):
        models.lenet(channels=(1, 2, 3))  # type: ignore[arg-type]
