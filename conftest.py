"""Makes pytest import the modules whose docstrings it runs as Python does."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent


def pytest_collect_file(file_path: Path) -> None:
    # pytest executes a module again that its package has imported, which would declare each primitive twice. One that
    # is imported already it takes as it is. An import that fails is left to pytest, which reports it.
    if file_path.suffix == ".py" and file_path.is_relative_to(_ROOT / "funcnet"):
        parts = file_path.relative_to(_ROOT).with_suffix("").parts
        with contextlib.suppress(Exception):
            importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


@pytest.fixture(autouse=True)
def _no_compilation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep functions under `fn.jit` from being compiled in the background, but in tests that are about that."""
    if "compiling" in request.keywords:
        yield
        # What is being compiled is not to meet what the next test changes.
        sys.modules["funcnet.compiler.execute"].finish_compiling(300)
        return
    if "funcnet.compiler.execute" in sys.modules:
        monkeypatch.setattr(sys.modules["funcnet.compiler.execute"], "_enqueue", lambda _: None)
    yield
