"""Compare eager, interpreted, planned and fused execution of random programs, values and gradients.

``python -m benchmarks.equality [--programs N] [--first N] [--every N]``
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
import warnings
from collections import Counter
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.equality.loops import as_python
from benchmarks.equality.runs import FORMS, KINDS, WAYS, drawn, examined
from funcnet.compiler.loops import build

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BOUNDS", "main"]

#: The largest difference that is allowed, relative to the largest number of a result: by precision.
BOUNDS = {"double": 1e-9, "single": 2e-3}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a summary; return 1 if a program was not the same in all executions."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equality", description=__doc__)
    parser.add_argument("--programs", type=int, default=5_200, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--only", choices=KINDS, action="append", help="only programs of this kind")
    parser.add_argument(
        "--every", type=int, default=5, help="have Numba compile the loops of every Nth; others' run as Python, 0: all"
    )
    options = parser.parse_args(arguments)
    if options.every and build.available():
        parser.error(f"{build.available()}; --every 0 runs loops as Python")
    with TemporaryDirectory() as cache:
        os.environ["FUNCNET_CACHE_DIR"] = cache
        return _compared(options)


def _compared(options: Any) -> int:
    start = time.perf_counter()
    kinds: Counter[str] = Counter()
    forms: Counter[str] = Counter()
    worst = {(p, way): 0.0 for p in BOUNDS for way in WAYS}
    loops = compiled = equations = 0
    wrong: list[str] = []
    number, count = options.first, 0
    while count < options.programs:
        kind, form, program = drawn(number)
        if not options.only or kind in options.only:
            machine_code = bool(options.every) and count % options.every == 0
            precision = "single" if form == "in single precision" else "double"
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = examined(program, form, build.compiled if machine_code else as_python)
                for way, error in found.errors.items():
                    assert error <= BOUNDS[precision], f"{way} execution is off by {error:.1e}"
                    worst[precision, way] = max(worst[precision, way], error)
                equations += found.equations
                loops += found.loops
                compiled += machine_code
            except Exception:
                wrong.append(f"program {number} ({kind}, {form}):\n{program}\n{traceback.format_exc(limit=-4)}")
                print(wrong[-1], flush=True)
            kinds[kind] += 1
            forms[form] += 1
            count += 1
            if count % 250 == 0:
                print(f"{count} programs, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        number += 1
    print(f"{count} programs, {count - len(wrong)} equal in eager, interpreted, planned and fused execution")
    print(f"  of {', '.join(f'{kind} ({n})' for kind, n in kinds.items())}")
    print(f"  as {', '.join(f'{form} ({forms[form]})' for form in FORMS)}")
    how = f"compiled by Numba for {compiled} programs, for the others run as Python where Python can"
    print(f"  {equations} equations, {loops} loops, {how}")
    for precision, bound in BOUNDS.items():
        errors = ", ".join(f"{way} {worst[precision, way]:.1e}" for way in WAYS)
        print(f"  largest relative difference from eager in {precision} precision: {errors} (bound {bound:.0e})")
    print(f"  {time.perf_counter() - start:.0f} s")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
