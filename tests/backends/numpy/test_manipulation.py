"""NumPy's kernels of manipulation, creation and indexing stand alone: they need no other namespace."""

import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
import funcnet as fn
from funcnet import xp

def f(x):
    y = xp.concat([x[1:], x[[0, 0]]])
    y[0] = 2 * x[1]
    y = xp.stack([y, y])
    a, b = xp.unstack(xp.permute_dims(y, (1, 0))[:2])
    z = xp.zeros_like(x) + xp.arange(3.0)[0]
    z = xp.take(z, [0, 1], axis=0) + xp.roll(x, 1)[:2] + xp.flip(x)[:2] + xp.tril(xp.eye(2, dtype="float64"))[0]
    z = xp.take_along_axis(z, np.array([0, 1])) + xp.repeat(x[:1], 2) + xp.tile(x[:1], (2,)) + xp.linspace(x[0], 1.0, 2)
    z = z + xp.broadcast_to(xp.triu(xp.reshape(x[:1], (1, 1))), (2, 1))[:, 0] + xp.repeat(x, [0, 1, 1])
    return xp.sum(a * b) + xp.sum(xp.astype(z, "float32")) + xp.sum(x[x > 0])

print(fn.grad(f)(np.array([1.0, 2.0, 3.0])).tolist(), "array_api_compat" in sys.modules)
"""


def test_no_other_namespace_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "[9.0, 15.0, 12.0] False"
