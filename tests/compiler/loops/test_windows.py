"""Slices and rolls inside of loops, and what is added to slices: as the interpreter has it."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused, passes
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.fusion import loops
from funcnet.compiler.kernels import padded, turned
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.loops.windows import columns_in
from funcnet.compiler.passes import optimised

compiling = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def compared(f: Callable[..., Any], *arguments: Any, compile: Any = in_python, donated: Any = ()) -> FusedPlan:
    graph = optimised(fn.trace(f, *arguments))
    wanted = interpret(graph, [np.array(a) for a in arguments])
    plan = FusedPlan(graph, compile, donated=donated)
    for _ in range(2):
        for a, b in zip(wanted, plan(*[np.array(a) for a in arguments]), strict=True):
            assert a.dtype == b.dtype
            tol = 2e-5 if a.dtype == np.float32 else 1e-12
            np.testing.assert_allclose(b, a, rtol=tol, atol=tol)
    return plan


def rosenbrock(x: Any) -> Any:
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def laplacian(u: Any) -> Any:
    return 4 * u[1:-1, 1:-1] - u[:-2, 1:-1] - u[2:, 1:-1] - u[1:-1, :-2] - u[1:-1, 2:]


def rolls(u: Any) -> Any:
    return xp.roll(u, 1, axis=0) + xp.roll(u, -3, axis=0) * u - xp.roll(u, 1, axis=1) + xp.roll(u, -1, axis=1) - 4 * u


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_columns_are_those_of_all_rows() -> None:
    part = (1, 3, None)
    assert columns_in(((None, None, None), part), (4, 5)) == (1, 3)
    assert columns_in(((0, 4, 1), (None, -1, None)), (4, 5)) == (0, 4)
    # One and the same slice, of rows and of columns.
    assert columns_in((part, part), (4, 5)) is None
    assert columns_in((part,), (4, 5)) is columns_in((part, 2), (4, 5)) is columns_in((), ()) is None


def test_rosenbrock_is_a_loop_and_a_sum_of_slices(rng: np.random.Generator) -> None:
    x = rng.standard_normal(12)
    plan = compared(fn.value_and_grad(rosenbrock), x)
    assert (len(plan.loops), plan.calls) == (1, ["index_add, slices"])
    value, slope = plan(x)
    np.testing.assert_allclose(value, np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
    wanted = np.zeros(12)
    wanted[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    wanted[1:] += 200 * (x[1:] - x[:-1] ** 2)
    np.testing.assert_allclose(slope, wanted)
    compared(fn.hessian(rosenbrock), x)


def test_stencils_are_one_loop(rng: np.random.Generator) -> None:
    u = rng.standard_normal((7, 9))
    plan = compared(laplacian, u)
    assert (len(plan.loops), plan.calls) == (1, [])
    compared(fn.grad(lambda u: xp.sum(laplacian(u) ** 2)), u)
    compared(fn.vmap(fn.grad(lambda u: xp.sum(laplacian(u) ** 2))), rng.standard_normal((3, 7, 9)))


@pytest.mark.parametrize("shape", [(6, 5), (70, 3), (2, 5, 4)])
def test_rolls(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    u = rng.standard_normal(shape)
    plan = compared(rolls, u)
    if shape == (6, 5):
        assert (len(plan.loops), plan.calls) == (1, ["roll, last dimension"] * 2)
    compared(fn.grad(lambda u: xp.sum(rolls(u) ** 2)), u)
    compared(lambda x: xp.roll(x, 3) + x, u.reshape(-1))
    compared(lambda x: xp.roll(x, (1, 2), axis=(0, 1)) + x, u)
    compared(lambda x: xp.roll(x, -1000003, axis=0) * x + xp.roll(x, 1000003, axis=-1), u)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, (0, 2), None])
def test_flips(rng: np.random.Generator, axis: Any) -> None:
    x = rng.standard_normal((3, 2, 5))
    plan = compared(fn.value_and_grad(lambda x: xp.sum(xp.flip(xp.tanh(x), axis=axis) * x**2)), x)
    assert ("flip" in plan.calls) == (axis is None or isinstance(axis, tuple))
    compared(fn.vmap(lambda x: xp.flip(x, axis=axis) * 2), x[..., None] if axis == 2 else x[:, None])
    compared(lambda x: xp.flip(x) * 2, (x[0, 0] * 9).astype("int64"))


def random_slices(rng: np.random.Generator, shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[Any, ...]:
    key = []
    for n, m in zip(shape, size, strict=True):
        start = int(rng.integers(0, n - m + 1))
        first = rng.choice([0, 1]) * -n + start
        stop: Any = start + m
        if stop == n:
            stop = None if rng.random() < 0.5 else n + 5
        elif rng.random() < 0.5:
            stop -= n
        key.append(
            slice(None if start == 0 and rng.random() < 0.5 else int(first), stop, 1 if rng.random() < 0.5 else None)
        )
    return tuple(key)


def random_program(rng: np.random.Generator) -> tuple[Callable[..., Any], list[Any]]:
    """Return a function of arrays that overlapping slices of one size are taken of, and added to."""
    shape = tuple(int(n) for n in rng.integers(1, 6, int(rng.integers(1, 5))))
    cut = [bool(rng.random() < 0.5) for _ in shape]
    size = tuple(int(rng.integers(1, n + 1)) if c else n for n, c in zip(shape, cut, strict=True))
    keys = [random_slices(rng, shape, size) for _ in range(6)]
    modes = rng.integers(0, 3, 2)
    dtype = "float32" if rng.random() < 0.3 else "float64"

    def f(x: Any, z: Any, row: Any) -> Any:
        a = x[keys[0]] * z[keys[1]] + xp.sin(x[keys[2]]) - row
        b = x[keys[3]] * 2 + a
        if modes[0] == 1:
            b = b * xp.sum(b, axis=-1, keepdims=True)
        elif modes[0] == 2:
            b = b - xp.mean(b, axis=0)
        y = xp.at(z * 1.5 if modes[1] else z, keys[4]).add(b)
        y = xp.at(y, keys[5]).add(a * a)
        return xp.sum(y * y) + xp.sum(b), y, a

    arrays = [rng.standard_normal(s).astype(dtype) for s in (shape, shape, size[-1:])]
    return f, arrays


@pytest.mark.parametrize("seed", range(40))
def test_random_slices(seed: int) -> None:
    f, arrays = random_program(np.random.default_rng(seed))
    compared(f, *arrays)
    compared(fn.grad(lambda *a: f(*a)[0], argnums=(0, 1, 2)), *arrays)
    compared(fn.vmap(fn.grad(lambda *a: f(*a)[0])), *[np.stack([a, a * 2]) for a in arrays])
    # What is donated may be written to.
    compared(f, *arrays, donated=(0, 1, 2))


@compiling
@pytest.mark.parametrize("seed", range(100, 104))
@pytest.mark.parametrize("threads", [1, 3])
def test_random_slices_compiled(monkeypatch: pytest.MonkeyPatch, seed: int, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    for module in (loops, padded, turned):
        monkeypatch.setattr(module, "_PARALLEL", 1)
    f, arrays = random_program(np.random.default_rng(seed))
    compared(fn.value_and_grad(lambda *a: f(*a)[0]), *arrays, compile=build.compiled)


@pytest.mark.parametrize("shift", [-4, 0, 1, 2, 3, 4, 12])
def test_rolls_of_rows_and_columns_among_others(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 3)
    for module in (loops, turned):
        monkeypatch.setattr(module, "_PARALLEL", 1)
    x = np.arange(60, dtype="float32").reshape(3, 4, 5)
    compared(lambda x: xp.roll(x, shift, axis=2), x)
    # Threads begin between those rows that are rolled together, or come again.
    compared(lambda x, y: xp.roll(x, shift, axis=1) + x[:, 1:2] * y - y[:, :1], x, x[:1])


@compiling
@pytest.mark.parametrize("threads", [1, 3])
def test_compiled(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    for module in (loops, padded, turned):
        monkeypatch.setattr(module, "_PARALLEL", 1)
    u = rng.standard_normal((40, 33))
    for f in (laplacian, rolls, lambda u: xp.flip(u, axis=0) * u, lambda u: xp.flip(u, axis=1) * u):
        compared(f, u, compile=build.compiled)
        compared(fn.grad(lambda u, f=f: xp.sum(f(u) ** 2)), u, compile=build.compiled)
    compared(fn.value_and_grad(rosenbrock), rng.standard_normal(5000), compile=build.compiled)


def test_donated_arrays_of_which_parts_are_read(rng: np.random.Generator) -> None:
    """A result must not be written over elements that are yet to be read as part of another row."""
    u = rng.standard_normal((6, 8))
    plan = compared(lambda u: xp.roll(u, 1, axis=0) + u, u, donated=(0,))
    assert plan.reused == {}
    x = rng.standard_normal(9)
    compared(lambda x: (x[1:] * x[:-1], xp.at(x, slice(1, None)).add(x[:-1])), x, donated=(0,))
    assert compared(lambda x: x * 2, x, donated=(0,)).reused == {0: 0}
    views = compared(lambda x: (xp.reshape(x, (3, 3))[1:] - xp.reshape(x, (3, 3))[:-1], x * x), x, donated=(0,))
    assert views.reused in ({}, {0: 1})


def test_keys_of_the_first_dimensions(rng: np.random.Generator) -> None:
    u = rng.standard_normal((6, 20, 30))
    plan = compared(lambda u: u[1:] * u[:-1], u)
    assert (len(plan.loops), plan.calls) == (1, [])
    plan = compared(lambda u: u[1:, 2:] * u[:-1, :-2], rng.standard_normal((9, 20, 3)))
    assert (len(plan.loops), plan.calls) == (1, ["getitem"] * 2)
    compared(fn.grad(lambda u: xp.sum((u[1:, 2:] - u[:-1, :-2] * u[1:, 1:-1]) ** 2)), u)
    compared(fn.grad(lambda u: xp.sum(xp.sum((u[1:] - u[:-1]) ** 2, axis=-1) ** 0.5)), rng.standard_normal((90, 3)))


def test_empty_slices_and_whole_ones(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 5))
    for f in (
        lambda x: xp.sum(x[3:1] * x[4:]),
        lambda x: xp.sum(x[:, 7:] + 1.0),
        lambda x: xp.sum(x[:4, 0:5] * x[...]),
        lambda x: xp.sum(x[-9:, :] * 2) + xp.sum(x[2:3] * x[1:2]),
        lambda x: xp.sum(x[:0] * 2) + xp.sum(x[-1:, -1:] ** 2),
    ):
        compared(fn.value_and_grad(f), x)
    plan = compared(lambda x: x[:4, 0:5] * 2.0, x)
    assert [e.primitive.name for e in plan.graph.equations] == ["multiply"]


@pytest.mark.parametrize("kind", ["step", "integer", "flip", "ints"])
def test_what_loops_do_not_read_in_place(rng: np.random.Generator, kind: str) -> None:
    x = rng.standard_normal((6, 7))
    if kind == "ints":
        x = (x * 9).astype("int64")
    key: Any = {"step": (slice(0, 6, 2), slice(1, 7, 2)), "integer": (2, slice(1, None))}.get(kind, slice(1, None))
    if kind == "flip":
        key = (slice(None, None, -1), slice(1, 5))
    compared(lambda x: x[key] * 2 + x[key], x)
    compared(lambda x: xp.at(x, key).add(x[key]), x)


def test_slices_of_what_the_loop_makes(rng: np.random.Generator) -> None:
    """Slices of a loop's own results need another loop."""
    x = rng.standard_normal((5, 6))

    def f(x: Any) -> Any:
        for _ in range(3):
            d = xp.tanh(x)
            x = xp.at(x, (slice(1, -1), slice(None))).add(0.1 * (d[2:] - 2 * d[1:-1] + d[:-2]) * x[1:-1])
        return xp.sum(x * x)

    compared(fn.value_and_grad(f), x)
    compared(fn.hessian(f), x[:, :3])


