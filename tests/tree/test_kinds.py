"""Classes of nodes: the built-in ones and those that are registered."""

import enum
import random
import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet import tree
from funcnet.errors import ParameterError, TreeError


class Point(NamedTuple):
    x: object
    y: object


class Shifted(Point):
    """A subclass of a named tuple."""


@dataclass
class Moments:
    mean: object
    variance: object
    count: ClassVar[int] = 3
    axis: int = field(default=0, metadata={"static": True})


@dataclass(frozen=True, slots=True)
class Frozen:
    first: object
    second: object = field(init=False, default=5)

    def __post_init__(self) -> None:
        if not isinstance(self.first, int):
            raise TypeError("first is no int")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@pytest.mark.parametrize("node", [{}, [], (), None, Point(1, 2), Shifted(1, 2), OrderedDict(b=1, a=2)])
def test_builtin_nodes_come_back_as_they_were(node):
    leaves, treedef = tree.flatten(node)
    again = tree.unflatten(treedef, leaves)
    assert again == node
    assert type(again) is type(node)


def test_defaultdict_keeps_its_factory():
    node = defaultdict(list, b=1, a=2)
    leaves, treedef = tree.flatten(node)
    again = tree.unflatten(treedef, leaves)
    assert leaves == [2, 1]
    assert again == node
    assert again["new"] == []


def test_none_holds_no_leaf():
    assert tree.leaves([None, 1, {"a": None}]) == [1]
    assert tree.map(lambda leaf: leaf + 1, (None, 1)) == (None, 2)


def test_dataclass_fields_are_leaves_and_static_fields_structure():
    node = Moments(mean=1, variance=[2, 3], axis=4)
    leaves, treedef = tree.flatten(node)
    assert leaves == [1, 2, 3]
    assert treedef.unflatten(leaves) == node
    assert tree.paths(node) == [".mean", ".variance[0]", ".variance[1]"]
    assert treedef != tree.structure(Moments(mean=1, variance=[2, 3], axis=5))


def test_dataclass_is_rebuilt_without_its_init():
    mapped = tree.map(str, Frozen(1))
    assert isinstance(mapped, Frozen)
    assert (mapped.first, mapped.second) == ("1", "5")


def test_a_dataclass_itself_is_a_leaf():
    assert tree.leaves([Moments]) == [Moments]


def test_unknown_subclasses_of_containers_are_leaves():
    class Special(dict):
        pass

    node = Special(a=1)
    assert tree.leaves([node])[0] is node


@pytest.mark.parametrize(
    "keys",
    [
        ["b", "a", "A", ""],
        [3, 1, 2],
        [True, 0, 2],
        [1, "a", (2, "b"), None, 2.5],
        [Color.RED, Color.BLUE],
        [frozenset({1}), frozenset({2}), frozenset({1, 2})],
        [float("nan"), 1.0, 0.0, 2.0],
        [(1, "a"), (1, None), ("b",)],
    ],
)
def test_order_of_insertion_does_not_matter(keys):
    shuffle = random.Random(0).shuffle
    nodes = []
    for _ in range(20):
        shuffle(keys)
        nodes.append({key: repr(key) for key in keys})
    first = tree.flatten(nodes[0])
    for node in nodes:
        assert tree.flatten(node) == first
        assert tree.unflatten(first[1], first[0]) == node


@given(
    st.dictionaries(
        st.one_of(st.text(), st.integers(), st.tuples(st.integers(), st.text()), st.booleans()), st.integers()
    )
)
def test_any_keys_in_any_order(node):
    backwards = dict(reversed(node.items()))
    assert tree.flatten(backwards) == tree.flatten(node)
    assert hash(tree.structure(backwards)) == hash(tree.structure(node))


def test_keys_that_cannot_be_compared_are_sorted_by_type_name_and_repr():
    assert tree.leaves({"a": 0, 10: 1, 9: 2, None: 3, (1,): 4}) == [3, 1, 2, 0, 4]


class Interval:
    def __init__(self, low, high, closed=True):
        self.low, self.high, self.closed = low, high, closed


tree.register(
    Interval, lambda v: ((v.low, v.high), v.closed), lambda closed, c: Interval(*c, closed), names=("low", "high")
)


