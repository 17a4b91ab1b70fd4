"""The digits example as its user runs it, at a small size, on every usable backend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from funcnet.testing.backends import backend_params

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "digits.py"
PNG = b"\x89PNG\r\n\x1a\n"


def run(*arguments, without=None):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    if without:
        hide = f"import sys, runpy; sys.modules[{without!r}] = None; sys.argv = sys.argv[1:]; "
        hide += f"sys.path.insert(0, {str(SCRIPT.parent)!r}); runpy.run_path(sys.argv[0], run_name='__main__')"
        command[1:2] = ["-c", hide, str(SCRIPT)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


def accuracy(output):
    (line,) = [line for line in output.splitlines() if line.startswith("accuracy on the held-back images")]
    return float(line.split()[-2])


@pytest.fixture(scope="module")
def on_numpy(tmp_path_factory):
    out = tmp_path_factory.mktemp("numpy")
    return out, run("--epochs", 3, "--out", out)


@pytest.mark.requirement("D145", "P83")
def test_trains_saves_draws_and_says_where(on_numpy):
    out, done = on_numpy
    assert done.returncode == 0, done.stderr
    assert "1438 images to train with, 359 to test with, on numpy in float64" in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("epoch")] == [
        ["epoch", "1"],
        ["epoch", "2"],
        ["epoch", "3"],
    ]
    assert accuracy(done.stdout) > 85
    for name in ("curves.png", "hardest.png"):
        assert (out / name).read_bytes().startswith(PNG)
        assert str(out / name) in done.stdout
    assert str(out / "digits.safetensors") in done.stdout
    # Not a terminal: no progress bar among the lines.
    assert "\r" not in done.stdout + done.stderr


def test_loads_what_it_saved(on_numpy):
    out, trained = on_numpy
    done = run("--load", out / "digits.safetensors")
    assert done.returncode == 0, done.stderr
    assert accuracy(done.stdout) == accuracy(trained.stdout)


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_same_figures_on_every_backend(case, on_numpy, tmp_path):
    if case.name == "numpy":
        done = run("--epochs", 3, "--out", tmp_path)
    else:
        done = run("--epochs", 3, "--out", tmp_path, "--backend", case.backend_name)
    assert done.returncode == 0, done.stderr
    lines = [
        [line for line in text.splitlines() if line.startswith("epoch")] for text in (done.stdout, on_numpy[1].stdout)
    ]
    assert lines[0] == lines[1]
    assert accuracy(done.stdout) == accuracy(on_numpy[1].stdout)
    loaded = run("--load", on_numpy[0] / "digits.safetensors", "--backend", case.backend_name)
    assert accuracy(loaded.stdout) == accuracy(on_numpy[1].stdout)


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("sklearn", 'pip install "funcnet[data]"'),
        ("tqdm", 'pip install "funcnet[data]"'),
        ("matplotlib", 'pip install "funcnet[plot]"'),
        ("safetensors", 'pip install "funcnet[io]"'),
    ],
)
def test_missing_packages(package, line, tmp_path):
    done = run("--epochs", 1, "--out", tmp_path, without=package)
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "nmpy"], "nmpy"),
        (["--device", "cuda:7"], "has no device"),
        (["--load", "no/such/file"], "No such file"),
        (["--epochs", "0"], "not a positive number"),
    ],
)
def test_wrong_options(arguments, message, tmp_path):
    done = run("--out", tmp_path, *arguments)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_does_not_match(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing")
    done = run("--load", path)
    assert done.returncode == 1
    assert "cannot be read as a safetensors file" in done.stderr
    assert "Traceback" not in done.stderr
