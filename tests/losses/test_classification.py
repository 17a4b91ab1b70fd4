"""Cross-entropies and accuracy: against PyTorch, at extreme scores, and their errors."""

import numpy as np
import pytest
import torch

import funcnet as fn
from funcnet import losses, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
INF = float("inf")


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logits_and_labels(shape=(6, 4), axis=1):
    z = 3 * RNG.standard_normal(shape)
    return z, RNG.integers(0, shape[axis], [n for i, n in enumerate(shape) if i != axis % len(shape)])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(6, 4), (2, 5, 3), (2, 3, 4, 2)])
def test_class_numbers_equal_torch(shape, reduction):
    z, labels = logits_and_labels(shape)
    y, pullback = fn.vjp(lambda z: losses.softmax_cross_entropy(z, labels, axis=1, reduction=reduction), z)
    g = np.asarray(RNG.standard_normal(y.shape))
    zt = torch.tensor(z, requires_grad=True)
    yt = torch.nn.functional.cross_entropy(zt, torch.tensor(labels), reduction=reduction)
    yt.backward(torch.tensor(g))
    np.testing.assert_allclose(y, yt.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(pullback(g)[0], zt.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_class_numbers_one_hot_and_the_logarithm_of_softmax_agree(reduction):
    z, labels = logits_and_labels()
    one_hot = np.eye(4)[labels]
    expected = -xp.log_softmax(z)[np.arange(6), labels]
    expected = {"mean": expected.mean(), "sum": expected.sum(), "none": expected}[reduction]
    for target in (labels, one_hot, one_hot.astype(int), one_hot.astype(bool), labels.astype(np.uint8)):
        np.testing.assert_allclose(losses.softmax_cross_entropy(z, target, reduction=reduction), expected, rtol=1e-12)


def test_gradient_is_the_difference_of_probabilities_over_the_number_of_examples():
    z, labels = logits_and_labels()
    one_hot = np.eye(4)[labels]
    for target in (labels, one_hot):
        got = fn.grad(lambda z, target=target: losses.softmax_cross_entropy(z, target))(z)
        np.testing.assert_allclose(got, (softmax(z) - one_hot) / 6, rtol=1e-12, atol=1e-16)


def test_gradients_of_soft_labels_equal_torch():
    z, q = RNG.standard_normal((5, 4)), softmax(RNG.standard_normal((5, 4)))
    dz, dq = fn.grad(losses.softmax_cross_entropy, (0, 1))(z, q)
    zt, qt = torch.tensor(z, requires_grad=True), torch.tensor(q, requires_grad=True)
    torch.nn.functional.cross_entropy(zt, qt).backward()
    np.testing.assert_allclose(dz, zt.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(dq, qt.grad.numpy(), rtol=1e-10)


def test_second_order_and_forward_mode():
    z, labels = logits_and_labels()
    one_hot = np.eye(4)[labels]
    direction = RNG.standard_normal(z.shape)

    def by(target):
        return lambda z: losses.softmax_cross_entropy(z, target)

    # The one-hot form is made of other operations.
    results = []
    for f in (by(labels), by(one_hot)):
        results.append(
            (
                fn.jvp(f, (z,), (direction,))[1],
                fn.jvp(fn.grad(f), (z,), (direction,))[1],
                fn.grad(lambda z, f=f: xp.sum(fn.grad(f)(z) * direction))(z),
                fn.grad(lambda z, f=f: fn.jvp(f, (z,), (direction,))[1])(z),
            )
        )
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
    p = softmax(z)
    hessian = p * (direction - (p * direction).sum(axis=-1, keepdims=True)) / 6
    np.testing.assert_allclose(results[0][1], hessian, rtol=1e-11, atol=1e-14)
    third = fn.grad(lambda z: xp.sum(fn.grad(lambda z: xp.sum(fn.grad(by(labels))(z) ** 2))(z) ** 2))
    other = fn.grad(lambda z: xp.sum(fn.grad(lambda z: xp.sum(fn.grad(by(one_hot))(z) ** 2))(z) ** 2))
    np.testing.assert_allclose(third(z), other(z), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_extreme_scores(dtype, size):
    z = np.array([[size, -size, 0.0], [-size, size, -size]], dtype=dtype)
    labels = np.array([0, 0])
    for target in (labels, np.eye(3, dtype=dtype)[labels]):
        value, pullback = fn.vjp(lambda z, t=target: losses.softmax_cross_entropy(z, t, reduction="none"), z)
        np.testing.assert_allclose(value, [0, 2 * size], rtol=1e-6)
        np.testing.assert_array_equal(pullback(np.ones(2, dtype=dtype))[0], [[0, 0, 0], [-1, 1, 0]])
        assert value.dtype == z.dtype


def test_classes_masked_out_by_minus_infinity():
    z = np.array([[1.0, -INF, 2.0]])
    expected = np.log(1 + np.e)
    for target in (np.array([0]), np.array([[1.0, 0.0, 0.0]])):
        value, grad = fn.value_and_grad(losses.softmax_cross_entropy)(z, target)
        np.testing.assert_allclose(value, expected)
        assert grad[0, 1] == 0
        np.testing.assert_allclose(grad[0, 0] + grad[0, 2], 0, atol=1e-15)
    assert losses.softmax_cross_entropy(z, np.array([1])) == INF


@pytest.mark.parametrize("case", backend_params())
def test_class_numbers_on_every_backend(case):
    z, labels = logits_and_labels((5, 3))
    z = z.astype("float32")
    with case.active():
        zb, lb = case.asarray(z), case.asarray(labels, "int32")
        value, grad = fn.value_and_grad(losses.softmax_cross_entropy)(zb, lb)
        second = fn.grad(lambda z: xp.sum(xp.square(fn.grad(losses.softmax_cross_entropy)(z, lb))))(zb)
        got = [case.to_numpy(a) for a in (value, grad, second)]
    value, grad = fn.value_and_grad(losses.softmax_cross_entropy)(z, labels)
    second = fn.grad(lambda z: xp.sum(xp.square(fn.grad(losses.softmax_cross_entropy)(z, labels))))(z)
    for a, b in zip(got, (value, grad, second), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_no_examples():
    z, labels = np.zeros((0, 3)), np.zeros((0,), dtype=int)
    assert losses.softmax_cross_entropy(z, labels, reduction="none").shape == (0,)
    assert losses.softmax_cross_entropy(z, labels, reduction="sum") == 0
    total = fn.grad(lambda z: losses.softmax_cross_entropy(z, labels, reduction="sum"))(z)
    assert total.shape == (0, 3)


def test_one_example_without_batch():
    value, grad = fn.value_and_grad(losses.softmax_cross_entropy)(np.array([1.0, 2.0]), np.array(1))
    np.testing.assert_allclose(value, np.log(1 + np.exp(-1)))
    assert grad.shape == (2,)


@pytest.mark.parametrize(("labels", "found"), [([0, 3, 1], "from 0 to 3"), ([0, -1, 1], "from -1 to 1")])
def test_labels_that_are_no_classes(labels, found):
    with pytest.raises(ParameterError, match="a label that is no class") as error:
        losses.softmax_cross_entropy(np.zeros((3, 3)), np.array(labels))
    assert found in str(error.value)
    assert "integers from 0 to 2, for 3 classes" in str(error.value)


def test_labels_that_do_not_fit():
    z = np.zeros((4, 3))
    with pytest.raises(ShapeError, match="labels that do not fit") as error:
        losses.softmax_cross_entropy(z, np.zeros((4, 1), dtype=int))
    assert "xp.squeeze(labels, axis=1)" in str(error.value)
    with pytest.raises(ShapeError, match=r"class numbers \(4,\), or probabilities \(4, 3\)"):
        losses.softmax_cross_entropy(z, np.zeros(3, dtype=int))
    with pytest.raises(DtypeError, match="class numbers as integers"):
        losses.softmax_cross_entropy(z, np.zeros(4))
    with pytest.raises(DtypeError, match="floating-point logits"):
        losses.softmax_cross_entropy(np.zeros((4, 3), dtype=int), np.zeros(4, dtype=int))
    with pytest.raises(ShapeError, match="without the axis of the classes"):
        losses.softmax_cross_entropy(z, np.zeros(4, dtype=int), axis=2)
    with pytest.raises(ParameterError, match="unknown reduction"):
        losses.softmax_cross_entropy(z, np.zeros(4, dtype=int), reduction="batch")


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_sigmoid_cross_entropy_equals_torch(reduction):
    z, q = 3 * RNG.standard_normal((4, 3)), RNG.random((4, 3))
    y, pullback = fn.vjp(lambda z, q: losses.sigmoid_cross_entropy(z, q, reduction=reduction), z, q)
    g = np.asarray(RNG.standard_normal(y.shape))
    zt, qt = torch.tensor(z, requires_grad=True), torch.tensor(q, requires_grad=True)
    yt = torch.nn.functional.binary_cross_entropy_with_logits(zt, qt, reduction=reduction)
    yt.backward(torch.tensor(g))
    np.testing.assert_allclose(y, yt.detach().numpy(), rtol=1e-10)
    for a, b in zip(pullback(g), (zt, qt), strict=True):
        np.testing.assert_allclose(a, b.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_cross_entropy_of_extreme_scores(dtype):
    z = np.array([1e4, -1e4, 800.0, 0.0], dtype=dtype)
    labels = np.array([0, 0, 1, 1])
    value, pullback = fn.vjp(lambda z: losses.sigmoid_cross_entropy(z, labels, reduction="none"), z)
    np.testing.assert_allclose(value, [1e4, 0, 0, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(pullback(np.ones_like(z))[0], [1, 0, 0, -0.5], atol=1e-12)


def test_binary_cross_entropy_equals_torch_inside():
    p, q = RNG.uniform(0.01, 0.99, (4, 3)), RNG.random((4, 3))
    value, (dp, dq) = fn.value_and_grad(losses.binary_cross_entropy, (0, 1))(p, q)
    pt, qt = torch.tensor(p, requires_grad=True), torch.tensor(q, requires_grad=True)
    yt = torch.nn.functional.binary_cross_entropy(pt, qt)
    yt.backward()
    np.testing.assert_allclose(value, yt.item(), rtol=1e-10)
    np.testing.assert_allclose(dp, pt.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(dq, (np.log1p(-p) - np.log(p)) / 12, rtol=1e-10)


def test_binary_cross_entropy_at_the_ends_is_symmetric_and_not_clipped():
    with np.errstate(divide="ignore"):
        p, q = np.array([1.0, 0.0, 1.0, 0.0, 0.25]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
        y, pullback = fn.vjp(lambda p: losses.binary_cross_entropy(p, q, reduction="none"), p)
        np.testing.assert_allclose(y, [0, 0, INF, INF, np.log(4)])
        np.testing.assert_allclose(pullback(np.ones(5))[0], [-1, 1, INF, -INF, -4])
    tiny = np.array([1e-12])
    np.testing.assert_allclose(fn.grad(losses.binary_cross_entropy)(tiny, np.array([1.0])), -1e12)


@pytest.mark.parametrize("f", [losses.sigmoid_cross_entropy, losses.binary_cross_entropy])
def test_binary_losses_check_shapes_and_reduction(f):
    with pytest.raises(ShapeError, match="of different shapes"):
        f(np.full((3, 1), 0.5), np.zeros(3))
    with pytest.raises(ParameterError, match="unknown reduction"):
        f(np.full(3, 0.5), np.zeros(3), reduction="all")


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_binary_losses_and_accuracy_on_every_backend(case):
    z = np.linspace(-3, 3, 6, dtype="float32")
    q = np.array([0, 1, 0, 1, 0, 1], dtype="float32")
    p = 1 / (1 + np.exp(-z))
    expected = -(q * np.log(p) + (1 - q) * np.log1p(-p)).mean()
    with case.active():
        a = losses.sigmoid_cross_entropy(case.asarray(z), case.asarray(q))
        b = losses.binary_cross_entropy(case.asarray(p), case.asarray(q))
        c = losses.accuracy(case.asarray(z.reshape(3, 2)), case.asarray(np.array([1, 0, 1]), "int64"))
        np.testing.assert_allclose([float(a), float(b)], expected, rtol=1e-5)
        np.testing.assert_allclose(float(c), 2 / 3, rtol=1e-6)


def test_accuracy():
    z, labels = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]), np.array([1, 1, 0])
    np.testing.assert_allclose(losses.accuracy(z, labels), 2 / 3)
    np.testing.assert_allclose(losses.accuracy(z, np.eye(2)[labels]), 2 / 3)
    np.testing.assert_allclose(losses.accuracy(z.T, labels, axis=0), 2 / 3)
    with pytest.raises(ShapeError, match=r"losses\.accuracy got labels"):
        losses.accuracy(z, labels[:2])


def test_accuracy_carries_no_derivative():
    z, labels = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1, 1])
    grad = fn.grad(lambda z: losses.softmax_cross_entropy(z, labels) + losses.accuracy(z, labels))(z)
    np.testing.assert_array_equal(grad, fn.grad(losses.softmax_cross_entropy)(z, labels))
