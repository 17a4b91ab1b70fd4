from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.errors import DtypeError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import arrays, axes, shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

INF = np.inf


def exact(x: Any, axis: Any) -> tuple[Any, Any, Any]:
    """Softmax, its logarithm and the logarithm of the sum in extended precision."""
    x = x.astype(np.longdouble)
    total = np.log(np.sum(np.exp(x - x.max()), axis=axis, keepdims=True)) + x.max()
    return np.exp(x - total), x - total, total


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), (0, 2)])
@pytest.mark.parametrize("shape", [(4, 3, 2), (2, 3, 40)])
@pytest.mark.requirement("D72")
def test_values(case: BackendCase, axis: Any, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(0.0, 3.0, shape).astype(np.float32)
    p, logp, total = exact(x, axis)
    with case.active():
        there = case.asarray(x)
        np.testing.assert_allclose(case.to_numpy(ops.softmax(there, axis=axis)), p.astype(float), rtol=2e-6)
        found = case.to_numpy(ops.log_softmax(there, axis=axis))
        np.testing.assert_allclose(found, logp.astype(float), rtol=2e-6, atol=5e-7)
        kept = case.to_numpy(ops.logsumexp(there, axis=axis, keepdims=True))
        np.testing.assert_allclose(kept, total.astype(float), rtol=2e-6, atol=5e-7)
        flat = case.to_numpy(ops.logsumexp(there, axis=axis))
        np.testing.assert_array_equal(flat, kept.squeeze(axis))
    assert kept.dtype == flat.dtype == np.float32


@settings(max_examples=20)
@given(st.data())
def test_derivatives(data: st.DataObject) -> None:
    x = data.draw(arrays(shape=shapes(min_dims=1, min_side=1, max_side=3), domain=(-3.0, 3.0)))
    axis = data.draw(axes(x.ndim))
    check_grads(lambda v: ops.softmax(v, axis=axis), [x])
    check_grads(lambda v: ops.log_softmax(v, axis=axis), [x])
    check_grads(lambda v: ops.logsumexp(v, axis=axis, keepdims=data.draw(st.just(True))), [x])
    check_grads(lambda v: ops.logsumexp(v, axis=axis), [x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("x", "p", "logp", "total"),
    [
        ([1000.0, 1000.0], [0.5, 0.5], [-np.log(2)] * 2, 1000 + np.log(2)),
        ([0.0, -1000.0], [1, 0], [0, -1000], 0.0),
        ([-1e30, -1e30], [0.5, 0.5], [-np.log(2)] * 2, -1e30),
        ([-INF, 1.0], [0, 1], [-INF, 0], 1.0),
        ([-INF, -INF], [0, 0], [-INF, -INF], -INF),
        ([INF, 1.0], [1, 0], [0, -INF], INF),
        ([INF, INF], [0.5, 0.5], [-np.log(2)] * 2, INF),
        ([INF, -INF], [1, 0], [0, -INF], INF),
        ([np.nan, 1.0], [np.nan] * 2, [np.nan] * 2, np.nan),
    ],
)
@pytest.mark.parametrize("case", [p for p in backend_params() if p.id != "strict-no-x64"])
@pytest.mark.requirement("D72")
def test_extreme_values(
    case: BackendCase, dtype: str, x: list[float], p: list[float], logp: list[float], total: float
) -> None:
    # An ordinary row beside it must not be touched.
    rows = np.array([x, [0.0, np.log(3.0)]], dtype)
    rtol = 1e-6 if dtype == "float32" else 1e-14
    with case.active():
        there = case.asarray(rows, dtype)
        for axis, points in ((1, there), (0, ops.matrix_transpose(there))):
            found = [case.to_numpy(f(points, axis=axis)) for f in (ops.softmax, ops.log_softmax, ops.logsumexp)]
            if axis == 0:
                found = [v.T for v in found]
            np.testing.assert_allclose(found[0], [p, [0.25, 0.75]], rtol=rtol)
            np.testing.assert_allclose(found[1], [logp, np.log([0.25, 0.75])], rtol=rtol)
            np.testing.assert_allclose(found[2], [total, np.log(4.0)], rtol=rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 40)])
