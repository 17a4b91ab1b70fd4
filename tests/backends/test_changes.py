"""News of changes reach those who cache answers."""

import numpy as np
import pytest

import funcnet.backends as backends
from funcnet.backends import changes
from funcnet.backends.numpy import NumpyBackend


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(changes, "_listeners", list(changes._listeners))
    heard: list[int] = []
    backends.on_change(lambda: heard.append(len(heard) + 1))
    return heard


def test_listeners_are_returned_so_that_they_may_be_decorated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_listeners", [])
    heard = []

    @backends.on_change
    def listener() -> None:
        heard.append(1)

    changes.changed()
    listener()
    assert heard == [1, 1]


@pytest.mark.usefixtures("clean_registry")
def test_backends_make_news(news: list[int]) -> None:
    backends.register(NumpyBackend, name="mine")
    assert news == [1]
    backends.register(NumpyBackend, name="mine", replace=True)
    assert news == [1, 2]
    backends.unregister("mine")
    assert news == [1, 2, 3]


def test_kernels_make_news(news: list[int]) -> None:
    NumpyBackend().add_kernel("f", abs)
    assert news == [1]
    NumpyBackend().add_kernel("f", abs, dtypes=("float32",))
    assert news == [1, 2]


@pytest.mark.usefixtures("clean_registry")
def test_lookups_by_class_are_not_stale() -> None:
    class Array(np.ndarray):
        pass

    class Other(backends.Backend):
        name = "other"
        module = "numpy"

        def owns(self, cls: type) -> bool:
            return cls is Foreign

    class Foreign:
        pass

    assert backends.backend_of_type(Array) is backends.get("numpy")
    assert backends.backend_of_type(Foreign) is None
    backends.register(Other)
    assert backends.backend_of_type(Foreign) is backends.record("other")
    backends.unregister("other")
    assert backends.backend_of_type(Foreign) is None
