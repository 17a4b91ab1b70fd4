from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.axes import (
    check_elements,
    check_kind,
    element_count,
    kept_shape,
    native_dtype,
    one_axis,
    rank,
    reduced_axes,
    reduced_shape,
)

X = np.zeros((2, 3, 4))


def test_axes_become_ascending_and_non_negative() -> None:
    assert reduced_axes("sum", X, None) == (0, 1, 2)
    assert reduced_axes("sum", X, -1) == (2,)
    assert reduced_axes("sum", X, np.int64(1)) == (1,)
    assert reduced_axes("sum", X, [-1, 0]) == (0, 2)
    assert reduced_axes("sum", X, ()) == ()
    assert reduced_axes("sum", np.zeros((1,) * 10), None) == tuple(range(10))
    assert reduced_axes("sum", np.zeros(()), None) == ()
    assert one_axis("sort", X, -3) == 0


def test_shapes() -> None:
    assert reduced_shape((2, 3, 4), (0, 2), False) == (3,)
    assert reduced_shape((2, 3, 4), (0, 2), True) == kept_shape((2, 3, 4), (0, 2)) == (1, 3, 1)
    assert element_count((2, 3, 4), (0, 2)) == 8
    assert element_count((2, 3), ()) == 1


@pytest.mark.parametrize("axis", [3, -4, (0, 5)])
def test_an_axis_that_is_not_there(axis: object) -> None:
    with pytest.raises(ShapeError, match="axis that the array does not have") as error:
        reduced_axes("sum", X, axis)  # type: ignore[arg-type]
    assert "from -3 to 2" in str(error.value)
    assert "shape (2, 3, 4)" in str(error.value)


def test_no_dimensions_have_no_axis() -> None:
    with pytest.raises(ShapeError, match="no axis, since the array has no dimensions"):
        one_axis("sort", np.float64(1.0), 0)


def test_the_same_axis_twice() -> None:
    with pytest.raises(ShapeError, match="same axis twice") as error:
        reduced_axes("sum", X, (0, 1, -3))
    assert "axis=(0, 1, -3)" in str(error.value)


@pytest.mark.parametrize("axis", [1.5, "0", True])
def test_an_axis_is_an_integer(axis: object) -> None:
    with pytest.raises(ParameterError, match="takes an integer as axis") as error:
        one_axis("sort", X, axis)
    assert repr(axis) in str(error.value)


def test_dtypes_are_those_of_the_array() -> None:
    assert native_dtype(X, None) is None
    assert native_dtype(X, "float32") == np.dtype("float32")
    assert native_dtype(X, np.int8) == np.dtype("int8")


def test_kinds() -> None:
    check_kind("max", X, "fiu", "a real data type")
    with pytest.raises(DtypeError, match=r"xp\.max does not take this data type") as error:
        check_kind("max", X.astype(complex), "fiu", "a real data type", "xp.abs(x)")
    assert all(part in str(error.value) for part in ("complex128", "a real data type", "xp.abs(x)"))


def test_elements() -> None:
    check_elements("max", np.zeros((0, 3)), (1,))
    check_elements("max", np.zeros((0, 0)), (1,))
    with pytest.raises(ShapeError, match=r"xp\.max of no elements has no value") as error:
        check_elements("max", np.zeros((0, 3)), (0,))
    assert "shape (0, 3), reduced over axis 0" in str(error.value)


_OF_ONE = (
    "all any count_nonzero cumulative_prod cumulative_sum diff fft.fft fft.fftn fft.fftshift fft.hfft fft.ifft "
    "fft.ihfft fft.irfft fft.rfft fft.rfftn flip linalg.matrix_transpose max mean meshgrid min nonzero prod "
    "real rot90 std sum tril triu unstack var "
).split()
#: Function -> its call on one argument.
CALLS: dict[str, Callable[[Any], Any]] = {
    **{name: attrgetter(name)(xp) for name in _OF_ONE},
    "broadcast_to": lambda x: xp.broadcast_to(x, (2,)),
    "expand_dims": lambda x: xp.expand_dims(x, axis=0),
    "full_like": lambda x: xp.full_like(x, 1.0),
    "moveaxis": lambda x: xp.moveaxis(x, 0, 0),
    "permute_dims": lambda x: xp.permute_dims(x, (0,)),
    "repeat": lambda x: xp.repeat(x, 2),
    "searchsorted": lambda x: xp.searchsorted(x, np.ones(2)),
    "split": lambda x: xp.split(x, 2),
    "squeeze": lambda x: xp.squeeze(x, axis=0),
    "swapaxes": lambda x: xp.swapaxes(x, 0, 0),
    "take": lambda x: xp.take(x, np.array([0])),
    "tensordot": lambda x: xp.tensordot(x, np.ones(2)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_list_in_place_of_an_array_is_refused(name: str) -> None:
    with pytest.raises(DtypeError, match=r"(?s)^xp\..* takes x as an array.*found:  list.*write:  xp\.asarray\(x\)"):
        CALLS[name]([1.0, 2.0])


def test_the_rank() -> None:
    assert rank("sum", X) == 3
    with pytest.raises(DtypeError, match=r"xp\.sum takes x as an array"):
        rank("sum", 1.0)
