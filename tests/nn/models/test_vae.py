"""Variational autoencoders: the loss against PyTorch, the distribution of what is drawn, and training."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, optim, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn import models

rng = np.random.default_rng(0)
X = rng.uniform(0, 1, (4, 6))


def torch_elbo(torch, logits, mean, log_var, x, beta):
    normal = torch.distributions.Normal(mean, torch.exp(0.5 * log_var))
    divergence = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum()
    fit = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return (fit + beta * divergence) / x.shape[0]


def compared():
    """The largest relative errors of the loss and of its gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    out = {"logits": rng.standard_normal((4, 6)) * 3, "mean": rng.standard_normal((4, 3))}
    out["log_var"] = rng.standard_normal((4, 3))
    theirs = {name: torch.from_numpy(a).requires_grad_() for name, a in out.items()}
    wanted = torch_elbo(torch, **theirs, x=torch.from_numpy(X), beta=0.7)
    wanted.backward()
    value, grads = fn.value_and_grad(lambda o: models.vae_loss(o, X, beta=0.7))(out)
    worst = max(np.abs(grads[n] - t.grad.numpy()).max() / np.abs(t.grad.numpy()).max() for n, t in theirs.items())
    return {"output": abs(float(value) / wanted.item() - 1), "input gradient": float(worst)}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    found = compared()
    yield "vae_loss", "torch", found["output"], found.get("input gradient"), found.get("parameter gradients")


@pytest.mark.requirement("D150")
def test_loss_agrees_with_torch():
    assert max(compared().values()) < 1e-10


def test_loss_is_finite_where_logits_are_large():
    out = {"logits": np.array([[1e4, -1e4]]), "mean": np.zeros((1, 1)), "log_var": np.zeros((1, 1))}
    value, grads = fn.value_and_grad(models.vae_loss)(out, np.array([[1.0, 1.0]]))
    assert value == 1e4
    np.testing.assert_array_equal(grads["logits"], [[0.0, -1.0]])


@pytest.mark.requirement("D150")
def test_latent_variables_are_drawn_from_their_distribution():
    # A decoder that does nothing shows what was drawn.
    model = models.vae(latent=2, hidden=[5], decoder=nn.identity(), dtype="float64")
    params, _ = model.init(random.key(0), (1, 6))
    params["log_var"]["bias"] = np.array([-1.0, 0.5])
    x = np.repeat(X[:1], 20000, axis=0)
    out, _ = model.apply(params, {}, x, key=random.key(1))
    mean, std = out["mean"][0], np.exp(0.5 * out["log_var"][0])
    np.testing.assert_allclose(out["logits"].mean(0), mean, atol=5 * std.max() / np.sqrt(20000))
    np.testing.assert_allclose(out["logits"].std(0), std, rtol=0.03)
    np.testing.assert_array_equal(model.apply(params, {}, x)[0]["logits"], out["mean"])


@pytest.mark.requirement("D150")
def test_derivatives_flow_through_what_is_drawn():
    model = models.vae(latent=2, hidden=[5], decoder=nn.identity(), dtype="float64")
    params, _ = model.init(random.key(0), (1, 6))
    key = random.key(1)

    def total(p):
        return xp.sum(model.apply(p, {}, X, key=key)[0]["logits"])

    grads = fn.grad(total)(params)
    out, _ = model.apply(params, {}, X, key=key)
    # z = mean + exp(log_var / 2) * noise: by the biases of both heads 1 and (z - mean) / 2, summed over the batch.
    np.testing.assert_allclose(grads["mean"]["bias"], [4.0, 4.0])
    np.testing.assert_allclose(grads["log_var"]["bias"], ((out["logits"] - out["mean"]) / 2).sum(0))


@pytest.mark.requirement("D150")
def test_training_raises_the_evidence_lower_bound():
    # Two prototypes with a little noise.
    prototypes = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0]], dtype="float32")
    x = prototypes[np.arange(32) % 2]
    model = models.vae(8, latent=2, hidden=[16])
    params, state = model.init(random.key(0), x.shape)
    opt = optim.adam(0.01)
    opt_state = opt.init(params)

    @fn.jit
    def step(params, opt_state, key):
        def objective(p):
            return models.vae_loss(model.apply(p, {}, x, key=key, train=True)[0], x)

        value, grads = fn.value_and_grad(objective)(params)
        updates, opt_state = opt.update(grads, opt_state, params)
        return optim.apply_updates(params, updates), opt_state, value

    found = []
    for i in range(150):
        params, opt_state, value = step(params, opt_state, random.fold_in(random.key(1), i))
        found.append(float(value))
    # Knowing nothing costs 4 bits of the 8 pixels, less than that only what tells the two apart.
    assert np.mean(found[:3]) > 5.0
    assert np.mean(found[-10:]) < 2.5
    again, _ = model.apply(params, state, x)
    assert ((again["logits"] > 0) == (x > 0.5)).mean() > 0.95


def test_parts_can_be_convolutions():
    encoder = nn.sequential(nn.conv(4, 3, stride=2), nn.relu(), nn.flatten())
    decoder = nn.sequential(nn.dense(16), nn.lambda_(lambda z: xp.reshape(z, (-1, 4, 4, 1))), nn.conv_transpose(1, 5))
    model = models.vae(latent=3, encoder=encoder, decoder=decoder)
    params, state = model.init(random.key(0), (2, 8, 8, 1))
    assert sorted(params) == ["decoder", "encoder", "log_var", "mean"]
    out, _ = model.apply(params, state, np.ones((2, 8, 8, 1), dtype="float32"))
    assert out["logits"].shape == (2, 8, 8, 1)


def test_errors():
    with pytest.raises(ParameterError, match="makes its decoder for a number of features"):
        models.vae()
    with pytest.raises(ParameterError, match="bad latent"):
        models.vae(6, latent=0)
    model = models.vae(6, latent=2)
    params, state = model.init(random.key(0), X.shape)
    with pytest.raises(ParameterError, match="vae needs a random key in training"):
        model.apply(params, state, X, train=True)
    with pytest.raises(ParameterError, match="of another model"):
        model.apply({**params, "other": {}}, state, X)
    with pytest.raises(ShapeError, match="compares inputs with what the decoder makes"):
        models.vae_loss(model.apply(params, state, X)[0], X[:, :5])


def test_the_divergence_near_the_standard_distribution():
    # With a variance of 1 + e the divergence is e**2 / 4 of each variable, far less than the terms that it is made of.
    out = {"logits": np.zeros((2, 1)), "mean": np.zeros((2, 1)), "log_var": np.full((2, 1), 1e-6)}
    divergence = float(models.vae_loss(out, np.zeros((2, 1))) - models.vae_loss(out, np.zeros((2, 1)), beta=0.0))
    only = models.vae_loss({**out, "logits": np.full((2, 1), -800.0)}, np.zeros((2, 1)))
    np.testing.assert_allclose(only, 0.25e-12, rtol=1e-3)
    assert divergence == pytest.approx(0.25e-12, abs=1e-15)
