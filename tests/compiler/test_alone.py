"""Arrays that nobody else shows the memory of, found in one native call."""

import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet.compiler import alone
from funcnet.compiler.loops.build import available

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "can be compiled")


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    alone.prepare()


def shown(count: int = 3) -> tuple[list[np.ndarray], tuple[np.ndarray, ...]]:
    """Return arrays and what shows their memory; the list holds one reference to each, the other array another."""
    memory = [np.arange(12.0, dtype=np.float32).reshape(3, 4) + k for k in range(count)]
    return memory, tuple([m[...] for m in memory])


def test_arrays_that_are_alone() -> None:
    memory, arrays = shown()
    place = id(memory[0])
    assert alone.count_at(place) == 2
    assert alone.all_alone(arrays, 2)
    assert alone.all_alone((), 2)
    assert memory[0][0, 0] == 0.0


@pytest.mark.parametrize("place", range(3))
def test_one_more_view(place: int) -> None:
    memory, arrays = shown()
    view = arrays[place][1:]
    assert view.base is memory[place]
    assert not alone.all_alone(arrays, 2)
    del view
    assert alone.all_alone(arrays, 2)


def test_one_more_reference() -> None:
    memory, arrays = shown()
    held = memory[1]
    assert not alone.all_alone(arrays, 2)
    assert held is memory[1]


def read_only(m: np.ndarray) -> np.ndarray:
    y = m[...]
    y.flags.writeable = False
    return y


@pytest.mark.parametrize(
    "other",
    [
        read_only,
        lambda m: m[1:],
        lambda m: m[:, ::2],
        lambda m: m.T,
        lambda m: m[::-1],
        lambda m: m.reshape(4, 3),
        lambda m: m.reshape(-1),
        lambda m: m.view(np.int32),
        lambda m: np.broadcast_to(m[:1], (3, 4)),
        lambda m: m.copy(),
    ],
)
def test_what_does_not_show_all_of_it(other: Callable[[np.ndarray], np.ndarray]) -> None:
    memory = np.arange(12.0, dtype=np.float32).reshape(3, 4).copy()
    array, whole = other(memory), memory[...]
    references = alone.count_at(id(memory))
    assert alone.all_alone((whole,), references)
    assert not alone.all_alone((array,), alone.count_at(id(memory)))
    assert not alone.all_alone((whole, array), references)


def test_elements_in_another_order() -> None:
    memory = np.asfortranarray(np.ones((3, 4)))
    view = memory[...]
    assert view.strides == memory.strides
    assert not alone.all_alone((view,), 2)


def test_an_array_of_its_own() -> None:
    assert not alone.all_alone((np.ones(3),), 2)


def test_numbers_that_say_nothing() -> None:
    _, arrays = shown()
    assert not alone.all_alone(arrays, 0)


KINDS = [
    ((3, 4), np.dtype(np.float32)),
    ((), np.dtype(np.float64)),
    ((0, 2), np.dtype(np.int64)),
    ((5,), np.dtype(bool)),
]


def test_arrays_of_these_kinds() -> None:
    arrays = [np.zeros(shape, dtype) for shape, dtype in KINDS]
    alike = alone.Alike(KINDS)
    assert alike(tuple(arrays))
    assert alike((arrays[0].T.copy().T, *arrays[1:]))
    assert not alike(tuple(arrays[:3]))
    assert not alike((*arrays, arrays[0]))
    assert alone.Alike([])(())


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.astype(np.complex64),
        lambda a: a.astype(a.dtype.newbyteorder()) if a.itemsize > 1 else a.astype(np.int8),
        lambda a: a[None],
        lambda a: np.zeros((*a.shape[:-1], a.shape[-1] + 1) if a.ndim else (1,), a.dtype),
        lambda a: a.view(type("Other", (np.ndarray,), {})),
        lambda a: np.ma.array(a),
        lambda a: None,
        lambda a: [a],
    ],
)
def test_other_kinds(place: int, change: Callable[[np.ndarray], object]) -> None:
    arrays: list[object] = [np.zeros(shape, dtype) for shape, dtype in KINDS]
    arrays[place] = change(arrays[place])  # type: ignore[arg-type]
    assert not alone.Alike(KINDS)(tuple(arrays))


def test_numbers_are_no_arrays() -> None:
    assert not alone.Alike([((), np.dtype(np.float32))])((np.float32(1.0),))


def test_contiguous() -> None:
    x = np.zeros((4, 6))
    fine = (x, x[1:], x[2], np.zeros(()), np.zeros((3, 0)), x[:, :1].copy())
    assert alone.contiguous(fine)
    for other in (x.T, x[:, 1:], x[::2], np.float32(1.0), None, x.view(type("Other", (np.ndarray,), {}))):
        assert not alone.contiguous((*fine, other))
    assert alone.contiguous(())


class Owner(np.ndarray):
    """What memory belongs to."""


def test_memory_of_an_owner() -> None:
    memory = np.ndarray((3, 4), np.float32, Owner((48,), np.uint8))
    array = memory[...]
    assert memory.base.__class__ is Owner
    _, others = shown()
    assert alone.all_alone((array,), 2, Owner)
    assert not alone.all_alone((array,), 2, np.matrix)
    assert not alone.all_alone((array, *others), 2, Owner)
    assert alone.all_alone((array,), 2)


@pytest.mark.parametrize(
    "other", [3.0, None, np.float32(3), np.ones(3).view(Owner), "text"], ids=lambda x: type(x).__name__
)
def test_what_is_no_array(other: object) -> None:
    _, arrays = shown()
    assert not alone.all_alone((*arrays, other), 2)
    assert not alone.all_alone((other,), 2, Owner)


def test_arrays_that_trade_places_with_views() -> None:
    memory, arrays = shown()
    element = np.ndarray((), object)
    element[()] = "given away"
    others = tuple([element[...] for _ in arrays])
    first: Any = arrays[0]
    held = memoryview(first)
    watched = [weakref.ref(a) for a in arrays]
    references = [sys.getrefcount(m) for m in memory]
    assert not alone.all_alone(arrays, 3, None, others)
    assert arrays[0].base is memory[0]
    assert alone.all_alone(arrays, 2, None, others)
    for k, (m, a, new) in enumerate(zip(memory, arrays, others, strict=True)):
        assert a.base is element
        assert a.shape == ()
        assert a.dtype == object
        assert a.item() == "given away"
        assert new.base is m
        np.testing.assert_array_equal(new, np.arange(12.0, dtype=np.float32).reshape(3, 4) + k)
        new += 1.0
        assert m[0, 0] == k + 1.0
    del m, a, new, first
    # What belongs to the objects has stayed with them.
    assert [w() for w in watched] == list(arrays)
    assert held.obj is arrays[0]
    assert held.shape == (3, 4)
    assert [sys.getrefcount(m) for m in memory] == references
    assert sys.getrefcount(element) == 2 + len(arrays)
    held.release()
    del arrays
    assert sys.getrefcount(element) == 2
    del others
    assert [sys.getrefcount(m) for m in memory] == [r - 1 for r in references]
