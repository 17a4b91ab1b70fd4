"""Write the table of requirements and the tests that show them.

``python docs/generate_requirements.py`` writes ``docs/requirements.md`` from ``docs/requirements.toml`` and from the
markers ``@pytest.mark.requirement(...)`` of the tests; a test compares the file with what it makes.
"""

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

__all__ = ["marked", "page", "statements"]

DOCS = Path(__file__).parent
TESTS = DOCS.parent / "tests"


def statements():
    """Return the statements by id, by group, and the name of later work by id."""
    with open(DOCS / "requirements.toml", "rb") as file:
        text = tomllib.load(file)
    later = {i: work for work, ids in text.pop("later").items() for i in ids}
    groups = {}
    for prefix, entries in text.items():
        title = entries.pop("title")
        groups[title] = {f"{prefix}{number}": line for number, line in entries.items()}
    return groups, later


def marked():
    """Return, for each id, the tests that bear its marker, as files and names of functions."""
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        # Tables of parameters may hold markers, or ids by the names of their rows.
        tables = {}
        for node in module.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for name in (t.id for t in targets if isinstance(t, ast.Name)):
                    tables[name] = _strings(node.value) if name == "REQUIREMENTS" else _ids(node)
        for name, decorators in _tests(module.body):
            ids = set()
            for decorator in decorators:
                ids |= _ids(decorator)
                for part in ast.walk(decorator):
                    if isinstance(part, ast.Name):
                        ids |= tables.get(part.id, set())
            for i in ids:
                found[i].append((path.relative_to(DOCS.parent).as_posix(), name))
    return found


def page():
    """Return the page in markdown."""
    groups, later = statements()
    found = marked()
    lines = [
        "# Requirements and the tests that show them",
        "",
        "Made by `python docs/generate_requirements.py`. Each line says what the library is to do, and which tests",
        "show it. What belongs to later work says so by its name.",
    ]
    for title, entries in groups.items():
        lines += ["", f"## {title}", "", "| | requirement | shown by |", "|---|---|---|"]
        for i, statement in entries.items():
            tests = [f"`{path}::{name}`" for path, name in found[i]] if i in found else []
            shown = "<br>".join(tests) or f"with {later[i]}"
            lines.append(f"| {i} | {statement} | {shown} |")
    return "\n".join([*lines, ""])


def _tests(body, inside="", around=()):
    """Yield name and decorators of each test, those of classes included."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _tests(node.body, f"{node.name}.", (*around, *node.decorator_list))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            yield inside + node.name, (*around, *node.decorator_list)


def _ids(node):
    """Return the arguments of the markers inside of a node."""
    return {
        constant
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "requirement"
        for constant in (a.value for a in call.args if isinstance(a, ast.Constant))
    }


def _strings(node):
    """Return the strings of the values of a dict."""
    assert isinstance(node, ast.Dict)
    return {part.value for value in node.values for part in ast.walk(value) if isinstance(part, ast.Constant)}


if __name__ == "__main__":
    (DOCS / "requirements.md").write_text(page(), encoding="utf-8")
