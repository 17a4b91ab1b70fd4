"""Which uses of memory may come at the same time."""

import numpy as np
import pytest

from funcnet.compiler.team.uses import OWN, READ, WRITE, Memory, Use

BLOCK = np.zeros(1000, np.float32)


def free(first: list[Use], second: list[Use]) -> bool:
    memory = Memory()
    memory.add(first)
    found = memory.admits(second)
    # Who comes first makes no difference.
    memory = Memory()
    memory.add(second)
    assert memory.admits(first) == found
    return found


@pytest.mark.parametrize("root", ["x", BLOCK[10:20]])
def test_kinds(root: object) -> None:
    kinds = {(a, b): free([Use(root, a)], [Use(root, b)]) for a in (READ, WRITE, OWN) for b in (READ, WRITE, OWN)}  # type: ignore[arg-type]
    assert {pair for pair, may in kinds.items() if may} == {(READ, READ), (OWN, OWN)}
    # Twice in one step is its own business.
    Memory().add([Use(root, READ), Use(root, WRITE)])  # type: ignore[arg-type]


def test_names() -> None:
    assert free([Use("x", WRITE), Use("z", READ)], [Use("y", WRITE), Use("z", READ)])
    assert not free([Use("x", WRITE), Use("z", READ)], [Use("y", WRITE), Use("x", READ)])
    assert free([Use("x", WRITE)], [Use(BLOCK, WRITE)])


def test_views_of_one_block() -> None:
    square = BLOCK[:900].reshape(30, 30)
    assert free([Use(BLOCK[:10], WRITE)], [Use(BLOCK[10:20], WRITE)])
    assert not free([Use(BLOCK[:11], WRITE)], [Use(BLOCK[10:20], READ)])
    assert not free([Use(BLOCK, READ)], [Use(square.T[3], WRITE)])
    # Another type, and one byte.
    assert not free([Use(BLOCK.view(np.uint8)[44:45], WRITE)], [Use(BLOCK[11:12], READ)])
    assert free([Use(BLOCK.view(np.uint8)[44:45], WRITE)], [Use(BLOCK[10:11], READ)])
    # Side by side in each row.
    assert free([Use(square[:, :10], WRITE)], [Use(square[:, 10:20], WRITE)])
    assert not free([Use(square[:, :11], WRITE)], [Use(square[:, 10:20], WRITE)])
    assert free([Use(BLOCK[::2], WRITE)], [Use(BLOCK[1::2], WRITE)])
    assert free([Use(BLOCK[:0], WRITE)], [Use(BLOCK, WRITE)])
    assert free([Use(BLOCK[5:5], WRITE)], [Use(BLOCK[4:6], WRITE)])


def test_random_views_as_sets_of_bytes() -> None:
    rng = np.random.default_rng(3)
    bytes_of = np.arange(BLOCK.nbytes).reshape(-1, 4)

    def view() -> tuple[np.ndarray, set[int]]:
        start, count = int(rng.integers(0, 900)), int(rng.integers(0, 40))
        step = int(rng.integers(1, 4))
        span = slice(start, start + count, step)
        return BLOCK[span], set(bytes_of[span].ravel().tolist())

    admitted = 0
    for _ in range(60):
        memory, held = Memory(), {READ: set(), WRITE: set(), OWN: set()}
        for _ in range(30):
            uses, wanted, mine = [], True, []
            for _ in range(int(rng.integers(1, 4))):
                array, own = view()
                kind = (READ, READ, WRITE, OWN)[rng.integers(4)]
                against = {READ: (WRITE, OWN), WRITE: (READ, WRITE, OWN), OWN: (READ, WRITE)}[kind]
                wanted = wanted and all(held[other].isdisjoint(own) for other in against)
                uses.append(Use(array, kind))
                mine.append((kind, own))
            assert memory.admits(uses) == wanted
            if wanted:
                admitted += 1
                memory.add(uses)
                for kind, own in mine:
                    held[kind] |= own
    assert admitted > 300
