"""The table of requirements: it is up to date, and nothing that is required is left without a test or a name."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
if not DOCS.exists():
    pytest.skip("the documentation is not part of a source distribution", allow_module_level=True)


def _load():
    spec = importlib.util.spec_from_file_location("generate_requirements", DOCS / "generate_requirements.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = _load()


def test_every_requirement_has_a_test_or_is_later_work():
    groups, later = generator.statements()
    known = {i for entries in groups.values() for i in entries}
    assert later.keys() <= known
    assert known - generator.marked().keys() - later.keys() == set()


def test_markers_name_requirements():
    groups, _ = generator.statements()
    known = {i for entries in groups.values() for i in entries}
    # U: what none of the systems before has.
    assert {i for i in generator.marked() if i not in known and not i.startswith("U")} == set()


def test_the_page_is_up_to_date():
    written = (DOCS / "requirements.md").read_text(encoding="utf-8")
    assert written == generator.page(), "run python docs/generate_requirements.py"
