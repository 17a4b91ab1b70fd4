from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import broadcastable_shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

PRODUCTS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 5, 2, 3), (3, 1)),
    ((2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)),
    ((3,), (2, 5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((1, 2, 3), (4, 3, 2)),
    ((4, 2, 3), (1, 3, 2)),
    ((4, 2, 3), (4, 3, 2)),
    ((2, 0), (0, 3)),
    ((0, 2, 3), (3, 2)),
    ((0,), (0,)),
    ((2, 0, 3), (3,)),
]


def pair(a: tuple[int, ...], b: tuple[int, ...], dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(0)
    found = [rng.normal(size=a), rng.normal(size=b)]
    if dtype.startswith("complex"):
        found = [v + 1j * rng.normal(size=v.shape) for v in found]
    return [v.astype(dtype) for v in found]


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize(("a", "b"), PRODUCTS)
@pytest.mark.requirement("D46", "P14", "P15", "P30", "PX8")
def test_products(case: BackendCase, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x1, x2 = pair(a, b, "float32")
    wanted = np.matmul(x1.astype(float), x2)
    with case.active():
        there = [case.asarray(v) for v in (x1, x2)]
        y, pullback = vjp(ops.matmul, *there)
        d1, d2 = pullback(case.asarray(np.ones(wanted.shape, np.float32)))
    np.testing.assert_allclose(case.to_numpy(y), wanted, rtol=1e-5, atol=1e-5)
    assert (tuple(d1.shape), tuple(d2.shape)) == (a, b)
    ones = np.ones(wanted.shape)
    exact = vjp(ops.matmul, x1.astype(float), x2.astype(float))[1](ones if wanted.shape else np.float64(1))
    np.testing.assert_allclose(case.to_numpy(d1), exact[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(case.to_numpy(d2), exact[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("a", "b"), PRODUCTS)
@pytest.mark.requirement("D46", "DX11")
def test_derivatives_of_products(a: tuple[int, ...], b: tuple[int, ...], dtype: str) -> None:
    check_grads(ops.matmul, pair(a, b, dtype))


@settings(max_examples=20)
@given(st.data())
@pytest.mark.requirement("D46")
def test_stacks_broadcast(data: st.DataObject) -> None:
    a, b = data.draw(broadcastable_shapes(2, max_dims=2, min_side=1, max_side=3))
    x1, x2 = pair((*a, 2, 3), (*b, 3, 1))
    np.testing.assert_allclose(ops.matmul(x1, x2), np.matmul(x1, x2), rtol=1e-12, atol=1e-14)
    check_grads(ops.matmul, [x1, x2], order=1)


def test_dtypes_of_products() -> None:
    x1, x2 = pair((2, 3), (3, 2))
    assert ops.matmul(np.ones((2, 3), np.int32), np.ones(3, np.int8)).dtype == np.int32
    y, pullback = vjp(ops.matmul, x1.astype(np.float32), x2)
    d1, d2 = pullback(np.ones((2, 2)))
    assert (y.dtype, d1.dtype, d2.dtype) == (np.float64, np.float32, np.float64)
    y, pullback = vjp(ops.matmul, x1, x2.astype(complex))
    d1, d2 = pullback(np.full((2, 2), 1 + 1j))
    assert (y.dtype, d1.dtype, d2.dtype) == (np.complex128, np.float64, np.complex128)
    np.testing.assert_allclose(d1, np.broadcast_to(x2.sum(1), (2, 3)))
    (found,) = vjp(lambda w: ops.matmul(np.array([[1, 2, 3]]), w), x2)[1](np.ones((1, 2)))
    np.testing.assert_array_equal(found, [[1, 1], [2, 2], [3, 3]])


def test_the_gradient_of_a_shared_matrix_is_one_product(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = pair((8, 5, 3), (3, 4))
    seen = []
    original = ops.linear_algebra.matmul

    def spy(a: Any, b: Any) -> Any:
        seen.append((a.shape, b.shape))
        return original(a, b)

    _, pullback = vjp(ops.matmul, x, w)
    monkeypatch.setattr(ops.linear_algebra, "matmul", spy)
    pullback(np.ones((8, 5, 4)))
    assert ((3, 40), (40, 4)) in seen


@pytest.mark.parametrize(
    ("a", "b", "parts"),
    [
        ((2, 3), (2, 3), ("(2, 3) and (2, 3)", "second-last", "xp.matmul(x1, xp.matrix_transpose(x2))")),
        ((2, 3), (4,), ("the only one of x2",)),
        ((3,), (4, 2), ("second-last",)),
        ((), (3,), ("at least one dimension", "x1 * x2")),
        ((5, 2, 3), (4, 3, 2), ("leading dimensions",)),
    ],
)
def test_products_that_do_not_fit(a: tuple[int, ...], b: tuple[int, ...], parts: tuple[str, ...]) -> None:
    with pytest.raises(ShapeError, match=r"xp\.matmul got shapes that do not fit") as error:
        ops.matmul(np.ones(a), np.ones(b))
    assert all(part in str(error.value) for part in parts)
    with pytest.raises(ShapeError, match=r"xp\.matmul got shapes"):
        fn.eval_shape(ops.matmul, fn.Spec(a), fn.Spec(b))
    with pytest.raises(ShapeError, match=r"xp\.matmul got shapes"):
        ops.matmul(2.0, np.ones(3))


@pytest.mark.parametrize("case", backend_params())
def test_matrix_transpose(case: BackendCase) -> None:
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    with case.active():
        y = case.to_numpy(ops.matrix_transpose(case.asarray(x)))
    np.testing.assert_array_equal(y, np.swapaxes(x, 1, 2))
    check_grads(ops.matrix_transpose, [x.astype(float)])
    with pytest.raises(ShapeError, match=r"xp\.matrix_transpose needs matrices") as error:
        ops.matrix_transpose(np.ones(3))
    assert "shape (3,)" in str(error.value)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize(
    ("a", "b", "axis"), [((3,), (3,), -1), ((2, 3), (3,), -1), ((3, 2), (4, 3, 1), -2), ((2, 0), (2, 0), -1)]
)
def test_vecdot(case: BackendCase, a: tuple[int, ...], b: tuple[int, ...], axis: int) -> None:
    for dtype in ("float32", "complex64"):
        x1, x2 = pair(a, b, dtype)
        with case.active():
            y = ops.vecdot(case.asarray(x1, dtype), case.asarray(x2, dtype), axis=axis)
        np.testing.assert_allclose(case.to_numpy(y), np.vecdot(x1, x2, axis=axis), rtol=1e-5, atol=1e-6)
    check_grads(lambda u, v: ops.vecdot(u, v, axis=axis), pair(a, b))
    check_grads(lambda u, v: ops.vecdot(u, v, axis=axis), pair(a, b, "complex128"))


def test_vecdot_conjugates_its_first_argument() -> None:
    x1, x2 = np.array([1 + 2j]), np.array([3 - 1j])
    y, pullback = vjp(ops.vecdot, x1, x2)
    assert y == np.conj(x1[0]) * x2[0]
    g = 2 + 1j
    d1, d2 = pullback(np.complex128(g))
    # Re(g conj(t) x2) = Re(conj(g x2) t).
    np.testing.assert_allclose(d1, np.conj(g * x2))
    np.testing.assert_allclose(d2, g * np.conj(x1))
    # The squared norm, |x|^2, whose derivative is 2 conj(x) by the convention of the plain transpose.
    np.testing.assert_allclose(grad(lambda v: ops.real(ops.vecdot(v, v)))(x1), 2 * np.conj(x1))
    t = jvp(lambda v: ops.real(ops.vecdot(v, v)), (x1,), (np.array([1j]),))[1]
    np.testing.assert_allclose(t, 4.0)
    # A real argument beside a complex one gets a real cotangent.
    assert vjp(ops.vecdot, np.ones(1), x2)[1](np.complex128(g))[0].dtype == np.float64


def test_vecdots_that_do_not_fit() -> None:
    for axis in (0, -3, 1.0, None):
        with pytest.raises(ShapeError, match=r"xp\.vecdot got an axis that the arrays do not have") as error:
            ops.vecdot(np.ones((2, 3)), np.ones((2, 3)), axis=axis)  # type: ignore[arg-type]
        assert f"axis={axis!r}" in str(error.value)
    with pytest.raises(ShapeError, match=r"xp\.vecdot got shapes that do not fit") as shape_error:
        ops.vecdot(np.ones((2, 3)), np.ones((2, 1)))
    assert "(2, 3) and (2, 1) along axis -1" in str(shape_error.value)
    with pytest.raises(ShapeError, match=r"xp\.vecdot got shapes that do not fit"):
        ops.vecdot(np.ones((2, 3)), np.ones((4, 3)))
    with pytest.raises(ShapeError, match="at least one dimension in each"):
        ops.vecdot(np.ones(3), 2.0)


TENSORS: list[tuple[tuple[int, ...], tuple[int, ...], Any]] = [
    ((2, 3, 4), (4, 3, 5), ((1, 2), (1, 0))),
    ((2, 3, 4), (3, 4, 5), 2),
    ((2, 3), (3, 4), 1),
    ((2,), (3, 1), 0),
    ((), (3,), 0),
    ((2, 3), (2, 3), ([-1, 0], [1, -2])),
    ((2, 3, 4), (3,), ((1,), (0,))),
    ((2, 0), (0, 3), 1),
]


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize(("a", "b", "axes"), TENSORS)
def test_tensordot(case: BackendCase, a: tuple[int, ...], b: tuple[int, ...], axes: Any) -> None:
    x1, x2 = pair(a, b, "float32")
    with case.active():
        y = ops.tensordot(case.asarray(x1), case.asarray(x2), axes=axes)
    wanted = np.tensordot(x1, x2, axes)
    assert tuple(y.shape) == wanted.shape
    np.testing.assert_allclose(case.to_numpy(y), wanted, rtol=1e-5, atol=1e-5)
    check_grads(lambda u, v: ops.tensordot(u, v, axes=axes), pair(a, b))
    assert fn.eval_shape(lambda u, v: ops.tensordot(u, v, axes=axes), fn.Spec(a), fn.Spec(b)).shape == wanted.shape


def test_tensordots_that_do_not_fit() -> None:
    x1, x2 = np.ones((2, 3)), np.ones((3, 4))
    with pytest.raises(ShapeError, match=r"xp\.tensordot got sizes that do not fit") as error:
        ops.tensordot(x1, x2)
    assert "shape (2, 3) over axes (0, 1) and (3, 4) over axes (0, 1)" in str(error.value)
    for axes in (3, -1):
        with pytest.raises(ShapeError, match="cannot contract that many dimensions"):
            ops.tensordot(x1, x2, axes=axes)
    for wrong in (((0,), (0, 1)), (0, 1), "ab", True, ((0,),)):
        with pytest.raises(ParameterError, match="does not understand these axes") as parameter_error:
            ops.tensordot(x1, x2, axes=wrong)  # type: ignore[arg-type]
        assert repr(wrong) in str(parameter_error.value)
    with pytest.raises(ShapeError, match=r"xp\.tensordot was given the same axis twice"):
        ops.tensordot(x1, x1, axes=((0, 0), (0, 0)))
    with pytest.raises(ShapeError, match=r"xp\.tensordot got an axis"):
        ops.tensordot(x1, x2, axes=((2,), (0,)))


def test_gradients_are_those_of_jax(jax64: Any) -> None:
    for a, b in PRODUCTS[2:10:2]:
        x1, x2 = pair(a, b)
        g = np.random.default_rng(3).normal(size=np.matmul(x1, x2).shape)
        wanted = jax64.vjp(jax64.numpy.matmul, x1, x2)[1](g)
        for ours, theirs in zip(vjp(ops.matmul, x1, x2)[1](g), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
