"""Steps that wait for each other no longer than they have to: what several threads run between two barriers.

Steps that follow each other and are independent are one group. The team gets it as one step, whose parts are hands:
lists of parts of its steps, with about as much to do for each thread. Small steps, which have one part, go where there
is least to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from funcnet.compiler.team.uses import OWN, Memory, Use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.team.entries import Kernel
    from funcnet.compiler.team.segments import Fixed, Given

__all__ = ["EACH", "HAND", "ITEM_WORDS", "Item", "Work", "grouped", "hands"]

#: Weighted element operations that a thread has to have, some 3 microseconds: posting and waiting take 1.5.
EACH = 50_000
#: Words of an item in memory: entry, table, bounds, number of the part.
ITEM_WORDS = 5

#: What a thread does: the items from `lo` to before `hi`, of a list in memory.
HAND = f"""
def loop(lo, hi, part, items):
    for i in range(lo, hi):
        at = items + {8 * ITEM_WORDS} * i
        entry, table = load_relaxed(at), load_relaxed(at + 8)
        if call_entry(entry, load_relaxed(at + 16), load_relaxed(at + 24), load_relaxed(at + 32), table) != 0:
            raise MemoryError
"""


class Work(NamedTuple):
    """A step.

    Attributes
    ----------
    kernel : Kernel
        What it calls.
    bounds : tuple of int
        What its parts have to do.
    arguments : list of Fixed or Given
        What it calls it with.
    uses : tuple of Use, or None
        The memory that it uses, None if that is not known.
    amount : int
        Weighted element operations, about.
    """

    kernel: Kernel
    bounds: tuple[int, ...]
    arguments: list[Fixed | Given]
    uses: tuple[Use, ...] | None = None
    amount: int = 0

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return len(self.bounds) - 1


class Item(NamedTuple):
    """A part of a step as a thread does it: which step of the group, which bounds, and the number that it is told."""

    step: int
    bound: int
    number: int


def grouped(steps: Sequence[Work]) -> list[list[Work]]:
    """Return the steps in their order, those that may run at the same time together."""
    groups: list[list[Work]] = []
    memory: Memory | None = None
    for step in steps:
        if step.uses is None:
            groups.append([step])
            memory = None
            continue
        if memory is None or not memory.admits(step.uses):
            groups.append([])
            memory = Memory()
        groups[-1].append(step)
        memory.add(step.uses)
    return groups


def hands(group: Sequence[Work], threads: int) -> list[list[Item]]:
    """Return what each thread does of a group, at most so many; with one there is nothing to share.

    Part k of a step is in hand k, so that the same rows stay in the same cache from one step to the next.
    """
    most = max([s.parts for s in group])
    count = max(most, min(threads, sum([s.amount for s in group]) // EACH, sum([s.parts for s in group])))
    found: list[list[Item]] = [[] for _ in range(count)]
    load = [0] * count
    for i, step in enumerate(group):
        if step.parts > 1:
            for k in range(step.parts):
                found[k].append(Item(i, k, k))
                load[k] += step.amount // step.parts
    alone = [i for i, step in enumerate(group) if step.parts == 1]
    for i in sorted(alone, key=lambda i: -group[i].amount):
        k = load.index(min(load))
        # Rows of scratch memory belong to hands.
        roams = any([u.kind == OWN for u in group[i].uses or ()])
        found[k].append(Item(i, 0, k if roams else 0))
        load[k] += max(group[i].amount, 1)
    return [sorted(items) for items in found if items]
