"""Backends as parameters, and the draws of JAX that are kept in a file."""

from collections.abc import Iterator

import pytest

from funcnet.testing.backends import BackendCase, backend_params


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Iterator[BackendCase]:
    """A backend in force for the test."""
    with request.param.active() as active:
        yield active
