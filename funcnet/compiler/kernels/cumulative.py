"""Sums and products of all elements up to each one along an axis, and the recurrences of their derivatives.

Along the last axis several rows are followed beside each other, since one row alone waits for each of its results.
Along others, whole rows are added with vectors.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["accumulated"]

#: Rows that are followed beside each other, and elements that are summed up before the sum of those before is known.
_BESIDE, _AHEAD = 8, 8
#: Elements that a thread has to have, and columns in a line of the cache.
_PARALLEL, _LINE = 50_000, 16
_DTYPES = {"float32": "f4", "float64": "f8", "int64": "i8"}
#: The next state, from the last one and the elements of the arrays. A zero stays zero beside an infinite factor.
_NEXT = {
    "cumulative_sum": "{s} + {x}",
    "cumulative_prod": "{s} * {x}",
    "linear_recurrence": "({a} * {s} if {s} != {typed}(0) else {typed}(0)) + {x}",
}


def accumulated(e: Equation) -> Special | None:
    """Return the kernel of a cumulative sum or product or of a linear recurrence, None where it does not apply."""
    name, out = e.primitive.name, e.outputs[0]
    shape, axis, dtype = e.inputs[-1].shape, e.params["axis"], str(out.dtype)
    if dtype not in _DTYPES or {str(v.dtype) for v in e.inputs} != {dtype} or prod(shape) == 0:
        return None
    if any([v.shape != shape for v in e.inputs]):
        return None
    n = shape[axis]
    count, width = prod(shape[:axis]), prod(shape[axis + 1 :])
    rows = out.shape[axis]
    arrays = len(e.inputs)
    kind = _Kind(name, dtype, e.params.get("initial", False), e.params["reverse"], e.params.get("lagged", False))

    def build(compile: Compile, threads: int) -> Steps:
        enough = max(1, min(threads, prod(shape) // _PARALLEL))
        table = f"{dtype}[:,::1]"
        if width == 1:
            source, units, step = kind.along(), count, _BESIDE
            shapes = [(count, n)] * arrays + [(count, rows)]
        else:
            # The threads share the tables or, where there are too few, the columns of all of them.
            columns = count < enough
            source, units, step = kind.across(columns), width if columns else count, _LINE if columns else 1
            shapes = [(count * n, width)] * arrays + [(count * rows, width)]
        parts = max(1, min(enough, -(-units // step)))
        pieces = -(-units // step)
        bounds = tuple([min(pieces * i // parts * step, units) for i in range(parts)] + [units])
        loop = compile(source, f"void(int64, int64, int64, {', '.join([table] * (arrays + 1))}, int64, int64)")
        given = [Of(i, s) for i, s in enumerate(shapes)]
        return Steps([Step(loop, bounds, [*given, n, count])])

    return Special(f"{name}, one pass", build)


class _Kind:
    """Writes the source of a kernel."""

    def __init__(self, name: str, dtype: str, initial: bool, reverse: bool, lagged: bool) -> None:
        self.name = name
        self.typed = _DTYPES[dtype]
        self.initial, self.reverse, self.lagged = initial, reverse, lagged
        #: What the state is before the first element.
        self.identity = f"{self.typed}({int(name == 'cumulative_prod')})"
        self.arrays = ["a", "x", "y"] if name == "linear_recurrence" else ["x", "y"]

    def _head(self) -> str:
        return f"def loop(lo, hi, part, {', '.join(self.arrays)}, n, count):\n"

    def _row(self, j: str, ahead: int = 0) -> str:
        """Return the place among the elements along the axis of the one that is the `j`-th to be visited."""
        text = f"{j} + {ahead}" if ahead > 0 else f"{j} - {-ahead}" if ahead else j
        return f"n - 1 - ({text})" if self.reverse else text

    def _to(self, j: str, ahead: int = 0) -> str:
        """Return the place of its result."""
        return f"({self._row(j, ahead)}) + 1" if self.initial and not self.reverse else self._row(j, ahead)

    def along(self) -> str:
        """Return the source for rows that lie along the axis."""
        many = [line for k in range(_BESIDE) for line in self._step(f"r + {k}", f"s{k}", 12)]
        one = self._step("r", "s", 12)
        states = [f"        s{k} = {self.identity}\n" for k in range(_BESIDE)]
        begin = "".join([self._begin(f"r + {k}", 8) for k in range(_BESIDE)])
        source = self._head()
        source += f"    r = lo\n    while r + {_BESIDE} <= hi:\n"
        source += "".join(states) + begin
        source += "        for j in range(n):\n" + "".join(many)
        source += f"        r += {_BESIDE}\n"
        source += "    while r < hi:\n" + f"        s = {self.identity}\n" + self._begin("r", 8)
        source += "        j = 0\n"
        if self.name == "cumulative_sum":
            source += self._ahead()
        source += "        while j < n:\n" + "".join(one) + "            j += 1\n"
        return source + "        r += 1\n"

    def _ahead(self) -> str:
        """Return lines that add up some elements beside those before them, so that few sums wait for each other."""
        lines = [f"        while j + {_AHEAD} <= n:"]
        for k in range(_AHEAD):
            element = f"x[r, {self._row('j', k)}]"
            lines.append(f"            p{k} = {element}" if k == 0 else f"            p{k} = p{k - 1} + {element}")
        lines += [f"            y[r, {self._to('j', k)}] = s + p{k}" for k in range(_AHEAD)]
        lines += [f"            s = s + p{_AHEAD - 1}", f"            j += {_AHEAD}"]
        return "\n".join(lines) + "\n"

    def _begin(self, row: str, indent: int) -> str:
        place = "n" if self.reverse else "0"
        return f"{' ' * indent}y[{row}, {place}] = {self.identity}\n" if self.initial else ""

    def _step(self, row: str, state: str, indent: int) -> list[str]:
        pad = " " * indent
        x = f"x[{row}, {self._row('j')}]"
        if self.lagged:
            # Beside the first element there is none before it, and the state is zero.
            a = f"a[{row}, {self._row('max(j, 1)', -1)}]"
        else:
            a = f"a[{row}, {self._row('j')}]"
        text = _NEXT[self.name].format(s=state, a=a, x=x, typed=self.typed)
        return [f"{pad}{state} = {text}\n", f"{pad}y[{row}, {self._to('j')}] = {state}\n"]

    def across(self, columns: bool) -> str:
        """Return the source for an axis before others, in which the columns or the tables are shared."""
        tables, each = ("range(count)", "range(lo, hi)") if columns else ("range(lo, hi)", "range(width)")
        rows = "(n + 1)" if self.initial else "n"
        lines = ["    width = x.shape[1]", f"    for t in {tables}:"]
        if self.initial:
            lines += [f"        o = y[t * {rows} + {'n' if self.reverse else '0'}]", f"        for c in {each}:"]
            lines.append(f"            o[c] = {self.identity}")
        lines += [
            f"        v = x[t * n + {self._row('0')}]",
            f"        o = y[t * {rows} + {self._to('0')}]",
            f"        for c in {each}:",
            "            o[c] = v[c]",
            "        for j in range(1, n):",
            f"            v = x[t * n + {self._row('j')}]",
            f"            b = y[t * {rows} + {self._to('j', -1)}]",
            f"            o = y[t * {rows} + {self._to('j')}]",
        ]
        if "a" in self.arrays:
            lines.append(f"            f = a[t * n + {self._row('j', -1 if self.lagged else 0)}]")
        text = _NEXT[self.name].format(s="s", a="f[c]", x="v[c]", typed=self.typed)
        lines += [f"            for c in {each}:", "                s = b[c]", f"                o[c] = {text}"]
        return self._head() + "\n".join(lines) + "\n"
