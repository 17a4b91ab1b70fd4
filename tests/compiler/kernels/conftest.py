"""Loops as the Python that they are."""

from collections.abc import Callable
from typing import Any

import pytest

from funcnet.compiler.kernels.reference import in_python as loop_of
from funcnet.compiler.kernels.special import Step


@pytest.fixture(scope="session")
def in_python() -> Callable[[str, str], Callable[..., None]]:
    """Return what takes the place of a compiler."""
    return loop_of


@pytest.fixture
def bounds_of_steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return a list to which the bounds of each step of a loop are added when it is made."""
    made: list[tuple[int, ...]] = []

    def step(function: Any, bounds: tuple[int, ...], arguments: Any) -> Step:
        made.append(bounds)
        return Step(function, bounds, arguments)

    monkeypatch.setattr("funcnet.compiler.kernels.scan.Step", step)
    return made
