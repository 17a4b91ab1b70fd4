"""Loops: generated code agrees with the interpreter, as plain Python on random programs and compiled on a few."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, nn, optim, random, tree, xp
from funcnet.compiler import execute, fused
from funcnet.compiler.arena import ALIGNMENT, offsets
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.fusion import loops
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build, emit
from funcnet.compiler.loops.group import (
    Group,
)
from funcnet.compiler.passes import optimised
from funcnet.testing.families import FAMILIES
from funcnet.testing.programs import namespace, random_family_program, random_program


def compared(f: Callable[..., Any], argument: Any, rtol: float, compile: Any = in_python) -> FusedPlan:
    leaves = tree.leaves(argument)
    with np.errstate(all="ignore"):
        graph = optimised(fn.trace(f, argument))
        wanted = interpret(graph, leaves)
        plan = FusedPlan(graph, compile)
        before = [np.array(a) for a in leaves]
        for _ in range(2):
            found = plan(*leaves)
            for a, b in zip(wanted, found, strict=True):
                assert np.shape(a) == np.shape(b)
                assert a.dtype == b.dtype
                scale = float(np.max(np.abs(np.where(np.isfinite(a), a, 0)), initial=0.0))
                np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * scale)
            for i, a in enumerate(found):
                others = [*leaves, *found[:i], *found[i + 1 :]]
                assert not any(np.may_share_memory(a, b) for b in others if isinstance(b, np.ndarray))
        for a, b in zip(before, leaves, strict=True):
            np.testing.assert_array_equal(a, b)
    return plan


def narrowed(argument: Any) -> Any:
    return tree.map(lambda a: a.astype("float32") if a.dtype == np.float64 else a, argument)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.requirement("PX29")
def test_random_programs(seed: int) -> None:
    program = random_program(seed)
    compared(fn.value_and_grad(lambda a: program(xp, a)), program.arguments, 1e-11)


@pytest.mark.parametrize("seed", range(40, 60))
def test_random_programs_in_single_precision(seed: int) -> None:
    program = random_program(seed)
    compared(fn.value_and_grad(lambda a: program(xp, a)), narrowed(program.arguments), 3e-4)


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("seed", range(4))
def test_random_programs_by_family(family: str, seed: int) -> None:
    program = random_family_program(family, seed)
    compared(fn.value_and_grad(lambda a: program(namespace(), a)), program.arguments, 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 900, 50))
def test_many_random_programs(start: int) -> None:
    for seed in range(start, start + 50):
        program = random_program(seed, steps=10 + seed % 30)
        compared(fn.value_and_grad(lambda a, program=program: program(xp, a)), program.arguments, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_many_random_programs_by_family(family: str) -> None:
    for seed in range(10, 60):
        program = random_family_program(family, seed)
        compared(fn.value_and_grad(lambda a, program=program: program(namespace(), a)), program.arguments, 1e-8)


def step_of(model: Any, x: Any, y: Any) -> tuple[Callable[..., Any], Any]:
    params, state = model.init(random.key(0), x.shape)
    opt = optim.adam(1e-2)

    def step(all_state: Any) -> Any:
        params, state, opt_state = all_state

        def loss(p: Any) -> Any:
            z, new = model.apply(p, state, x, train=True)
            return losses.softmax_cross_entropy(z, y), new

        (value, new), g = fn.value_and_grad(loss, has_aux=True)(params)
        updates, opt_state = opt.update(g, opt_state, params)
        return optim.apply_updates(params, updates), new, opt_state, value

    return step, (params, state, opt.init(params))


RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 6)).astype("float32")
LABELS = np.array([0, 2, 1, 1, 0])


class TestFusion:
    def test_perceptron(self) -> None:
        step, arguments = step_of(nn.sequential(nn.dense(7), nn.relu(), nn.dense(3)), IMAGES, LABELS)
        plan = compared(step, arguments, 2e-5)
        # One loop for a layer forward and one backward, one for the loss and its derivative, one for each update.
        assert len(plan.loops) <= 11
        assert set(plan.calls) <= {"matmul", "matrix_transpose", "reshape"}

    def test_softmax_is_one_loop(self) -> None:
        plan = compared(lambda x: xp.softmax(x * 2.0 + 1.0), IMAGES, 1e-6)
        assert len(plan.loops) == 1
        assert plan.calls == []

    def test_layer_norm_and_its_derivative(self) -> None:
        def norm(x: Any) -> Any:
            m = xp.mean(x, axis=-1, keepdims=True)
            d = x - m
            return d / xp.sqrt(xp.mean(d * d, axis=-1, keepdims=True) + 1e-5)

        plan = compared(norm, IMAGES, 1e-6)
        assert len(plan.loops) == 1
        plan = compared(fn.grad(lambda x: xp.sum(norm(x) ** 3)), IMAGES, 1e-4)
        assert len(plan.loops) <= 3

    def test_layers_of_normalisation(self) -> None:
        x, scale, bias = RNG.normal(size=(4, 5, 6)), np.linspace(0.5, 1.5, 6), np.linspace(-1.0, 1.0, 6)

        def layer(p: Any) -> Any:
            return xp.sum(nn.functional.layer_norm(*p) ** 3)

        def batch(p: Any) -> Any:
            y, mean, var = nn.functional.batch_norm(*p)
            return xp.sum(y**3) + xp.sum(mean * var)

        plan = compared(fn.value_and_grad(layer), [x, scale, bias], 1e-11)
        assert len(plan.loops) == 1
        plan = compared(fn.value_and_grad(batch), [x, scale, bias], 1e-11)
        # The passes for the statistics and the result are one kernel, those of the derivative another at most.
        assert 1 <= sum("pass by pass" in name for name in plan.calls) <= 2
        assert sum(len(loop.group.shape) == 3 and loop.group.shape[0] == 4 for loop in plan.loops) <= 1
        assert not {"standardize", "rescale", "rescale_pull", "scale_shift", "pow"} & set(plan.calls)

    def test_gates_are_one_loop_with_their_derivatives(self) -> None:
        def cell(p: Any) -> Any:
            z, c = p
            i, f, g, o = z[:, :3], z[:, 3:6], z[:, 6:9], z[:, 9:]
            c = xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g)
            return xp.sum(xp.sigmoid(o) * xp.tanh(c))

        z, c = (RNG.normal(size=s).astype("float32") for s in ((5, 12), (5, 3)))
        plan = compared(fn.grad(cell), [z, c], 1e-5)
        assert (len(plan.loops), plan.calls) == (1, [])

    @pytest.mark.parametrize("exponent", [2, 3, 4, 0.5, -1, -2, -0.5, 1.5])
    def test_powers(self, exponent: float) -> None:
        x = np.abs(IMAGES) + np.float32(0.1)
        compared(lambda x: (x + 0.0) ** exponent * 2.0, x, 1e-6)
        compared(lambda x: (x + 0.0) ** exponent * 2.0, x.astype("float64"), 1e-14)

    @pytest.mark.parametrize("exponent", [2, 3, 4, -1, -2, -3, -0.5, 1.5])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_powers_of_zeros_and_infinities(self, exponent: float, dtype: str) -> None:
        ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 4.0], dtype)
        plan = FusedPlan(optimised(fn.trace(lambda x: x**exponent, ends)), in_python)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(plan(ends)[0], ends**exponent)

    def test_roots_have_a_positive_slope_at_both_zeros(self) -> None:
        zeros = np.array([0.0, -0.0])
        slope = fn.grad(lambda x: xp.sum(x**0.5))
        np.testing.assert_array_equal(slope(zeros), [np.inf, np.inf])
        plan = FusedPlan(optimised(fn.trace(slope, zeros)), in_python)
        np.testing.assert_array_equal(plan(zeros)[0], [np.inf, np.inf])

    def test_masked_softmax_is_one_loop(self) -> None:
        mask = np.where(np.tril(np.ones((4, 4))), 0.0, -1e9).astype("float32")
        scores = RNG.normal(size=(2, 3, 4, 4)).astype("float32")
        plan = compared(lambda p: xp.softmax(p[0] * 0.5 + p[1]), [scores, mask], 1e-6)
        assert (len(plan.loops), plan.calls) == (1, [])
        plan = compared(fn.grad(lambda p: xp.sum(xp.softmax(p[0] * 0.5 + p[1]) ** 2)), [scores, mask], 1e-5)
        assert len(plan.loops) <= 2

    def test_loops_that_read_the_same_are_one(self) -> None:
        plan = compared(lambda x: (xp.exp(x) * 2.0, xp.sum(x, axis=0), xp.sum(x * x, axis=1)), IMAGES, 1e-5)
        assert (len(plan.loops), plan.calls) == (1, [])

    def test_products_of_all_rows(self) -> None:
        x, w = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(4, 5))
        compared(lambda p: xp.exp((p[0] * 2.0) @ p[1]) * 2.0, [x, w], 1e-12)
        compared(lambda p: (xp.matrix_transpose(p[0] * 2.0) @ p[1][:3]) + 1.0, [x, w], 1e-12)
        compared(fn.grad(lambda p: xp.sum(xp.sin((p[0] @ p[1]) * 2.0))), [x, w], 1e-12)

    def test_parts_are_stacked(self) -> None:
        f = fn.grad(lambda x: xp.sum(xp.sin(x[0]) * x[1] * x[2]))
        plan = compared(f, RNG.normal(size=(3, 2, 4)), 1e-12)
        assert "index_add" not in plan.calls

    def test_functions_of_few_elements(self) -> None:
        names = "exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh asin acos atan asinh atanh".split()
        for dtype, rtol in (("float64", 1e-14), ("float32", 1e-6)):
            x = np.array([0.1, 0.5, 0.9], dtype)
            f = lambda x: [getattr(xp, name)(x * 0.9) * 2.0 for name in names]  # noqa: E731
            plan = compared(f, x, rtol)
            assert (len(plan.loops), plan.calls) == (1, [])
            plan = compared(
                lambda x: (xp.acosh(x + 1.0) * xp.atan2(x, x + 1.0), xp.hypot(x, x * 2.0) * x**1.7), x, rtol
            )
            assert (len(plan.loops), plan.calls) == (1, [])

    def test_masks(self) -> None:
        compared(lambda x: xp.where(~(x > 0) | ((x < 1) & (x > -1)) ^ (x == 0), x, -x), IMAGES, 1e-7)

    def test_infinities_and_nan(self) -> None:
        x = np.array([[np.nan, 1.0, 2.0], [-np.inf, -np.inf, -np.inf], [np.inf, 0.0, np.inf]], "float32")
        compared(lambda x: (xp.softmax(x), xp.log_softmax(x), xp.logsumexp(x, axis=1)), x, 1e-6)
        compared(lambda x: (xp.max(x + 0.0, axis=1), xp.min(x * 1.5, axis=1), xp.maximum(x, 0.5)), x, 1e-6)
        compared(lambda x: (xp.exp(x), xp.log(x), xp.tanh(x), xp.sigmoid(x), xp.relu(x), xp.sign(x)), x, 1e-6)

    def test_signs_of_zeros(self) -> None:
        x = np.array([0.0, -0.0, 2.0, -2.0])
        (found,) = FusedPlan(optimised(fn.trace(lambda x: xp.sign(x) / 0.5, x)), in_python)(x)
        np.testing.assert_array_equal(np.signbit(found), [False, False, False, True])

    @pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32"])
    def test_what_is_finite(self, dtype: str) -> None:
        x = np.array([0, 1, np.iinfo("int32").max]).astype(dtype)
        compared(lambda x: (xp.isfinite(x), xp.isinf(x), xp.isnan(x), xp.isinf(xp.isfinite(x))), x, 0.0)

    @pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32"])
    def test_numbers_beyond_a_dtype(self, dtype: str) -> None:
        x = np.array([0, 1, np.iinfo("int32").max, np.iinfo("int32").min]).astype(dtype)
        for n in (2**31, -(2**31), 2**40, -(2**40), 2**62 + 1, *[2**63] * (dtype != "bool")):
            compared(lambda x, n=n: (x < n, x == n, x >= n, xp.where(x != n, x, x)), x, 0.0)

    @pytest.mark.parametrize("bounds", [(np.nan, 1.0), (0.0, np.nan), (np.nan, np.nan), (0.5, 0.25), (-0.0, 0.0)])
    def test_bounds(self, bounds: tuple[float, float]) -> None:
        x = np.array([-1.0, -0.0, 0.0, 0.3, 2.0, np.nan, np.inf])
        low, high = (np.full(7, b) for b in bounds)
        compared(lambda a: (xp.clip(a[0], *bounds), xp.clip(*a)), [x, low, high], 0.0)

    def test_broadcasting(self) -> None:
        a, b, c = (RNG.normal(size=s).astype("float32") for s in ((4, 5, 6), (6,), (4, 1, 1)))
        plan = compared(lambda p: xp.sum((p[0] * p[1] + p[2]) * 2.0 - p[1], axis=(1, 2)), [a, b, c], 1e-5)
        assert len(plan.loops) >= 1

    def test_loops_that_would_wait_for_each_other(self) -> None:
        def f(x: Any) -> Any:
            y = x * 2.0 + 1.0
            z = xp.cumulative_sum(y, axis=0)
            return (y * 3.0 + z) * xp.cumulative_sum(z * y, axis=0) + y

        compared(f, IMAGES.astype("float64"), 1e-12)

    def test_regions(self) -> None:
        def f(x: Any) -> Any:
            return fn.scan(lambda c, t: (xp.tanh(c * 0.5 + t), c * t), x[0], x)

        compared(f, IMAGES, 1e-6)

    def test_results_into_given_arrays(self) -> None:
        def f(x: Any) -> Any:
            y = xp.exp(x) * 2.0
            z = x @ x.T
            return y, y, x, xp.sum(y), z, xp.sum(y * y, axis=0), xp.matrix_transpose(y), xp.cumulative_sum(y, axis=0)

        graph = optimised(fn.trace(f, IMAGES))
        wanted = interpret(graph, [IMAGES])
        plan = FusedPlan(graph, in_python)
        for _ in range(2):
            places = [np.full(v.shape, np.nan, v.dtype) for v in graph.outputs]
            with plan.into() as run:
                run(IMAGES, *places)
            for a, b in zip(wanted, places, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-5)

    def test_views_keep_their_memory(self) -> None:
        def f(x: Any) -> Any:
            y = x * 2.0 + 1.0
            view = xp.permute_dims(y, (1, 0))[1:]
            z = xp.exp(x) * 0.5 - 1.0
            w = xp.cumulative_sum(z @ z.T, axis=0)
            return view, w * 2.0 - 1.0, xp.cumulative_sum(view, axis=0)

        compared(f, IMAGES, 1e-5)

    def test_arguments_that_are_not_contiguous(self) -> None:
        compared(lambda p: xp.exp(p[0]) * p[1] - 1.0, [IMAGES.T, np.asfortranarray(IMAGES.T.copy())], 1e-6)
        compared(lambda p: xp.exp(p[0]) * p[1] - 1.0, [IMAGES[:, ::2], IMAGES[:, ::-2]], 1e-6)

    @pytest.mark.parametrize("count", [2, 3])
    def test_several_threads(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        monkeypatch.setattr(loops, "_PARALLEL", 1)
        monkeypatch.setattr(fused, "threads", lambda: count)
        x = RNG.normal(size=(7, 5)).astype("float32")

        def f(p: Any) -> Any:
            y = xp.exp(p[0]) * p[1]
            return y, xp.sum(y, axis=0), xp.mean(y, axis=1), xp.sum(y), xp.mean(y, axis=0), xp.mean(y * y)

        compared(f, [x, x[0]], 1e-5)
        large = RNG.normal(size=3 * emit.BLOCK + 5).astype("float32")
        compared(lambda x: (x * 2.0 + 1.0, xp.sum(x * x)), large, 1e-5)


class TestArena:
    def test_blocks_that_live_together_do_not_overlap(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(50):
            spans = sorted(
                (int(a), int(a + rng.integers(0, 8)), int(rng.integers(1, 1000))) for a in rng.integers(0, 30, 25)
            )
            found, total = offsets(spans)
            for i, (first, last, size) in enumerate(spans):
                assert found[i] % ALIGNMENT == 0
                assert found[i] + size <= total
                for j in range(i):
                    other = spans[j]
                    if other[0] <= last and first <= other[1]:
                        assert found[i] + size <= found[j] or found[j] + other[2] <= found[i]

    def test_memory_is_used_again(self) -> None:
        assert offsets([(k, k + 1, 1000) for k in range(100)])[1] == 2 * 1024


needs_numba = pytest.mark.skipif(bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="no Numba")


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path / "kernels"))
    monkeypatch.setattr(build, "_known", {})
    return tmp_path / "kernels"


@needs_numba
@pytest.mark.usefixtures("kernels")
class TestCompiled:
    def test_as_the_interpreter(self, kernels: Path) -> None:
        step, arguments = step_of(nn.sequential(nn.dense(7), nn.tanh(), nn.dense(3)), IMAGES, LABELS)
        compared(step, arguments, 2e-5, build.compiled)
        assert list(kernels.glob("loop_*"))

    def test_damaged_cache(self, kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        f = lambda x: xp.exp(x) * 2.0 - 1.0  # noqa: E731
        compared(f, IMAGES, 1e-6, build.compiled)
        for path in kernels.rglob("*"):
            if path.is_file():
                path.write_bytes(b"garbage")
        monkeypatch.setattr(build, "_known", {})
        compared(f, IMAGES, 1e-6, build.compiled)

    def test_no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.delenv("FUNCNET_CACHE_DIR")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", staticmethod(homeless))
        compared(lambda x: xp.exp(x) * 2.0 - 1.0, IMAGES, 1e-6, build.compiled)

    def test_cache_that_cannot_be_written(self, kernels: Path) -> None:
        kernels.write_text("a file where the folder should be")
        compared(lambda x: xp.exp(x) * 2.0 - 1.0, IMAGES, 1e-6, build.compiled)

    def test_functions(self) -> None:
        """Largest error in units in the last place, against double precision."""
        special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
        x = np.concatenate([np.linspace(-100, 88, 100_001), 10.0 ** np.linspace(-37, 37, 50_001)]).astype("float32")
        wide = x.astype("float64")
        with np.errstate(all="ignore"):
            for name, f, wanted, ulp in (
                ("exp", xp.exp, np.exp(wide), 1.0),
                ("log", xp.log, np.log(wide), 1.0),
                ("tanh", xp.tanh, np.tanh(wide), 2.0),
                ("sigmoid", xp.sigmoid, 1 / (1 + np.exp(-wide)), 3.0),
                ("erf", xp.special.erf, special.erf(wide), 1.0),
                ("expm1", xp.expm1, np.expm1(wide), 2.0),
                ("log1p", xp.log1p, np.log1p(wide), 2.0),
            ):
                plan = FusedPlan(optimised(fn.trace(lambda x, f=f: f(x + 0.0) * 1.0, x)))
                assert len(plan.loops) == 1, name
                (found,) = plan(x)
                normal = np.isfinite(wanted) & (np.abs(wanted) > 1.2e-38) & (np.abs(wanted) < 3.4e38)
                unit = np.spacing(np.abs(wanted[normal]).astype("float32"))
                assert np.max(np.abs(found[normal] - wanted[normal]) / unit) < ulp, name

    @pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="No numbers of more than double precision")
    def test_functions_in_double_precision(self) -> None:
        """Largest error in units in the last place, against extended precision; special values as the library's."""
        size = 10.0 ** np.linspace(-300, 300, 50_001)
        near = np.random.default_rng(0).normal(size=100_000)
        ends = [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 5e-324, 709.78, 709.79, -745.1, -745.2]
        x = np.concatenate([np.linspace(-745, 709.7, 100_001), size, -size, near, near * 1e-3, 1 + near * 1e-3, ends])
        wide = x.astype(np.longdouble)
        with np.errstate(all="ignore"):
            for name, f, wanted, ulp in (
                ("exp", xp.exp, np.exp(wide), 1.0),
                ("log", xp.log, np.log(wide), 1.0),
                ("tanh", xp.tanh, np.tanh(wide), 3.0),
                ("sigmoid", xp.sigmoid, np.exp(-np.logaddexp(0, -wide)), 3.0),
                ("expm1", xp.expm1, np.expm1(wide), 2.0),
                ("log1p", xp.log1p, np.log1p(wide), 2.0),
            ):
                plan = FusedPlan(optimised(fn.trace(f, x)))
                assert len(plan.loops) == 1, name
                (found,) = plan(x)
                rounded = wanted.astype("float64")
                normal = np.isfinite(rounded) & (np.abs(rounded) > 2.3e-308)
                unit = np.spacing(np.abs(rounded[normal]))
                assert np.max(np.abs(found[normal] - wanted[normal]) / unit) < ulp, name
                np.testing.assert_allclose(found[~normal], rounded[~normal], rtol=0, atol=1e-322)
                zero = wanted == 0
                np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))

    def test_exponentials_that_vanish(self) -> None:
        x = np.asarray([-103.0, -103.9, -104.0, -104.1, -1e9, -3e38, -np.inf, np.nan, 0.0] * 9, "float32")
        compared(lambda x: xp.exp(x + 0.0) * 1.0, x, 1e-6, build.compiled)

    @pytest.mark.compiling
    def test_takes_over_while_it_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from funcnet.compiler.execute import finish_compiling

        monkeypatch.setenv("FUNCNET_JIT", "1")
        f = fn.jit(lambda x: xp.sum(xp.exp(x) * x - 1.0, axis=1))
        wanted = np.sum(np.exp(IMAGES) * IMAGES - 1.0, axis=1)
        errors: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(200):
                    np.testing.assert_allclose(f(IMAGES), wanted, rtol=1e-5)
            except BaseException as error:
                errors.append(error)

        workers = [threading.Thread(target=work) for _ in range(4)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        f(IMAGES)
        assert finish_compiling(120)
        work()
        assert not errors
        (entry,) = f._entries.values()
        assert entry.program.run.status == "1 compiled loops and 0 calls"

    def test_memory_of_plain_calls_goes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FUNCNET_JIT", "0")
        events: list[str] = []
        monkeypatch.setattr(execute, "give_back", lambda: events.append("gives back"))
        for limit, wanted in ((0, ["call", "gives back", "call", "call"]), (1 << 40, ["call"] * 3)):
            monkeypatch.setattr(execute, "_LARGE", limit)
            executable = execute.Executable(fn.trace(lambda x: xp.exp(x) * 2.0, IMAGES))
            for _ in range(3):
                executable(IMAGES)
            executable.compile()
            events.clear()
            for _ in range(3):
                executable(IMAGES)
                events.append("call")
            # The first call with loops still has results of plain calls as arguments.
            assert events == wanted

    @pytest.mark.compiling
    def test_loops_over_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from funcnet.compiler.execute import finish_compiling

        monkeypatch.setenv("FUNCNET_JIT", "1")

        def rnn(w: Any, x0: Any, xs: Any) -> Any:
            def step(c: Any, x: Any) -> Any:
                z = xp.tanh(c[0] @ w + x)
                return (z, c[1] + xp.sum(z)), {"z": z * 2.0, "first": c[0], "s": xp.sum(z)}

            (c, total), ys = fn.scan(step, (x0, np.float64(0.0)), xs)
            return xp.sum(c) + total + xp.sum(ys["z"] ** 2) + xp.sum(ys["first"]) + xp.sum(ys["s"])

        # Of its own: what others have drawn before depends on which tests a process has.
        rng = np.random.default_rng(0)
        args = [rng.normal(size=s) for s in ((3, 3), (2, 3), (5, 2, 3))]
        wanted = fn.grad(rnn, (0, 1, 2))(*args)
        f = fn.jit(fn.grad(rnn, (0, 1, 2)))
        for _ in range(3):
            f(*args)
        assert finish_compiling(120)
        for _ in range(3):
            for a, b in zip(wanted, f(*args), strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)

    def test_a_failure_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from funcnet.compiler.execute import CompilationWarning, Executable

        def fail(*_: Any) -> Any:
            raise RuntimeError("no loops today")

        monkeypatch.setattr(fused.FusedPlan.__init__, "__defaults__", (fail,))
        graph = fn.trace(lambda x: xp.exp(x) * 2.0, IMAGES)
        executable = Executable(graph)
        with pytest.warns(CompilationWarning, match="no loops today"):
            executable.compile()
        np.testing.assert_allclose(executable(IMAGES)[0], np.exp(IMAGES) * 2.0)
        assert "no loops today" in executable.status

    def test_short_programs_end_cleanly(self, kernels: Path) -> None:
        program = (
            "import numpy as np, funcnet as fn\n"
            "from funcnet import xp\n"
            "f = fn.jit(lambda x: xp.exp(x) * 2.0 - x)\n"
            "x = np.ones((3, 4), 'float32')\n"
            "for _ in range(3): f(x)\n"
            "print('done')\n"
        )
        env = {**os.environ, "FUNCNET_JIT": "1", "FUNCNET_CACHE_DIR": str(kernels)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_JIT", "0")
    f = fn.jit(lambda x: xp.exp(x) * 2.0)
    for _ in range(3):
        np.testing.assert_allclose(f(IMAGES), np.exp(IMAGES) * 2.0)
    (entry,) = f._entries.values()
    assert entry.program.run.status == "plain calls; FUNCNET_JIT=0"


@pytest.mark.parametrize("summed", [False, True])
def test_loops_of_wide_graphs_have_few_arrays(summed: bool) -> None:
    def f(x: Any) -> Any:
        parts = [xp.tanh(x * (0.1 * k)) for k in range(1, 130)]
        if not summed:
            return parts
        total = x
        for part in parts:
            total = total + part
        return total

    plan = compared(f, IMAGES, 1e-5)
    assert 1 < len(plan.loops) < 8
    assert max(len(loop.inputs) + len(loop.outputs) for loop in plan.loops) <= 49


def test_loops_are_found_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    join = Group.join

    def counted(self: Group, e: Any) -> bool:
        nonlocal count
        count += 1
        return join(self, e)

    def f(x: Any) -> Any:
        for i in range(480):
            x = xp.tanh(x) + 0.1 if i % 3 == 0 else xp.exp(x * -0.9)
        return xp.sum(x)

    monkeypatch.setattr(Group, "join", counted)
    graph = optimised(fn.trace(fn.value_and_grad(f), IMAGES))
    assert len(FusedPlan(graph, in_python).loops) < 16
    assert count < 3 * len(graph)
