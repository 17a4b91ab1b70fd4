"""Operators, attributes and methods of traced arrays against the standard, with array_api_strict as the oracle."""

import itertools
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

strict = pytest.importorskip("array_api_strict", reason="array_api_strict is the oracle")

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)
BINARY = {
    **{f"__{n}__": getattr(operator, n) for n in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")},
    **{f"__{n}__": getattr(operator, n) for n in ("lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge", "xor")},
    "__and__": operator.and_,
    "__or__": operator.or_,
}
IN_PLACE = {
    f"__i{n}__": getattr(operator, f"i{n}")
    for n in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
}
UNARY = {"__abs__": abs, "__invert__": operator.invert, "__neg__": operator.neg, "__pos__": operator.pos}
SCALARS = (True, 2, 1.5, 0.5 + 2j)


def array(dtype: str, second: bool = False) -> np.ndarray:
    """Return a small matrix; the second operand has no zeros, and exponents and shifts that are small."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.array([[True, False], [True, second]])
    x = np.array([[1, 2], [3, 2]]) if second else np.array([[5, 3], [7, 4]])
    x = x * np.where(np.eye(2) * (kind != "u") * (not second), -1, 1) + (0.25 if kind in "fc" else 0)
    return (x + (0.5j * x if kind == "c" else 0)).astype(dtype)


def _swapped(function: Callable[..., Any], second: Any, first: Any) -> Any:
    return function(first, second)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (TypeError, ValueError, OverflowError):
        return None


def in_trace(program: Callable[[], list[Any]]) -> list[np.ndarray]:
    """Run a program within the trace of a gradient, and return its results as plain arrays."""
    return fn.grad(lambda t: (t, program()), has_aux=True)(np.asarray(1.0))[1]


def require(found: Any, wanted: Any, label: str) -> None:
    wanted = np.asarray(wanted._array)
    assert isinstance(found, (np.ndarray, np.generic)), label
    assert found.dtype == wanted.dtype, f"{label}: {found.dtype}, not {wanted.dtype}"
    assert found.shape == wanted.shape, label
    eps = np.finfo(wanted.dtype).eps if wanted.dtype.kind in "fc" else 0
    np.testing.assert_allclose(found, wanted, rtol=8 * eps, err_msg=label)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", BINARY)
def test_binary_operators(name: str) -> None:
    function = BINARY[name]
    wanted, calls = [], []
    for d1, d2 in itertools.product(DTYPES, DTYPES):
        a, b = array(d1), array(d2, second=True)
        y = outcome(lambda a=a, b=b: function(strict.asarray(a), strict.asarray(b)))
        if y is not None:
            wanted.append((f"{d1} {name} {d2}", y))
            calls.append((a, b))
    assert wanted

    def program() -> list[Any]:
        lift = fn.lift
        return [[function(lift(a), lift(b)), function(lift(a), b), function(a, lift(b))] for a, b in calls]

    for (label, y), results in zip(wanted, in_trace(program), strict=True):
        for how, found in zip(("both traced", "the first traced", "the second traced"), results, strict=True):
            require(found, y, f"{label}, {how}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [n for n in BINARY if n != "__matmul__"])
def test_operators_with_numbers(name: str) -> None:
    function = BINARY[name]
    wanted, calls = [], []
    for dtype, number in itertools.product(DTYPES, SCALARS):
        for a, reflected in ((array(dtype), False), (array(dtype, second=True), True)):
            pair = partial(function, number) if reflected else partial(_swapped, function, number)
            y = outcome(lambda a=a, pair=pair: pair(strict.asarray(a)))
            if y is not None:
                wanted.append((f"{number} {name} {dtype}" if reflected else f"{dtype} {name} {number}", y))
                calls.append((pair, a))
    assert wanted
    for (label, y), found in zip(wanted, in_trace(lambda: [f(fn.lift(a)) for f, a in calls]), strict=True):
        require(found, y, label)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operators_rebind_and_leave_the_callers_array(name: str) -> None:
    function = IN_PLACE[name]
    wanted, calls = [], []
    for d1, d2 in itertools.product(DTYPES, (*DTYPES, *SCALARS)):
        a, b = array(d1), array(d2, second=True) if isinstance(d2, str) else d2
        given = strict.asarray(a, copy=True)
        y = outcome(lambda x=given, b=b: function(x, strict.asarray(b) if isinstance(b, np.ndarray) else b))
        if y is not None:
            wanted.append((f"{d1} {name} {d2}", y))
            calls.append((a, b))
    assert wanted
    before = [a.copy() for a, _ in calls]

    def program() -> list[Any]:
        results = []
        for a, b in calls:
            x = same = fn.lift(a)
            x = function(x, b)
            assert x is same
            results.append(x)
        return results

    for (label, y), found in zip(wanted, in_trace(program), strict=True):
        require(found, y, label)
    for (a, _), original in zip(calls, before, strict=True):
        np.testing.assert_array_equal(a, original)


@pytest.mark.parametrize("name", UNARY)
def test_unary_operators(name: str) -> None:
    wanted = [(d, outcome(lambda d=d: UNARY[name](strict.asarray(array(d))))) for d in DTYPES]
    wanted = [(d, y) for d, y in wanted if y is not None]
    results = in_trace(lambda: [UNARY[name](fn.lift(array(dtype))) for dtype, _ in wanted])
    for (dtype, y), found in zip(wanted, results, strict=True):
        require(found, y, f"{name} {dtype}")


def test_every_method_and_attribute_of_the_standard_is_there() -> None:
    wanted = {n for n in dir(strict.asarray(1.0)) if not n.startswith("_") or n.startswith("__array_")}
    wanted |= {*BINARY, *IN_PLACE, *UNARY, "__imatmul__", *(f"__r{n[2:]}" for n in BINARY if n[2:4] not in _COMPARE)}
    wanted |= {"__bool__", "__complex__", "__dlpack__", "__dlpack_device__", "__float__", "__getitem__", "__index__"}
    wanted |= {"__int__", "__setitem__", "to_device"}
    # array_api_strict's own: its conversion to NumPy, and a refusal.
    wanted -= {"__array_interface__", "__array_priority__"}
    assert not wanted - set(dir(fn.core.Tracer))


_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")


@pytest.mark.parametrize("dtype", DTYPES)
def test_attributes_and_methods_of_an_array(dtype: str) -> None:
    a = array(dtype)
    s = strict.asarray(a)

    def program() -> list[Any]:
        x = fn.lift(a)
        assert (x.shape, x.ndim, x.size) == (s.shape, s.ndim, s.size)
        assert x.dtype == a.dtype
        assert x.device == a.device
        assert x.to_device(x.device) is x
        space = x.__array_namespace__(api_version="2024.12")
        assert space.isdtype(x.dtype, space.asarray(a).dtype)
        assert len(list(x)) == len(x) == 2
        return [x.T, x.mT, x[0], x[..., 1], x[None], x[::-1, 1:], x[x == x], x[xp.asarray([1, 0])]]

    wanted = [
        s.T,
        s.mT,
        s[0, ...],
        s[..., 1],
        s[None, ...],
        s[::-1, 1:],
        s[s == s],
        strict.take(s, strict.asarray([1, 0]), axis=0),
    ]
    for found, y in zip(in_trace(program), wanted, strict=True):
        require(found, y, dtype)


@pytest.mark.parametrize("value", [True, 3, 2.5, 1 + 2j])
def test_conversions_to_numbers_are_those_of_the_standard(value: Any) -> None:
    s = strict.asarray(value)

    def program() -> list[Any]:
        x = fn.lift(np.asarray(value))
        for convert in (bool, int, float, complex, operator.index):
            wanted = outcome(lambda convert=convert: convert(s))
            if wanted is not None:
                # A lifted array carries no derivative.
                assert convert(x) == wanted
                assert type(convert(x)) is type(wanted)
        return []

    in_trace(program)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("batch", [(), (3,), (0,), (2, 2)])
def test_eig_and_eigvals(dtype: str, batch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(*batch, 4, 4)) + (1j * rng.normal(size=(*batch, 4, 4)) if dtype.startswith("c") else 0)
    a = a.astype(dtype)
    tol = 200 * np.finfo(dtype).eps
    complex_of = {"float32": "complex64", "float64": "complex128"}.get(dtype, dtype)
    plain = (xp.linalg.eig(a), xp.linalg.eigvals(a))
    inside = in_trace(lambda: [*xp.linalg.eig(fn.lift(a)), xp.linalg.eigvals(fn.lift(a))])
    for (w, v), values in ((plain[0], plain[1]), ((inside[0], inside[1]), inside[2])):
        assert (w.dtype, v.dtype, values.dtype) == (complex_of,) * 3
        assert (w.shape, v.shape) == (a.shape[:-1], a.shape)
        np.testing.assert_allclose(a @ v, v * w[..., None, :], atol=10 * tol)
        np.testing.assert_allclose(np.linalg.norm(v, axis=-2), 1.0, rtol=tol)
        np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(w), atol=10 * tol)
        np.testing.assert_allclose(np.sort_complex(w), np.sort_complex(np.linalg.eigvals(a)), atol=10 * tol)


INF, NAN = float("inf"), float("nan")
#: function -> cases of the standard for complex arguments: the argument and the result; None stands for either sign.
COMPLEX = {
    "exp": [(0j, 1 + 0j), (INF + 0j, INF + 0j), (-INF + 1j, 0j), (NAN + 0j, complex(NAN, 0)), (complex(-INF, INF), 0j)],
    "log": [
        (complex(-0.0, 0.0), complex(-INF, np.pi)),
        (0j, complex(-INF, 0)),
        (complex(1, INF), complex(INF, np.pi / 2)),
    ],
    "sqrt": [
        (0j, 0j),
        (complex(1, INF), complex(INF, INF)),
        (complex(INF, 1), INF + 0j),
        (complex(-INF, 1), complex(0, INF)),
    ],
    "sinh": [(0j, 0j), (complex(INF, 0), complex(INF, 0)), (complex(NAN, 0), complex(NAN, 0))],
    "cosh": [(0j, 1 + 0j), (complex(INF, 0), complex(INF, 0))],
    "tanh": [(0j, 0j), (complex(INF, 1), 1 + 0j)],
    "expm1": [(0j, 0j), (complex(-INF, 1), -1 + 0j)],
    "log1p": [(0j, 0j), (complex(-1, 0), complex(-INF, 0))],
    "abs": [(complex(INF, NAN), INF), (complex(NAN, -INF), INF), (3 - 4j, 5.0), (complex(NAN, 1), NAN)],
    "sign": [(0j, 0j), (3 - 4j, 0.6 - 0.8j)],
    "conj": [(complex(1, INF), complex(1, -INF))],
    "isfinite": [(complex(INF, NAN), False), (1j, True)],
    "isinf": [(complex(NAN, INF), True), (complex(NAN, 1), False)],
    "isnan": [(complex(1, NAN), True), (complex(1, INF), False)],
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", COMPLEX)
def test_special_cases_of_complex_numbers(name: str, dtype: str) -> None:
    arguments, wanted = (np.array(column) for column in zip(*COMPLEX[name], strict=True))
    function = getattr(xp, name)
    x = arguments.astype(dtype)
    rtol = 4 * np.finfo(dtype).eps
    for found in (function(x), in_trace(lambda: [function(fn.lift(x))])[0]):
        theirs = getattr(strict, name)(strict.asarray(x))._array
        assert found.dtype == theirs.dtype
        for part in (np.real, np.imag):
            np.testing.assert_allclose(part(found), part(theirs), rtol=rtol)
            # Infinities may be of any size where the standard leaves the sign or the other part open.
            np.testing.assert_allclose(part(found), part(wanted), rtol=rtol, atol=1e-7)