def test_derivatives_where_everything_is_masked(dtype: str, shape: tuple[int, ...]) -> None:
    x = np.full(shape, -INF, dtype)
    g = np.ones(shape, dtype)
    t = np.ones(shape, dtype)
    np.testing.assert_array_equal(vjp(ops.softmax, x)[1](g)[0], 0 * g)
    np.testing.assert_array_equal(jvp(ops.softmax, (x,), (t,))[1], 0 * g)
    total, pullback = vjp(lambda v: ops.logsumexp(v, axis=-1), x)
    np.testing.assert_array_equal(pullback(np.ones_like(total))[0], 0 * g)
    np.testing.assert_array_equal(jvp(lambda v: ops.logsumexp(v, axis=-1), (x,), (t,))[1], np.zeros(shape[:-1]))
    second = grad(lambda v: ops.sum(grad(lambda u: ops.sum(ops.softmax(u) * t))(v)))(x)
    np.testing.assert_array_equal(second, 0 * g)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_derivatives_beside_infinities(dtype: str) -> None:
    x = np.array([-INF, 0.0, np.log(3.0)], dtype)
    rtol = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(grad(ops.logsumexp)(x), [0, 0.25, 0.75], rtol=rtol)
    found = grad(lambda v: ops.softmax(v)[1])(x)
    np.testing.assert_allclose(found, [0, 0.1875, -0.1875], rtol=rtol)
    found = grad(lambda v: ops.log_softmax(v)[1])(x)
    np.testing.assert_allclose(found, [0, 0.75, -0.75], rtol=rtol)
    np.testing.assert_array_equal(grad(ops.logsumexp)(np.array([INF, 1.0], dtype)), [1, 0])
    np.testing.assert_array_equal(grad(ops.logsumexp)(np.array([INF, 1.0, INF], dtype)), [0.5, 0, 0.5])
    # An attention weight that is masked by where gets no gradient, and nothing else a wrong one.
    masked = grad(lambda v: ops.softmax(ops.where(np.array([True, False, True]), v, -np.inf))[0])(
        np.array([0.0, 5.0, 0.0], dtype)
    )
    np.testing.assert_allclose(masked, [0.25, 0, -0.25], rtol=rtol)


@pytest.mark.parametrize("case", backend_params())
def test_no_elements(case: BackendCase) -> None:
    with case.active():
        x = case.asarray(np.zeros((2, 0), np.float32))
        assert tuple(ops.softmax(x).shape) == tuple(ops.log_softmax(x).shape) == (2, 0)
        np.testing.assert_array_equal(case.to_numpy(ops.logsumexp(x, axis=1)), [-INF, -INF])
        assert tuple(ops.logsumexp(x, axis=0).shape) == (0,)
        cube = case.asarray(np.zeros((0, 2, 3), np.float32))
        assert tuple(ops.softmax(cube, axis=(1, 2)).shape) == (0, 2, 3)
        two = case.asarray(np.array([1.0, 2.0], np.float32))
        np.testing.assert_array_equal(case.to_numpy(ops.softmax(two, axis=())), [1, 1])
        np.testing.assert_array_equal(case.to_numpy(ops.log_softmax(two, axis=())), [0, 0])
        np.testing.assert_array_equal(case.to_numpy(ops.logsumexp(two, axis=())), [1, 2])
        zero = case.asarray(np.float32(3))
        assert float(ops.softmax(zero, axis=None)) == 1.0
        assert float(ops.log_softmax(zero, axis=None)) == 0.0
        assert float(ops.logsumexp(zero)) == 3.0


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_bad_arguments(name: str) -> None:
    f = getattr(ops, name)
    for dtype in (int, complex, bool):
        with pytest.raises(DtypeError, match=f"xp.{name} does not take this data type") as error:
            f(np.ones(3, dtype))
        assert "a real floating-point data type" in str(error.value)
    with pytest.raises(ShapeError, match=f"xp.{name} got an axis"):
        f(np.ones(3), axis=1)
    with pytest.raises(ShapeError, match=f"xp.{name} got an axis"):
        f(np.float64(1.0), axis=-1)


def test_shapes_without_values() -> None:
    spec = fn.Spec((2, 3))
    assert fn.eval_shape(ops.softmax, spec) == fn.eval_shape(ops.log_softmax, spec) == spec
    assert fn.eval_shape(lambda v: ops.logsumexp(v, axis=1), spec) == fn.Spec((2,))


def test_gradients_are_those_of_jax_and_torch(jax64: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    x = np.random.default_rng(1).normal(size=(3, 4))
    g = np.random.default_rng(2).normal(size=(3, 4))
    for name in ("softmax", "log_softmax"):
        found = vjp(lambda v, name=name: getattr(ops, name)(v, axis=0), x)[1](g)[0]
        wanted = jax64.vjp(lambda v, name=name: getattr(jax64.nn, name)(v, axis=0), x)[1](g)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-14)
        leaf = torch.tensor(x, requires_grad=True)
        getattr(torch, name)(leaf, dim=0).backward(torch.tensor(g))
        np.testing.assert_allclose(found, leaf.grad.numpy(), rtol=1e-11, atol=1e-14)
    p = ops.softmax(x[0])
    rows = [grad(lambda v, i=i: grad(ops.logsumexp)(v)[i])(x[0]) for i in range(4)]
    np.testing.assert_allclose(rows, np.diag(p) - np.outer(p, p), rtol=1e-10, atol=1e-14)
