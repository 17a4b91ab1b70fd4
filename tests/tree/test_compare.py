"""Mismatches: which path is named, what was found there and what is needed."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet import tree
from funcnet.errors import TreeError

NODES = st.recursive(
    st.integers(),
    lambda children: st.one_of(
        st.dictionaries(st.text("ab", max_size=2), children, max_size=3),
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(tuple),
    ),
    max_leaves=12,
)


class Pair(NamedTuple):
    left: object
    right: object


def _other_pair():
    class Pair(NamedTuple):
        left: object
        right: object

    Pair.__qualname__ = "Pair"
    Pair.__module__ = "elsewhere"
    return Pair(1, 2)


@dataclass
class Box:
    content: object
    axis: int = field(default=0, metadata={"static": True})


@pytest.mark.parametrize(
    ("needed", "found", "difference"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, (".b", "no such key", "a leaf")),
        ({"a": 1}, {"a": 1, "b": [2]}, (".b", "a list of length 1", "no such key")),
        ({"b": {"c": 1}}, {"a": 0, "b": {"d": 1}}, (".a", "a leaf", "no such key")),
        ({"a": {"c": 1}, "b": 1}, {"a": {"d": 1}, "c": 1}, (".a.c", "no such key", "a leaf")),
        ({"a": {}}, {"a": []}, (".a", "a list of length 0", "a dict without keys")),
        ([1, [2, 3]], [1, [2]], ("[1]", "a list of length 1", "a list of length 2")),
        ([1, (2, 3)], [1, [2, 3]], ("[1]", "a list of length 2", "a tuple of length 2")),
        ({"a": 1}, {"a": (1, 2)}, (".a", "a tuple of length 2", "a leaf")),
        ({"a": {"x": 1, "y z": 2}}, {"a": 1}, (".a", "a leaf", "a dict with the keys 'x', 'y z'")),
        (1, [1], ("", "a list of length 1", "a leaf")),
        ([1], [None], ("[0]", "None", "a leaf")),
        ([None], [1], ("[0]", "a leaf", "None")),
        (Pair(1, 2), (1, 2), ("", "a tuple of length 2", "a Pair")),
        (Pair(1, [2]), Pair(1, 2), (".right", "a leaf", "a list of length 1")),
        (Pair(1, 2), _other_pair(), ("", "a Pair of elsewhere", f"a Pair of {__name__}")),
        (
            OrderedDict(a=1, b=2),
            OrderedDict(b=2, a=1),
            (
                "",
                "an OrderedDict with the keys 'b', 'a'",
                "an OrderedDict with the keys 'a', 'b'",
            ),
        ),
        (
            defaultdict(None, a=1),
            defaultdict(int, a=1),
            (
                "",
                "a defaultdict with the keys 'a' with (<class 'int'>, ('a',))",
                "a defaultdict with the keys 'a' with (None, ('a',))",
            ),
        ),
        ([Box(1, axis=0)], [Box(1, axis=2)], ("[0]", "a Box with (2,)", "a Box with (0,)")),
        (
            [{f"k{i}": i for i in range(10)}],
            [0],
            ("[0]", "a leaf", "a dict with the keys 'k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', ... (10 in all)"),
        ),
    ],
)
def test_first_difference(needed, found, difference):
    assert tree.first_difference(tree.structure(needed), tree.structure(found)) == difference


def test_named_parts_of_a_difference():
    difference = tree.first_difference(tree.structure([1]), tree.structure([[]]))
    assert difference is not None
    assert (difference.path, difference.found, difference.needed) == ("[0]", "a list of length 0", "a leaf")


@given(NODES, NODES)
def test_there_is_a_difference_exactly_when_structures_are_unequal(a, b):
    first, second = tree.structure(a), tree.structure(b)
    there, back = tree.first_difference(first, second), tree.first_difference(second, first)
    if first == second:
        assert there is None
        assert back is None
    else:
        assert there is not None
        assert back == (there.path, there.needed, there.found)


def test_flatten_like():
    assert tree.flatten_like(tree.structure({"a": 0, "b": 0}), {"b": 2, "a": 1}) == [1, 2]


def test_flatten_like_names_the_type_of_a_leaf():
    with pytest.raises(TreeError) as error:
        tree.flatten_like(tree.structure({"a": [0], "b": 0}), {"a": 1.5, "b": 0}, name="the gradient")
    assert str(error.value) == (
        "The structure of the gradient differs at .a\n  found:  a leaf of type float\n  needed: a list of length 1"
    )


def test_mismatch_at_the_root():
    with pytest.raises(
        TreeError, match=r"^The structure of the tree differs at the root\n  found:  a leaf of type int\n"
    ):
        tree.flatten_like(tree.structure([1]), 1)


def test_broadcast_prefix():
    whole = {"a": [1, 2, {"c": 3}], "b": (4,), "d": None}
    assert tree.broadcast_prefix("x", whole) == ["x"] * 4
    assert tree.broadcast_prefix({"a": "x", "b": "y", "d": None}, whole) == ["x", "x", "x", "y"]
    assert tree.broadcast_prefix({"a": ["x", "y", "z"], "b": ("w",), "d": "none"}, whole) == ["x", "y", "z", "w"]


def test_broadcast_prefix_with_none_as_a_leaf():
    prefix, whole = (None, 0), ([1, 2], 3)
    assert tree.broadcast_prefix(prefix, whole, is_leaf=lambda node: node is None) == [None, None, 0]
    with pytest.raises(TreeError) as error:
        tree.broadcast_prefix(prefix, whole, name="in_axes")
    assert str(error.value) == ("The structure of in_axes differs at [0]\n  found:  None\n  needed: a list of length 2")


def test_prefix_that_goes_deeper_than_the_tree():
    with pytest.raises(TreeError) as error:
        tree.broadcast_prefix([0, [1]], [0, 1])
    assert str(error.value) == (
        "The structure of the prefix differs at [1]\n  found:  a list of length 1\n  needed: a leaf"
    )


@given(NODES)
def test_a_tree_is_its_own_prefix(node):
    leaves = tree.leaves(node)
    assert tree.broadcast_prefix(node, node) == leaves
    assert tree.broadcast_prefix(0, node) == [0] * len(leaves)