def test_transposed_and_read_only_arguments(rng: np.random.Generator) -> None:
    u = rng.standard_normal((9, 7))
    plan = FusedPlan(optimised(fn.trace(laplacian, u.T)), in_python)
    np.testing.assert_allclose(plan(u.T)[0], laplacian(u).T, rtol=1e-12)
    u.flags.writeable = False
    np.testing.assert_allclose(plan(u.T)[0], laplacian(u).T, rtol=1e-12)


@pytest.mark.parametrize("inside", list(itertools.product([False, True], repeat=2)))
def test_sums_of_slices_that_are_needed_elsewhere(rng: np.random.Generator, inside: tuple[bool, bool]) -> None:
    x, v = rng.standard_normal(8), rng.standard_normal(7)

    def f(x: Any, v: Any) -> Any:
        a = xp.at(x * 2.0, slice(1, None)).add(v)
        b = xp.at(a, slice(None, -1)).add(v * v)
        return (b, a if inside[0] else None, xp.sum(a * b) if inside[1] else None)

    compared(f, x, v)


@pytest.mark.parametrize("part", [slice(1, 5), slice(None)])
def test_columns_and_sums_of_one_number_everywhere(part: slice, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step makes of a large constant leaves the loop, and reads parts of an array: a number has none."""
    monkeypatch.setattr(passes, "_FOLDED_BYTES", 0)
    ones = np.ones((20, 9))

    def f(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            x, w = c
            return (0.5 * x + xp.sum(w[:, part], axis=1) * xp.sin(w[:, 2:3])[:, 0], w), None

        return fn.scan(step, (x, ones), None, length=2)[0][0]

    plan = compared(f, np.linspace(0.0, 1.0, 20))
    assert len(plan.loops) > 0
