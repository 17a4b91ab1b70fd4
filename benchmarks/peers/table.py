"""Lines of figures, and the Markdown that shows them."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.pool import cores

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMNS", "COMPILED_COLUMNS", "Line", "document", "machine", "part", "table"]

#: Library -> the heading of its column.
COLUMNS = {
    "funcnet": "funcnet",
    "numpy": "NumPy",
    "autograd": "HIPS autograd",
    "torch": "PyTorch",
    "jax": "JAX, jitted",
}
#: The same for what is compiled.
COMPILED_COLUMNS = {
    "funcnet_jit": "funcnet, jitted",
    "funcnet": "funcnet, eager",
    "jax": "JAX, jitted",
    "torch": "PyTorch",
    "torch_compile": "torch.compile",
    "autograd": "HIPS autograd",
    "numpy": "NumPy",
}


@dataclass
class Line:
    """One measurement of several libraries.

    Attributes
    ----------
    title, unit : str
        What was measured, and in what unit.
    cells : dict of str to list of float
        Library -> its figures; several if it was measured in several ways.
    bound : str
        The figure to reach, in words; empty where there is none.
    reached : float or None
        What funcnet reached, in the bound's own terms, such as a ratio.
    limit : float or None
        The largest value that is good enough.
    least : float or None
        The smallest value that is good enough, where more is better.
    """

    title: str
    unit: str
    cells: dict[str, list[float]] = field(default_factory=dict)
    bound: str = ""
    reached: float | None = None
    limit: float | None = None
    least: float | None = None

    @property
    def good(self) -> bool | None:
        """Whether the bound is met; None without one."""
        if self.reached is None or self.limit is self.least is None:
            return None
        return self.reached <= self.limit if self.limit is not None else self.reached >= (self.least or 0.0)

    def verdict(self) -> str:
        if self.good is None:
            return "" if self.reached is None else f"{self.reached:.2f}"
        return f"{self.reached:.2f}, {'yes' if self.good else 'NO'}"


def table(lines: list[Line], columns: dict[str, str] = COLUMNS) -> str:
    """Return the lines as a Markdown table."""
    heads = ["measured", "unit", *columns.values(), "to reach", "reached"]
    rows = [heads, ["---", "---", *["--:"] * len(columns), "---", "---"]]
    for line in lines:
        cells = [" / ".join(_number(v) for v in line.cells.get(library, [])) or "–" for library in columns]  # noqa: RUF001
        rows.append([line.title, line.unit, *cells, line.bound, line.verdict()])
    widths = [max(len(row[i]) for i_row, row in enumerate(rows) if i_row != 1) for i in range(len(heads))]
    shown = []
    for i_row, row in enumerate(rows):
        if i_row == 1:
            row = ["-" * (w - 1) + ":" if c == "--:" else "-" * w for c, w in zip(row, widths, strict=True)]
        padded = [
            c.rjust(w) if rows[1][i] == "--:" and i_row > 1 else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        shown.append("| " + " | ".join(padded) + " |")
    return "\n".join(shown)


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def machine(threads: int, clock: str) -> str:
    """Return the machine and the interpreter in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for row in info.read_text().splitlines():
            if row.startswith("model name"):
                model = row.split(":", 1)[1].strip()
                break
    count = len(cores())
    return (
        f"{model}, {count} core{'s' if count > 1 else ''}, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}; {threads} thread{'s' if threads > 1 else ''} in every process; "
        f"{'elapsed time' if clock == 'wall' else 'processor time, as the machine is shared'}"
    )


def part(
    lines: list[Line],
    notes: list[str],
    versions: dict[str, str],
    threads: int,
    clock: str,
    command: str,
    columns: dict[str, str] = COLUMNS,
) -> str:
    """Return the table, under what it was measured with and above the notes."""
    named = ", ".join(f"{name} {version}" for name, version in sorted(versions.items(), key=lambda v: v[0].lower()))
    text = [
        f"- Command: `{command}` (`make peers`)",
        f"- Machine: {machine(threads, clock)}",
        f"- Versions: {named}",
        "",
        table(lines, columns),
        "",
        *[f"- {note}" for note in notes],
    ]
    return "\n".join(text).rstrip() + "\n"


_INTRODUCTION = (
    "Each library works in a process of its own, and the processes are timed in turns, so that whatever else the "
    "machine does reaches all of them alike. Figures are medians over the rounds; a ratio is the median of the "
    "rounds' ratios. Wherever two libraries compute the same thing their results are compared first."
)


def document(parts: Mapping[str, str], old: str = "") -> str:
    """Return the page that `docs/benchmarks.md` holds, by heading; parts of the old page that are not given stay."""
    texts = {**_parts(old), **parts}
    # Eager before compiled; compiled with one thread before more.
    ordered = [f"## {heading}\n\n{texts[heading].strip()}\n" for heading in sorted(texts, key=_order)]
    return "\n".join([f"# Benchmarks\n\n{_INTRODUCTION}\n", *ordered])


def _order(heading: str) -> tuple[bool, str]:
    return not heading.startswith("Eager"), heading


def _parts(page: str) -> dict[str, str]:
    found = [section.partition("\n") for section in page.split("\n## ")[1:]]
    return {heading: text for heading, _, text in found}
