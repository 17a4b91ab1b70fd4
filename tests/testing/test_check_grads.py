"""check_grads: right functions pass, wrong ones fail with a message that says where."""

from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import raw
from funcnet.core.primitive import elementwise, general, registry
from funcnet.errors import GradientCheckError, ParameterError
from funcnet.testing import BackendCase, backend_params, check_grads
from funcnet.transforms.stop import stop_gradient

ALL = backend_params()


@pytest.fixture
def declared() -> Any:
    """Declare primitives that are forgotten after the test."""
    before = set(registry)
    yield elementwise, general
    for name in set(registry) - before:
        del registry[name]


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.requirement("D129", "T34")
def test_a_right_function_passes_on_every_backend(backend: BackendCase, dtype: str) -> None:
    if dtype not in backend.dtypes():
        pytest.skip(f"{backend.name} has no {dtype}")
    rng = np.random.default_rng(0)
    with backend.active():
        args = [
            {"w": backend.asarray(rng.normal(size=(2, 3)), dtype), "b": backend.asarray(rng.normal(size=2), dtype)},
            backend.asarray(rng.normal(size=3), dtype),
        ]
        check_grads(lambda p, x: xp.tanh(xp.matmul(p["w"], x) + p["b"]), args)


@pytest.mark.requirement("DX33")
def test_pytrees_in_and_out_and_leaves_that_are_not_floating_point() -> None:
    def f(params: Any, index: Any, power: int) -> Any:
        y = params["x"][index]
        return {"a": y**power, "b": (xp.sum(y), index), "count": power}

    check_grads(f, [{"x": np.array([0.5, 1.5, -2.0]), "none": None}, np.array([0, 2, 2]), 3])


def test_order_three_in_both_modes() -> None:
    check_grads(lambda x: xp.sin(x) * x, [np.array([0.3, -1.2])], order=3)


@pytest.mark.parametrize("analytic", [False, True])
@pytest.mark.requirement("T34")
def test_a_small_error_is_found_by_differences_and_by_the_complex_step(declared: Any, analytic: bool) -> None:
    wrong = declared[0]("test.sin", lambda ns, x: ns.sin(x), partials=[lambda g, x: 1.001 * g * xp.cos(x)])
    with pytest.raises(GradientCheckError, match="vjp of argument 0, order 1") as caught:
        check_grads(lambda x: _bind(wrong, x), [np.array([0.3, 0.4])], analytic=analytic)
    assert ("complex step" if analytic else "central differences") in str(caught.value)
    assert "relative error 0.001" in str(caught.value)


def test_the_complex_step_needs_no_tolerance(declared: Any) -> None:
    wrong = declared[0]("test.exp", lambda ns, x: ns.exp(x), partials=[lambda g, y: g * y * (1.0 + 1e-11)])
    check_grads(lambda x: _bind(wrong, x), [np.array(0.5)], order=1)
    with pytest.raises(GradientCheckError):
        check_grads(lambda x: _bind(wrong, x), [np.array(0.5)], order=1, analytic=True, rtol=1e-13, atol=1e-16)


def test_the_message_names_the_leaf_and_how_to_see_it_again() -> None:
    def f(params: Any, scale: Any) -> Any:
        return params["dense"]["kernel"] * stop_gradient(params["dense"]["bias"]) * scale

    params = {"dense": {"kernel": np.array([1.0, 2.0]), "bias": np.array([3.0, 4.0])}}
    with pytest.raises(GradientCheckError, match=r"vjp of argument 0, leaf \.dense\.bias, order 1") as caught:
        check_grads(f, [params, np.array(2.0)], seed=5)
    assert isinstance(caught.value, AssertionError)
    assert "check_grads(f, args, order=1, modes=('vjp',), seed=5)" in str(caught.value)
    with pytest.raises(GradientCheckError, match=r"jvp of argument 0, leaf \.dense\.bias, order 1"):
        check_grads(f, [params, np.array(2.0)], modes=("jvp",))


def test_an_error_of_second_order_names_its_modes_and_its_leaf(declared: Any) -> None:
    wrong = declared[0]("test.cube", lambda ns, x: x**3, partials=[lambda g, x: g * 3 * raw(x) ** 2])
    check_grads(lambda x: _bind(wrong, x), [np.array([0.3, 0.4])], order=1)
    with pytest.raises(GradientCheckError, match="vjp of vjp of argument 0, order 2"):
        check_grads(lambda x: _bind(wrong, x), [np.array([0.3, 0.4])])


