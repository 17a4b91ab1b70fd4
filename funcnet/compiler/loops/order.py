"""The order in which equations of a large graph are looked at, so that what can share a loop lies close together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Equation

__all__ = ["gathered"]

#: Equations that one more equation may wait for.
_PENDING = 48


def gathered(equations: Sequence[Equation], fusable: Callable[[Equation], bool]) -> list[Equation]:
    """Return equations in another order in which they can run: chains of fusable ones, one after the other.

    Optimizers update many parameters step by step: the first operation for all of them, then the second one. What
    belongs to one parameter comes first here. Equations only move forward, and only such that loops can take in,
    so that effects and calls keep their order.

    Parameters
    ----------
    equations : sequence of Equation
        In an order in which they can run.
    fusable : callable
        Whether loops can take an equation in.

    Returns
    -------
    list of Equation
        The same equations.
    """
    made = {v: i for i, e in enumerate(equations) for v in e.outputs}
    needs = [sorted({made[v] for v in e.values if v in made}) for e in equations]
    users: list[list[int]] = [[] for _ in equations]
    for i, sources in enumerate(needs):
        for s in sources:
            users[s].append(i)
    moves = [fusable(e) for e in equations]
    done = [False] * len(equations)
    out: list[Equation] = []

    def pending(i: int) -> list[int] | None:
        """Return what has to come before an equation and has not come yet, itself included; None if it has to wait."""
        found, stack = {i}, [i]
        while stack:
            k = stack.pop()
            if not moves[k]:
                return None
            for s in needs[k]:
                if not done[s] and s not in found:
                    found.add(s)
                    stack.append(s)
            if len(found) > _PENDING:
                return None
        return sorted(found)

    for first in range(len(equations)):
        if done[first]:
            continue
        done[first] = True
        out.append(equations[first])
        # What is made, and which of its users comes next.
        chain = [(first, 0)]
        while chain:
            i, k = chain.pop()
            if k == len(users[i]):
                continue
            chain.append((i, k + 1))
            user = users[i][k]
            before = None if done[user] else pending(user)
            for s in before or ():
                done[s] = True
                out.append(equations[s])
            if before:
                chain += [(s, 0) for s in reversed(before)]
    return out