class Bag:
    def __init__(self, items):
        self.items = items


tree.register(
    Bag, lambda bag: (iter(bag.items.values()), tuple(bag.items)), lambda k, c: Bag(dict(zip(k, c, strict=True))), list
)


class Ring:
    def __init__(self, *items):
        self.items = items


tree.register(Ring, lambda ring: (ring.items, None), lambda _, children: Ring(*children))


def test_registered_class():
    node = {"i": Interval(1, [2], closed=False)}
    leaves, treedef = tree.flatten(node)
    again = treedef.unflatten(leaves)
    assert leaves == [1, 2]
    assert isinstance(again["i"], Interval)
    assert (again["i"].low, again["i"].high, again["i"].closed) == (1, [2], False)
    assert treedef != tree.structure({"i": Interval(1, [2], closed=True)})


def test_names_of_registered_children():
    assert tree.paths(Interval(1, (2,))) == [".low", ".high[0]"]
    assert tree.paths(Bag({"a": 1, 3: 2, "b c": 3})) == [".a", "[3]", "['b c']"]
    assert tree.paths(Ring(1, 2)) == ["[0]", "[1]"]


def test_subclasses_of_registered_classes_are_leaves():
    class Sub(Interval):
        pass

    node = Sub(1, 2)
    assert tree.leaves(node) == [node]


def test_registered_leaf():
    class Unit(NamedTuple):
        name: str

    @dataclass
    class Spec:
        shape: tuple

    tree.register_leaf(Unit)
    tree.register_leaf(Spec)
    leaves = [Unit("m"), Spec((1, 2))]
    assert tree.leaves(leaves) == leaves


def test_registration_after_use():
    class Late:
        pass

    node = Late()
    assert tree.leaves(node) == [node]
    tree.register(Late, lambda _: ((1,), None), lambda _, __: Late())
    assert tree.leaves(node) == [1]


@pytest.mark.parametrize("cls", [dict, type(None), Interval])
def test_second_registration_is_refused(cls):
    with pytest.raises(TreeError) as error:
        tree.register(cls, lambda node: ((), node), lambda node, _: node)
    assert str(error.value) == (
        f"The class {cls.__qualname__} is registered already.\n"
        "  found:  a second registration\n"
        "  needed: one registration for each class"
    )


def test_only_classes_can_be_registered():
    with pytest.raises(ParameterError) as error:
        tree.register_leaf(3)  # pyright: ignore[reportArgumentType]
    assert str(error.value) == "Only a class can be registered.\n  found:  3\n  needed: a class"


def test_wrong_flatten_function():
    class Wrong:
        pass

    tree.register(Wrong, lambda _: [1, 2], lambda _, __: Wrong())  # pyright: ignore[reportArgumentType]
    with pytest.raises(TreeError) as error:
        tree.flatten(Wrong())
    assert str(error.value) == (
        "The registered flatten function of test_wrong_flatten_function.<locals>.Wrong is wrong.\n"
        "  found:  [1, 2]\n"
        "  needed: a tuple (children, aux)"
    )


def test_wrong_names():
    class Wrong:
        pass

    tree.register(Wrong, lambda _: ((1, 2), None), lambda _, __: Wrong(), names=("a",))
    with pytest.raises(TreeError) as error:
        tree.paths(Wrong())
    assert str(error.value) == (
        "The registered names of test_wrong_names.<locals>.Wrong do not fit its children.\n"
        "  found:  1 names\n"
        "  needed: 2 names"
    )


def test_threads_may_register_while_others_flatten():
    classes = [type(f"C{i}", (), {}) for i in range(200)]
    start = threading.Barrier(4)
    refused, wrong = [], []

    def enter():
        start.wait()
        for cls in classes:
            try:
                tree.register(cls, lambda _: ((1, 2), None), lambda _, __: None)
            except TreeError:
                refused.append(cls)

    def read():
        start.wait()
        for cls in classes:
            wrong.extend(leaves for leaves in [tree.leaves([cls()])] if len(leaves) not in (1, 2))

    threads = [threading.Thread(target=f) for f in (enter, enter, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(refused) == len(classes)
    assert all(tree.leaves(cls()) == [1, 2] for cls in classes)