def test_forward_and_reverse_rules_that_differ_are_told_apart(declared: Any) -> None:
    wrong = declared[0](
        "test.twice", lambda ns, x: 2.0 * x, partials=[lambda g: 2.0 * g], forwards=[lambda g: 2.0002 * g]
    )
    check_grads(lambda x: _bind(wrong, x), [np.array([0.3, 0.4])], modes=("vjp",))
    with pytest.raises(GradientCheckError, match="jvp of argument 0, order 1"):
        check_grads(lambda x: _bind(wrong, x), [np.array([0.3, 0.4])])
    # Below the tolerance of the differences, and above that of the inner products.
    close = declared[0](
        "test.close", lambda ns, x: 2.0 * x, partials=[lambda g: 2.0 * g], forwards=[lambda g: 2.00000002 * g]
    )
    with pytest.raises(GradientCheckError, match="Forward and reverse mode disagree"):
        check_grads(lambda x: _bind(close, x), [np.array([0.3, 0.4])])


def test_single_precision_is_compared_with_double_precision() -> None:
    x = np.array([1e4 + 0.125], dtype=np.float32)
    # Differences in float32 would be wrong in the first digit.
    check_grads(lambda x: xp.sin(x * 1e-4) + 1.0, [x])


def test_tolerances_do_not_grow_with_size(declared: Any) -> None:
    def one_wrong(g: Any) -> Any:
        factor = np.ones(g.shape)
        factor.flat[17] = 1.001
        return g * factor

    wrong = declared[0]("test.one", lambda ns, x: x + 0.0, partials=[one_wrong])
    with pytest.raises(GradientCheckError):
        check_grads(lambda x: _bind(wrong, x), [np.linspace(-1.0, 1.0, 1000)], order=1)


def test_small_and_large_arguments() -> None:
    for size in (1e-12, 1e-3, 1e5):
        check_grads(lambda x, s=size: xp.sin(x / s), [np.array([0.4, -1.0]) * size])
    check_grads(lambda a, b: a * b, [np.array([1e-9, 2e-9]), np.array([1e9, 3e9])])


def test_empty_arrays_pass() -> None:
    check_grads(lambda x, y: xp.sum(x) + y, [np.zeros((0, 3)), np.array(1.0)])
    check_grads(lambda x: x * 2.0, [np.zeros(0)])


def test_a_zero_derivative_passes_and_a_missing_one_does_not() -> None:
    check_grads(lambda x: xp.floor(x), [np.array([0.3, 1.7])])
    check_grads(lambda x: 0.0 * x, [np.array([0.0, 1.7])])
    check_grads(lambda x: x * x * x, [np.zeros(2)])


class TestComplex:
    z = np.array([1.0 + 2.0j, -0.3 + 0.4j])

    def test_holomorphic_functions(self) -> None:
        check_grads(lambda z: xp.exp(z) * z, [self.z])

    def test_functions_that_are_not(self) -> None:
        check_grads(lambda z: xp.real(z) * xp.conj(z), [self.z])
        check_grads(lambda z: xp.abs(z) ** 2, [self.z])

    def test_real_to_complex_and_back(self) -> None:
        check_grads(lambda x: xp.exp(x * 1j), [np.array([0.1, 0.7])])
        check_grads(lambda z: xp.imag(z * z), [self.z.astype(np.complex64)])

    def test_a_conjugate_too_many_is_found(self, declared: Any) -> None:
        wrong = declared[0]("test.square", lambda ns, x: x * x, partials=[lambda g, x: 2.0 * g * xp.conj(x)])
        check_grads(lambda z: _bind(wrong, z), [np.array([1.0, 2.0])], order=1)
        with pytest.raises(GradientCheckError):
            check_grads(lambda z: _bind(wrong, z), [self.z], order=1)


