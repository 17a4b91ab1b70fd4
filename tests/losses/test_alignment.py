"""Connectionist temporal classification: PyTorch, all paths one by one, higher orders, extremes, errors."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import losses, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)


def by_torch(z, labels, times, counts, blank=0, zero_infinity=False):
    zt = torch.tensor(z, requires_grad=True)
    logp = torch.log_softmax(zt, 2).transpose(0, 1)
    y = torch.nn.functional.ctc_loss(
        logp, torch.tensor(labels), torch.tensor(times), torch.tensor(counts), blank, "none", zero_infinity
    )
    return zt, y


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 3),
    time=st.integers(3, 7),
    classes=st.integers(2, 4),
    length=st.integers(1, 3),
    data=st.data(),
)
def test_equals_torch(seed, n, time, classes, length, data):
    r = np.random.default_rng(seed)
    blank = data.draw(st.integers(0, classes - 1))
    z = 2 * r.standard_normal((n, time, classes))
    # Few classes, so that labels repeat, and some sequences are too long for their time.
    labels = r.choice([c for c in range(classes) if c != blank], (n, length))
    times, counts = r.integers(1, time + 1, n), r.integers(0, length + 1, n)

    def loss(z):
        return losses.ctc(
            z, labels, logit_lengths=times, label_lengths=counts, blank=blank, zero_infinity=True, reduction="none"
        )

    y, pullback = fn.vjp(loss, z)
    zt, other = by_torch(z, labels, times, counts, blank, zero_infinity=True)
    g = r.standard_normal(n)
    other.backward(torch.tensor(g))
    np.testing.assert_allclose(y, other.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(pullback(g)[0], zt.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_means_of_torch():
    z, labels = RNG.standard_normal((2, 6, 4)), np.array([[1, 2, 3], [2, 2, 0]])
    times, counts = np.array([6, 5]), np.array([3, 2])
    each = losses.ctc(z, labels, logit_lengths=times, label_lengths=counts, reduction="none")
    logp = torch.log_softmax(torch.tensor(z), 2).transpose(0, 1)
    other = torch.nn.functional.ctc_loss(logp, torch.tensor(labels), torch.tensor(times), torch.tensor(counts))
    np.testing.assert_allclose((each / counts).mean(), other.item(), rtol=1e-12)


def test_sum_over_all_paths():
    z = RNG.standard_normal((1, 4, 3))
    logp = np.log(np.exp(z) / np.exp(z).sum(axis=2, keepdims=True))[0]
    for labels in ([1], [1, 1], [1, 2], [2, 1, 2]):
        total = 0.0
        for path in product(range(3), repeat=4):
            if [c for c, _ in groupby(path) if c] == labels:
                total += np.exp(sum(logp[t, c] for t, c in enumerate(path)))
        np.testing.assert_allclose(losses.ctc(z, np.array([labels])), -np.log(total), rtol=1e-12)


def test_higher_orders_and_forward_mode():
    z, labels = RNG.standard_normal((2, 5, 3)), np.array([[1, 1], [2, 1]])
    times, counts = np.array([5, 4]), np.array([2, 1])
    check_grads(lambda z: losses.ctc(z, labels, logit_lengths=times, label_lengths=counts), [z], order=2)
    # The same by operations without a rule of their own.
    direction = RNG.standard_normal(z.shape)

    def plain(z):
        logp = xp.log_softmax(z)[0, :3]
        paths = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1)]
        return -xp.logsumexp(xp.stack([logp[0, a] + logp[1, b] + logp[2, c] for a, b, c in paths]))

    def ours(z):
        return losses.ctc(z[:1, :3], np.array([[1]]))

    for f in (
        lambda h: fn.jvp(h, (z,), (direction,))[1],
        lambda h: fn.hvp(h, (z,), (direction,)),
        lambda h: fn.grad(lambda z: xp.sum(fn.grad(h)(z) ** 3))(z),
    ):
        np.testing.assert_allclose(f(ours), f(plain), rtol=1e-9, atol=1e-12)


def test_labels_that_fit_no_alignment():
    z, labels = RNG.standard_normal((2, 2, 3)), np.array([[1, 1], [1, 2]])
    value, pullback = fn.vjp(lambda z: losses.ctc(z, labels, reduction="none"), z)
    assert value[0] == np.inf
    assert np.isfinite(value[1])
    grad = pullback(np.ones(2))[0]
    assert not grad[0].any()
    assert np.isfinite(grad).all()
    zeroed = losses.ctc(z, labels, zero_infinity=True, reduction="none")
    np.testing.assert_array_equal(zeroed, [0, value[1]])


def test_nothing_to_say():
    z = RNG.standard_normal((2, 3, 3))
    none = np.zeros((2, 0), dtype=int)
    logp = np.log(np.exp(z) / np.exp(z).sum(axis=2, keepdims=True))
    np.testing.assert_allclose(losses.ctc(z, none, reduction="none"), -logp[:, :, 0].sum(axis=1), rtol=1e-12)
    no_time = losses.ctc(
        z, np.array([[1], [1]]), logit_lengths=np.zeros(2, dtype=int), label_lengths=np.array([0, 1]), reduction="none"
    )
    np.testing.assert_array_equal(no_time, [0, np.inf])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_scores(dtype):
    z = np.full((1, 3, 3), -1e4, dtype=dtype)
    z[0, [0, 1, 2], [1, 0, 2]] = 1e4
    value, grad = fn.value_and_grad(lambda z: losses.ctc(z, np.array([[1, 2]])))(z)
    assert value == 0
    assert not grad.any()
    wrong, grad = fn.value_and_grad(lambda z: losses.ctc(z, np.array([[2, 1]])))(z)
    np.testing.assert_allclose(wrong, 4e4)
    assert np.isfinite(grad).all()
    masked = np.where(z < 0, -np.inf, z).astype(dtype)
    assert losses.ctc(masked, np.array([[1, 2]])) == 0
    assert np.isfinite(fn.grad(lambda z: losses.ctc(z, np.array([[1, 2]])))(masked)).all()


def test_what_lies_beyond_the_lengths_does_not_matter():
    z, labels = RNG.standard_normal((1, 6, 4)), np.array([[1, 2, 99, -1]])
    times, counts = np.array([4]), np.array([2])
    first = losses.ctc(z, labels, logit_lengths=times, label_lengths=counts)
    np.testing.assert_allclose(losses.ctc(z[:, :4], labels[:, :2]), first, rtol=1e-13)
    grad = fn.grad(lambda z: losses.ctc(z, labels, logit_lengths=times, label_lengths=counts))(z)
    assert not grad[:, 4:].any()


def test_small_integers_hold_long_labels():
    z, labels = RNG.standard_normal((1, 150, 3)), RNG.integers(1, 3, (1, 70))
    expected = losses.ctc(z, labels, label_lengths=np.array([65]))
    got = losses.ctc(z, labels.astype(np.int8), label_lengths=np.array([65], dtype=np.uint8))
    assert np.isfinite(expected)
    assert got == expected


def test_errors():
    z, labels = np.zeros((2, 4, 3)), np.array([[1], [2]])
    with pytest.raises(ShapeError, match="logits and labels that do not fit") as error:
        losses.ctc(np.zeros((4, 2, 3)), labels)
    assert "xp.moveaxis(logits, 0, 1)" in str(error.value)
    with pytest.raises(ShapeError, match="at least one time"):
        losses.ctc(z[:, :0], labels)
    with pytest.raises(DtypeError, match="labels as integers"):
        losses.ctc(z, labels.astype(float))
    with pytest.raises(DtypeError, match="logit_lengths as integers"):
        losses.ctc(z, labels, logit_lengths=np.ones(2))
    with pytest.raises(ShapeError, match="label_lengths that do not fit the batch"):
        losses.ctc(z, labels, label_lengths=np.array([1]))
    with pytest.raises(ParameterError, match="logit_lengths that do not fit"):
        losses.ctc(z, labels, logit_lengths=np.array([4, 5]))
    with pytest.raises(ParameterError, match="a blank that is no class"):
        losses.ctc(z, labels, blank=3)
    with pytest.raises(ParameterError, match="or the blank") as error:
        losses.ctc(z, np.array([[1], [0]]))
    assert "label 0" in str(error.value)
    with pytest.raises(ParameterError, match="label 3"):
        losses.ctc(z, np.array([[1], [3]]))
