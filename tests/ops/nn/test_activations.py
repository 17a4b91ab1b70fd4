"""Activation functions against PyTorch, JAX and closed forms: values, two derivatives, far out, and at kinks."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.core import bind
from funcnet.errors import DtypeError, ParameterError
from funcnet.ops.nn.declare import ACTIVATIONS
from funcnet.ops.nn.gaussian import probability_p
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")
F, T = nn.functional, oracle("torch.nn.functional")

Unary = Callable[[Any], Any]
#: name, ours, PyTorch's.
CASES: list[tuple[str, Unary, Unary]] = [
    ("celu", lambda x: F.celu(x, 1.5), lambda x: T.celu(x, 1.5)),
    ("elu", lambda x: F.elu(x, 1.5), lambda x: T.elu(x, 1.5)),
    ("exponential", F.exponential, torch.exp),
    ("gelu", F.gelu, T.gelu),
    ("gelu approximate", lambda x: F.gelu(x, approximate=True), lambda x: T.gelu(x, approximate="tanh")),
    ("geglu", F.geglu, lambda x: x.chunk(2, -1)[0] * T.gelu(x.chunk(2, -1)[1])),
    ("glu", F.glu, T.glu),
    ("hard_shrink", F.hard_shrink, T.hardshrink),
    ("hard_sigmoid", F.hard_sigmoid, lambda x: T.relu6(x + 3) / 6),
    ("hard_swish", F.hard_swish, lambda x: x * T.relu6(x + 3) / 6),
    ("hard_tanh", lambda x: F.hard_tanh(x, -0.5, 2.0), lambda x: T.hardtanh(x, -0.5, 2.0)),
    ("leaky_relu", lambda x: F.leaky_relu(x, 0.1), lambda x: T.leaky_relu(x, 0.1)),
    ("log_sigmoid", F.log_sigmoid, T.logsigmoid),
    ("log_softmax", F.log_softmax, lambda x: T.log_softmax(x, -1)),
    ("maxout", lambda x: F.maxout(x, 4), lambda x: x.reshape(*x.shape[:-1], -1, 4).amax(-1)),
    ("mish", F.mish, T.mish),
    ("quick_gelu", F.quick_gelu, lambda x: x * torch.sigmoid(1.702 * x)),
    ("reglu", F.reglu, lambda x: x.chunk(2, -1)[0] * torch.relu(x.chunk(2, -1)[1])),
    ("relu", F.relu, torch.relu),
    ("relu6", F.relu6, T.relu6),
    ("selu", F.selu, T.selu),
    ("sigmoid", F.sigmoid, torch.sigmoid),
    ("silu", F.silu, T.silu),
    ("snake", lambda x: F.snake(x, 0.7), lambda x: x + torch.sin(0.7 * x) ** 2 / 0.7),
    ("soft_shrink", F.soft_shrink, T.softshrink),
    ("softmax", F.softmax, lambda x: T.softmax(x, -1)),
    ("softmin", F.softmin, lambda x: T.softmin(x, -1)),
    ("softplus", F.softplus, lambda x: T.softplus(x, threshold=1e9)),
    ("softplus of beta", lambda x: F.softplus(x, 2.5), lambda x: T.softplus(x, 2.5, threshold=1e9)),
    ("softsign", F.softsign, T.softsign),
    ("squareplus", F.squareplus, lambda x: (x + torch.sqrt(x * x + 4)) / 2),
    ("swiglu", F.swiglu, lambda x: x.chunk(2, -1)[0] * T.silu(x.chunk(2, -1)[1])),
    ("swish", lambda x: F.swish(x, 0.6), lambda x: x * torch.sigmoid(0.6 * x)),
    ("tanh", F.tanh, torch.tanh),
    ("tanh_shrink", F.tanh_shrink, T.tanhshrink),
    ("threshold", lambda x: F.threshold(x, 0.3, 7.0), lambda x: T.threshold(x, 0.3, 7.0)),
]
#: name, ours, the name in jax.nn and its arguments.
JAX: list[tuple[str, Unary, tuple[Any, ...], dict[str, Any]]] = [
    ("celu", lambda x: F.celu(x, 0.7), (0.7,), {}),
    ("elu", lambda x: F.elu(x, 0.7), (0.7,), {}),
    ("gelu", F.gelu, (False,), {}),
    ("gelu", lambda x: F.gelu(x, approximate=True), (True,), {}),
    ("glu", F.glu, (), {}),
    ("hard_tanh", F.hard_tanh, (), {}),
    ("leaky_relu", F.leaky_relu, (), {}),
    ("log_sigmoid", F.log_sigmoid, (), {}),
    ("mish", F.mish, (), {}),
    ("relu6", F.relu6, (), {}),
    ("selu", F.selu, (), {}),
    ("silu", F.silu, (), {}),
    ("soft_sign", F.softsign, (), {}),
    ("softplus", F.softplus, (), {}),
    ("sparse_plus", F.sparse_plus, (), {}),
    ("sparse_sigmoid", F.sparse_sigmoid, (), {}),
    ("squareplus", lambda x: F.squareplus(x, 3.0), (3.0,), {}),
]
# Values of both signs, without exact kinks.
X = np.random.default_rng(0).standard_normal((12, 16)) * np.linspace(0.5, 6, 12)[:, None]


def relative(found: Any, wanted: Any) -> float:
    """Return the largest difference in units of the largest value."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    return float(np.max(np.abs(found - wanted)) / (np.max(np.abs(wanted)) or 1.0))


