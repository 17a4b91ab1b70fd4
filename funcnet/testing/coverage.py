"""The table of primitives, backends, dtypes and modes that the suite of primitives covers.

``python -m funcnet.testing.coverage`` runs the checks of the suite and prints the table as markdown; with
``--output docs/coverage.md`` it writes it there.
"""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import funcnet
from funcnet.core import registry
from funcnet.errors import AbstractValueError, FuncnetError
from funcnet.ops import extras
from funcnet.testing.backends import BackendCase, backend_cases, case
from funcnet.testing.primitives import Covered, check_primitive
from funcnet.testing.samples import allowed_dtypes, samples
from funcnet.xp.namespace import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from funcnet.core import Primitive

__all__ = ["REASONS", "check_planned", "gap", "main", "plan", "primitive_names", "table"]

_WIDE = ("float64", "complex128")
# What a variant of a backend adds is found with one dtype: arrays that may not be written, arrays on another device.
_VARIANTS = {
    "numpy-readonly": {"float64": 2},
    "strict-device1": {"float64": 1},
    "strict-no-x64": {"float32": 1},
    "strict-flags": {"float64": 1},
}
# They sort by position, or their cases convert to double precision.
_WIDE_ONLY = ("argsort", "astype", "isin", "sort")
#: Why a primitive is not checked on a backend.
REASONS = {
    "a": "the shape of the result depends on values, which this variant forbids",
    "b": "it returns or takes positions, which array_api_strict has in 64 bits only, and this variant forbids",
    "c": "SciPy computes it; what the variant adds is not in its way",
    "d": "its data types are others than the one with which the variant is checked",
    "e": "the backend has none of its data types",
}
_ORDER = ("float32", "float64", "complex64", "complex128", "int32", "int64", "uint8", "uint32", "bool")
_SHORT = {
    "values": "v",
    "shape": "s",
    "shape by value": "-",
    "vjp": "r",
    "jvp": "f",
    "order 2": "2",
    "constant": "c",
    "refused": "x",
    "ties": "t",
    "vmap": "m",
}


def primitive_names() -> list[str]:
    """Return the names of all primitives of funcnet, in order; other packages' have a dot in theirs."""
    for module in pkgutil.iter_modules(funcnet.__path__):
        if module.name != "testing":
            import_module(f"funcnet.{module.name}")
    for extension in EXTENSIONS:
        import_module(f"funcnet.xp.{extension}")
    import_module("funcnet.ops.nn")
    for name in extras.__all__:
        getattr(extras, name)
    return sorted(name for name in registry if "." not in name)


def plan(name: str, backend: BackendCase) -> dict[str, int]:
    """Return the dtypes with which a primitive is checked on a backend, each with the order of derivatives.

    Examples
    --------
    >>> from funcnet.testing.backends import case
    >>> from funcnet.testing.coverage import plan
    >>> plan("sin", case("numpy-readonly"))
    {'float64': 2}
    """
    primitive = registry[name]
    allowed = [d for d in allowed_dtypes(primitive) if d in backend.dtypes()]
    if gap(name, backend):
        return {}
    if primitive.meta.get("hosted") and backend.name != "numpy":
        # PyTorch has some of them itself; array_api_strict lends its arrays to the function that NumPy's go to.
        return {"float64": 2 if backend.name == "torch" else 1}
    if backend.name in _VARIANTS:
        return {d: order for d, order in _VARIANTS[backend.name].items() if d in allowed}
    if backend.name == "numpy":
        return {d: 2 if d in ("float32", *_WIDE) else 1 for d in allowed}
    # The rules are the same everywhere, and so are the kernels of one library's integers.
    return {d: 2 if d == "float64" else 1 for d in allowed if d not in ("complex64", "int32", "uint8")}


def gap(name: str, backend: BackendCase) -> str:
    """Return why a primitive is not checked on a backend, a letter of `REASONS`; nothing where it is.

    Examples
    --------
    >>> from funcnet.testing.backends import case
    >>> from funcnet.testing.coverage import REASONS, gap, primitive_names
    >>> "erfcx" in primitive_names()
    True
    >>> REASONS[gap("erfcx", case("numpy-readonly"))]
    'SciPy computes it; what the variant adds is not in its way'
    """
    primitive = registry[name]
    allowed = [d for d in allowed_dtypes(primitive) if d in backend.dtypes()]
    if backend.name == "strict-flags" and depends_on_values(primitive):
        return "a"
    if backend.name == "strict-no-x64" and (name in _WIDE_ONLY or _has_positions(primitive)):
        return "b"
    if primitive.meta.get("hosted") and backend.name not in ("numpy", "torch", "strict"):
        return "c"
    if backend.name in _VARIANTS and not any(d in allowed for d in _VARIANTS[backend.name]):
        return "d"
    return "" if allowed else "e"


def _has_positions(primitive: Primitive) -> bool:
    """Whether integers that count elements are among the arguments or the results."""
    cases = primitive.meta.get("cases", ())
    indices = any(arg.kind == "int" for case in cases for arg in case.args)
    return indices or primitive.meta.get("result") == "index" or depends_on_values(primitive)


