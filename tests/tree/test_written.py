"""Functions written for one structure do what `flatten` and `unflatten` do."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet import tree
from funcnet.tree.kinds import kinds
from funcnet.tree.written import putter, taker


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Record:
    array: Any
    size: int = field(default=3, metadata={"static": True})


def nodes(children: Any) -> Any:
    keys = st.sampled_from(["w", "a'b\\n", "", "0"])
    return st.one_of(
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(tuple),
        st.dictionaries(keys, children, max_size=3),
        st.dictionaries(st.integers(0, 3) | keys, children, max_size=3),
        st.dictionaries(keys, children, max_size=2).map(OrderedDict),
        st.dictionaries(keys, children, max_size=2).map(lambda d: defaultdict(list, d)),
        st.builds(Pair, children, children),
        st.builds(Record, children, st.integers(0, 2)),
        st.none(),
    )


TREES = st.recursive(st.floats(allow_nan=False), nodes, max_leaves=8)


@given(TREES, TREES)
def test_like_those_for_any_structure(one: Any, other: Any) -> None:
    leaves, treedef = tree.flatten(one)
    take, put = taker(treedef), putter(treedef)
    assert take(one) == leaves
    assert put(leaves) == tree.unflatten(treedef, leaves) == one
    found = take(other)
    if found is not None:
        # It may have nodes in the place of leaves, which the caller looks for.
        assert tree.unflatten(treedef, found) == other
    if tree.structure(other) == treedef:
        assert found == tree.leaves(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 2), (1, 2, 3)),
        ((1, 2), (1,)),
        ((1, 2), [1, 2]),
        ((1, 2), Pair(1, 2)),
        (((),), ((1,),)),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, OrderedDict(a=1)),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
        ({1: 1}, {2: 1}),
        (Record(1), Record(1, 4)),
        ([None], [1]),
        ([{"a": (1, 2)}], [1]),
    ],
)
def test_other_structures(one: Any, other: Any) -> None:
    assert taker(tree.structure(one))(one) == tree.leaves(one)
    assert taker(tree.structure(one))(other) is None


def test_results_are_new() -> None:
    put = putter(tree.structure(({}, [1], {"a": []})))
    first, second = put([1]), put([2])
    assert (first, second) == (({}, [1], {"a": []}), ({}, [2], {"a": []}))
    assert first[0] is not second[0]
    assert first[2]["a"] is not second[2]["a"]


def test_a_class_that_is_registered_later() -> None:
    class Later(NamedTuple):
        left: Any
        right: Any

    take = taker(tree.structure([Later(1, 2)]))
    assert take([Later(1, 2)]) == [1, 2]
    tree.register(Later, lambda node: ((node.right,), node.left), lambda left, items: Later(left, *items))
    try:
        assert take([Later(1, 2)]) is None
    finally:
        del kinds[Later]
