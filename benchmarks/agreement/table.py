"""The table: rows that the modules of tests yield, by kind.

A module of tests that compares takes part by a function ``errors()``. It yields tuples, or returns a dict from names to
the errors alone: name, reference, and the largest relative errors of the output, of the gradients by the inputs and by
the parameters; None or nothing where there is no such gradient.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BOUND", "ROOT", "SECTIONS", "Row", "page", "rows_of", "sources"]

ROOT = Path(__file__).resolve().parents[2]

#: What every error is to stay below.
BOUND = 1e-10

#: Folder of tests -> title. The first folder that holds a file decides.
SECTIONS = {
    "tests/nn/models": "Models",
    "tests/nn": "Layers",
    "tests/ops/nn": "Functions under the layers",
    "tests/losses": "Losses",
    "tests/optim/schedules": "Schedules",
    "tests/optim": "Optimizers and transformations of gradients",
    "tests/metrics": "Metrics",
}


class Row(NamedTuple):
    """One comparison."""

    name: str
    reference: str
    output: float
    inputs: float | None = None
    parameters: float | None = None

    @property
    def worst(self) -> float:
        """The largest of the errors."""
        return max(e for e in (self.output, self.inputs, self.parameters) if e is not None)


def sources() -> dict[str, list[Path]]:
    """Return, for each title, the modules of tests that have a function ``errors``."""
    found: dict[str, list[Path]] = {title: [] for title in SECTIONS.values()}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if any(isinstance(node, ast.FunctionDef) and node.name == "errors" for node in body):
            folder = next(folder for folder in SECTIONS if path.is_relative_to(ROOT / folder))
            found[SECTIONS[folder]].append(path)
    return found


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a module of tests."""
    name = "agreement_" + "_".join(path.relative_to(ROOT).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Classes of the module are found by its name.
    sys.modules[name] = module
    # What tests of a folder share is imported from there, as pytest has it.
    sys.path.insert(0, str(path.parent))
    try:
        with warnings.catch_warnings():
            # Those of the references.
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
            found = module.errors()
            entries = ((k, "torch", *v) for k, v in found.items()) if isinstance(found, dict) else found
            for entry in entries:
                yield _row(*entry)
    finally:
        sys.path.remove(str(path.parent))
        del sys.modules[name]


def page(found: dict[str, Iterable[Row]]) -> str:
    """Return the table as a page in markdown."""
    rows = {title: list(own) for title, own in found.items()}
    every = [row for own in rows.values() for row in own]
    worst = max(row.worst for row in every)
    lines = [
        "# Agreement with other implementations",
        "",
        "Made by `python -m benchmarks.agreement --write`, which runs the comparisons of the test suite: the same",
        "parameters and inputs in float64 on both sides. An error is the largest difference of a result's elements",
        "over its largest element. Optimizers are compared after a hundred steps.",
        "",
        f"{len(every)} comparisons; the largest error is {worst:.1e}, the bound {BOUND:.0e}.",
    ]
    for title, own in rows.items():
        lines += ["", f"## {title}", ""]
        if any(row.inputs is not None or row.parameters is not None for row in own):
            lines += ["| | reference | output | input gradient | parameter gradients |", "|---|---|---|---|---|"]
            lines += [
                f"| {_text(row.name)} | {row.reference} | " + " | ".join(map(_number, row[2:])) + " |" for row in own
            ]
        else:
            lines += ["| | reference | error |", "|---|---|---|"]
            lines += [f"| {_text(row.name)} | {row.reference} | {_number(row.output)} |" for row in own]
    return "\n".join([*lines, ""])


def _row(name: str, reference: str, output: Any, *gradients: Any) -> Row:
    return Row(name, reference, float(output), *(None if e is None else float(e) for e in gradients))


def _number(error: float | None) -> str:
    if error is None:
        return ""
    text = "0" if error == 0 else f"{error:.1e}"
    return text if error < BOUND else f"**{text}**"


def _text(name: str) -> str:
    return name.replace("|", "\\|")
