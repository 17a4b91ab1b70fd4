"""Arrays of another byte order and of NumPy's subclasses under `jit`, before and after loops are compiled."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.execute import finish_compiling
from funcnet.compiler.loops import build
from funcnet.compiler.native import native, natives
from funcnet.errors import DonatedArrayError, DtypeError

needs_numba = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

X = np.linspace(0.1, 1.0, 48).reshape(6, 8)
#: As files of other machines have it.
SWAPPED = X.astype(X.dtype.newbyteorder())


def loss(x: Any) -> Any:
    y = fn.scan(lambda c, row: (xp.tanh(c * 0.5 + row * 1.5), c * 2.0), x[0] * 0.0, x)[1]
    return xp.sum(xp.exp(x) @ xp.matrix_transpose(x) * 0.1) + xp.sum(y * x[:, ::-1])


def with_constants(x: Any) -> Any:
    # The array that is no argument is of the other order.
    return xp.sum(xp.exp(x * SWAPPED) @ xp.matrix_transpose(SWAPPED))


FORMS = {
    "value": fn.jit(loss),
    "gradient in the graph": fn.jit(fn.grad(loss)),
    "gradient of the graph": fn.grad(fn.jit(loss)),
    "forward": lambda x: fn.jvp(fn.jit(loss), (x,), (x,)),
    "second order": lambda x: fn.jvp(fn.grad(fn.jit(loss)), (x,), (x,)),
    "batch": lambda x: fn.vmap(fn.jit(lambda row: xp.sin(row) * row + 1.0))(x),
    "gradient of the batch": lambda x: fn.grad(lambda x: xp.sum(fn.vmap(fn.jit(xp.tanh))(x) ** 2))(x),
    "constant": fn.jit(fn.value_and_grad(with_constants)),
    "views": fn.jit(lambda x: (x, x[1:3], xp.matrix_transpose(x))),
}


@needs_numba
@pytest.mark.compiling
@pytest.mark.parametrize("form", FORMS)
def test_other_byte_order(form: str) -> None:
    f = FORMS[form]
    wanted = tree.leaves(f(X))
    for _ in range(3):
        found = tree.leaves(f(SWAPPED))
        assert finish_compiling(300)
    found = tree.leaves(f(SWAPPED))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_both_orders_have_one_graph() -> None:
    f = fn.jit(lambda x: x * 2.0)
    for x in (SWAPPED, X, SWAPPED):
        y = f(x)
        np.testing.assert_array_equal(y, X * 2.0)
        assert y.dtype.isnative
    assert f.captures() == ["the first call"]


def test_donated() -> None:
    f = fn.jit(lambda x: x * 2.0, donate="x")
    x = SWAPPED.copy()
    np.testing.assert_array_equal(f(x), X * 2.0)
    with pytest.raises(DonatedArrayError):
        f(x)


@needs_numba
@pytest.mark.compiling
def test_subclasses_become_plain() -> None:
    class Own(np.ndarray):
        pass

    f = fn.jit(lambda x: (xp.sum(x, axis=0), xp.exp(x) * 2.0 + 1.0))
    for _ in range(3):
        total, y = f(X.view(Own))
        assert type(total) is type(y) is np.ndarray
        np.testing.assert_allclose(total, X.sum(0))
        np.testing.assert_allclose(y, np.exp(X) * 2.0 + 1.0)
        assert finish_compiling(300)


def test_masked_arrays_are_refused() -> None:
    x = np.ma.masked_array(X, X > 0.5)
    f = fn.jit(lambda x: x * 2.0)
    for g in (f, fn.grad(lambda x: xp.sum(f(x)))):
        with pytest.raises(DtypeError, match=r"array with a mask[\s\S]*x\.filled\(0\)"):
            g(x)
    with pytest.raises(DtypeError, match="array with a mask"):
        fn.jit(lambda y: y * x)(X)


def test_arrays_in_files_and_what_is_plain_already(tmp_path: Any) -> None:
    file = np.memmap(tmp_path / "x", "float64", "w+", shape=(3,))
    assert native(file) is file
    given = [X, file, np.float64(1.0), object()]
    assert natives(given) is given
    f = fn.jit(lambda x: x + 1.0, donate="x")
    np.testing.assert_array_equal(f(file), np.ones(3))
    with pytest.raises(DonatedArrayError):
        f(file)
