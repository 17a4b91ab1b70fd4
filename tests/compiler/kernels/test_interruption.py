"""Compiled loops without a known end go on in turns, between which Python attends to signals."""

import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import scalars, scan_scalars, scan_source
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


@pytest.fixture(params=[True, False], ids=["written out", "in memory"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether steps of a few numbers are written out."""
    if not request.param:
        monkeypatch.setattr(scalars, "OPERATIONS", 0)
    return request.param


class InterruptedByTimer(Exception):  # noqa: N818  # as KeyboardInterrupt
    pass


@pytest.fixture
def interrupted() -> Iterator[None]:
    """Have timers interrupt what runs, as Control-C does."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise InterruptedByTimer

    before = signal.signal(signal.SIGALRM, handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def planned(f: Any, *args: Any) -> FusedPlan:
    plan = FusedPlan(optimised(fn.trace(f, *args)))
    assert "whole while loop" in plan.calls
    return plan


def steps(x: Any, h: Any, limit: Any) -> Any:
    return fn.while_loop(
        lambda c: (c[0] < limit) & (c[1][0] < 1e9),
        lambda c: (c[0] + 1, c[2], c[1] * 0.5 + h, xp.flip(c[3])),
        (np.array(0), x, x[::-1], x),
    )


@pytest.mark.parametrize("turn", [1, 40, 1000])
def test_turns(monkeypatch: pytest.MonkeyPatch, few: bool, turn: int) -> None:
    for module in (scan_scalars, scan_source):
        monkeypatch.setattr(module, "TURN", turn)
    x, h = np.array([1.0, -2.0, 0.25]), np.array([0.5, 0.125, 3.0])
    plan = planned(steps, x, h, np.array(0))
    for limit in (0, 1, 2, 3, 10, 101, 0):
        for a, b in zip(plan(x, h, np.array(limit)), steps(x, h, np.array(limit)), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_endless_loops_are_interrupted(few: bool, interrupted: None) -> None:
    x, h = np.array([1.0, -2.0, 0.25]), np.array([0.5, 0.125, 3.0])
    plan = planned(steps, x, h, np.array(0))
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)
    with pytest.raises(InterruptedByTimer):
        plan(x, h, np.array(1 << 60))
    signal.setitimer(signal.ITIMER_REAL, 0)
    # The next call begins anew.
    for a, b in zip(plan(x, h, np.array(5)), steps(x, h, np.array(5)), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
