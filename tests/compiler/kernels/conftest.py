"""Loops as the Python that they are."""

from collections.abc import Callable

import pytest

from funcnet.compiler.kernels.reference import in_python as loop_of


@pytest.fixture(scope="session")
def in_python() -> Callable[[str, str], Callable[..., None]]:
    """Return what takes the place of a compiler."""
    return loop_of
