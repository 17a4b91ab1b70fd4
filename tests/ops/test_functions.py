"""Every elementwise function of the standard against NumPy, JAX, the complex step and its own documentation."""

import doctest
from typing import Any, NamedTuple

import numpy as np
import pytest

from funcnet import ops
from funcnet.core import registry
from funcnet.errors import ShapeError
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

# name -> NumPy's name, JAX's name, and the interval of the arguments.
UNARY = {
    "abs": ("abs", "abs", -3.0, 3.0),
    "acos": ("arccos", "arccos", -0.95, 0.95),
    "acosh": ("arccosh", "arccosh", 1.1, 5.0),
    "asin": ("arcsin", "arcsin", -0.95, 0.95),
    "asinh": ("arcsinh", "arcsinh", -5.0, 5.0),
    "atan": ("arctan", "arctan", -5.0, 5.0),
    "atanh": ("arctanh", "arctanh", -0.95, 0.95),
    "ceil": ("ceil", "ceil", -3.0, 3.0),
    "conj": ("conj", "conj", -3.0, 3.0),
    "cos": ("cos", "cos", -6.0, 6.0),
    "cosh": ("cosh", "cosh", -4.0, 4.0),
    "exp": ("exp", "exp", -4.0, 4.0),
    "expm1": ("expm1", "expm1", -4.0, 4.0),
    "floor": ("floor", "floor", -3.0, 3.0),
    "log": ("log", "log", 0.1, 9.0),
    "log10": ("log10", "log10", 0.1, 9.0),
    "log1p": ("log1p", "log1p", -0.9, 9.0),
    "log2": ("log2", "log2", 0.1, 9.0),
    "negative": ("negative", "negative", -3.0, 3.0),
    "positive": ("positive", "positive", -3.0, 3.0),
    "reciprocal": ("reciprocal", "reciprocal", 0.2, 3.0),
    "round": ("round", "round", -3.0, 3.0),
    "sign": ("sign", "sign", -3.0, 3.0),
    "sin": ("sin", "sin", -6.0, 6.0),
    "sinh": ("sinh", "sinh", -4.0, 4.0),
    "sqrt": ("sqrt", "sqrt", 0.1, 9.0),
    "square": ("square", "square", -3.0, 3.0),
    "tan": ("tan", "tan", -1.4, 1.4),
    "tanh": ("tanh", "tanh", -3.0, 3.0),
    "trunc": ("trunc", "trunc", -3.0, 3.0),
}
BINARY = {
    "add": ("add", "add", -3.0, 3.0),
    "atan2": ("arctan2", "arctan2", -3.0, 3.0),
    "copysign": ("copysign", "copysign", -3.0, 3.0),
    "divide": ("divide", "divide", 0.3, 3.0),
    "floor_divide": ("floor_divide", "floor_divide", 0.3, 3.0),
    "hypot": ("hypot", "hypot", -3.0, 3.0),
    "logaddexp": ("logaddexp", "logaddexp", -3.0, 3.0),
    "maximum": ("maximum", "maximum", -3.0, 3.0),
    "minimum": ("minimum", "minimum", -3.0, 3.0),
    "multiply": ("multiply", "multiply", -3.0, 3.0),
    "pow": ("power", "power", 0.3, 3.0),
    "remainder": ("remainder", "remainder", 0.3, 3.0),
    "subtract": ("subtract", "subtract", -3.0, 3.0),
}
FLAT = {
    "isfinite": "isfinite",
    "isinf": "isinf",
    "isnan": "isnan",
    "signbit": "signbit",
}
# Without a derivative in JAX.
NO_JAX = {"copysign", "floor_divide"}
FORMULAS = {
    "Heaviside": lambda x: np.heaviside(x, 0.5),
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sign": np.sign,
    "floor": np.floor,
}


def arguments(low: float, high: float, count: int, shape: tuple[int, ...] = (11,), seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(low, high, shape) for _ in range(count)]


