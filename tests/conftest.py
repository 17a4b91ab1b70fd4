"""What every test shares: the hypothesis profiles, draws of its own, and single-threaded linear algebra."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from zlib import crc32

import pytest
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give each test draws of its own from its file's generators, whichever tests ran before it in its process."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(item, pytest.Function):
        return
    generators = [value for value in vars(item.module).values() if isinstance(value, numpy.random.Generator)]
    if generators:
        state = type(generators[0].bit_generator)(crc32(item.nodeid.encode())).state
        for generator in generators:
            generator.bit_generator.state = state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skip a test that asks for the backend of PyTorch where PyTorch is not installed."""
    try:
        return (yield)
    except ImportError as error:
        if "Backend 'torch' cannot be used here" in str(error) and not _installed("torch"):
            pytest.skip("PyTorch is not installed")
        raise


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests have to say beside that they passed: their properties of three names."""
    lines: list[str] = []
    peers: dict[str, list[float]] = {}
    covered: set[tuple[str, ...]] = set()
    for reports in terminalreporter.stats.values():
        for report in reports:
            # The same properties come with the reports of setup and teardown.
            for name, value in report.user_properties if getattr(report, "when", "") == "call" else ():
                if name == "summary" and value not in lines:
                    lines.append(value)
                elif name == "covered":
                    covered.update(tuple(one) for one in value)
                elif name == "peer":
                    total = peers.setdefault(value[0], [0, 0.0])
                    total[0], total[1] = total[0] + value[1], max(total[1], value[2])
    if covered:
        primitives, places = {one[0] for one in covered}, sorted({one[1] for one in covered})
        lines.append(
            f"primitives: {len(primitives)} on {', '.join(places)}; {len(covered)} combinations with dtypes and modes"
        )
    lines += [
        f"random programs: {count:.0f} against {peer}, largest relative difference {worst:.1e}"
        for peer, (count, worst) in peers.items()
    ]
    if lines:
        terminalreporter.section("summary of the checks")
        for line in lines:
            terminalreporter.line(line)
