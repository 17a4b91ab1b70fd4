"""Writes plans in which runs of compiled functions are one native call each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.alone import MANY, contiguous
from funcnet.compiler.plain import Writer
from funcnet.compiler.team import crew
from funcnet.compiler.team.driver import LIMIT
from funcnet.compiler.team.entries import fail, native
from funcnet.compiler.team.groups import EACH
from funcnet.compiler.team.segments import Fixed, Given, Segment
from funcnet.compiler.team.uses import Use
from funcnet.compiler.workers import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from funcnet.compiler.graph import Value

__all__ = ["Fixed", "Given", "StepWriter"]

#: As `numpy.ascontiguousarray`, which adds a dimension where there is none.
_in_order = partial(np.asarray, order="C")


class StepWriter(Writer):
    """A writer that collects steps until something else has to see their results.

    Lines that only make arrays or look at what is there already may be written while steps wait: they run before the
    steps. Everything else goes after :meth:`flush`.

    Parameters
    ----------
    threads : int, default 1
        How many threads there are.
    """

    def __init__(self, threads: int = 1) -> None:
        super().__init__()
        self._threads = threads
        self._segment = Segment(threads)
        #: Arguments of the function that have to be contiguous.
        self._ordered: list[str] = []
        #: What a variable shows that steps may write to: names of memory, or arrays. No others are known.
        self._roots: dict[str, tuple[str | np.ndarray, ...]] = {}
        #: Lines that follow the steps that wait.
        self._after: list[str] = []
        #: What these steps and lines make.
        self._waiting: set[Value] = set()

    def step(
        self,
        function: Callable[..., None],
        bounds: tuple[int, ...],
        arguments: Sequence[Fixed | Given],
        results: Iterable[Value],
        amount: int | None = None,
    ) -> None:
        """Add ``function(bounds[i], bounds[i + 1], i, *arguments)`` for each part; keys of arguments are variables.

        Parameters
        ----------
        function : callable
            Compiled, or else called from Python.
        bounds : tuple of int
            What the parts have to do.
        arguments : sequence of Fixed or Given
            What they are called with.
        results : iterable of Value
            What is there only afterwards.
        amount : int, optional
            Weighted element operations; by default what such a number of parts has at least.
        """
        kernel = native(function)
        if kernel is None or len(bounds) - 1 > LIMIT or (len(bounds) > 2 and not crew.available()):
            self.flush()
            self.lines.append(self._call(function, bounds, arguments))
        else:
            if amount is None:
                amount = EACH * (len(bounds) - 1) if len(bounds) > 2 else EACH // 2
            self._segment.add(kernel, bounds, arguments, self._uses(arguments), amount)
            self._waiting.update(results)

    def order(self, name: str) -> None:
        """Have an argument of the function be a contiguous array from the start, a copy if need be."""
        self._ordered.append(name)

    def finish(self, inputs: Sequence[Value], outputs: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
        """Return the function; it takes the inputs by position and returns a tuple."""
        if self._ordered:
            names = "".join([name + ", " for name in self._ordered])
            line = f"{names}= map({self.constant(_in_order)}, ({names}))"
            if len(self._ordered) >= MANY:
                line = f"if not {self.constant(contiguous)}(({names})): {line}"
            self.lines.insert(0, line)
        return super().finish(inputs, outputs)

    def shows(self, name: str, *others: str, arrays: Iterable[np.ndarray] = ()) -> None:
        """Note that a variable is a new array, or may be a view: of arrays, of what other variables show."""
        roots: dict[int | str, str | np.ndarray] = {name: name, **{id(a): a for a in arrays}}
        for other in others:
            known = self._roots.get(other)
            if known is None:
                # It may show anything.
                self._roots.pop(name, None)
                return
            roots |= {r if isinstance(r, str) else id(r): r for r in known}
        self._roots[name] = tuple(roots.values())

    def _uses(self, arguments: Sequence[Fixed | Given]) -> tuple[Use, ...] | None:
        """Return the memory that a step uses, None if that is not known."""
        if self._threads == 1:
            return None
        found: list[Use] = []
        for a in arguments:
            if isinstance(a, Given):
                roots = self._roots.get(a.key)
                if roots is None:
                    return None
                found += [Use(root, a.kind) for root in roots]
            elif isinstance(a.value, np.ndarray):
                found.append(Use(a.value if a.memory is None else a.memory, a.kind))
        return tuple(found)

    def _call(self, function: Callable[..., None], bounds: tuple[int, ...], arguments: Sequence[Fixed | Given]) -> str:
        """Return the line that has Python call a step."""
        given = [
            self.constant(a.value)
            if isinstance(a, Fixed)
            else a.key
            if a.shape is None
            else f"{a.key}.reshape({a.shape!r})"
            for a in arguments
        ]
        name = self.constant(function)
        if len(bounds) == 2:
            return f"{name}({', '.join([str(bounds[0]), str(bounds[1]), '0', *given])})"
        return f"{self.constant(in_parallel)}({name}, {bounds!r}, ({''.join([a + ', ' for a in given])}))"

    def waits(self, v: Value) -> bool:
        """Return whether a value is there only after a flush."""
        return v in self._waiting

    def after(self, lines: Sequence[str], results: Iterable[Value]) -> None:
        """Write lines that read what steps made."""
        if len(self._segment):
            self._after += lines
            self._waiting.update(results)
        else:
            self.lines += lines

    def drop(self, names: Sequence[str]) -> None:
        """Let variables go."""
        if names:
            self.after([" = ".join(names) + " = None"], ())

    def flush(self) -> None:
        """Write the call of the steps that wait."""
        if len(self._segment):
            keys = self._segment.keys
            pack, table, address = self._segment.finish()
            if keys:
                given = [
                    k if code != "array" else f"id({k})" for k, code in zip(keys, self._segment.codes, strict=True)
                ]
                words = ", ".join(given)
                if len(keys) >= MANY and all([code == "array" for code in self._segment.codes]):
                    words = f"*map(id, ({', '.join(keys)}))"
                self.lines.append(f"{self.constant(pack)}({self.constant(table)}, 0, {words})")
            else:
                self.constant(table)
            # What the table has addresses of.
            self.constant(self._segment)
            team = f"{self.constant(crew.team_of)}()" if self._segment.parallel else "0"
            self.lines.append(f"if {self.constant(crew.run())}({team}, {address}): {self.constant(fail)}()")
            self._segment = Segment(self._threads)
        self.lines += self._after
        self._after = []
        self._waiting.clear()
