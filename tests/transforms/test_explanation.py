"""What `explain` says of a function under `jit`."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler import execute
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.errors import ParameterError
from funcnet.transforms.explanation import Explanation

X = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


def with_loops(f: Any, *args: Any) -> Explanation:
    """Explain a function after loops were made for these arguments, without compiling them."""
    f(*tree.map(np.array, args))
    entry = f._entry(args, {})[0]
    executable = entry.executable or entry.program.run
    plan = FusedPlan(executable.graph, lambda _, __: None, donated=executable.donated)  # type: ignore[arg-type,return-value]
    executable.fused = plan
    return fn.explain(f)


def test_not_captured_yet() -> None:
    assert str(fn.explain(fn.jit(lambda x: x))) == "<lambda>: not captured yet"
    assert fn.explain(fn.jit(lambda x: x)).to_dict()["versions"] == []


def test_reasons_and_arguments() -> None:
    def f(x: Any, n: int, mode: str = "up", *, p: Any) -> Any:
        return x * n + p["a"] if mode == "up" else x

    g = fn.jit(f, static_argnames="mode")
    g(X, 2, p={"a": X})
    g(X[:1], 2, p={"a": X})
    g(X, 3, p={"a": X})
    g(X, 3, mode="down", p={"a": X})
    with fn.use_backend(dtype="float64"):
        g(X, 3, mode="down", p={"a": X})
    found = fn.explain(g).to_dict()
    assert found["captures"] == [v["reason"] for v in found["versions"]]
    assert found["captures"] == [
        "the first call",
        "argument 0 was float64[3, 4] and is float64[1, 4]",
        "argument 1 was the int 2 and is the int 3",
        "the static argument 'mode' was not given and is the str 'down'",
        "the backend, device or default dtype of the context is new",
    ]
    assert found["versions"][3]["arguments"] == [
        "[0]: float64[3,4]",
        "[1]: the int 3",
        "p.a: float64[3,4]",
        "mode: the static str 'down'",
    ]
    json.dumps(found)
    assert "version 1: argument 0 was float64[3, 4] and is float64[1, 4]" in str(fn.explain(g))


def test_loops_calls_and_bytes() -> None:
    f = fn.jit(lambda x: xp.sort(xp.softmax(x * 2.0), axis=0) * 3.0 + 1.0)
    found = with_loops(f, X)
    version = found.to_dict()["versions"][0]
    assert version["equations after"] <= version["equations before"]
    first = version["loops"][0]
    assert first["operations"][0] == "multiply"
    assert first["space"] == [3, 4]
    assert first["elements"] == 12
    assert version["calls"] == ["sort"]
    assert version["planned bytes"] >= 96
    text = str(found)
    assert "loop 0 over 3 x 4: multiply" in text
    assert "calls: sort" in text
    assert f"planned: {version['planned bytes']} bytes" in text


def test_regions_are_nested() -> None:
    def f(x: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            return fn.cond(xp.sum(c) > 0, lambda: c * 2.0, lambda: c + t), c

        return fn.scan(step, x[0], x)

    g = fn.jit(f)
    g(X)
    (version,) = fn.explain(g).to_dict()["versions"]
    (scan,) = version["regions"]
    assert scan["name"] == "scan"
    assert scan["runs"].startswith("plain calls")
    assert [r["name"] for r in scan["regions"]] == ["switch, part 0", "switch, part 1"]
    assert "\n  scan:\n" in str(fn.explain(g))
    assert "\n    switch, part 1:\n" in str(fn.explain(g))


def test_donated_arguments() -> None:
    f = fn.jit(lambda p, g: {"w": p["w"] * 2.0 - g, "b": p["b"] * g[0, 0] + 1.0}, donate="p")
    found = with_loops(f, {"w": X.copy(), "b": X[0].copy()}, X)
    version = found.to_dict()["versions"][0]
    assert version["donated"] == ["[0].b", "[0].w"]
    assert "[0].w becomes result 1" in version["in place"]
    assert "donated: [0].b, [0].w" in str(found)
    assert "written in place: " in str(found)


def test_derived_graphs() -> None:
    f = fn.jit(lambda x: xp.sum(xp.sin(x) ** 2))
    fn.grad(f)(X)
    fn.vmap(f)(np.stack([X, X]))
    names = [r["name"] for r in fn.explain(f).to_dict()["versions"][0]["regions"]]
    assert names == ["forward pass", "backward pass", "batch"]


def test_without_numba_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    monkeypatch.setattr(build, "find_spec", lambda _: None)
    f = fn.jit(lambda x: xp.exp(x) * 2.0)
    for _ in range(3):
        np.testing.assert_allclose(f(X), np.exp(X) * 2.0)
        np.testing.assert_allclose(f(X[0]), np.exp(X[0]) * 2.0)
    text = str(fn.explain(f))
    assert text.count("Numba is not installed") == 1
    assert text.count("runs: plain calls\n") + text.endswith("runs: plain calls") == 2


@pytest.mark.compiling
def test_an_old_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "numba_version", lambda: "0.60.3rc1")
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    monkeypatch.setattr(build, "find_spec", lambda _: object())
    f = fn.jit(lambda x: xp.exp(x) * 2.0)
    for _ in range(3):
        np.testing.assert_allclose(f(X), np.exp(X) * 2.0)
    assert execute.finish_compiling(60)
    np.testing.assert_allclose(f(X), np.exp(X) * 2.0)
    assert "no compiled loops: Numba 0.60.3rc1 is too old, 0.61 is needed" in str(fn.explain(f))


def test_the_oldest_numba_is_that_of_the_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    wanted = ".".join(map(str, execute.MINIMUM_NUMBA))
    assert f"numba>={wanted}" in project["project"]["optional-dependencies"]["jit"]


def test_failed_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("no loops today")

    monkeypatch.setattr(FusedPlan.__init__, "__defaults__", (fail,))
    f = fn.jit(lambda x: xp.exp(x) * 2.0)
    f(X)
    with pytest.warns(execute.CompilationWarning):
        f._entry((X,), {})[0].program.run.compile()
    assert "runs: plain calls; compilation failed: RuntimeError: no loops today" in str(fn.explain(f))


def test_other_backends() -> None:
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    f = fn.jit(lambda x: xp.exp(x) * 2.0)
    for _ in range(2):
        f(strict.ones(3))
    assert "runs: the optimised graph, operation by operation" in str(fn.explain(f))


def test_only_functions_under_jit() -> None:
    with pytest.raises(ParameterError, match=r"fn\.explain is about functions under fn\.jit"):
        fn.explain(np.sin)


def test_methods() -> None:
    class Model:
        @fn.jit
        def double(self, x: Any) -> Any:
            return x * 2.0

    model = Model()
    model.double(np.ones(3))
    assert "1 capture" in str(fn.explain(model.double))


def test_many_arguments_are_gathered() -> None:
    f = fn.jit(lambda p, x: {k: v * x for k, v in p.items()}, donate="p")
    f({f"w{i:02}": np.ones(3) for i in range(20)}, np.ones(3))
    found = fn.explain(f)
    text = str(found)
    assert len(found.to_dict()["versions"][0]["arguments"]) == 21
    assert "  argument [0].w11: float64[3]\n  and 9 more arguments\n" in text
    assert "  donated: [0] (all 20 leaves)\n" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_one_loop_is_singular() -> None:
    f = fn.jit(lambda x: xp.exp(x) * 2.0)
    f(np.ones(3))
    f.entries()[0].program.executable.status = "1 compiled loops and 11 calls"
    assert "  runs: 1 compiled loop and 11 calls" in str(fn.explain(f)).splitlines()


def test_long_loops_are_wrapped() -> None:
    def f(x: Any) -> Any:
        for i in range(30):
            x = xp.tanh(x) * 0.9 if i % 2 else xp.exp(-x)
        return x

    g = fn.jit(f)
    lines = str(with_loops(g, np.ones(3))).splitlines()
    (start,) = [i for i, line in enumerate(lines) if line.startswith("  loop 0 over 3: negative, exp, tanh, multiply,")]
    assert all(line.startswith("      ") and len(line) <= 110 for line in lines[start + 1 :])