def errors() -> Iterator[tuple[str, str, float, float, None]]:
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, ours, theirs in CASES:
        found = derivatives(ours, X)
        wanted = torch_derivatives(theirs, X)
        yield name, "torch.nn.functional", relative(found[0], wanted[0]), relative(found[1], wanted[1]), None


def weights(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape)


def derivatives(f: Unary, x: np.ndarray) -> tuple[Any, Any, Any]:
    """Return value, gradient, and the gradient of a weighted sum of the gradient."""

    def gradient(x: Any) -> Any:
        y, pullback = fn.vjp(f, x)
        return pullback(weights(y.shape).astype(x.dtype))[0]

    def projected(x: Any) -> Any:
        return xp.sum(gradient(x) * weights(x.shape))

    return f(x), gradient(x), fn.grad(projected)(x)


def torch_derivatives(f: Unary, x: np.ndarray) -> tuple[Any, Any, Any]:
    xt = torch.tensor(x, requires_grad=True)
    y = f(xt)
    (first,) = torch.autograd.grad(y, xt, torch.from_numpy(weights(tuple(y.shape))), create_graph=True)
    second = torch.zeros_like(xt)
    if first.requires_grad:
        found = torch.autograd.grad((first * torch.from_numpy(weights(x.shape))).sum(), xt, allow_unused=True)[0]
        second = second if found is None else found
    return y.detach().numpy(), first.detach().numpy(), second.numpy()


@pytest.mark.requirement("D49", "D50", "D51", "D52", "D33", "D34", "P46", "P47", "P75", "P80")
@pytest.mark.parametrize(("name", "ours", "theirs"), CASES, ids=[c[0] for c in CASES])
def test_values_and_two_derivatives_equal_torch(name: str, ours: Unary, theirs: Unary) -> None:
    found, wanted = derivatives(ours, X), torch_derivatives(theirs, X)
    for order, (a, b) in enumerate(zip(found, wanted, strict=True)):
        assert relative(a, b) < 1e-12, f"{name}, order {order}"


@pytest.mark.parametrize(("name", "ours", "args", "kwargs"), JAX, ids=[c[0] for c in JAX])
def test_values_and_two_derivatives_equal_jax(
    name: str, ours: Unary, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    jax = pytest.importorskip("jax", reason="JAX is the oracle of this test")
    with jax.enable_x64(True):
        f = getattr(jax.nn, name)

        def gradient(x: Any) -> Any:
            y, pullback = jax.vjp(lambda x: f(x, *args, **kwargs), x)
            return pullback(jax.numpy.asarray(weights(y.shape)))[0]

        second = jax.grad(lambda x: jax.numpy.sum(gradient(x) * weights(x.shape)))(X)
        wanted = [np.asarray(v) for v in (f(X, *args, **kwargs), gradient(X), second)]
    for order, (a, b) in enumerate(zip(derivatives(ours, X), wanted, strict=True)):
        assert relative(a, b) < 1e-12, f"{name}, order {order}"


def test_every_elementwise_function_is_compared() -> None:
    compared = {c[0].split()[0] for c in CASES} | {"sparse_plus", "sparse_sigmoid", "prelu"}
    assert set(ACTIVATIONS) <= compared


@pytest.mark.requirement("D49", "D34", "PX30", "DX16")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) | {"relu", "sigmoid", "tanh"}))
def test_finite_far_out(name: str, dtype: str) -> None:
    # The formula itself leaves the range of the type: exp(x), 1.05 * x, sin of a product.
    unbounded = name in ("exponential", "snake")
    kind = np.dtype(dtype).type
    ends = [kind(-80), kind(8 if unbounded else 80)]
    if not unbounded:
        ends += [kind(-1e4), kind(1e4), kind(0.9) * np.finfo(kind).max, kind(-0.9) * np.finfo(kind).max]
    x = np.array([*ends, 0.0, -0.0, np.finfo(kind).tiny], dtype=kind)
    f = getattr(F, name)

    def gradient(x: Any) -> Any:
        return fn.vjp(f, x)[1](np.ones_like(ends, shape=(len(ends) + 3,)))[0]

    results = f(x), gradient(x), fn.jvp(gradient, (x,), (np.ones_like(x),))[1]
    for result in results:
        assert result.dtype == x.dtype
        assert np.isfinite(result).all()


