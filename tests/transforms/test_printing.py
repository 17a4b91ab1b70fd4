"""What `debug_print` prints, and when."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from benchmarks.equality.loops import as_python
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.graph import Value
from funcnet.compiler.passes import optimised
from funcnet.errors import ParameterError


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


X = np.array([1.0, 2.0])


def f(x: Any) -> Any:
    y = x * x
    fn.debug_print("y = {}", y)
    return xp.sum(y)


@pytest.mark.parametrize("run", [f, fn.jit(f), fn.jit(fn.jit(f)), lambda x: fn.jit(f)(x)])
def test_values(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(X)
    run(2 * X)
    assert lines(capsys) == ["y = [1. 4.]", "y = [ 4. 16.]"]


@pytest.mark.parametrize(
    "run",
    [
        fn.grad(f),
        fn.jit(fn.grad(f)),
        fn.grad(fn.jit(f)),
        fn.jit(fn.grad(fn.jit(f))),
        lambda x: fn.jvp(f, (x,), (x,)),
        lambda x: fn.jvp(fn.jit(f), (x,), (x,)),
        fn.jit(lambda x: fn.jvp(f, (x,), (x,))),
        fn.jit(fn.jacfwd(fn.grad(f))),
    ],
)
def test_derivatives_print_the_values_once(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        run(X)
    assert lines(capsys) == ["y = [1. 4.]"] * 2


def test_what_is_computed_again_prints_again(capsys: pytest.CaptureFixture[str]) -> None:
    for g in (fn.grad(fn.checkpoint(f)), fn.grad(lambda x: fn.checkpoint(lambda x: f(x) * 1.0)(x))):
        np.testing.assert_array_equal(g(X), 2 * X)
        assert lines(capsys) == ["y = [1. 4.]"] * 2
    np.testing.assert_array_equal(fn.hessian(fn.checkpoint(f))(X), 2 * np.eye(2))


@pytest.mark.parametrize("run", [fn.vmap(f), fn.jit(fn.vmap(f)), fn.vmap(fn.jit(f)), fn.vmap(fn.grad(f))])
def test_a_batch_is_printed_once(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(np.array([[1.0], [2.0]]))
    assert lines(capsys) == ["y = [[1.]", " [4.]]"]


def test_nothing_that_depends_on_the_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    def g(x: Any) -> Any:
        fn.debug_print("here")
        fn.debug_print("{} {:>4} {name}", 3, "ab", name=np.ones(2))
        fn.debug_print("{}", xp.zeros(2))
        return xp.sum(x)

    for run in (g, fn.jit(g), fn.jit(fn.grad(g)), fn.jit(fn.jit(g))):
        run(X)
        lines(capsys)
        run(X)
        assert lines(capsys) == ["here", "3   ab [1. 1.]", "[0. 0.]"]


def test_trees(capsys: pytest.CaptureFixture[str]) -> None:
    fn.jit(lambda p: fn.debug_print("{p}", p=p))({"a": np.ones(1), "n": 3})
    assert lines(capsys) == ["{'a': array([1.]), 'n': 3}"]


def test_order_and_loops(capsys: pytest.CaptureFixture[str]) -> None:
    def g(x: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            fn.debug_print("step {}", t)
            return c + t, c

        fn.debug_print("first {}", xp.sum(xp.exp(xp.cumulative_sum(x * 0.0)) + 1.0))
        c, _ = fn.scan(step, xp.sum(x * 0.0), x)
        fn.debug_print("second {}", x[0])
        n = fn.while_loop(lambda n: n < 2.0, lambda n: (fn.debug_print("n {}", n), n + 1.0)[1], c * 0.0)
        fn.cond(n > 0.0, lambda: fn.debug_print("yes"), lambda: fn.debug_print("no"))
        fn.debug_print("last")
        return x

    wanted = ["first 4.0", "step 1.0", "step 2.0", "second 1.0", "n 0.0", "n 1.0", "yes", "last"]
    for run in (g, fn.jit(g)):
        run(X)
        assert lines(capsys) == wanted
    graph = fn.trace(g, X)
    for run in (lambda x: interpret(graph, [x]), FusedPlan(optimised(graph), as_python)):
        run(X)
        assert lines(capsys) == wanted


def test_passes_keep_it() -> None:
    def g(x: Any) -> Any:
        for _ in range(2):
            fn.debug_print("{}", x)
        return 2.0

    graph = fn.trace(g, X)
    assert [e.primitive.name for e in optimised(graph).equations] == ["debug_print", "debug_print"]
    assert all(isinstance(v, Value) for v in graph.inputs)


def test_shapes_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert fn.eval_shape(f, fn.Spec((2,))) == fn.Spec(())
    assert lines(capsys) == []


def test_other_backends(capsys: pytest.CaptureFixture[str]) -> None:
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    fn.jit(f)(strict.asarray(X))
    assert lines(capsys) == ["y = [1. 4.]"]
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    fn.jit(fn.grad(f))(torch.asarray(X))
    assert lines(capsys) == ["y = [1. 4.]"]


def test_errors() -> None:
    with pytest.raises(ParameterError, match=r"fn\.debug_print needs a text first"):
        fn.debug_print(X)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"cannot format its arguments, in .*test_printing\.py:\d+ \(<lambda>\)"):
        fn.jit(lambda x: fn.debug_print("{} {}", x))(X)
    with pytest.raises(ParameterError, match="cannot format"):
        fn.debug_print("{y}", x=1)


def test_flushed() -> None:
    program = "import os, funcnet as fn, numpy as np\nfn.debug_print('x = {}', np.ones(1))\nos._exit(0)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ}, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "x = [1.]\n"


@pytest.mark.parametrize(
    "around",
    [
        lambda f: f,
        fn.jit,
        lambda f: lambda x: fn.jvp(f, (x,), (x,)),
        lambda f: fn.grad(lambda x: xp.sum(f(x))),
        lambda f: fn.jit(lambda x: fn.jvp(f, (x,), (x,))),
    ],
)
def test_arrays_from_outside_of_a_graph_are_printed_in_order(around: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        def inner(y: Any) -> Any:
            fn.debug_print("y {}", y)
            fn.debug_print("x {}", x)
            fn.debug_print("2 y {}", y * 2)
            return y

        return fn.jit(inner)(x + 1.0)

    around(f)(np.array([3.0]))
    assert capsys.readouterr().out == "y [4.]\nx [3.]\n2 y [8.]\n"
