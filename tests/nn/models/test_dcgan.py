"""The two networks of a DCGAN: against PyTorch, and steps of training by turns."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, nn, optim, random, tree, xp
from funcnet.errors import ParameterError
from funcnet.nn import models

rng = np.random.default_rng(0)
Z, X = rng.standard_normal((3, 5)), rng.standard_normal((3, 16, 16, 2))


def error(found, wanted):
    wanted = wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def torch_network(torch, which):
    """The network as in PyTorch's examples, and the names of its modules in ours."""
    net, options = torch.nn, {"bias": False, "dtype": torch.float64}
    layers, names = [], []
    if which == "generator":
        layers = [net.Unflatten(1, (5, 1, 1))]
        for i, (n, m) in enumerate([(5, 8), (8, 4)]):
            move = (1, 0) if i == 0 else (2, 1)
            layers += [net.ConvTranspose2d(n, m, 4, *move, **options), net.BatchNorm2d(m, dtype=torch.float64)]
            layers.append(net.ReLU())
            path = "project" if i == 0 else f"stage_{i - 1}"
            names += [(path, "conv_transpose_0", layers[-3]), (path, "batch_norm_0", layers[-2])]
        layers += [net.ConvTranspose2d(4, 2, 4, 2, 1, **options), net.Tanh()]
        names.append(("image", "conv_transpose_0", layers[-2]))
    else:
        for i, (n, m) in enumerate([(2, 4), (4, 8)]):
            layers.append(net.Conv2d(n, m, 4, 2, 1, **options))
            names.append((f"stage_{i}", "conv_0", layers[-1]))
            if i:
                layers.append(net.BatchNorm2d(m, dtype=torch.float64))
                names.append((f"stage_{i}", "batch_norm_0", layers[-1]))
            layers.append(net.LeakyReLU(0.2))
        layers += [net.Conv2d(8, 1, 4, **options), net.Flatten()]
        names.append(("head", "conv_0", layers[-2]))
    return net.Sequential(*layers), names


def compared(which):
    """The largest relative errors of output, input gradient and parameter gradients, in training."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    if which == "generator":
        model, x = models.dcgan_generator(2, size=16, width=4, dtype="float64"), Z
    else:
        model, x = models.dcgan_discriminator(size=16, width=4, dtype="float64"), X
    params, state = model.init(random.key(0), x.shape)
    params = tree.map(lambda p: p + 0.2 * np.random.default_rng(p.size).standard_normal(p.shape), params)
    other, names = torch_network(torch, which)
    for path, name, module in names:
        own = params[path][name]
        if "kernel" in own:
            module.weight.data = torch.from_numpy(own["kernel"].transpose(3, 2, 0, 1).copy())
        else:
            module.weight.data, module.bias.data = (torch.from_numpy(own[n].copy()) for n in ("scale", "bias"))
    order = (0, 3, 1, 2)
    xt = torch.from_numpy((x if x.ndim == 2 else x.transpose(order)).copy()).requires_grad_()
    yt = other(xt)
    yt.sin().sum().backward()

    def objective(p, x):
        y, new = model.apply(p, state, x, train=True)
        return xp.sum(xp.sin(y)), (y, new)

    (_, (y, new)), (gp, gx) = fn.value_and_grad(objective, (0, 1), has_aux=True)(params, x)
    worst = 0.0
    for path, name, module in names:
        own = gp[path][name]
        if "kernel" in own:
            worst = max(worst, error(own["kernel"].transpose(3, 2, 0, 1), module.weight.grad))
        else:
            worst = max(worst, error(own["scale"], module.weight.grad), error(own["bias"], module.bias.grad))
            np.testing.assert_allclose(new[path][name]["var"], module.running_var.numpy(), rtol=1e-10)
    y, gx = (a.transpose(order) if a.ndim == 4 else a for a in (y, gx))
    return {"output": error(y, yt), "input gradient": error(gx, xt.grad), "parameter gradients": worst}


CASES = {"DCGAN's generator": {"which": "generator"}, "DCGAN's discriminator": {"which": "discriminator"}}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, options in CASES.items():
        found = compared(**options)
        yield name, "torch", found["output"], found["input gradient"], found["parameter gradients"]


@pytest.mark.requirement("D149")
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_torch(case):
    assert max(compared(**CASES[case]).values()) < 1e-10


@pytest.mark.requirement("D149")
def test_both_networks_learn_by_turns():
    # Bright in the upper half, dark in the lower one.
    real = np.ones((16, 8, 8, 1), dtype="float32")
    real[:, 4:] = -1.0
    generator = models.dcgan_generator(1, size=8, width=8)
    discriminator = models.dcgan_discriminator(size=8, width=8)
    gp, gs = generator.init(random.key(0), (16, 4))
    dp, ds = discriminator.init(random.key(1), real.shape)
    opt = optim.adam(0.01, b1=0.5)

    def judged(dp, ds, images, label):
        logits, ds = discriminator.apply(dp, ds, images, train=True)
        return losses.sigmoid_cross_entropy(logits, xp.full_like(logits, label)), ds

    @fn.jit
    def turn(gp, gs, g_opt, dp, ds, d_opt, key):
        z = random.normal(key, (16, 4))
        fake, _ = generator.apply(gp, gs, z, train=True)

        def discriminate(dp):
            one, new = judged(dp, ds, real, 1.0)
            two, new = judged(dp, new, fake, 0.0)
            return one + two, new

        (d_loss, ds), grads = fn.value_and_grad(discriminate, has_aux=True)(dp)
        updates, d_opt = opt.update(grads, d_opt, dp)
        dp = optim.apply_updates(dp, updates)

        def deceive(gp):
            images, new = generator.apply(gp, gs, z, train=True)
            value, _ = judged(dp, ds, images, 1.0)
            return value, new

        (_, gs), grads = fn.value_and_grad(deceive, has_aux=True)(gp)
        updates, g_opt = opt.update(grads, g_opt, gp)
        return optim.apply_updates(gp, updates), gs, g_opt, dp, ds, d_opt, d_loss

    def distance(gp, gs):
        images, _ = generator.apply(gp, gs, random.normal(random.key(9), (16, 4)))
        assert np.abs(images).max() <= 1
        return np.abs(images - real).mean()

    start, d_losses = None, []
    g_opt, d_opt = opt.init(gp), opt.init(dp)
    for i in range(60):
        gp, gs, g_opt, dp, ds, d_opt, d_loss = turn(gp, gs, g_opt, dp, ds, d_opt, random.fold_in(random.key(2), i))
        d_losses.append(float(d_loss))
        if i == 0:
            start = distance(gp, gs)
    assert min(d_losses[:20]) < 0.85 * d_losses[0]
    assert distance(gp, gs) < 0.5 * start


@pytest.mark.parametrize("size", [8, 32, 128])
def test_sizes(size):
    assert nn.summary(models.dcgan_generator(2, size=size, width=2), (1, 5)).rows[0].output == (1, size, size, 2)
    assert nn.summary(models.dcgan_discriminator(size=size, width=2), (1, size, size, 2)).rows[0].output == (1, 1)


@pytest.mark.parametrize("size", [4, 12, 16.0, True])
def test_bad_sizes(size):
    for build in (models.dcgan_generator, models.dcgan_discriminator):
        with pytest.raises(ParameterError, match="takes the height and width of the images"):
            build(size=size)
    with pytest.raises(ParameterError, match="bad channels"):
        models.dcgan_generator(0)
