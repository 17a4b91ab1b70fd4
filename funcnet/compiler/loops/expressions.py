"""What an elementwise operation is where generated code has its arguments as expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Value
from funcnet.compiler.loops.group import function_of, power_of
from funcnet.compiler.loops.templates import (
    COMPARISONS,
    FUNCTIONS,
    LIMITS,
    MIXED,
    cast,
    literal,
    template_of,
    type_name,
)

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation

__all__ = ["Expressions", "limit_of"]

#: What only numbers with a fraction can be; others are converted, whatever their size.
_FRACTIONAL = ("isnan", "isinf", "isfinite")


class Expressions(ABC):
    """Writes elementwise operations as expressions."""

    #: Results of functions that are not right for all arguments, where something else looks after those.
    checked: set[Value]

    @abstractmethod
    def _read(self, v: Value, here: set[Value], stored: dict[Value, str]) -> str:
        """Return the expression of an argument; in loops, `here` and `stored` tell where it is."""

    def _expression(self, e: Equation, here: set[Value], stored: dict[Value, str]) -> str:
        name = e.primitive.name
        out = str(e.outputs[0].dtype)
        if name in ("reshape", "broadcast_to", "expand_dims", "squeeze"):
            return self._read(e.inputs[0], here, stored)
        args, inner = self._arguments(e, here, stored)
        typed = type_name(inner) or ""
        if name == "pow" and (power := power_of(e)) is not None:
            return f"{typed}({power.format(args[0], T=typed)})"
        named = function_of(e)
        function = FUNCTIONS.get((named, out))
        if function is not None and (limit_of(e) is None or e.outputs[0] in self.checked):
            return f"{function}({', '.join(args)})"
        template = COMPARISONS.get(name) or (MIXED[name][0] if name in MIXED else template_of(named, out))
        text = template.format(*args, T=typed)
        # Numba computes with more bits where literals and integers meet.
        return text if name in COMPARISONS else f"{type_name(out)}({text})" if out != "bool" else text

    def _arguments(self, e: Equation, here: set[Value], stored: dict[Value, str]) -> tuple[list[str], str]:
        """Return the expressions of an equation's arguments, and the dtype that it computes in."""
        name = e.primitive.name
        mixed = MIXED.get(name)
        bools = mixed[1] if mixed else ()
        given: list[Any] = list(e.inputs)
        if name in COMPARISONS:
            dtypes = [v.dtype for v in e.values]
            inner = str(np.result_type(*dtypes, *[_weak(v, dtypes) for v in e.inputs if v.__class__ is not Value]))
            if inner[0] == "i":
                given = [v if v.__class__ is Value else _within(v, inner) for v in given]
            if inner[0] != "f" and (name in _FRACTIONAL or any([v.__class__ is float for v in given])):
                inner = "float64"
        else:
            inner = str(e.outputs[0].dtype)
        args = []
        for i, v in enumerate(given):
            wanted = "bool" if i in bools else inner
            if v.__class__ is Value:
                args.append(cast(self._read(v, here, stored), str(v.dtype), wanted))
            else:
                args.append(literal(v, wanted))
        return args if function_of(e) == name else args[1:], inner


def limit_of(e: Equation) -> str | None:
    """Return for which arguments a function in a loop over many elements is not right; None if there are none."""
    limits = LIMITS.get(function_of(e))
    return None if limits is None else limits[str(e.outputs[0].dtype)]


def _within(number: Any, dtype: str) -> Any:
    """Return a number to compare integers with: an infinite one in the place of an integer that none of them can be."""
    limits = np.iinfo(dtype)
    return number if limits.min <= number <= limits.max else inf if number > 0 else -inf


def _weak(number: Any, dtypes: list[Any]) -> Any:
    """Return the dtype that a Python number has beside arrays."""
    kinds = "".join([d.kind for d in dtypes])
    if isinstance(number, bool) or (isinstance(number, int) and ("i" in kinds or "f" in kinds)):
        return dtypes[0]
    return dtypes[0] if "f" in kinds else np.result_type(type(number))
