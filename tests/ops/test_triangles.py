"""The triangles of matrices."""

from typing import Any

import numpy as np
import pytest

from funcnet.errors import ShapeError
from funcnet.ops import sum, tril, triu
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize(("ours", "theirs"), [(tril, np.tril), (triu, np.triu)])
@pytest.mark.parametrize("k", [-5, -1, 0, 1, 2, 9])
def test_values_and_transposes(case: BackendCase, ours: Any, theirs: Any, k: int) -> None:
    for shape in ((3, 4), (2, 3, 2), (0, 2)):
        host = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
        x = case.asarray(host)
        y, pullback = vjp(lambda x: ours(x, k=k), x)
        np.testing.assert_array_equal(case.to_numpy(y), theirs(host, k))
        np.testing.assert_array_equal(case.to_numpy(pullback(x)[0]), theirs(host, k))
        np.testing.assert_array_equal(case.to_numpy(jvp(lambda x: ours(x, k=k), (x,), (x,))[1]), theirs(host, k))
        np.testing.assert_array_equal(case.to_numpy(x), host)


def test_what_is_cut_off_may_be_anything() -> None:
    x = np.array([[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(grad(lambda x: sum(tril(x) ** 2))(x), [[2.0, 0.0], [4.0, 6.0]])


def test_errors() -> None:
    for function in (tril, triu):
        with pytest.raises(ShapeError, match="takes matrices"):
            function(np.ones(3))