class Entry(NamedTuple):
    """A function, its oracles, and the interval of its arguments."""

    name: str
    numpy: str
    jax: str
    low: float
    high: float
    count: int

    @property
    def function(self) -> Any:
        return getattr(ops, self.name)

    def arguments(self, shape: tuple[int, ...] = (11,)) -> list[np.ndarray]:
        return arguments(self.low, self.high, self.count, shape)


def each(entries: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", [pytest.param(e, id=e.name) for e in entries])


PAIRS = [Entry(name, *facts, 2) for name, facts in BINARY.items()]
EVERY = [Entry(name, *facts, 1) for name, facts in UNARY.items()] + PAIRS
PUBLIC = [n for n in dir(ops) if hasattr(getattr(ops, n), "primitive")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each(EVERY)
@pytest.mark.requirement("D31", "D32", "D35")
def test_values_are_numpys(entry: Entry, dtype: str) -> None:
    for shape in ((7,), (), (2, 0), (2, 3)):
        args = [a.astype(dtype) for a in entry.arguments(shape)]
        y = entry.function(*args)
        expected = getattr(np, entry.numpy)(*args)
        assert y.shape == shape
        assert y.dtype == expected.dtype
        np.testing.assert_array_max_ulp(np.asarray(y), np.asarray(expected), 1)


@each([e for e in EVERY if e.name not in NO_JAX])
def test_derivatives_are_jaxs(entry: Entry, jax64: Any) -> None:
    function = entry.function
    oracle = getattr(jax64.numpy, entry.jax)
    args = entry.arguments()
    directions = arguments(-1.0, 1.0, entry.count, seed=1)
    g = arguments(-1.0, 1.0, 1, seed=2)[0]

    y, pullback = vjp(function, *args)
    expected_y, expected_pullback = jax64.vjp(oracle, *args)
    np.testing.assert_allclose(y, expected_y, rtol=1e-13, atol=1e-14)
    for found, expected in zip(pullback(g), expected_pullback(jax64.numpy.asarray(g)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)

    tangent = jvp(function, args, directions)[1]
    expected_tangent = jax64.jvp(oracle, tuple(args), tuple(directions))[1]
    np.testing.assert_allclose(tangent, expected_tangent, rtol=1e-12, atol=1e-13)

    # Second order: forward over reverse, and reverse over reverse.
    def pulled(*xs: Any) -> Any:
        return vjp(function, *xs)[1](g)

    def expected_pulled(*xs: Any) -> Any:
        return jax64.vjp(oracle, *xs)[1](jax64.numpy.asarray(g))

    found_t = jvp(pulled, args, directions)[1]
    expected_t = jax64.jvp(expected_pulled, tuple(args), tuple(directions))[1]
    found_r = vjp(pulled, *args)[1](tuple(directions))
    for found, found2, expected in zip(found_t, found_r, expected_t, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(found2, expected, rtol=1e-11, atol=1e-12)


@each(EVERY)
def test_gradients_are_the_documented_formulas(entry: Entry) -> None:
    args = entry.arguments()
    names = ["x"] if entry.count == 1 else ["x1", "x2"]
    _, pullback = vjp(entry.function, *args)
    found = pullback(np.ones(11))
    for ct, formula in zip(found, registry[entry.name].meta["derivative"], strict=True):
        expected = eval(formula, {"__builtins__": {}}, FORMULAS | dict(zip(names, args, strict=True)))
        np.testing.assert_allclose(ct, np.broadcast_to(expected, (11,)), rtol=1e-12, atol=1e-14)


@each([e for e in EVERY if registry[e.name].meta["analytic"]])
def test_gradients_are_the_complex_step(entry: Entry) -> None:
    function = entry.function
    args = entry.arguments()
    _, pullback = vjp(function, *args)
    for i, ct in enumerate(pullback(np.ones(11))):
        stepped = [a + 1e-30j * (i == k) for k, a in enumerate(args)]
        np.testing.assert_allclose(ct, np.imag(function(*stepped)) / 1e-30, rtol=1e-12, atol=1e-14)


@each(PAIRS)
@pytest.mark.requirement("D27")
def test_broadcasting_sums_the_cotangent_and_keeps_the_dtype(entry: Entry) -> None:
    function = entry.function
    a, b = entry.arguments((3, 1))
    row = np.float32(b[:, 0])
    _, pullback = vjp(function, a, row)
    da, db = pullback(np.ones((3, 3)))
    assert (da.shape, da.dtype, db.shape, db.dtype) == ((3, 1), np.float64, (3,), np.float32)
    full_a, full_b = np.broadcast_arrays(a, np.float64(row))
    ea, eb = vjp(function, full_a.copy(), full_b.copy())[1](np.ones((3, 3)))
    np.testing.assert_allclose(da, ea.sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(db, eb.sum(axis=0), rtol=2e-6, atol=1e-6)


@each(EVERY)
@pytest.mark.requirement("T22")
def test_float32_stays_float32_at_every_order(entry: Entry) -> None:
    function = entry.function
    args = [np.float32(a[0]) for a in entry.arguments()]
    first = grad(lambda x: function(x, *args[1:]))
    second = vjp(first, args[0])[1](np.float32(1.0))[0]
    for y in (function(*args), first(args[0]), second):
        assert y.dtype == np.float32
        assert y.shape == ()
    if entry.count == 2:
        # A Python scalar on either side is of no dtype of its own.
        assert grad(lambda x: function(x, 0.75))(args[0]).dtype == np.float32
        assert grad(lambda x: function(0.75, x))(args[0]).dtype == np.float32
        assert function(args[0], 0.75).dtype == np.float32


@pytest.mark.parametrize("name", FLAT)
def test_tests_of_numbers_are_numpys_and_carry_no_derivative(name: str) -> None:
    x = np.array([-np.inf, -1.0, -0.0, 0.0, 2.0, np.inf, np.nan])
    np.testing.assert_array_equal(getattr(ops, name)(x), getattr(np, FLAT[name])(x))
    _, pullback = vjp(lambda v: ops.where(getattr(ops, name)(v), v, 0.0), np.array([1.0]))
    np.testing.assert_array_equal(pullback(np.ones(1))[0], [1.0 if name == "isfinite" else 0.0])


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.requirement("T40")
def test_docstrings_are_complete_and_their_examples_right(name: str) -> None:
    function = getattr(ops, name)
    for section in ("Derivative:", "Parameters\n", "Returns\n", "Examples\n"):
        assert section in function.__doc__
    parsed = doctest.DocTestParser().get_doctest(function.__doc__, {}, name, None, None)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert parsed.examples
    assert doctest.DocTestRunner(optionflags=flags).run(parsed).failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_metadata_are_complete(name: str) -> None:
    primitive = getattr(ops, name).primitive
    count = len(primitive.partials)
    assert len(primitive.meta["derivative"]) == count
    assert len(primitive.meta["domain"]) == count
    assert all(low < high for low, high in primitive.meta["domain"])
    assert isinstance(primitive.meta["kinks"], tuple)
    assert isinstance(primitive.meta["analytic"], bool)
    assert primitive.meta["dtypes"] in {
        "all",
        "boolean",
        "complex",
        "floating",
        "integer",
        "integer or boolean",
        "numeric",
        "real",
        "real floating",
    }


def test_python_scalars_alone_become_arrays_of_the_default_dtype() -> None:
    assert ops.exp(0.0).dtype == np.float32
    assert ops.add(1.0, 2.0) == 3.0


def test_shapes_that_do_not_broadcast_are_named() -> None:
    with pytest.raises(ShapeError, match=r"xp\.add got shapes that do not broadcast"):
        ops.add(np.ones(2), np.ones(3))
