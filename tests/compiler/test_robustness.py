"""Functions under `jit` survive other processes, interruptions, read-only homes, forks and copies."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import execute
from funcnet.compiler.loops import build
from funcnet.transforms.recaptures import RecaptureWarning

needs_numba = pytest.mark.skipif(bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="no Numba")

PROGRAM = """
import numpy as np, funcnet as fn
from funcnet import xp
from funcnet.compiler.execute import finish_compiling
f = fn.jit(lambda x: (xp.sum(xp.exp(x) * x - 1.0, axis=1), x * 2.0 + 1.0))
x = np.linspace(0.0, 1.0, 12, dtype="float32").reshape(3, 4)
wanted = np.sum(np.exp(x) * x - 1.0, axis=1)
for _ in range(3):
    f(x)
assert finish_compiling(200)
np.testing.assert_allclose(f(x)[0], wanted, rtol=1e-5)
(entry,) = f.entries()
print(entry.program.run.status)
"""


def environment(cache: Path | str) -> dict[str, str]:
    return {**os.environ, "FUNCNET_JIT": "1", "FUNCNET_CACHE_DIR": str(cache)}


@needs_numba
@pytest.mark.slow
def test_several_processes_and_one_cache(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    found = [p.communicate(timeout=300) for p in started]
    assert [err for _, err in found] == [""] * 4
    assert all("compiled loops" in out for out, _ in found)
    assert not list(tmp_path.rglob("*.tmp"))


@needs_numba
def test_a_home_that_cannot_be_written_to(tmp_path: Path) -> None:
    # Root may write to any folder, but not below a file.
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(tmp_path / "file" / "cache"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "compiled loops" in done.stdout


X = np.linspace(-1.0, 1.0, 6)


class TestInterruption:
    def test_of_the_capture(self) -> None:
        interrupt = True

        def f(x: Any) -> Any:
            y = xp.exp(x)
            if interrupt:
                raise KeyboardInterrupt
            return y * 2.0

        g = fn.jit(fn.grad(lambda x: xp.sum(f(x))))
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                g(X)
        interrupt = False
        np.testing.assert_allclose(g(X), 2 * np.exp(X))
        assert g.captures() == ["the first call"]
        np.testing.assert_allclose(fn.grad(lambda x: xp.sum(x * x))(X), 2 * X)

    def test_of_the_first_run(self) -> None:
        interrupt = True

        def host(x: Any) -> Any:
            if interrupt:
                raise KeyboardInterrupt
            return x * 3.0

        def show(x: Any) -> str:
            host(0.0)
            return str(x)

        class Text:
            def __format__(self, spec: str) -> str:
                return show(spec)

        def f(x: Any) -> Any:
            fn.debug_print("{}{}", Text(), xp.sum(x))
            return xp.exp(x)

        g = fn.jit(f)
        with pytest.raises(KeyboardInterrupt):
            g(X)
        interrupt = False
        np.testing.assert_allclose(g(X), np.exp(X))
        assert len(g.captures()) == 1


class TestWarnings:
    def test_static_arguments_are_named(self) -> None:
        f = fn.jit(lambda x, mode, n: x * n, static_argnames=("mode", "n"))
        for n in range(8):
            f(X, "up", n)
        with pytest.warns(RecaptureWarning, match=r"because of the static argument 'n'\.") as caught:
            f(X, "up", 8)
        assert "was the int 7 and is the int 8" in str(caught[0].message)
        assert caught[0].filename == __file__

    def test_the_warning_as_an_error_leaves_the_version(self) -> None:
        f = fn.jit(lambda x, n: x * n, static_argnames="n")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for n in range(8):
                f(X, n)
            with pytest.raises(RecaptureWarning):
                f(X, 8)
            np.testing.assert_allclose(f(X, 8), 8 * X)

    def test_the_nearest_version_is_compared(self) -> None:
        f = fn.jit(lambda x, y, n: x * n + y, static_argnames="n")
        f(X, X, 1)
        f(X[:1], X[:1], 2)
        f(X, X, 3)
        assert f.captures()[-1] == "the static argument 'n' was the int 1 and is the int 3"

    def test_arrays_from_outside(self) -> None:
        box: list[Any] = []
        f = fn.jit(lambda x: x * box[-1])

        def g(w: Any) -> Any:
            box.append(w)
            return xp.sum(f(X))

        for _ in range(2):
            np.testing.assert_array_equal(fn.grad(g)(X), X)
        assert f.captures() == ["the first call", "it uses traced arrays that are not among its arguments"]


@fn.jit
def known(x: Any) -> Any:
    """Found by its name."""
    return xp.exp(x) * 2.0


class TestCopies:
    def test_by_name(self) -> None:
        module = sys.modules.setdefault(__name__, sys.modules.get(__name__) or type(sys)(__name__))
        if getattr(module, "known", None) is not known:
            module.known = known  # type: ignore[attr-defined]
        assert pickle.loads(pickle.dumps(known)) is known

    def test_with_the_function(self) -> None:
        f = fn.jit(np.sin, static_argnames=(), donate=())
        again = pickle.loads(pickle.dumps(f))
        np.testing.assert_allclose(again(X), np.sin(X))

    def test_what_pickle_cannot_do(self) -> None:
        with pytest.raises((pickle.PicklingError, AttributeError), match=r"lambda"):
            pickle.dumps(fn.jit(lambda x: x))

    def test_copies_are_the_function(self) -> None:
        f = fn.jit(lambda x: x * 2.0)
        assert copy.copy(f) is f
        assert copy.deepcopy({"f": f})["f"] is f


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fork(tmp_path: Path) -> None:
    """In a process of its own: other libraries that a test has imported, JAX above all, may refuse to be forked."""
    program = """
