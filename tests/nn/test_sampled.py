"""Functions with random numbers: distributions, derivatives, and the same numbers everywhere."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import DtypeError, ParameterError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.oracles import oracle

F = nn.functional


RATES = (0, 0.25, 0.5, 0.9, 1)


def compared_dropout(rate: float) -> tuple[float, float]:
    """Return the errors of output and gradient against PyTorch's, where it drops all or nothing or gets our mask."""
    torch = oracle("torch")
    x = np.random.default_rng(0).standard_normal((20, 30))
    y, pullback = fn.vjp(lambda x: F.dropout(x, rate, key=random.key(0)), x)
    xt = torch.from_numpy(x).requires_grad_()
    if rate in (0, 1):
        yt = torch.nn.functional.dropout(xt, rate)
    else:
        # PyTorch draws other numbers: what it computes from a mask is its dropout's formula.
        yt = xt * torch.from_numpy(y != 0) / (1 - rate)
    g = np.random.default_rng(1).standard_normal(x.shape)
    yt.backward(torch.from_numpy(g))
    gaps = [(y, yt.detach().numpy()), (pullback(g)[0], xt.grad.numpy())]
    output, gradient = (float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)) for a, b in gaps)
    return output, gradient


def errors():
    for rate in RATES:
        yield f"functional.dropout, rate {rate}", "torch", *compared_dropout(rate)


@pytest.mark.parametrize("rate", RATES)
def test_dropout_equals_torch_for_the_same_mask(rate: float) -> None:
    assert max(compared_dropout(rate)) < 1e-14


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_is_distributed_as_that_of_torch(rate: float) -> None:
    torch = oracle("torch")
    n = 100_000
    torch.manual_seed(0)
    theirs = torch.nn.functional.dropout(torch.ones(n, dtype=torch.float64), rate).numpy()
    ours = F.dropout(np.ones(n), rate, key=random.key(0))
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-12)
    # Five standard deviations of the difference of two binomial shares.
    assert abs((ours == 0).mean() - (theirs == 0).mean()) < 5 * np.sqrt(2 * rate * (1 - rate) / n)


def test_dropout_is_that_of_the_layer() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    layer = nn.dropout(0.3).apply({}, {}, x, key=random.key(2), train=True)[0]
    np.testing.assert_array_equal(F.dropout(x, 0.3, key=random.key(2)), layer)
    np.testing.assert_array_equal(F.dropout(np.full(3, np.inf), 1, key=random.key(2)), np.zeros(3))
    assert F.dropout(x, 0, key=None) is x


def test_dropout_is_one_call_on_a_batch_of_keys() -> None:
    keys = random.split(random.key(0), 4)
    together = fn.vmap(lambda key: F.dropout(np.ones(50), 0.5, key=key))(keys)
    np.testing.assert_array_equal(together, [F.dropout(np.ones(50), 0.5, key=key) for key in keys])
    compiled = fn.jit(lambda key: F.dropout(np.ones(50), 0.5, key=key))
    np.testing.assert_array_equal(compiled(keys[0]), together[0])


def test_misuse_of_dropout() -> None:
    with pytest.raises(ParameterError, match=r"nn\.functional\.dropout takes the share of elements to drop"):
        F.dropout(np.ones(3), 1.5, key=random.key(0))
    with pytest.raises(ParameterError, match=r"nn\.functional\.dropout needs a random key"):
        F.dropout(np.ones(3), 0.5, key=None)
    with pytest.raises(DtypeError):
        F.dropout(np.ones(3, dtype=complex), 0.5, key=random.key(0))


def test_rrelu_draws_a_slope_for_each_element() -> None:
    x = np.full(50_000, -2.0)
    x[0] = 3.0
    y, pullback = fn.vjp(lambda x: F.rrelu(x, key=random.key(0), lower=0.1, upper=0.5), x)
    slope = y[1:] / x[1:]
    assert y[0] == 3.0
    assert slope.min() >= 0.1
    assert slope.max() <= 0.5
    # Five standard deviations of the mean of a uniform distribution.
    assert abs(slope.mean() - 0.3) < 5 * 0.4 / np.sqrt(12 * x.size)
    np.testing.assert_allclose(pullback(np.ones_like(x))[0][1:], slope, rtol=1e-12)


