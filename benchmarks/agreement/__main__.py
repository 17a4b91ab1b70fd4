"""``python -m benchmarks.agreement``: make the table of agreement."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from benchmarks.agreement.table import BOUND, ROOT, page, rows_of, sources

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if an error is above the bound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/agreement.md as well")
    parser.add_argument("--only", metavar="TEXT", default="", help="only modules of tests with this in their path")
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("--write needs the whole table")
    found = {}
    for title, paths in sources().items():
        rows = []
        for path in paths:
            name = path.relative_to(ROOT).as_posix()
            if options.only in name:
                print(name, file=sys.stderr)
                rows += rows_of(path)
        if rows:
            found[title] = rows
    if not found:
        parser.error(f"no module of tests has {options.only!r} in its path")
    text = page(found)
    print(text)
    if options.write:
        (ROOT / "docs" / "agreement.md").write_text(text, encoding="utf-8")
    return int(any(row.worst >= BOUND for rows in found.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
