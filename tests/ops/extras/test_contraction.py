import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.extras.contraction import _greedy, _plan, diagonal_of
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads

CASES: list[tuple[str, *tuple[tuple[int, ...], ...]]] = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    (" i j , j k -> k i ", (2, 3), (3, 4)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("i,i", (3,), (3,)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iji->j", (3, 2, 3)),
    ("iii->i", (2, 2, 2)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("iij,j->i", (2, 2, 3), (3,)),
    ("i,j,k->ijk", (2,), (3,), (4,)),
    (",ij->ij", (), (2, 3)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,kl->", (2, 3), (4, 5)),
    ("ijk,jil->kl", (3, 4, 5), (4, 3, 2)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 4)),
    ("ij,jk,kl,li->", (2, 3), (3, 4), (4, 5), (5, 2)),
    ("ij,ij,ij->i", (2, 3), (2, 3), (2, 3)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
    ("i...,i...->...", (2, 3), (2, 1)),
    ("...i", (2, 3)),
    ("...,...", (2, 3), (3,)),
    ("i...i->...", (3, 2, 3)),
    ("ij,ij->ij", (1, 3), (2, 3)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    # Scalar products, along dimensions that are and are not the last ones.
    ("ij,ij->", (3, 4), (3, 4)),
    ("ij,ji->j", (3, 4), (4, 3)),
    ("ij,ij->i", (3, 4), (3, 4)),
    # Results whose order is that of the transposed product, or of a stack of products.
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("ijk,il->ljk", (3, 2, 4), (3, 5)),
    ("ncl,dc->ndl", (3, 4, 17), (5, 4)),
    ("nlc,dc->ndl", (3, 17, 4), (5, 4)),
    ("dc,nlc->ndl", (5, 4), (3, 17, 4)),
    ("cl,dcn->dln", (4, 6), (3, 4, 16)),
    ("bnci,bdc->bndi", (2, 3, 4, 16), (2, 5, 4)),
    ("bi,ij,bj->b", (4, 3), (3, 5), (4, 5)),
]
EMPTY: list[tuple[str, *tuple[tuple[int, ...], ...]]] = [
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("ii->i", (0, 0)),
    ("i...->...", (0, 3)),
    ("ij,ij->j", (0, 3), (0, 3)),
    ("ij,ij->i", (2, 0), (2, 0)),
    ("ncl,dc->ndl", (3, 0, 17), (5, 0)),
]


def _arrays(shapes: Any) -> list[Any]:
    rng = np.random.default_rng(0)
    return [np.asarray(rng.normal(size=shape)) for shape in shapes]


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize(("subscripts", "shapes"), [(c[0], c[1:]) for c in CASES + EMPTY], ids=lambda v: str(v))
def test_values(case: BackendCase, subscripts: str, shapes: Any) -> None:
    args = _arrays(shapes)
    expected = np.einsum(subscripts, *args)
    with case.active():
        for optimize in (True, False):
            y = case.to_numpy(xp.einsum(subscripts, *[case.asarray(a) for a in args], optimize=optimize))
            assert y.shape == expected.shape
            np.testing.assert_allclose(y, expected, rtol=1e-5 if y.dtype == np.float32 else 1e-12, atol=1e-6)


@pytest.mark.parametrize(("subscripts", "shapes"), [(c[0], c[1:]) for c in CASES], ids=lambda v: str(v))
def test_derivatives(subscripts: str, shapes: Any, jax64: Any) -> None:
    args = _arrays(shapes)
    check_grads(lambda *xs: xp.einsum(subscripts, *xs), args)
    if subscripts not in ("ij,jk->ik", "iij,j->i", "ijk,jil->kl", "i...,i...->...", "ij,jk,kl,li->") or 1 in shapes[0]:
        return  # Each of JAX's programs takes it a second to compile.
    jnp = jax64.numpy

    def value(namespace: Any, *xs: Any) -> Any:
        y = namespace.einsum(subscripts.replace(" ", ""), *xs)
        return (y * y).sum()

    expected = jax64.grad(lambda *xs: value(jnp, *xs), argnums=tuple(range(len(args))))(*args)
    for i, e in enumerate(expected):
        found = fn.grad(lambda *xs: value(xp, *xs), i)(*args)
        np.testing.assert_allclose(found, np.asarray(e), rtol=1e-12, atol=1e-13)


def test_lists_of_labels() -> None:
    a, b = _arrays([(2, 3), (3, 4)])
    for lists in (([0, 1], [1, 2], [2, 0]), ([0, 1], [1, 2]), ([7, 1], [1, 3]), ([..., 1], [1, 2])):
        args = [a, lists[0], b, lists[1], *lists[2:]]
        np.testing.assert_allclose(xp.einsum(*args), np.einsum(*args), rtol=1e-12)


def test_orders_of_contraction(monkeypatch: pytest.MonkeyPatch) -> None:
    args = _arrays([(2, 30), (30, 3), (3, 40), (40, 2), (2,)])
    text = "ij,jk,kl,lm,m->i"
    expected = np.einsum(text, *args, optimize=True)
    path = np.einsum_path(text, *args)[0]
    for optimize in (True, False, path, [(0, 1, 2, 3, 4)], [(0,), (0, 1), (0, 1), (0, 1), (0, 1)]):
        np.testing.assert_allclose(xp.einsum(text, *args, optimize=optimize), expected, rtol=1e-12)
    # As if opt_einsum were not installed, for a program that has no order yet.
    _plan.cache_clear()
    monkeypatch.setitem(sys.modules, "opt_einsum", None)
    np.testing.assert_allclose(xp.einsum(text, *args), expected, rtol=1e-12)
    sizes = {"i": 2, "j": 1000, "k": 3, "l": 4}
    # The vector first: the long dimension goes with it.
    assert _greedy([("i", "k"), ("k", "j"), ("j",)], ("i",), sizes)[0] == (1, 2)


def test_integers_and_complex_numbers() -> None:
    a = np.arange(6).reshape(2, 3)
    y = xp.einsum("ij,kj->ik", a, a)
    assert y.dtype == a.dtype
    np.testing.assert_array_equal(y, a @ a.T)
    z = a + 1j
    np.testing.assert_allclose(xp.einsum("ij,kj->ik", z, z), z @ z.T)
    check_grads(lambda z: xp.einsum("ij,kj->ik", z, z), [z])


def test_diagonals() -> None:
    x = _arrays([(3, 2, 3)])[0]
    np.testing.assert_array_equal(diagonal_of(x, 0, 2), np.diagonal(x, axis1=0, axis2=2).T)
    np.testing.assert_array_equal(diagonal_of(np.eye(3), 0, 1), np.ones(3))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((), ParameterError, "needs subscripts and arrays"),
        (("ij,jk->ik", np.ones((2, 3))), ParameterError, "another number of arrays.\n  found:  2 sets of subscripts"),
        (("i1->i", np.ones((2, 3))), ParameterError, "does not understand these subscripts.\n  found:  'i1->i'"),
        (("i......->i", np.ones((2, 3))), ParameterError, "at most one '...' for each array"),
        (("ijk->i", np.ones((2, 3))), ShapeError, "subscripts 'ijk' for shape \\(2, 3\\)\n  needed: 3 dimensions"),
        (("...ijk->i", np.ones((2, 3))), ShapeError, "needed: 3 dimensions or more"),
        (("...i->i", np.ones((2, 3))), ShapeError, "an ellipsis that the result does not have"),
        (("ij->k", np.ones((2, 3))), ParameterError, "label 'k' of the result, which no array has"),
        (("ij->ii", np.ones((2, 3))), ParameterError, "label 'i' of the result, which occurs twice there"),
        (("ij,jk->ik", np.ones((2, 3)), np.ones((2, 3))), ShapeError, "label 'j' for dimensions of size 3 and 2"),
        ((np.ones(3), [0.5]), ParameterError, "does not understand these lists of subscripts.\n  found:  list"),
        ((np.ones(3), [0, 1]), ShapeError, r"subscripts \[0, 1\] for shape \(3,\)"),
    ],
)
def test_errors(args: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        xp.einsum(*args)


@pytest.mark.parametrize("optimize", [[(0, 5)], [(0, 0), (0, 1)], [(0, 1)], [()]])
def test_a_wrong_order_is_refused(optimize: Any) -> None:
    x = np.ones(2)
    with pytest.raises(ParameterError, match="an order of contraction that does not fit"):
        xp.einsum("i,i,i", x, x, x, optimize=optimize)


def test_modules_are_loaded_at_first_use() -> None:
    script = (
        "import sys, numpy as np, funcnet as fn\n"
        "from funcnet import xp\n"
        "fn.grad(lambda x: np.sin(x).sum())(np.ones(2))\n"
        "loaded = [m for m in sys.modules if m.startswith('funcnet.ops.extras.')]\n"
        "assert not loaded, loaded\n"
        "xp.einsum('i,i', np.ones(2), np.ones(2))\n"
        "assert 'funcnet.ops.extras.contraction' in sys.modules and 'opt_einsum' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
def test_factors_of_smaller_types_are_multiplied_in_that_of_the_result(dtype: str) -> None:
    x, small = np.array([0.5, 1.5]), np.array([[100, 90], [7, 101]], dtype)
    for subscripts, operands in (("i,ji,ji->i", (x, small, small)), ("i,jk->i", (x, small))):
        found, wanted = xp.einsum(subscripts, *operands), np.einsum(subscripts, *operands)
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-15)
