"""The table of activation functions is up to date."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_is_up_to_date():
    spec = importlib.util.spec_from_file_location("generate_activations", DOCS / "generate_activations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (DOCS / "activations.md").read_text(encoding="utf-8")
    assert written == module.table(), "run python docs/generate_activations.py"
