"""Airspeed velocity's suites: funcnet's own speed from commit to commit, on every backend that is installed."""

import os

# Before a suite imports NumPy: figures of different machines and commits compare with one thread.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
