"""What every test shares: the hypothesis profiles and single-threaded linear algebra."""

import os

from hypothesis import HealthCheck, settings

# Before a test imports NumPy: test processes run side by side, and a thread pool in each makes all of them slow.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# `ci` gives the same examples every time. The check that it leaves out measures time, which a busy machine decides.
settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
