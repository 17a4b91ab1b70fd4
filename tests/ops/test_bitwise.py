import operator
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params

OPERATORS = {
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "bitwise_left_shift": operator.lshift,
    "bitwise_right_shift": operator.rshift,
}


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.requirement("P29")
def test_integers(name: str, dtype: str, case: BackendCase) -> None:
    a, b = np.array([1, 6, 100], dtype), np.array([[0], [2]], dtype)
    with case.active():
        found = getattr(ops, name)(case.asarray(a), case.asarray(b))
        with_scalar = getattr(ops, name)(case.asarray(a), 1)
    for one, other in ((found, OPERATORS[name](a, b)), (with_scalar, OPERATORS[name](a, 1))):
        host = case.to_numpy(one)
        assert host.dtype == dtype
        np.testing.assert_array_equal(host, other)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("P29")
def test_booleans_and_inversion(case: BackendCase) -> None:
    a, b = np.array([True, True, False]), np.array([True, False, False])
    with case.active():
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
            found = getattr(ops, name)(case.asarray(a), case.asarray(b))
            np.testing.assert_array_equal(case.to_numpy(found), OPERATORS[name](a, b))
        np.testing.assert_array_equal(case.to_numpy(ops.bitwise_invert(case.asarray(a))), ~a)
        np.testing.assert_array_equal(case.to_numpy(ops.bitwise_invert(case.asarray([0, 5], "int32"))), [-1, -6])


def test_a_shift_to_the_right_repeats_the_sign() -> None:
    x: Any = np.array([-8, 8], np.int8)
    np.testing.assert_array_equal(ops.bitwise_right_shift(x, np.int8(2)), [-2, 2])
