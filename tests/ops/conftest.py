"""Oracles that the tests of operations share."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def jax64() -> Iterator[Any]:
    """JAX in double precision; the test skips where it is not installed."""
    jax = pytest.importorskip("jax", reason="JAX is the oracle of this test")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)
