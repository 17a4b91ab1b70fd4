"""Cross-entropies and accuracy: against PyTorch, at extreme scores, and their errors."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)
INF = float("inf")


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logits_and_labels(shape=(6, 4), axis=1):
    z = 3 * RNG.standard_normal(shape)
    return z, RNG.integers(0, shape[axis], [n for i, n in enumerate(shape) if i != axis % len(shape)])


@pytest.mark.requirement("D55", "P57", "P79")
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


@pytest.mark.requirement("D55", "P77")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_class_numbers_one_hot_and_the_logarithm_of_softmax_agree(reduction):
    z, labels = logits_and_labels()
    one_hot = np.eye(4)[labels]
    expected = -xp.log_softmax(z)[np.arange(6), labels]
    expected = {"mean": expected.mean(), "sum": expected.sum(), "none": expected}[reduction]
    for target in (labels, one_hot, one_hot.astype(int), one_hot.astype(bool), labels.astype(np.uint8)):
        np.testing.assert_allclose(losses.softmax_cross_entropy(z, target, reduction=reduction), expected, rtol=1e-12)


@pytest.mark.requirement("D55")
def test_gradient_is_the_difference_of_probabilities_over_the_number_of_examples():
    z, labels = logits_and_labels()
    one_hot = np.eye(4)[labels]
    for target in (labels, one_hot):
        got = fn.grad(lambda z, target=target: losses.softmax_cross_entropy(z, target))(z)
        np.testing.assert_allclose(got, (softmax(z) - one_hot) / 6, rtol=1e-12, atol=1e-16)


@pytest.mark.requirement("DX23")
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


@pytest.mark.requirement("PX30")
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


def test_accuracy():
    z, labels = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]), np.array([1, 1, 0])
    np.testing.assert_allclose(losses.accuracy(z, labels), 2 / 3)
    np.testing.assert_allclose(losses.accuracy(z, np.eye(2)[labels]), 2 / 3)
    np.testing.assert_allclose(losses.accuracy(z.T, labels, axis=0), 2 / 3)
    with pytest.raises(ShapeError, match=r"losses\.accuracy got labels"):
        losses.accuracy(z, labels[:2])


@pytest.mark.requirement("D58")
def test_accuracy_carries_no_derivative():
    z, labels = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1, 1])
    grad = fn.grad(lambda z: losses.softmax_cross_entropy(z, labels) + losses.accuracy(z, labels))(z)
    np.testing.assert_array_equal(grad, fn.grad(losses.softmax_cross_entropy)(z, labels))


WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 2)])
def test_class_weights_ignored_labels_and_smoothing_equal_torch(shape, weighted, smoothing, reduction):
    z, labels = logits_and_labels(shape)
    labels.reshape(-1)[[1, 4]] = -100
    options = {"label_smoothing": smoothing, "reduction": reduction}
    weights = WEIGHTS if weighted else None
    y, pullback = fn.vjp(
        lambda z: losses.softmax_cross_entropy(z, labels, axis=1, class_weights=weights, ignore_index=-100, **options),
        z,
    )
    g = np.asarray(RNG.standard_normal(y.shape))
    zt = torch.tensor(z, requires_grad=True)
    other = torch.nn.functional.cross_entropy(
        zt, torch.tensor(labels), weight=torch.tensor(WEIGHTS) if weighted else None, **options
    )
    other.backward(torch.tensor(g))
    np.testing.assert_allclose(y, other.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(pullback(g)[0], zt.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 2)])
def test_class_weights_of_probabilities_equal_torch(shape, smoothing, reduction):
    z, q = RNG.standard_normal(shape), RNG.random(shape)
    value = losses.softmax_cross_entropy(
        z, q, axis=1, class_weights=WEIGHTS, label_smoothing=smoothing, reduction=reduction
    )
    other = torch.nn.functional.cross_entropy(
        torch.tensor(z), torch.tensor(q), torch.tensor(WEIGHTS), label_smoothing=smoothing, reduction=reduction
    )
    np.testing.assert_allclose(value, other.numpy(), rtol=1e-10)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_equals_torch(reduction):
    z, labels = logits_and_labels((5, 4, 3))
    labels[0, 0] = 9
    logp = np.log(softmax(np.moveaxis(z, 1, -1)))
    value, pullback = fn.vjp(
        lambda p: losses.nll(p, labels, class_weights=WEIGHTS, ignore_index=9, reduction=reduction), logp
    )
    g = np.asarray(RNG.standard_normal(value.shape))
    lt = torch.tensor(logp, requires_grad=True)
    other = torch.nn.functional.nll_loss(
        lt.moveaxis(-1, 1), torch.tensor(labels), torch.tensor(WEIGHTS), ignore_index=9, reduction=reduction
    )
    other.backward(torch.tensor(g))
    np.testing.assert_allclose(value, other.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(pullback(g)[0], lt.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_the_weighted_mean_is_that_of_the_examples_and_their_classes():
    z, labels = logits_and_labels()
    w = RNG.uniform(0.5, 2, 6)
    each = losses.softmax_cross_entropy(z, labels, reduction="none")
    of_class = WEIGHTS[labels]
    got = losses.softmax_cross_entropy(z, labels, weights=w, class_weights=WEIGHTS)
    np.testing.assert_allclose(got, (w * of_class * each).sum() / (w * of_class).sum(), rtol=1e-12)


def test_ignored_examples_may_hold_anything():
    z, labels = np.array([[1.0, 2.0], [np.nan, INF]]), np.array([0, 7])
    for dtype in (np.int64, np.uint8):
        value, grad = fn.value_and_grad(
            lambda z, d=dtype: losses.softmax_cross_entropy(z, labels.astype(d), ignore_index=7)
        )(z)
        np.testing.assert_allclose(value, np.log(1 + np.e))
        np.testing.assert_array_equal(grad[1], [0, 0])
    # A number that the data type does not hold marks none.
    assert losses.softmax_cross_entropy(z[:1], np.array([0], dtype=np.uint8), ignore_index=-1) == value
    with np.errstate(invalid="ignore"):
        assert np.isnan(losses.softmax_cross_entropy(z, np.array([7, 7]), ignore_index=7))
    assert losses.softmax_cross_entropy(z, np.array([7, 7]), ignore_index=7, reduction="sum") == 0


def test_options_that_do_not_fit():
    z, labels = np.zeros((2, 3)), np.array([0, 1])
    with pytest.raises(ShapeError, match="class weights that do not fit") as error:
        losses.softmax_cross_entropy(z, labels, class_weights=np.ones(2))
    assert "shape (3,), for 3 classes on axis 1" in str(error.value)
    with pytest.raises(ParameterError, match=r"label_smoothing=-0\.1"):
        losses.softmax_cross_entropy(z, labels, label_smoothing=-0.1)
    with pytest.raises(ParameterError, match="ignore_index with labels that are probabilities"):
        losses.softmax_cross_entropy(z, z, ignore_index=0)
    with pytest.raises(ParameterError, match="a label that is no class"):
        losses.softmax_cross_entropy(z, np.array([0, 3]), ignore_index=-1)
    with pytest.raises(DtypeError, match=r"losses\.nll takes class numbers"):
        losses.nll(z, np.zeros(2))
    with pytest.raises(ShapeError, match=r"losses\.nll got labels that do not fit"):
        losses.nll(z, z)


@pytest.mark.parametrize("axis", [0, 1])
def test_focal_with_class_weights_and_ignored_labels(axis):
    z, labels = logits_and_labels()
    labels[2] = -1
    keep = labels >= 0
    p = softmax(z)[np.arange(6), labels][keep]
    w = WEIGHTS[labels[keep]]
    expected = (w * (1 - p) ** 1.5 * -np.log(p)).sum() / w.sum()
    given = z if axis else z.T
    value, grad = fn.value_and_grad(losses.softmax_focal)(
        given, labels, gamma=1.5, axis=axis, class_weights=WEIGHTS, ignore_index=-1
    )
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert not np.any(grad[2] if axis else grad[:, 2])
