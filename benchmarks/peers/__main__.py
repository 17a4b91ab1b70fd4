"""Time funcnet beside other libraries and print a table.

``python -m benchmarks.peers [SECTION ...] [--rounds N] [--threads N] [--write]``
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from benchmarks.peers.compiled import COMPILED
from benchmarks.peers.examples import examples
from benchmarks.peers.pool import LIBRARIES, ROOT, Pool, cores
from benchmarks.peers.sections import FULL, SECTIONS, TINY
from benchmarks.peers.table import COLUMNS, COMPILED_COLUMNS, document, part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.table import Line

__all__ = ["EAGER", "main"]


#: Sections of eager work.
EAGER = {**SECTIONS, "examples": examples}
#: The heading of each part of the page, its sections, and the columns of its table.
_PARTS = (("Eager", EAGER, COLUMNS), ("Compiled", COMPILED, COMPILED_COLUMNS))
_GROUPS = {"eager": tuple(EAGER), "jit": tuple(COMPILED)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the sections, print the page, and say in the exit status whether every figure was reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    names = [*EAGER, *COMPILED]
    known = ", ".join([*names, *_GROUPS])
    parser.add_argument("names", nargs="*", metavar="SECTION", help=f"any of {known}; all by default")
    parser.add_argument("--sections", nargs="+", default=[], metavar="SECTION", help="the same")
    parser.add_argument("--rounds", type=int, help=f"rounds of each comparison ({FULL.rounds} by default)")
    parser.add_argument("--threads", type=int, default=len(cores()), help="threads of every process")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="elapsed time; processor time where others work, too"
    )
    parser.add_argument("--without", nargs="+", default=[], metavar="LIBRARY", help=f"any of {', '.join(LIBRARIES)}")
    parser.add_argument("--tiny", action="store_true", help="tiny problems: everything runs, nothing is measured")
    parser.add_argument("--write", action="store_true", help="save the parts that were measured in docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit with status 1 if a figure was not reached")
    options = parser.parse_args(argv)
    asked = [*options.names, *options.sections]
    unknown = set(asked) - set(names) - set(_GROUPS)
    if unknown:
        parser.error(f"no section is called {', '.join(sorted(unknown))}; there are {known}")
    wanted = {name for each in asked or names for name in _GROUPS.get(each, (each,))}
    sizes = TINY if options.tiny else FULL
    if options.rounds:
        sizes = sizes._replace(rounds=options.rounds, imports=options.rounds)

    words = ["python", "-m", "benchmarks.peers", *(sys.argv[1:] if argv is None else argv)]
    texts: dict[str, str] = {}
    good = True
    for heading, sections, columns in _PARTS:
        chosen = [name for name in sections if name in wanted]
        lines: list[Line] = []
        notes: list[str] = []
        with Pool(options.threads, options.clock, options.without) as pool:
            for name in chosen:
                print(f"{name} ...", file=sys.stderr, flush=True)
                report = sections[name](pool, sizes)
                lines += report.lines
                notes += report.notes
            notes += [f"Left out: {library}, {why}." for library, why in pool.missing.items()]
            versions = pool.versions()
        if chosen:
            text = part(lines, notes, versions, options.threads, options.clock, " ".join(words), columns)
            texts[f"{heading}, {options.threads} thread{'s' if options.threads > 1 else ''}"] = text
        good &= all(line.good is not False for line in lines)
    print(document(texts))
    if options.write:
        page = ROOT / "docs" / "benchmarks.md"
        page.write_text(document(texts, page.read_text() if page.exists() else ""))
    return int(options.check and not good)


if __name__ == "__main__":
    sys.exit(main())
