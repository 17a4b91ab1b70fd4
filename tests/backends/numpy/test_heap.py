"""Freed memory is kept: arrays of a step that is repeated do not cost page faults each time."""

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource
import numpy as np
from funcnet import backends

backends.get("numpy").kernels

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    arrays = [np.ones(100_000, np.float32) for _ in range(8)]

for _ in range(5):
    step()
start = faults()
for _ in range(50):
    step()
print(faults() - start)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap is meant")
def test_repeated_arrays_cost_no_page_faults() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    # One step has about 800 pages; without the block nearly all of them are mapped anew each time.
    assert int(done.stdout) < 50 * 40