@pytest.mark.parametrize("name", [n for n in sorted(ACTIVATIONS) if ACTIVATIONS[n].kinks])
@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.requirement("D50")
def test_derivative_at_kinks_is_the_documented_one(name: str, case: BackendCase) -> None:
    points = list(ACTIVATIONS[name].kinks)
    with case.active():
        x = case.asarray(np.array(points, dtype="float32"))
        y, pullback = fn.vjp(ACTIVATIONS[name].function, x)
        slope = case.to_numpy(pullback(xp.ones_like(y))[0])
        tangent = case.to_numpy(fn.jvp(ACTIVATIONS[name].function, (x,), (xp.ones_like(x),))[1])
    np.testing.assert_allclose(slope, list(ACTIVATIONS[name].kinks.values()), rtol=1e-6)
    np.testing.assert_allclose(tangent, slope)
    # There is a kink: the slopes on both sides differ, and the documented one is between them.
    for point, here in ACTIVATIONS[name].kinks.items():
        sides = [float(fn.grad(ACTIVATIONS[name].function)(np.array(point + d))) for d in (-1e-6, 1e-6)]
        assert abs(sides[0] - sides[1]) > 0.1
        assert min(sides) - 1e-6 <= here <= max(sides) + 1e-5


def test_gelu_keeps_its_digits_in_the_tail() -> None:
    scipy = pytest.importorskip("scipy.special", reason="SciPy is the oracle of this test")
    x = np.concatenate([np.linspace(-37, 9, 2001), [-0.6628, 0.6628, -5.65, 5.65]])
    np.testing.assert_allclose(F.gelu(x), x * scipy.ndtr(x), rtol=5e-13)
    single = x[x > -12].astype("float32")
    found = bind(probability_p, single)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scipy.ndtr(single.astype(float)), rtol=2e-5)


def test_the_kernels_of_large_arrays_equal_those_of_small_ones() -> None:
    x = np.random.default_rng(0).standard_normal((3, 10_001)).astype("float32")
    for name in ("gelu", "silu", "quick_gelu"):
        f = getattr(F, name)
        np.testing.assert_array_equal(f(x)[:, ::1000], f(np.ascontiguousarray(x[:, ::1000])))
    view = x.T[::2]
    np.testing.assert_array_equal(F.gelu(view), F.gelu(np.ascontiguousarray(view)))
    assert F.gelu(np.float32(1.0)).dtype == np.float32


@pytest.mark.requirement("D53")
def test_integers_become_floating_point() -> None:
    for name in (*ACTIVATIONS, "glu", "sparsemax", "softmin"):
        y = getattr(F, name)(np.array([-2, 0, 1, 4]))
        assert y.dtype == np.float32, name
    np.testing.assert_allclose(F.leaky_relu(np.array([-2, 3]), 0.5), [-1.0, 3.0])
    np.testing.assert_allclose(F.relu6(np.array([True, False])), [1.0, 0.0])


def test_parameters_may_be_arrays_and_have_derivatives() -> None:
    for name, value in (("elu", 1.3), ("celu", 1.3), ("leaky_relu", 0.2), ("softplus", 1.7), ("snake", 0.8)):
        f = getattr(F, name)
        found = fn.grad(lambda p, f=f: xp.sum(f(X, p) * weights(X.shape)))(np.array(value))
        h = 1e-6
        quotient = np.sum((f(X, value + h) - f(X, value - h)) / (2 * h) * weights(X.shape))
        np.testing.assert_allclose(found, quotient, rtol=1e-7)
    slope = np.array([0.1, 0.2, 0.3])
    x = np.array([[-1.0, -1.0, -1.0], [2.0, -2.0, 2.0]])
    st, xt = torch.tensor(slope, requires_grad=True), torch.tensor(x, requires_grad=True)
    T.prelu(xt, st).backward(torch.ones(2, 3, dtype=torch.float64))
    for found, wanted in zip(fn.vjp(F.prelu, x, slope)[1](np.ones((2, 3))), (xt.grad, st.grad), strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-14)


def test_nan_stays_nan() -> None:
    for name in (*ACTIVATIONS, "relu", "sigmoid", "tanh"):
        assert np.isnan(getattr(F, name)(np.array([np.nan], "float32")))[0], name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.softplus(X, 0.0), "number greater than 0"),
        (lambda: F.celu(X, -1.0), "alpha=-1.0"),
        (lambda: F.hard_shrink(X, -0.5), "bound=-0.5"),
        (lambda: F.soft_shrink(X, -0.5), "bound=-0.5"),
        (lambda: F.squareplus(X, -1.0), "(?s)b=-1.0.*number of at least 0"),
        (lambda: F.snake(X, 0), "alpha=0"),
        (lambda: F.hard_tanh(X, 1.0, 1.0), "low < high"),
    ],
)
def test_parameters_out_of_range(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()


def test_complex_numbers_and_other_objects() -> None:
    with pytest.raises(DtypeError, match="takes real numbers"):
        F.gelu(np.array([1j]))
    with pytest.raises(DtypeError, match="list"):
        F.silu([1.0])


def test_python_numbers() -> None:
    assert float(F.silu(0)) == 0.0
    assert float(F.elu(2.0)) == 2.0


def test_signatures_are_plain() -> None:
    for name in ACTIVATIONS:
        first = next(iter(inspect.signature(getattr(F, name)).parameters.values()))
        assert first.kind is inspect.Parameter.POSITIONAL_ONLY
