"""The pages that a reader goes through: their examples run, and their links lead somewhere."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
if not DOCS.exists():
    pytest.skip("the documentation is not part of a source distribution", allow_module_level=True)
#: Made when the documentation is built.
MADE = ("functions/", "api/")
PAGES = sorted(path for path in DOCS.rglob("*.md") if not path.relative_to(DOCS).parts[0].startswith("_"))


@pytest.mark.parametrize("name", ["quickstart", "jit"])
def test_examples_run(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testfile(str(DOCS / f"{name}.md"), module_relative=False, optionflags=flags)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not link.startswith(("http", "#", *MADE)):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_the_index_of_decisions_names_all():
    folder = DOCS / "decisions"
    rows = re.findall(
        r"^\| (\d+) \| \[(.+)\]\((\S+)\)", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [file for _, _, file in rows] == files
    for number, title, file in rows:
        assert (folder / file).read_text(encoding="utf-8").startswith(f"# {number}. {title}\n")
        assert file.startswith(f"{int(number):04d}-")


def test_sections_of_the_architecture_are_numbered():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(int(n) in numbers for n in re.findall(r"section (\d+)", text))
    root = DOCS.parent / "funcnet"
    for path in re.findall(r"`(\w+/[\w/]+(?:\.py|/))`", text):
        assert any((folder / path).exists() for folder in (root, root / "compiler")), path
