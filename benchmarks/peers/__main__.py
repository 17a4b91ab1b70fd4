"""Time funcnet beside other libraries and print a table.

``python -m benchmarks.peers [SECTION ...] [--rounds N] [--threads N] [--write]``
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from benchmarks.peers.pool import ROOT, Pool, cores
from benchmarks.peers.sections import FULL, SECTIONS, TINY
from benchmarks.peers.table import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.table import Line

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the sections, print the page, and say in the exit status whether every figure was reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--rounds", type=int, help=f"rounds of each comparison ({FULL.rounds} by default)")
    parser.add_argument("--threads", type=int, default=len(cores()), help="threads of every process")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="elapsed time; processor time where others work, too"
    )
    parser.add_argument("--tiny", action="store_true", help="tiny problems: everything runs, nothing is measured")
    parser.add_argument("--write", action="store_true", help="save the page as docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit with status 1 if a figure was not reached")
    options = parser.parse_args(argv)
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section is called {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    sizes = TINY if options.tiny else FULL
    if options.rounds:
        sizes = sizes._replace(rounds=options.rounds, imports=options.rounds)

    lines: list[Line] = []
    notes: list[str] = []
    with Pool(options.threads, options.clock) as pool:
        for name in options.sections or SECTIONS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            report = SECTIONS[name](pool, sizes)
            lines += report.lines
            notes += report.notes
        notes += [f"Left out: {library}, {why}." for library, why in pool.missing.items()]
        words = ["python", "-m", "benchmarks.peers", *(sys.argv[1:] if argv is None else argv)]
        page = document(lines, notes, pool.versions(), options.threads, options.clock, " ".join(words))
    print(page)
    if options.write:
        (ROOT / "docs" / "benchmarks.md").write_text(page)
    return int(options.check and any(line.good is False for line in lines))


if __name__ == "__main__":
    sys.exit(main())
