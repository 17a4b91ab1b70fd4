"""Examples run as their users run them: as scripts, at a small size."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Done:
    """What an example printed and wrote."""

    def __init__(self, out, output):
        self.out = out
        self.output = output

    def figures(self, label):
        """Return the numbers of the line that begins so."""
        (line,) = [line for line in self.output.splitlines() if line.startswith(label)]
        return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", line[len(label) :])]

    def column(self, first, name):
        """Return the numbers that follow the name, in all lines that begin with the first word."""
        lines = [line for line in self.output.splitlines() if line.startswith(first)]
        return [float(re.search(rf"\b{name}\s+(-?[\d.]+)", line)[1]) for line in lines]

    def picture(self, name):
        """Check that a picture is there, and that the output says where; return its values from 0 to 1."""
        image = pytest.importorskip("matplotlib.image")
        assert str(self.out / name) in self.output
        pixels = image.imread(self.out / name)
        assert pixels.std() > 0.01  # not empty
        return pixels


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Return a function that runs an example at its small size."""

    def run(name, *arguments):
        for module in ("matplotlib", "mlxtend", "sklearn", "tqdm"):
            pytest.importorskip(module)
        out = tmp_path_factory.mktemp(name)
        command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), "--small", "--out", str(out)]
        done = subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            # Without machine code, which is ready after a while and rounds in ways of its own.
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FUNCNET_JIT": "0"},
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # Not a terminal: no progress bar, and no warning either.
        assert done.stderr == ""
        return Done(out, done.stdout)

    return run
