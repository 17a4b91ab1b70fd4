"""Calls of kernels and moves of elements in the source of a loop over steps."""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.scan_parts import FLAG
from funcnet.compiler.kernels.scan_text import ADDED, BESIDE, MOVED
from funcnet.compiler.kernels.special import Of, Steps
from funcnet.compiler.loops.group import EACH, repetition
from funcnet.compiler.loops.templates import literal
from funcnet.compiler.loops.windows import PLACES, window_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Value
    from funcnet.compiler.kernels.scan_body import Joined
    from funcnet.compiler.kernels.scan_parts import Branch, Kernel, Moves
    from funcnet.compiler.kernels.scan_source import Source
    from funcnet.compiler.loops.group import Group

__all__ = ["argument_of", "write_branch", "write_joined", "write_kernel", "write_moves"]


def argument_of(source: Source, v: Value, role: str, group: Group) -> str:
    """Return the expression for an argument of a loop over elements."""
    if role == EACH:
        found = repetition(v.shape, group.shape, group.split or 0)
        assert found is not None
        return source.number(found[0])
    if role in PLACES:
        window = window_of(next(e for e in group.equations if e.outputs[0] is v), group.split)
        assert window is not None
        return source.number(getattr(window[0], role))
    return source.read(v, source.body.shape(role, v, group))


def write_joined(source: Source, node: Joined) -> None:
    """Write arrays side by side."""
    source.define("beside", BESIDE, alone=False)
    width = node.out.shape[-1]
    rows = prod(node.out.shape) // width
    place = source.read(node.out, (rows, width))
    start = 0
    for v in node.parts:
        part = source.read(v, (rows, v.shape[-1]))
        source.lines.append(f"beside({source.bounds(rows)}, {place}, {part}, {source.number(start)})")
        start += v.shape[-1]
    source.work += prod(node.out.shape)


def write_branch(source: Source, node: Branch) -> None:
    """Write the calls of the kernel that a number chooses."""
    outside, place = source.lines, f"{source.read(node.index, (1,))}[0]"
    for i, kernel in enumerate(node.kernels):
        source.lines = []
        write_kernel(source, kernel)
        last = i == len(node.kernels) - 1
        outside.append(
            "else:" if last and i else f"{'elif' if i else 'if'} {place} == {i}:" if not last else "if True:"
        )
        outside += [f"    {line}" for line in source.lines or ["pass"]]
    source.lines = outside


def _taken_in(source: Source, text: str) -> str:
    """Return the name of a function, once it is written with those that come before it and that it calls."""
    name = source.kernels.get(text)
    if name is not None:
        return name
    name = source.kernels[text] = f"kernel{len(source.kernels)}"
    start = text.index("def loop(")
    others = re.findall(r"^def (\w+)\(", text[:start], re.MULTILINE)
    if others:
        # At once: a name may be the new one of another function.
        text = re.sub(rf"\b({'|'.join(others)})\b", rf"{name}_\1", text)
    start = text.index("def loop(")
    if start:
        source.alone[f"before {name}"] = text[:start].rstrip("\n")
    source.define(name, text[start:].replace("def loop(", f"def {name}(", 1), alone=True)
    return name


def write_kernel(source: Source, node: Kernel) -> None:
    """Write the calls of a kernel's functions."""
    steps = node.build()
    assert isinstance(steps, Steps)
    values = (*node.read, *node.made)
    for function, bounds, arguments in steps.steps:
        name = _taken_in(source, function.source)  # type: ignore[attr-defined]
        given = []
        for a in arguments:
            if isinstance(a, Of):
                given.append(source.read(values[a.index], a.shape))
            elif a is FLAG:
                source.checked = True
                given.append(source.fixed(source.flag))
            elif isinstance(a, np.ndarray):
                given.append(source.fixed(a))
            else:
                given.append(source.number(a) if isinstance(a, int) else literal(a, "float64"))
        for part in range(len(bounds) - 1):
            ends = f"{source.number(bounds[part])}, {source.number(bounds[part + 1])}"
            source.lines.append(f"{name}({ends}, {part}, {', '.join(given)})")
    source.work += sum([prod(v.shape) for v in values])


def write_moves(source: Source, node: Moves) -> None:
    """Write moves of elements to their places in an array."""
    y = source.read(node.out, (prod(node.out.shape),))
    stays = source.body.root(node.out) is source.body.root(node.pieces[0].x)
    for p in node.pieces[stays:]:
        name, text = ("added", ADDED) if p.added else ("moved", MOVED)
        source.define(name, text, alone=True)
        x = source.read(p.x, (prod(p.x.shape),))
        at = source.place((*p.shape, *p.here, *p.there, p.start, p.to))
        source.lines.append(f"{name}({x}, {y}, sizes, {at})")
    source.work += prod(node.out.shape)
