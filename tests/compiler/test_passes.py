"""Every pass keeps the results of random programs to the bit, and does what it is for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler import passes
from funcnet.compiler.capture import interpret
from funcnet.compiler.graph import Graph, spec_of
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.plain import plain_plan
from funcnet.testing.families import FAMILIES
from funcnet.testing.programs import namespace, random_family_program, random_program

SPEC = fn.Spec((3,), "float64")


def names(graph: Graph) -> list[str]:
    return [e.primitive.name for e in graph.equations]


def gradients(program: Any, space: Any) -> tuple[Callable[..., Any], Any]:
    return fn.value_and_grad(lambda a: program(space, a)), program.arguments


def equal(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def check(f: Callable[..., Any], argument: Any) -> None:
    leaves, structure = tree.flatten(argument)
    with np.errstate(all="ignore"):
        graph = fn.trace(f, argument)
        graph.verify()
        wanted = interpret(graph, leaves)
        for eager, found in zip(tree.leaves(f(tree.unflatten(structure, leaves))), wanted, strict=True):
            equal(eager, found)
        for step in passes.PASSES:
            graph = step(graph)
            graph.verify()
            for a, b in zip(wanted, interpret(graph, leaves), strict=True):
                equal(a, b)
        for a, b in zip(wanted, plain_plan(graph)(*leaves), strict=True):
            equal(a, b)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check(*gradients(random_program(seed), xp))


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("seed", range(6))
def test_random_programs_by_family(family: str, seed: int) -> None:
    check(*gradients(random_family_program(family, seed), namespace()))


def test_dead_equations_go() -> None:
    def f(x: Any) -> Any:
        xp.exp(x)
        return xp.sin(x)

    assert names(passes.remove_dead(fn.trace(f, SPEC))) == ["sin"]


def test_equal_equations_are_merged() -> None:
    graph = passes.merge_equal(fn.trace(lambda x: xp.sin(x) * xp.sin(x) + xp.sin(x), SPEC))
    assert names(graph) == ["sin", "multiply", "add"]


def test_numbers_of_other_classes_are_not_merged() -> None:
    spec = fn.Spec((3,), "int64")
    graph = passes.merge_equal(fn.trace(lambda x: (x * 2, x * 2.0, x * 2), spec))
    assert names(graph) == ["multiply", "multiply"]
    zeros = passes.merge_equal(fn.trace(lambda x: (x * 0.0, x * -0.0), SPEC))
    assert names(zeros) == ["multiply", "multiply"]


def test_recomputations_are_not_merged() -> None:
    def f(x: Any) -> Any:
        return fn.value_and_grad(lambda x: xp.sum(fn.checkpoint(lambda y: xp.sin(xp.exp(y)))(x)))(x)

    assert names(passes.optimised(fn.trace(f, SPEC))).count("exp") == 2
    plain = fn.trace(fn.value_and_grad(lambda x: xp.sum(xp.sin(xp.exp(x)))), SPEC)
    assert names(passes.optimised(plain)).count("exp") == 1


def test_constants_are_folded() -> None:
    table = np.arange(3.0)
    graph = fn.trace(lambda x: fn.cond(x[0] > 0, lambda x: x * xp.sin(table), lambda x: x, x), SPEC)
    inner = passes.optimised(graph).equations[-1].primitive.regions[0]
    assert names(inner) == ["multiply"]


def test_small_equal_constants_are_shared() -> None:
    graph = fn.trace(lambda x: x * np.array([1.0, 2.0, 3.0]) + np.array([1.0, 2.0, 3.0]), SPEC)
    assert len(graph.constants) == 2
    assert len(passes.share_constants(graph).constants) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda x: fn.stop_gradient(x),
        lambda x: x * 1.0,
        lambda x: x / 1,
        lambda x: x**1,
        lambda x: x - 0.0,
        lambda x: xp.reshape(x, (3,)),
        lambda x: xp.permute_dims(x, (0,)),
    ],
)
def test_results_that_are_the_argument(f: Any) -> None:
    assert names(passes.forward_aliases(fn.trace(f, SPEC))) == []


@pytest.mark.parametrize("f", [lambda x: x + 0.0, lambda x: x - -0.0, lambda x: x * 0.0, lambda x: x * np.float32(1)])
def test_what_is_not_the_argument_stays(f: Any) -> None:
    assert len(passes.forward_aliases(fn.trace(f, SPEC))) == 1


@pytest.mark.parametrize(
    "f", [lambda x: x * 1, lambda x: x * 1.0, lambda x: x / 1, lambda x: x / 1.0, lambda x: x**1, lambda x: x**2]
)
def test_complex_numbers_keep_their_zeros_and_infinities(f: Any) -> None:
    x = np.array([complex(-1, -0.0), complex(0.0, -0.0), complex(-0.0, 0.0), complex(np.inf, 0), complex(1, np.nan)])
    with np.errstate(all="ignore"):
        wanted = interpret(fn.trace(f, x), [x])[0]
        found = interpret(passes.optimised(fn.trace(f, x)), [x])[0]
    for part in (np.real, np.imag):
        np.testing.assert_array_equal(part(found), part(wanted))
        np.testing.assert_array_equal(np.signbit(part(found)), np.signbit(part(wanted)))


def test_dtypes_are_kept() -> None:
    graph = fn.trace(lambda x: x * 1.0, fn.Spec((3,), "int64"))
    assert passes.optimised(graph).specs[0].dtype == np.float64
    flags = np.array([True, False])
    (found,) = interpret(passes.optimised(fn.trace(lambda x: x**2, flags)), [flags])
    assert found.dtype == interpret(fn.trace(lambda x: x**2, flags), [flags])[0].dtype


def test_undone_operations() -> None:
    spec = fn.Spec((2, 3), "float64")
    assert names(passes.optimised(fn.trace(lambda x: xp.matrix_transpose(xp.matrix_transpose(x)), spec))) == []
    assert names(passes.optimised(fn.trace(lambda x: xp.negative(-x), spec))) == []
    assert names(passes.optimised(fn.trace(lambda x: x**2, spec))) == ["multiply"]
    assert names(passes.optimised(fn.trace(lambda x: xp.reshape(xp.reshape(x, (6,)), (3, 2)), spec))) == ["reshape"]


def test_reshapes_of_what_undone_operations_leave() -> None:
    x = np.arange(6.0).reshape(3, 2)
    for undone in (lambda x: xp.negative(-x), lambda x: xp.matrix_transpose(xp.matrix_transpose(x))):
        check(lambda x, undone=undone: xp.reshape(xp.reshape(undone(x), (2, 3)), (6,)), x)


def test_columns_side_by_side_are_joined() -> None:
    def f(x: Any) -> Any:
        return xp.sum(x[:, :2] * x[:, 2:4] * xp.sin(x[:, 4:]))

    spec = fn.Spec((3, 6), "float64")
    graph = passes.optimised(fn.trace(fn.grad(f), spec))
    assert "index_add" not in names(graph)
    assert names(graph).count("concat") == 1
    # Not all columns: the rest stays zero.
    partial = passes.optimised(fn.trace(fn.grad(lambda x: xp.sum(xp.sin(x[:, 1:3]) * x[:, 3:5])), spec))
    assert "index_add" in names(partial)
    x = np.arange(18.0).reshape(3, 6)
    equal(interpret(graph, [x])[0], fn.grad(f)(x))


def test_products_are_summed_after_the_loop() -> None:
    def f(w: Any, xs: Any) -> Any:
        c, _ = fn.scan(lambda c, x: (xp.tanh(x @ w + c @ w), None), xs[0] * 0.0, xs)
        return xp.sum(c)

    w = np.linspace(-1.0, 1.0, 9).reshape(3, 3)
    xs = np.linspace(-1.0, 1.0, 30).reshape(5, 2, 3)
    graph = passes.optimised(fn.trace(fn.grad(f), w, xs))
    inner = [names(e.primitive.regions[0]) for e in graph.equations if e.primitive.name == "scan"][-1]
    # Back through the carry only; the two products for the weights have left the loop.
    assert inner.count("matmul") == 1
    np.testing.assert_allclose(interpret(graph, [w, xs])[0], fn.grad(f)(w, xs), rtol=1e-12)


def test_terms_in_single_precision_are_added_up_in_double_precision() -> None:
    c, x = np.zeros(1), np.full((300, 2, 1), 1e-3, "float32")
    x[0] = 1e5

    def f(c: Any, x: Any) -> Any:
        return fn.scan(lambda c, x: (c + xp.sum(x * x, axis=0), None), c, x)[0]

    np.testing.assert_allclose(interpret(passes.optimised(fn.trace(f, c, x)), [c, x])[0], f(c, x), rtol=1e-15)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (4,)])
def test_rows_that_are_added_to_each_row_of_a_carry(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    c, x = rng.normal(size=shape), rng.normal(size=(5, 6, 4))

    def f(c: Any, x: Any) -> Any:
        return fn.scan(lambda c, x: (c + xp.sum(xp.tanh(x), axis=0), None), c, x)[0]

    graph = passes.optimised(fn.trace(f, c, x))
    graph.verify()
    np.testing.assert_allclose(interpret(graph, [c, x])[0], c + np.tanh(x).sum((0, 1)), rtol=1e-12)


def test_plan_frees_what_is_dead() -> None:
    import tracemalloc

    def f(x: Any) -> Any:
        for _ in range(50):
            x = x + 1.0
        return x

    x = np.zeros(100_000)
    graph = fn.trace(f, x)
    plan = plain_plan(graph)
    plan(x)
    tracemalloc.start()
    try:
        plan(x)
        assert tracemalloc.get_traced_memory()[1] < 4 * x.nbytes
    finally:
        tracemalloc.stop()


def test_plans_grow_linearly() -> None:
    def chain(n: int) -> int:
        def f(x: Any) -> Any:
            for _ in range(n):
                x = xp.sin(x)
            return x

        graph = passes.optimised(fn.trace(f, spec_of(np.zeros(3))))
        assert len(graph) == n
        return len(plain_plan(graph).__code__.co_code)

    # Longer jumps take a few bytes more.
    assert chain(2000) < 13 * chain(200)


def test_parts_are_joined_on_other_libraries() -> None:
    torch = pytest.importorskip("torch")

    def f(x: Any) -> Any:
        return xp.sum(x[:, :2] * xp.sin(x[:, 2:]))

    x = np.arange(12.0).reshape(3, 4)
    kept = [e.primitive.name for e in passes.optimised(fn.trace(fn.grad(f), torch.asarray(x))).equations]
    assert "concat" in kept
    assert "index_add" not in kept
    found = fn.jit(fn.grad(f))(torch.asarray(x))
    np.testing.assert_allclose(found.numpy(), fn.grad(f)(x), rtol=1e-14)


def test_new_dimensions_beside_dots() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    for key in [(..., None), (None, ..., None), (slice(None), ..., None, slice(None)), (..., None, slice(1, 3), None)]:
        check(lambda x, key=key: x[key], x)
        check(fn.grad(lambda x, key=key: xp.sum(x[key] ** 3)), x)
        graph = passes.optimised(fn.trace(fn.value_and_grad(lambda x, key=key: xp.sum(x[key] ** 3)), x))
        taken = [e for e in graph.equations if e.primitive.name in ("getitem", "index_add")]
        assert all(Ellipsis not in e.params["key"] for e in taken)
        # All of an array is not taken but reshaped.
        assert slice(1, 3) in key or "getitem" not in names(graph)


def test_plans_of_many_results_grow_linearly() -> None:
    def size(n: int) -> int:
        graph = fn.trace(lambda xs: [xp.permute_dims(x, (1, 0)) for x in xs], [np.zeros((2, 3))] * n)
        plan = plain_plan(graph)
        found = plan(*[np.full((2, 3), float(i)) for i in range(n)])
        assert [y[0, 0] for y in found] == list(range(n))
        return len(plan.__code__.co_code)

    # Longer jumps take a few bytes more.
    assert size(800) < 13 * size(80)


def test_what_large_sums_of_exponentials_share() -> None:
    """Constants as large as rows of a sum are compared, so that value and gradient take the same exponentials."""
    x = np.zeros((3, 5000), np.float32)
    graph = passes.optimised(lowered(fn.trace(fn.value_and_grad(lambda x: xp.sum(xp.logsumexp(x, axis=0) ** 2)), x)))
    assert names(graph).count("exp") == 1
