"""Evenly spaced numbers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.core import Tracer
from funcnet.errors import ParameterError
from funcnet.ops import arange, linspace, sum
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


@pytest.mark.requirement("P3")
def test_arange_follows_the_context(case: BackendCase) -> None:
    integer = case.backend.default_int(case.device)
    for args in ((5,), (2, 7), (7, 2, -2), (0,), (3, 1)):
        got = arange(*args)
        assert case.backend.dtype_name(got.dtype) == integer
        assert case.backend.device_of(got) == case.backend.device_name(case.device)
        np.testing.assert_array_equal(case.to_numpy(got), np.arange(*args))
    got = arange(0, 1, 0.25)
    assert case.backend.dtype_name(got.dtype) == "float32"
    np.testing.assert_array_equal(case.to_numpy(got), np.arange(0, 1, 0.25))
    assert case.backend.dtype_name(arange(3, dtype="int32").dtype) == "int32"
    assert case.backend.dtype_name(arange(3.0).dtype) == "float32"


def test_arange_of_traced_numbers(case: BackendCase) -> None:
    start, step = case.asarray(np.float32(1.5)), case.asarray(np.float32(0.5))
    y, pullback = vjp(lambda a, d: arange(a, 4.0, d), start, step)
    np.testing.assert_array_equal(case.to_numpy(y), np.arange(1.5, 4.0, 0.5, dtype=np.float32))
    ga, gd = pullback(case.asarray(np.arange(5, dtype=np.float32)))
    assert (float(ga), float(gd)) == (10.0, 30.0)
    _, tangent = jvp(lambda a: arange(a, 4.0), (start,), (start,))
    np.testing.assert_array_equal(case.to_numpy(tangent), [1.5] * 3)


def test_the_end_of_a_range_has_no_derivative() -> None:
    assert grad(lambda b: sum(arange(b)) + 0.0 * b)(np.array(3.0)) == 0.0
    assert grad(lambda b: sum(arange(0.5, b)) + b)(np.array(3.0)) == 1.0
    assert grad(lambda a: sum(arange(a, 0.0)) + a)(np.array(2.0)) == 1.0  # empty


@settings(max_examples=100)
@given(start=st.floats(-9, 9), stop=st.floats(-9, 9), step=st.floats(0.05, 3), sign=st.sampled_from([-1.0, 1.0]))
def test_traced_and_plain_ranges_agree(start: float, stop: float, step: float, sign: float) -> None:
    wanted = np.arange(start, stop, sign * step)
    got = vjp(lambda a: arange(a, stop, sign * step), np.array(start))[0]
    assert abs(len(got) - len(wanted)) == 0
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_integers_that_are_traced() -> None:
    def f(x: Any) -> Any:
        n = arange(3)[2]
        assert isinstance(n, Tracer)
        return sum(x[arange(n)] * arange(0, n + 1)[1:])

    np.testing.assert_array_equal(grad(f)(np.ones(4)), [1, 2, 0, 0])


def test_linspace(case: BackendCase) -> None:
    for args, options in [((0, 1, 5), {}), ((2.0, -1.0, 4), {"endpoint": False}), ((0, 1, 1), {}), ((0, 1, 0), {})]:
        got = linspace(*args, **options)
        assert case.backend.dtype_name(got.dtype) == "float32"
        np.testing.assert_allclose(case.to_numpy(got), np.linspace(*args, **options), rtol=1e-6, atol=1e-7)
    assert case.backend.dtype_name(linspace(0, 4, 3, dtype="int32").dtype) == "int32"
    if "complex64" in case.dtypes():
        np.testing.assert_allclose(case.to_numpy(linspace(0, 1j, 3)), [0, 0.5j, 1j])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_linspace_between_traced_ends(dtype: Any) -> None:
    for a, b in ((0.1, 0.7), (1e30, -3e-20), (-5.0, 1e-3)):
        start, stop = dtype(a), dtype(b)
        y, pullback = vjp(lambda a, b: linspace(a, b, 8), np.array(start), np.array(stop))
        assert y.dtype == dtype
        assert (y[0], y[-1]) == (start, stop)
        np.testing.assert_allclose(y, np.linspace(start, stop, 8), rtol=1e-6, atol=1e-6 * abs(a))
        for i in range(8):
            ga, gb = pullback(np.eye(8, dtype=dtype)[i])
            np.testing.assert_allclose([ga, gb], [1 - i / 7, i / 7], rtol=1e-6, atol=1e-7)
            assert ga.dtype == gb.dtype == dtype
        assert pullback(np.eye(8, dtype=dtype)[0]) == (1.0, 0.0)
        assert pullback(np.eye(8, dtype=dtype)[7]) == (0.0, 1.0)
    # Linear in the ends, so the second derivative vanishes and that of a square does not.
    second = grad(lambda a: grad(lambda a: sum(linspace(a, 1.0, 3) ** 2))(a))(np.array(dtype(0.5)))
    np.testing.assert_allclose(second, 2.5)


def test_linspace_between_arrays(case: BackendCase) -> None:
    a, b = np.array([0.0, 1.0], np.float32), np.float32(4)
    y, pullback = vjp(lambda a: linspace(a, case.asarray(b), 3), case.asarray(a))
    np.testing.assert_array_equal(case.to_numpy(y), np.linspace(a, b, 3))
    np.testing.assert_array_equal(case.to_numpy(pullback(case.asarray(np.ones((3, 2), np.float32)))[0]), [1.5, 1.5])


def test_integer_results_carry_no_derivative() -> None:
    g = grad(lambda a: sum(linspace(a, 9.0, 3, dtype="int64") * 1.0) + a)(np.array(1.0))
    assert g == 1.0


@pytest.mark.parametrize(
    ("call", "match"),
    [(lambda: arange(1, 2, 0), "cannot step by 0"), (lambda: linspace(0, 1, -1), "less than no numbers")],
)
def test_errors(call: Any, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        call()
