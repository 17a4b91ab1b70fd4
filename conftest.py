"""Makes pytest import the modules whose docstrings it runs as Python does."""

import contextlib
import importlib
from pathlib import Path

_ROOT = Path(__file__).parent


def pytest_collect_file(file_path: Path) -> None:
    # pytest executes a module again that its package has imported, which would declare each primitive twice. One that
    # is imported already it takes as it is. An import that fails is left to pytest, which reports it.
    if file_path.suffix == ".py" and file_path.is_relative_to(_ROOT / "funcnet"):
        parts = file_path.relative_to(_ROOT).with_suffix("").parts
        with contextlib.suppress(Exception):
            importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