def depends_on_values(primitive: Primitive) -> bool:
    """Whether the shape of the result depends on the values of the arguments, so that no rule can give it."""
    if primitive.meta.get("data_dependent"):
        return True
    if primitive.shape is None:
        return False
    try:
        sample = samples(primitive, allowed_dtypes(primitive)[0])[0]
        primitive.shape(*sample.args, **sample.params)
    except AbstractValueError:
        return True
    return False


def check_planned(name: str, backend: BackendCase) -> list[Covered]:
    """Check a primitive on a backend with the dtypes of its plan; return what was checked."""
    covered: list[Covered] = []
    for order in (1, 2):
        dtypes = [d for d, wanted in plan(name, backend).items() if wanted == order]
        if dtypes:
            covered += check_primitive(name, backend, dtypes, order=order)
    return covered


def table(covered: Iterable[Covered], backends: Sequence[str]) -> str:
    """Return a table in markdown: a row for each primitive, a column for each backend.

    Examples
    --------
    >>> from funcnet.testing.coverage import table
    >>> from funcnet.testing.primitives import Covered
    >>> rows = [Covered("sin", "numpy", "float64", mode) for mode in ("values", "vjp", "jvp")]
    >>> print(table(rows, ["numpy"]).splitlines()[-1])
    | sin | float64 vrf |
    """
    cells: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for one in covered:
        there = cells[one.primitive, one.backend]
        there[one.dtype] = there.get(one.dtype, "") + _SHORT[one.mode]
    lines = ["| primitive | " + " | ".join(backends) + " |", "|---" * (len(backends) + 1) + "|"]
    for name in sorted({primitive for primitive, _ in cells}):
        row = []
        for backend in backends:
            by_modes: dict[str, list[str]] = defaultdict(list)
            for dtype, modes in sorted(cells.get((name, backend), {}).items(), key=lambda item: _ORDER.index(item[0])):
                by_modes["".join(m for m in _SHORT.values() if m in modes)].append(dtype)
            shown = "; ".join(f"{' '.join(dtypes)} {modes}" for modes, dtypes in by_modes.items())
            row.append(shown or _why(name, backend))
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def _why(name: str, backend: str) -> str:
    return f"*{gap(name, case(backend))}*" if name in registry else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and print or write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m funcnet.testing.coverage", description=main.__doc__)
    parser.add_argument("--output", type=Path, help="the file to write; without it the table is printed")
    options = parser.parse_args(arguments)
    cases = backend_cases()
    usable = [one for one in cases if one.reason is None]
    covered: list[Covered] = []
    failed: list[str] = []
    for name in primitive_names():
        for backend in usable:
            try:
                covered += check_planned(name, backend)
            except FuncnetError as error:
                failed.append(f"{name} on {backend.name}: {error}")
    text = _document(covered, [one.name for one in usable], [f"{c.name} ({c.reason})" for c in cases if c.reason])
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    for line in failed:
        print(f"FAILED {line}", file=sys.stderr)
    print(_count(covered, failed), file=sys.stderr)
    return 1 if failed else 0


def _count(covered: Sequence[Covered], failed: Sequence[str]) -> str:
    names = {one.primitive for one in covered}
    places = {one.backend for one in covered}
    return (
        f"{len(names)} primitives on {len(places)} backends: {len(set(covered))} combinations, {len(failed)} failures"
    )


def _document(covered: Sequence[Covered], backends: Sequence[str], absent: Sequence[str]) -> str:
    lines = [
        "# What the suite of primitives covers",
        "",
        "Made by `python -m funcnet.testing.coverage --output docs/coverage.md`, which runs the checks of",
        "`tests/test_registry.py`.",
        "",
        "- **v** values against the reference implementation in double precision; **s** shape rule; **-** the shape",
        "  depends on values, so there is neither a shape rule nor a batching rule, and both are refused",
        "- **r** reverse mode, **f** forward mode, against differences in double precision; **2** all four",
        "  combinations of the modes at second order; **t** ties are split evenly",
        "- **c** the result is a constant for every transformation; **x** arguments that are refused raise",
        "- **m** the batching rule against a loop, with all arrays batched and with the first alone",
        "",
        "Integers and booleans have no derivatives, nor have results that are constants. Rules are the same code for",
        "every backend, so second order is checked in double precision, on NumPy in both, and not again with variants",
        "of array_api_strict; of what SciPy computes, on NumPy and PyTorch, since array_api_strict's arrays are lent",
        "to the same function as NumPy's.",
        "",
        "Where a cell has no check:",
        "",
        *(f"- *{letter}*: {reason}" for letter, reason in REASONS.items()),
        "",
        _count(covered, []).replace(", 0 failures", ".").capitalize(),
    ]
    if absent:
        lines += ["", "Not at hand where this was made: " + "; ".join(absent) + "."]
    return "\n".join([*lines, "", table(covered, backends), ""])


if __name__ == "__main__":
    sys.exit(main())
