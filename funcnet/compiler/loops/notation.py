"""Short notation for the functions of generated loops: polynomials as calls, and single precision from double."""

from __future__ import annotations

import re

__all__ = ["expanded", "twins"]

_POLYNOMIAL = re.compile(r"^( +)(\w+) = horner(32|64)\((\w+),([^()]*)\)", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+|np\.inf|np\.nan)(?![\w.])")


def expanded(text: str) -> str:
    """Return a source with the steps of Horner's scheme for ``p = horner64(x, a, b, c)``, the polynomial of x.

    Its coefficients are numbers, that of the highest power first; those of ``horner32`` are of single precision.
    """

    def steps(found: re.Match[str]) -> str:
        indent, name, x, coefficients = found[1], found[2], found[4], found[5].split(",")
        typed = "f4({})" if found[3] == "32" else "{}"
        first, *rest = [typed.format(c.strip()) for c in coefficients]
        return "\n".join([f"{indent}{name} = {first}", *[f"{indent}{name} = {name} * {x} + {c}" for c in rest]])

    return _POLYNOMIAL.sub(steps, text)


def twins(text: str) -> str:
    """Return functions of double precision whose names end in 64, and the same in single precision, ending in 32.

    They have no integers. What they call has twins, too.
    """
    single = _NUMBER.sub(r"f4(\g<0>)", text)
    return text + re.sub(r"64(?=\()", "32", single)
