"""Lists beside traced arrays in operators, against NumPy."""

import operator
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.ops.lists import array_of

X = np.array([1.5, 2.5])
LIST = [3.0, 2.0]

NAMES = "add sub mul truediv floordiv mod pow matmul eq ne lt le gt ge".split()


def _right(name: str) -> Any:
    f = getattr(operator, name)
    return lambda x: f(x, LIST)


def _left(name: str) -> Any:
    f = getattr(operator, name)
    return lambda x: f(LIST, x)


OPERATIONS: dict[str, Any] = {
    **{name: _right(name) for name in (*NAMES, "iadd", "imul")},
    **{f"{name}, list left": _left(name) for name in NAMES},
    "divmod": lambda x: divmod(x, LIST)[1],
    "divmod, list left": lambda x: divmod(LIST, x)[0],
    "and": lambda x: (x > 2) & [True, True],
    "a tuple": lambda x: (1.0, 2.0) * x,
    "nested": lambda x: x - [[1.0], [2.0]],
    "numbers of the array itself": lambda x: x - [x[1], 1.0],
    "dot": lambda x: x.dot(LIST),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operators_take_lists_as_numpy_does(name: str) -> None:
    f = OPERATIONS[name]
    wanted = f(X.copy())
    for found in (fn.jvp(f, (X,), (X,))[0], fn.vmap(f)(X[None])[0], fn.jit(f)(X), fn.vjp(f, X)[0]):
        np.testing.assert_array_equal(found, wanted)
        assert np.asarray(found).dtype == wanted.dtype


def test_derivatives_go_through_lists() -> None:
    np.testing.assert_allclose(fn.grad(lambda x: xp.sum(x * [x[1], 4.0]))(X), [2.5, 1.5 + 4.0])


def test_other_libraries_have_no_such_operators() -> None:
    torch = pytest.importorskip("torch", reason="no PyTorch")
    with pytest.raises(TypeError, match="unsupported operand"):
        fn.vmap(lambda x: x + LIST)(torch.ones(1, 2))


def test_arrays_stay_what_they_are() -> None:
    assert array_of(X) is X
    np.testing.assert_array_equal(array_of([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
