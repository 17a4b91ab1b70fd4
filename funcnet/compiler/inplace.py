"""Results in the place of donated inputs: which loops may write to what they read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from funcnet.compiler.loops.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.loops.emit import Loop

__all__ = ["Readers", "written_in_place"]


class Readers:
    """Which donated inputs are free at a step of a plan.

    Parameters
    ----------
    nodes : sequence of Group or Equation
        The steps, in their order.
    donated : sequence of Value
        Inputs of the graph whose memory may be used again.
    results : set of Value
        The outputs of the graph.
    shares : callable
        Whether the results of an equation may show the memory of its arguments.
    together : mapping of int to int
        Steps that run at the same time as a later one, and which that is.
    """

    def __init__(
        self,
        nodes: Sequence[Group | Equation],
        donated: Sequence[Value],
        results: set[Value],
        shares: Callable[[Equation], bool],
        together: Mapping[int, int],
    ) -> None:
        self._together = together
        #: Donated input -> the last step that reads it or anything that may show its memory.
        self.last: dict[Value, int] = {}
        #: Those of which the last step reads a view as well.
        self._viewed: set[Value] = set()
        #: The steps that read them last, of those that run together.
        self._by: dict[Value, set[int]] = {}
        if not donated:
            return
        roots: dict[Value, set[Value]] = {v: {v} for v in donated}
        self.last = dict.fromkeys(donated, -1)
        for i, node in enumerate(nodes):
            when = together.get(i, i)
            for e in node.equations if isinstance(node, Group) else [node]:
                for v in e.values:
                    for d in roots.get(v, ()):
                        if self.last[d] != when:
                            self._viewed.discard(d)
                            self._by[d] = set()
                        self.last[d] = when
                        self._by[d].add(i)
                        if v is not d:
                            self._viewed.add(d)
                if not isinstance(node, Group) and shares(e):
                    shown = set().union(*[roots.get(v, ()) for v in e.values])
                    if shown:
                        for v in e.outputs:
                            roots[v] = shown
        for v in results:
            for d in roots.get(v, ()):
                self.last.pop(d, None)

    def free(self, step: int) -> list[Value]:
        """Return the inputs that nobody reads after a step, and that the step reads by themselves."""
        when = self._together.get(step, step)
        return [d for d, i in self.last.items() if i == when and d not in self._viewed and self._by[d] == {step}]

    def take(self, value: Value) -> None:
        """Note that the memory of an input is in use again."""
        del self.last[value]


def written_in_place(loop: Loop, free: Sequence[Value], results: Sequence[Any]) -> dict[Value, Value]:
    """Have a loop write results to inputs of the same shape and dtype; return which to which.

    That is done only where each element is read once, before the element in its place is written, which the source is
    checked for. It names the same array for both, so that the compiler knows.
    """
    found: dict[Value, Value] = {}
    for k, (out, role) in enumerate(loop.outputs):
        if role != "full" or results.count(out) != 1:
            continue
        for i, (v, kind) in enumerate(loop.inputs):
            same = kind == "full" and v.shape == out.shape and v.dtype == out.dtype
            # Parts of it are read at other places than those that are written.
            parts = v in loop.group.windows.values()
            if not same or parts or v not in free or v in found.values():
                continue
            source = _merged(loop.source, i, k)
            if source is not None:
                loop.source = source
                found[out] = v
                break
    return found


def _merged(source: str, i: int, k: int) -> str | None:
    """Return the source with output `k` in the place of input `i`; None if it reads the input in several places."""
    lines = source.split("\n")
    part = re.compile(rf"^(\s+)(x{i}|y{k}) = ([ao]\d+)(\[.*\])$")
    definitions: dict[str, tuple[int, str]] = {}
    reads: list[int] = []
    writes: list[int] = []
    word = re.compile(rf"\b(?:x{i}|a{i}|y{k}|o{k})\b")
    for n, line in enumerate(lines):
        if not word.search(line) or line.startswith("def "):
            continue
        match = part.match(line)
        if match is not None:
            definitions[match[2]] = (n, match[4])
            continue
        # The number of columns may be taken of either.
        rest = re.sub(rf"\b[ao]({i}|{k})\.shape\[\d\]", "", line)
        if re.match(rf"^\s+y{k}\[j\] = ", rest):
            writes.append(n)
            rest = re.sub(rf"^\s+y{k}\[j\] = ", "", rest)
        if re.search(rf"\bx{i}\[j\]", rest):
            reads.append(n)
            rest = re.sub(rf"\bx{i}\[j\]", "", rest)
        # Later stages may read what was written.
        rest = re.sub(rf"\by{k}\b", "", rest)
        if word.search(rest):
            return None
    if len(definitions) != 2 or definitions[f"x{i}"][1] != definitions[f"y{k}"][1] or len(writes) != 1:
        return None
    head = _body_of(lines, writes[0])
    if head is None or any([_body_of(lines, n) != head for n in reads]):
        return None
    for n in reads:
        lines[n] = re.sub(rf"\bx{i}\[j\]", f"d{i}", lines[n])
    indent = lines[writes[0]][: len(lines[writes[0]]) - len(lines[writes[0]].lstrip())]
    if reads:
        lines.insert(head + 1, f"{indent}d{i} = x{i}[j]")
    # One name for both: with two the compiler sees arrays that overlap, and makes no vectors of them.
    del lines[definitions[f"y{k}"][0]]
    return re.sub(rf"\by{k}\b", f"x{i}", "\n".join(lines))


def _body_of(lines: Sequence[str], n: int) -> int | None:
    """Return the line of the loop over elements that a line is in."""
    depth = len(lines[n]) - len(lines[n].lstrip())
    for k in range(n - 1, -1, -1):
        indent = len(lines[k]) - len(lines[k].lstrip())
        if indent < depth:
            return k if lines[k].strip() == "for j in range(n):" else None
    return None