def test_layer_of_rrelu_has_the_mean_slope_outside_of_training() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    x = np.random.default_rng(0).standard_normal((3, 4))
    layer = nn.rrelu(0.1, 0.4)
    wanted = torch.nn.functional.rrelu(torch.from_numpy(x), 0.1, 0.4, training=False).numpy()
    np.testing.assert_allclose(layer.apply({}, {}, x)[0], wanted, rtol=1e-14)
    y = layer.apply({}, {}, x, key=random.key(1), train=True)[0]
    np.testing.assert_array_equal(y, F.rrelu(x, key=random.key(1), lower=0.1, upper=0.4))


@pytest.mark.parametrize("case", backend_params())
def test_same_draws_on_every_backend(case: BackendCase) -> None:
    x = np.linspace(-2, 1, 24).reshape(4, 6).astype("float32")
    with case.active():
        key = random.key(3)
        found = [
            case.to_numpy(F.rrelu(case.asarray(x), key=key)),
            case.to_numpy(F.gumbel_softmax(case.asarray(x), key=key)),
            case.to_numpy(F.dropout(case.asarray(x), 0.5, key=key)),
        ]
    key = random.key(3)
    np.testing.assert_allclose(found[0], F.rrelu(x, key=key), rtol=1e-6)
    np.testing.assert_allclose(found[1], F.gumbel_softmax(x, key=key), rtol=2e-5)
    np.testing.assert_array_equal(found[2], F.dropout(x, 0.5, key=key))


def test_gumbel_softmax_draws_classes_with_their_probabilities() -> None:
    n = 40_000
    p = np.array([0.2, 0.5, 0.3])
    y = F.gumbel_softmax(np.tile(np.log(p), (n, 1)), key=random.key(0), hard=True)
    assert set(np.unique(y.round(12))) == {0.0, 1.0}
    assert (np.abs(y.mean(axis=0) - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


def test_gumbel_softmax_is_a_softmax_of_noisy_logits() -> None:
    x = np.random.default_rng(0).standard_normal((5, 4))
    noise = random.gumbel(random.key(2), (5, 4), dtype="float64")
    e = np.exp((x + noise) / 0.7)
    y = F.gumbel_softmax(x, key=random.key(2), temperature=0.7)
    np.testing.assert_allclose(y, e / e.sum(axis=-1, keepdims=True), rtol=1e-12)
    # Straight through: the derivative of the hard result is that of the soft one.
    g = np.random.default_rng(1).standard_normal((5, 4))

    def loss(x, hard):
        return xp.sum(F.gumbel_softmax(x, key=random.key(2), temperature=0.7, hard=hard) * g)

    np.testing.assert_allclose(fn.grad(loss)(x, True), fn.grad(loss)(x, False), rtol=1e-12)
    np.testing.assert_array_equal(
        F.gumbel_softmax(x.T, key=random.key(2), axis=0, hard=True).round(12).sum(axis=0), np.ones(5)
    )


def test_layer_of_gumbel_softmax() -> None:
    x = np.random.default_rng(0).standard_normal((5, 4))
    layer = nn.gumbel_softmax(temperature=0.5)
    np.testing.assert_allclose(layer.apply({}, {}, x)[0], F.softmax(x / 0.5), rtol=1e-13)
    y = layer.apply({}, {}, x, key=random.key(2), train=True)[0]
    np.testing.assert_array_equal(y, F.gumbel_softmax(x, key=random.key(2), temperature=0.5))


@pytest.mark.parametrize("layer", [nn.rrelu(), nn.gumbel_softmax()])
def test_missing_key_names_the_layer(layer: nn.Layer) -> None:
    model = nn.sequential(layer)
    with pytest.raises(ParameterError, match=r"Layer sequential\.\w+_0 needs a random key in training"):
        model.apply({}, {}, np.zeros((2, 3)), train=True)


def test_parameters_are_checked() -> None:
    with pytest.raises(ParameterError, match="bounds of the slopes in order"):
        nn.rrelu(0.5, 0.1)
    with pytest.raises(ParameterError, match="temperature=0"):
        nn.gumbel_softmax(temperature=0)
