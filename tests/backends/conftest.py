"""The backend fixture: each test that asks for it runs on every backend and variant at hand."""

from collections.abc import Iterator

import pytest

from funcnet.backends import registry
from funcnet.backends.changes import changed
from funcnet.testing.backends import BackendCase, backend_params


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Iterator[BackendCase]:
    """A backend in force for the test."""
    with request.param.active() as active:
        yield active


@pytest.fixture
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry that the test may change: it is as before afterwards."""
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.setattr(registry, "_records", dict(registry._records))
    monkeypatch.setattr(registry, "_broken", dict(registry._broken))
    yield
    changed()
