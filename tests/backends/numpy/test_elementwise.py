"""NumPy kernels of elementwise operations against the reference implementations, on array_api_strict."""

import operator
import warnings
from typing import Any

import array_api_strict
import numpy as np
import pytest

from funcnet.backends.numpy.elementwise import KERNELS
from funcnet.core import registry

SPECIAL = [-np.inf, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, np.inf, np.nan]
FLOATING = sorted(
    name for name in KERNELS if registry[name].meta.get("dtypes") not in {"integer", "integer or boolean", "complex"}
)


def reference(name: str, *args: Any) -> np.ndarray:
    primitive = registry[name]
    arrays = [array_api_strict.asarray(np.asarray(a)) if hasattr(a, "dtype") else a for a in args]
    impl = primitive.impl or (lambda xp, *xs: getattr(xp, name)(*xs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(impl(array_api_strict, *arrays)._array)


def count(name: str) -> int:
    return len(registry[name].partials)


def arguments(name: str, values: list[np.ndarray]) -> list[Any]:
    """Arrays for each argument of a primitive; a mask and an integer where it needs them."""
    args: list[Any] = list(values[: count(name)])
    if name == "masked":
        args[1] = args[1] > 0
    elif name == "where":
        args[0] = args[0] > 0
    elif name == "strong_power":
        args[3:] = [1]
    return args


def compare(name: str, args: list[Any]) -> None:
    with warnings.catch_warnings():
        # A forward pass may warn; what only reverse rules run may not.
        warnings.simplefilter("error" if registry[name].meta.get("internal") else "ignore")
        found = KERNELS[name](*args)
    expected = reference(name, *args)
    assert np.shape(found) == expected.shape
    assert found.dtype == expected.dtype
    rtol = 2e-6 if expected.dtype == np.float32 else 1e-14
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FLOATING)
def test_special_values(name: str, dtype: str) -> None:
    grids = np.meshgrid(*[np.array(SPECIAL, dtype)] * min(count(name), 3), indexing="ij")
    grids = [g.reshape(-1) for g in grids]
    if name == "clip":
        grids = [g[grids[1] <= grids[2]] for g in grids]
    compare(name, arguments(name, [*grids, grids[0]]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FLOATING)
def test_shapes(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    for shapes in (
        ((), (), ()),
        ((1,), (1,), (1,)),
        ((0, 3), (3,), (1, 1)),
        ((4, 1), (3,), ()),
        ((50, 60), (50, 60), (50, 60)),
        ((50, 60), (60,), (50, 1)),
    ):
        # Sorted, so that bounds are in order; all positive, for powers and logarithms.
        values = np.sort(rng.uniform(0.25, 3.0, 3))
        arrays = [np.asarray(v * rng.uniform(0.9, 1.0, s), dtype) for v, s in zip(values, shapes, strict=True)]
        arrays = [arrays[1], arrays[0], arrays[2], arrays[0]]
        if name in {"masked", "where"}:
            arrays = [a - np.asarray(1.0, dtype) for a in arrays]
        compare(name, arguments(name, arrays))
        # Scalars of NumPy, as its reductions return them.
        if shapes[0] == ():
            compare(name, arguments(name, [a[()] for a in arrays]))


@pytest.mark.parametrize("name", ["logistic_difference", "strong_divide", "strong_multiply"])
def test_python_scalars_in_rules(name: str) -> None:
    compare(name, [np.float32([0.5, 1.0, 2.0]), 1.0])
    compare(name, [np.float32(0.5), 2.0])


@pytest.mark.parametrize(
    "name", ["add", "divide", "floor_divide", "less", "maximum", "multiply", "pow", "remainder", "subtract"]
)
def test_python_scalars(name: str) -> None:
    if name in KERNELS:
        compare(name, [np.float32([0.5, 1.0, 2.0]), 1.0])
        compare(name, [1.0, np.float32([0.5, 1.0, 2.0])])
        compare(name, [np.float32(0.5), 2.0])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize(
    "name", [n for n in FLOATING if registry[n].meta["dtypes"] in {"all", "numeric", "floating"} and n != "where"]
)
def test_complex_numbers(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = [(rng.normal(size=6) + 1j * rng.normal(size=6)).astype(dtype) for _ in range(4)]
    args: list[Any] = values[: count(name)]
    if name == "masked":
        args[1] = args[1].real > 0
    elif name == "strong_power":
        args[3:] = [2]
    found, expected = KERNELS[name](*args), reference(name, *args)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=2e-5 if dtype == "complex64" else 1e-13)


@pytest.mark.parametrize(
    "name", ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"]
)
def test_integers(name: str) -> None:
    a, b = np.array([1, 6, 100], np.uint8), np.array([[0], [2]], np.uint8)
    compare(name, [a, b])
    compare("bitwise_invert", [a])


@pytest.mark.parametrize(
    "name", ["add", "multiply", "floor_divide", "remainder", "maximum", "pow", "abs", "equal", "where"]
)
def test_arithmetic_of_integers(name: str) -> None:
    a, b = np.array([1, 6, 100], np.int16), np.array([3, 2, 1], np.int16)
    if name in KERNELS:
        compare(name, [a > 2, a, b] if name == "where" else [a, b][: count(name)])


def test_powers() -> None:
    x = np.array([-2.0, -0.5, 0.0, 0.5, 3.0])
    for p in (-3, -2, -1, 0, 1, 2, 3, 4, 5, 0.0, 2.0, 3.0):
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(KERNELS["pow"](x, p), np.power(x, float(p)), rtol=1e-15)
    assert KERNELS["pow"](np.float64(9.0), 0.5) == 3.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.complex64])
@pytest.mark.parametrize("kind", ["random", "ordered", "transposed", "broadcast"])
def test_large_choices(dtype: Any, kind: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(70, 90)).astype(dtype) for _ in range(2))
    if np.issubdtype(dtype, np.floating):
        a[0], b[:, 0] = np.nan, -np.inf
    mask = rng.random((70, 90)) > 0.5
    if kind == "ordered":
        mask = np.arange(70)[:, None] > np.arange(90)
    elif kind == "transposed":
        mask = np.asfortranarray(mask)
    elif kind == "broadcast":
        mask = np.broadcast_to(mask[:, :1], (70, 90))
    for x1, x2 in ((a, b), (a, b[0]), (a, dtype(0)), (a[::-1], b[:, ::-1])):
        found = KERNELS["where"](mask, x1, x2)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.where(mask, x1, x2))


def test_a_choice_between_scalars() -> None:
    where = KERNELS["where"]
    for condition in (np.True_, np.False_, np.array(True)):
        for x1, x2 in (
            (np.float32(1), np.float32(2)),
            (np.float32(1), 2.0),
            (1, np.float64(2)),
            (np.float32(1), np.float64(2)),
        ):
            found, expected = where(condition, x1, x2), np.where(condition, x1, x2)
            assert found == expected
            assert found.dtype == expected.dtype


def test_arguments_are_not_written() -> None:
    x = np.linspace(-3, 3, 5000).astype(np.float32)
    mask = x > 0
    for array in (x, mask):
        array.flags.writeable = False
    for name in FLOATING:
        with np.errstate(all="ignore"):
            args = arguments(name, [x, x, x, x])
            result = KERNELS[name](*args)
        assert result is not x or name == "positive"


def test_kernels_of_operators_are_the_operators() -> None:
    assert KERNELS["multiply"] is operator.mul
    assert type(KERNELS["multiply"](np.float32(2), 3.0)) is np.float32
