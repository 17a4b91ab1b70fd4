"""Machine code comes from disk where it fits exactly, and is compiled anew otherwise."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels.instructions import Instruction
from funcnet.compiler.loops import build, store

pytestmark = pytest.mark.skipif(bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="no Numba")

SOURCE = """
def loop(lo, hi, part, x, y):
    for i in range(lo, hi):
        y[i] = exp32(x[i]) * {0}
"""
SIGNATURE = "void(int64, int64, int64, float32[::1], float32[::1])"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give the sources that are compiled, with an empty cache."""
    from funcnet.compiler.loops import machine_code

    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    found: list[str] = []
    make = machine_code.made
    monkeypatch.setattr(
        machine_code, "made", lambda *given, **options: found.append(given[0]) or make(*given, **options)
    )
    build._circumstances.cache_clear()
    yield found
    build._circumstances.cache_clear()


def check(factor: float = 2.0) -> None:
    """Use a loop as a new process would."""
    build._known.pop((SOURCE.format(factor), SIGNATURE), None)
    loop = build.compiled(SOURCE.format(factor), SIGNATURE)
    x, y = np.linspace(-1, 1, 9, dtype="f4"), np.zeros(9, "f4")
    loop(1, 8, 0, x, y)
    wanted = np.where((np.arange(9) > 0) & (np.arange(9) < 8), np.exp(x) * factor, 0)
    np.testing.assert_allclose(y, wanted, rtol=1e-6)


def test_once_for_all_processes(made: list[str], tmp_path: Path) -> None:
    for _ in range(3):
        check()
    assert len(made) == 1
    check(3.0)
    assert len(made) == 2
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("where", [0, 40, -1, -500, None])
def test_damage(where: int | None, made: list[str], tmp_path: Path) -> None:
    check()
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    damaged = bytearray(content)
    if where is not None:
        damaged[where] ^= 1
    file.write_bytes(damaged if where is not None else content[:100])
    for _ in range(2):
        check()
        assert store.kept(file.name) is not None
    assert len(made) == 2


def test_a_file_under_another_name(made: list[str], tmp_path: Path) -> None:
    check()
    (first,) = tmp_path.iterdir()
    check(3.0)
    (second,) = set(tmp_path.iterdir()) - {first}
    first.write_bytes(second.read_bytes())
    check()
    assert len(made) == 3


def test_code_that_cannot_be_linked(made: list[str], tmp_path: Path) -> None:
    check()
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()[32:]
    start = content.index(b"\n\x7fELF") + 1 if b"\n\x7fELF" in content else len(content) - 1000
    for code in (b"", b"nothing", content[start : start + 100]):
        changed = content[:start] + code
        file.write_bytes(hashlib.sha256(changed).digest() + changed)
        check()
    assert len(made) == 4


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (build, "machine", "another processor"),
        (build, "numba_version", "0.99"),
        (build.panels, "version", "another product"),
        (build.tile, "version", "another tile"),
        (Instruction, "version", "another block"),
    ],
)
def test_other_versions(
    module: Any, name: str, value: str, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "version":
        monkeypatch.setattr(Instruction, "used", lambda *_: True)
    check()
    monkeypatch.setattr(module, name, lambda *_: value)
    build._circumstances.cache_clear()
    check()
    check()
    assert len(made) == 2
    assert len(list(tmp_path.glob("loop_*"))) == 2
    monkeypatch.undo()
    assert any(value in file.read_bytes().decode(errors="replace") for file in tmp_path.iterdir())


def test_settings_of_numba(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    check()
    for name, count in (("NUMBA_NUM_THREADS", 1), ("NUMBA_CPU_NAME", 2)):
        monkeypatch.setenv(name, "generic" if "CPU" in name else "1")
        build._circumstances.cache_clear()
        check()
        assert len(made) == count


def test_routines(made: list[str]) -> None:
    source = "def loop(a, b, c):\n    return a * b - c\n"
    for _ in range(2):
        f = build.routine(source, 3)
        assert f(1 << 40, -3, 7) == -3 * (1 << 40) - 7
        build._known.pop((source, "int64(int64, int64, int64)"))
    assert len(made) == 1


def test_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_ended", True)
    with pytest.raises(RuntimeError, match="about to end"):
        build.compiled("def loop(lo, hi, part):\n    pass\n", "void(int64, int64, int64)")


def test_version_of_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    assert store.numba_version() == numba.__version__
    # As where Numba runs from a checkout.
    monkeypatch.setattr(Path, "glob", lambda *_: [])
    assert store.numba_version.__wrapped__() == numba.__version__


PROGRAM = """
import sys
import numpy as np, funcnet as fn
from funcnet import xp
from funcnet.compiler.execute import finish_compiling

def loss(w, x):
    h = xp.tanh(x @ w["a"])
    last, _ = fn.scan(lambda c, h: (xp.tanh(c @ w["b"] + h), None), xp.zeros_like(h[0]), h)
    # Rows of few columns, and sums over the turns in which others repeat.
    few, more = x[..., :3] * w["few"], h @ w["c"] + w["more"]
    rows = xp.mean(xp.logsumexp(few, axis=-1)) + xp.mean(xp.logsumexp(more, axis=-1))
    return xp.sum(last * last) + xp.mean(xp.max(xp.sin(x), axis=1)) + rows

step = fn.jit(fn.value_and_grad(loss))
rng = np.random.default_rng(0)
w = {"a": rng.standard_normal((8, 8)).astype("f4") * 0.3, "b": rng.standard_normal((8, 8)).astype("f4") * 0.3}
w |= {k: rng.standard_normal(s).astype("f4") for k, s in (("c", (8, 10)), ("few", (700, 3)), ("more", (700, 10)))}
x = rng.standard_normal((5, 700, 8)).astype("f4")
wanted = step(w, x)
step(w, x)
assert finish_compiling(200)
found = step(w, x)
np.testing.assert_allclose(found[0], wanted[0], rtol=1e-4)
for k in w:
    np.testing.assert_allclose(found[1][k], wanted[1][k], rtol=1e-3, atol=1e-3)
(entry,) = step.entries()
assert "compiled loops" in entry.program.run.status
assert "compiled loops" in str(fn.explain(step)), fn.explain(step)
print("numba" in sys.modules)
"""


def test_a_later_process_goes_without_numba(tmp_path: Path) -> None:
    """With products, a loop over steps, rows of few columns and a team, in a folder that it cannot write to."""
    environment = {**os.environ, "FUNCNET_JIT": "1", "FUNCNET_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "2"}

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    assert run() == "True"
    files = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    tmp_path.chmod(0o500)
    try:
        assert run() == "False"
    finally:
        tmp_path.chmod(0o700)
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == files