class TestMore:
    """What is checked beside the numbers."""

    def test_a_gradient_of_another_dtype(self, declared: Any) -> None:
        wrong = declared[1](
            "test.same",
            lambda ns, x: x + 0.0,
            vjp=[lambda y, x: lambda g: xp.astype(g, xp.float64)],
            shape=lambda x: x.shape,
        )
        with pytest.raises(GradientCheckError, match="another dtype than its argument"):
            check_grads(lambda x: _bind(wrong, x), [np.ones(2, np.float32)])

    def test_a_gradient_of_another_shape(self, declared: Any) -> None:
        wrong = declared[1]("test.row", lambda ns, x: x + 0.0, vjp=[lambda y, x: lambda g: xp.reshape(g, (1, -1))])
        with pytest.raises(GradientCheckError, match="another shape than its argument"):
            check_grads(lambda x: _bind(wrong, x), [np.ones(2)])

    def test_a_function_that_writes_to_its_argument(self) -> None:
        def f(x: Any) -> Any:
            if isinstance(x, np.ndarray):
                x += 1.0
            return x * 2.0

        with pytest.raises(GradientCheckError):
            check_grads(f, [np.ones(2)])

    def test_a_rule_that_writes_to_its_argument(self, declared: Any) -> None:
        def spoil(g: Any, x: Any) -> Any:
            value = raw(x)
            if isinstance(value, np.ndarray):
                value[...] = 7.0
            return g

        wrong = declared[0]("test.spoil", lambda ns, x: x + 0.0, partials=[spoil])
        with pytest.raises(GradientCheckError, match="wrote to argument 0"):
            # Of a small array rules have a copy.
            check_grads(lambda x: _bind(wrong, x), [np.ones(200)], order=1, modes=("vjp",))

    def test_a_rule_that_writes_to_its_cotangent(self, declared: Any) -> None:
        def negate(g: Any) -> Any:
            value = raw(g)
            if isinstance(value, np.ndarray):
                value *= -1.0
                return g
            return -g

        wrong = declared[0]("test.negate", lambda ns, x: -x, partials=[negate])
        with pytest.raises(GradientCheckError, match="wrote to the cotangent"):
            check_grads(lambda x: _bind(wrong, x), [np.ones(2)], order=1, modes=("vjp",))
        with pytest.raises(GradientCheckError, match="wrote to the tangent"):
            check_grads(lambda x: _bind(wrong, x), [np.ones(2)], order=1, modes=("jvp",))

    def test_a_gradient_that_is_an_argument(self, declared: Any) -> None:
        wrong = declared[0](
            "test.half", lambda ns, x: x * x / 2.0, partials=[lambda g, x: raw(x) if raw(g) is g else g * x]
        )
        with pytest.raises(GradientCheckError, match=r"shares memory|derivative is wrong"):
            check_grads(lambda x: _bind(wrong, x), [np.ones(2)], order=1, modes=("vjp",))

    def test_a_function_that_is_not_pure(self) -> None:
        calls = []

        def f(x: Any) -> Any:
            calls.append(1)
            return x * float(len(calls))

        with pytest.raises(GradientCheckError):
            check_grads(f, [np.ones(2)])

    def test_a_jump_nearby_is_reported_as_such(self) -> None:
        with pytest.raises(GradientCheckError, match="do not settle") as caught:
            check_grads(lambda x: xp.where(x > 0.3, x + 1.0, x), [np.array([0.3 + 1e-7])])
        assert "smooth around the arguments" in str(caught.value)


class TestBadInput:
    def test_nothing_to_differentiate(self) -> None:
        with pytest.raises(ParameterError, match="nothing to differentiate") as caught:
            check_grads(lambda x: x, [np.array([1, 2])])
        assert "none of them floating-point" in str(caught.value)
        with pytest.raises(ParameterError, match="nothing to differentiate"):
            check_grads(lambda x: x > 0, [np.array([1.0, 2.0])])

    def test_an_unknown_mode_or_order(self) -> None:
        with pytest.raises(ParameterError, match="vjp and jvp"):
            check_grads(lambda x: x, [np.ones(1)], modes=("reverse",))
        with pytest.raises(ParameterError, match="order 1 or more"):
            check_grads(lambda x: x, [np.ones(1)], order=0)


@pytest.mark.requirement("DX33")
def test_the_seed_and_repeats_change_the_directions() -> None:
    seen = []

    def f(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            seen.append(x.tobytes())
        return x * x

    check_grads(f, [np.array([1.0, 2.0])], order=1, modes=("vjp",), seed=1)
    first = set(seen)
    seen.clear()
    check_grads(f, [np.array([1.0, 2.0])], order=1, modes=("vjp",), seed=2, repeats=2)
    assert len(set(seen) - first) > len(first)


def _bind(primitive: Any, *args: Any) -> Any:
    from funcnet.core import bind

    return bind(primitive, *args)
