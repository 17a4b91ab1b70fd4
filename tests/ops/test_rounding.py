from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad

VALUES = np.float32([-2.5, -1.5, -0.5, -0.2, 0.0, 0.5, 1.5, 1.7, 2.5, 1e20, np.inf, np.nan])


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", ["ceil", "floor", "round", "trunc"])
def test_values_are_numpys(name: str, case: BackendCase) -> None:
    with case.active():
        found = getattr(ops, name)(case.asarray(VALUES))
    np.testing.assert_array_equal(case.to_numpy(found), getattr(np, name)(VALUES))


@pytest.mark.parametrize("name", ["ceil", "floor", "round", "trunc"])
def test_integers_are_returned_as_they_are(name: str) -> None:
    x = np.array([-3, 5], np.int16)
    found = getattr(ops, name)(x)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, x)


@pytest.mark.parametrize("name", ["ceil", "floor", "round", "trunc"])
def test_the_derivative_is_zero(name: str) -> None:
    function = getattr(ops, name)
    for x in (np.float32(0.3), np.float32(1.0), np.float32(0.5)):
        assert grad(function)(x) == 0
        assert jvp(function, (x,), (x,))[1] == 0

    def stepped(x: Any) -> Any:
        return x * function(x)

    assert grad(stepped)(np.float64(2.25)) == function(2.25)


def test_both_parts_of_a_complex_number_are_rounded() -> None:
    np.testing.assert_array_equal(ops.round(np.array([1.5 - 2.4j])), [2 - 2j])