import multiprocessing, numpy as np, funcnet as fn
from funcnet import xp
from funcnet.compiler.execute import finish_compiling
f = fn.jit(lambda x: xp.exp(x) * 2.0)
x = np.linspace(-1.0, 1.0, 6)

def calls():
    return [f(x) for _ in range(3)][-1]

def in_child(queue):
    queue.put((calls(), finish_compiling(60)))

calls()
assert finish_compiling(120)
context = multiprocessing.get_context("fork")
queue = context.Queue()
child = context.Process(target=in_child, args=(queue,))
child.start()
found, finished = queue.get(timeout=60)
child.join(60)
assert finished
np.testing.assert_allclose(found, 2 * np.exp(x), rtol=1e-6)
print(child.exitcode)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


@needs_numba
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fork_while_compiling(tmp_path: Path) -> None:
    """The child goes on with plain calls, ends at once, and says why under `explain`."""
    program = """
import os, sys, time, numpy as np, funcnet as fn
from funcnet import xp
from funcnet.compiler import execute
f = fn.jit(lambda x: xp.sum(xp.exp(x) * x - 1.0, axis=1))
x = np.ones((3, 4), "float32")
f(x); f(x)
while execute._current is None:
    time.sleep(0.001)
child = os.fork()
if child == 0:
    start = time.perf_counter()
    g = fn.jit(lambda x: xp.exp(x) * 2.0 + x)
    for _ in range(3):
        f(x); g(x)
    assert execute.finish_compiling(5)
    text = str(fn.explain(f)) + str(fn.explain(g))
    assert text.count("forked while loops were being compiled") == 2, text
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert execute.finish_compiling(200)
print(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


class TestNan:
    """`debug_nans` in functions under `jit`, which run operation by operation as long as it is on."""

    def test_forward(self) -> None:
        f = fn.jit(fn.grad(lambda p: xp.sum(xp.log(p["w"]))))
        f({"w": X + 2.0})
        with (
            fn.debug_nans(),
            pytest.raises(
                fn.errors.NanError, match=r"xp\.log made a NaN in the forward pass, in .*test_robustness\.py:\d+"
            ) as caught,
        ):
            f({"w": X})
        assert "leaf .w" in str(caught.value)

    def test_backward(self) -> None:
        def loss(x: Any) -> Any:
            y = x * 0.0
            return xp.sum(xp.sqrt(y))

        f = fn.jit(fn.grad(loss))
        with np.errstate(all="ignore"):
            f(X)
        with fn.debug_nans(), pytest.raises(fn.errors.NanError) as caught:
            f(X)
        text = str(caught.value)
        assert "The derivative of xp.multiply in argument 0 is NaN in the backward pass" in text
        assert "test_robustness.py" in text
        assert "(loss)" in text

    def test_in_the_function(self) -> None:
        def f(x: Any) -> Any:
            with fn.debug_nans():
                return xp.log(x)

        g = fn.jit(lambda x: fn.jit(f)(x) * 2.0)
        np.testing.assert_allclose(g(X + 2.0), 2.0 * np.log(X + 2.0))
        np.testing.assert_allclose(fn.jit(fn.grad(lambda x: xp.sum(f(x))))(X + 2.0), 1.0 / (X + 2.0))
        with pytest.raises(fn.errors.NanError, match=r"xp\.log made a NaN in the forward pass, in .*test_robustness"):
            g(X)
        with pytest.raises(fn.errors.AbstractValueError, match=r"where only shapes are known, in .*test_robustness"):
            fn.trace(f, X)

    def test_inside_of_another(self) -> None:
        inner = fn.jit(lambda x: xp.log(x))
        with fn.debug_nans(), pytest.raises(fn.errors.NanError, match=r"xp\.log made a NaN"):
            fn.jit(lambda x: inner(x) * 2.0)(-np.ones(2))


@needs_numba
def test_an_interrupted_program_ends_while_compiling(tmp_path: Path) -> None:
    """The loop that is being compiled is finished; the other ones are not begun."""
    program = """
import os, signal, time, numpy as np, funcnet as fn
from funcnet import xp
from funcnet.compiler import execute
from funcnet.compiler.loops import build

# Where the tests run in the background, interrupts are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def f(x):
    return [xp.cumulative_sum(xp.exp(x * k) * x, axis=0) * 2.0 - 1.0 for k in range(1, 200)]
g = fn.jit(f)
x = np.ones((3, 4), "float32")
g(x); g(x)
while not build._known:
    time.sleep(0.001)
os.kill(os.getpid(), signal.SIGINT)
time.sleep(60)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode not in (0, 1) or "KeyboardInterrupt" in done.stderr
    assert done.stderr.count("Traceback") == 1
    assert "Exception" not in done.stderr
    assert len(list(tmp_path.glob("loop_*"))) < 5


@needs_numba
@pytest.mark.compiling
def test_a_warning_that_is_an_error_does_not_end_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setenv("FUNCNET_JIT", "1")
    monkeypatch.setattr(threading, "excepthook", shown.append)
    f, g = (fn.jit(lambda x, k=k: xp.exp(x) * k + xp.sin(x)) for k in (1.25, 1.75))

    def compiled(executable: execute.Executable) -> None:
        if executable is f.entries()[0].program.run:
            raise execute.CompilationWarning("could not be compiled")
        kept(executable)

    kept = execute.Executable.compile
    monkeypatch.setattr(execute.Executable, "compile", compiled)
    for _ in range(2):
        f(X)
        g(X)
    assert execute.finish_compiling(200)
    assert [args.exc_type for args in shown] == [execute.CompilationWarning]
    assert "compiled loops" in g.entries()[0].program.run.status
    np.testing.assert_allclose(g(X), np.exp(X) * 1.75 + np.sin(X))
