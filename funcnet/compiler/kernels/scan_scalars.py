"""Loops over steps of a few numbers, which stay in registers from step to step."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.scalar_memory import Memory, indexed
from funcnet.compiler.kernels.scalars import ELEMENTS, Scalars, TooLong, few, named
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, in_turns
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.passes import optimised

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from funcnet.compiler.graph import Equation, Graph, Value
    from funcnet.compiler.kernels.special import Compile

__all__ = ["NESTED", "TURN", "ended", "scan_of_scalars", "while_of_scalars"]

#: Operations, with weights, after which a loop without a known end asks whether somebody has interrupted it.
TURN = 1 << 26
#: Those of a loop in another one, after which all of it is done step by step.
NESTED = 1 << 32


def scan_of_scalars(e: Equation) -> Special | None:
    """Return the kernel of a loop of known length, None where its steps are too large."""
    call: Any = e.primitive
    step: Graph = call.regions[0]
    if not few(step, 1, memory=True):
        return None
    step = optimised(lowered(step))
    writer = Scalars()
    first, count = call.held + call.carried, len(step.inputs)
    places = _in_memory(step)
    head, start, elements = _begin(step.inputs[:first], call.held, count, places)
    lines: list[str] = []
    for i, v in enumerate(step.inputs[first:], first):
        if i in places:
            elements.append(Memory(f"a{i}[t, {{}}]", v.shape, 0, [0], given=True))
            continue
        names = [f"x{i}_{j}" for j in range(prod(v.shape))]
        lines += [f"{name} = a{i}[t, {j}]" for j, name in enumerate(names)]
        elements.append(named(names, v.shape))
    try:
        found = writer.run(step, elements)
    except TooLong:
        return None
    if not _stay(start, found[: call.carried]) or any([y.__class__ is Memory for y in found[call.carried :]]):
        return None
    lines += writer.lines
    for i, y in enumerate(found[call.carried :], count + call.carried):
        lines += [f"a{i}[t, {j}] = {name}" for j, name in enumerate(y.reshape(-1))]
    lines += _carried(found[: call.carried], start)
    variables = [(i, names) for i, names in enumerate(start, count) if names.__class__ is not Memory]
    end = [f"    a{i}[{j}] = {name}" for i, names in variables for j, name in enumerate(names.reshape(-1))]
    checked = any(["wrong[0]" in line for line in lines])
    names = [*[f"a{i}" for i in range(count + len(step.outputs))], *["wrong"] * checked]
    order = "steps - 1 - k" if call.reverse_order else "k"
    text = "\n".join(
        [
            f"def loop(lo, hi, part, steps, {', '.join(names)}):",
            *head,
            "    for k in range(steps):",
            f"        t = {order}",
            *[f"        {line}" for line in lines],
            *end,
            "",
        ]
    )
    shapes = [(prod(v.shape),) for v in step.inputs[:first]]
    shapes += [(call.length, prod(v.shape)) for v in step.inputs[first:]]
    shapes += [(prod(v.shape),) for v in step.outputs[: call.carried]]
    shapes += [(call.length, prod(v.shape)) for v in step.outputs[call.carried :]]
    given = [Of(i, s) for i, s in enumerate(shapes)]

    def build(compile: Compile, threads: int) -> Steps:  # noqa: ARG001  # one thread does it
        types = [*_types([*step.inputs, *step.outputs], given), *["int64[::1]"] * checked]
        function = compile(text, f"void({', '.join(['int64'] * 4 + types)})")
        if not checked:
            return Steps([Step(function, (0, 1), [call.length, *given])])
        wrong = np.zeros(8, np.int64)
        return Steps([Step(function, (0, 1), [call.length, *given, wrong])], bad=wrong, otherwise=by_steps)

    def by_steps(*arrays: Any) -> None:
        """Make the steps one by one, which says what is wrong with an index."""
        for y, x in zip(arrays[count:], call.evaluate(*arrays[:count]), strict=True):
            y[...] = x

    return Special("whole scan", build)


def _in_memory(graph: Graph) -> set[int]:
    """Return which inputs stay in memory: what indices are used with, and what is large."""
    found = indexed(graph)
    return {i for i, v in enumerate(graph.inputs) if v in found or prod(v.shape) > ELEMENTS}


def _stay(start: Sequence[Any], found: Sequence[Any]) -> bool:
    """Whether carries that are in memory are what they become there, and no others are."""
    for x, y in zip(start, found, strict=True):
        if (x.__class__ is Memory) != (y.__class__ is Memory):
            return False
        if x.__class__ is Memory and (y.now is not x.now or y.changes != y.now[0]):
            return False
    return True


def while_of_scalars(e: Equation, *, nested: bool = False) -> Special | None:
    """Return the kernel of a loop until a condition fails, None where it is too large.

    One that is `nested` in another loop goes on for longer, and what it has not finished then is wrong.
    """
    call: Any = e.primitive
    condition, step = call.regions
    if not (few(condition, 1) and few(step, 1)) or call.meta.get("effect"):
        return None
    head, start, given = _begin(step.inputs, call.held)
    writer = Scalars()
    try:
        (goes_on,) = writer.run(condition, given)
        writer.lines += [f"if not {goes_on.item()}:", "    going = 0", "    break"]
        found = writer.run(step, given)
    except TooLong:
        return None
    count = len(step.inputs)
    lines = [*writer.lines, *_carried(found, start)]
    turns = max(1, (NESTED if nested else TURN) // max(1, writer.work))
    end = [
        f"    a{count + i}[{j}] = {name}" for i, names in enumerate(start) for j, name in enumerate(names.reshape(-1))
    ]
    text = "\n".join(
        [
            f"def loop(lo, hi, part, unfinished, {', '.join([f'a{i}' for i in range(count + len(step.outputs))])}):",
            "    going = 1",
            *head,
            "    for turn in range(hi):",
            *[f"        {line}" for line in lines],
            *end,
            *ended(nested),
            "",
        ]
    )
    values = [*step.inputs, *step.outputs]
    given = [Of(i, (prod(v.shape),)) for i, v in enumerate(values)]

    def build(compile: Compile, threads: int) -> Steps:  # noqa: ARG001  # one thread does it
        function = compile(text, f"void({', '.join([*['int64'] * 3, 'int64[::1]', *_types(values, given)])})")
        unfinished = np.zeros(1, np.int64)
        if nested:
            return Steps([Step(function, (0, turns), [unfinished, *given])], bad=unfinished)
        # The carries that it has come to are those that it begins with the next time.
        again = Step(function, (0, turns), [unfinished, *given[: call.held], *given[count:], *given[count:]])
        return in_turns([Step(function, (0, turns), [unfinished, *given])], again, unfinished)

    return Special("whole while loop", build)


def ended(nested: bool) -> list[str]:
    """Return lines that say whether a loop has come to its end; a `nested` one is not alone in saying so."""
    return ["    if going != 0:", "        unfinished[0] = 1"] if nested else ["    unfinished[0] = going"]


def _begin(
    inputs: Sequence[Value], held: int, count: int = 0, places: Collection[int] = ()
) -> tuple[list[str], list[Any], list[Any]]:
    """Return lines before the steps, the variables of the carries, and those of everything that comes in.

    What has a place in memory is read there, and carries where their results are.
    """
    head: list[str] = []
    given: list[Any] = []
    for i, v in enumerate(inputs):
        if i in places:
            place = f"a{i if i < held else count + i - held}"
            if i >= held:
                head += [f"    for j in range(a{i}.shape[0]):", f"        {place}[j] = a{i}[j]"]
            given.append(Memory(f"{place}[{{}}]", v.shape, 0, [0], given=i < held))
            continue
        names = [f"{'h' if i < held else 'c'}{i}_{j}" for j in range(prod(v.shape))]
        head += [f"    {name} = a{i}[{j}]" for j, name in enumerate(names)]
        given.append(named(names, v.shape))
    return head, given[held:], given


def _carried(found: Sequence[Any], start: Sequence[Any]) -> list[str]:
    """Return lines that make what a step found what the next one begins with, all at once."""
    pairs = [
        (name, new)
        for names, values in zip(start, found, strict=True)
        if names.__class__ is not Memory
        for name, new in zip(names.reshape(-1), values.reshape(-1), strict=True)
        if name != new
    ]
    own = {name for name, _ in pairs}
    # One carry may become another, which has changed by then.
    lines = [f"{name}_ = {new}" for name, new in pairs if new in own]
    return [*lines, *[f"{name} = {name}_" if new in own else f"{name} = {new}" for name, new in pairs]]


def _types(values: Sequence[Value], given: Sequence[Of]) -> list[str]:
    """Return Numba's names for the arrays of values."""
    found = []
    for v, (_, shape) in zip(values, given, strict=True):
        name = str(np.dtype(v.dtype))
        found.append(f"{'boolean' if name == 'bool' else name}[{':, ' * (len(shape) - 1)}::1]")
    return found
