"""Flattening, structures and paths."""

import pickle
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet import tree
from funcnet.errors import TreeError


class Pair(NamedTuple):
    left: object
    right: object


@dataclass
class Box:
    content: object
    other: object = None


_KEYS = st.one_of(st.text("abc_ ", max_size=4), st.integers(-3, 3), st.none())


def _nodes(children: st.SearchStrategy, keys: st.SearchStrategy) -> st.SearchStrategy:
    dicts = st.dictionaries(keys, children, max_size=4)
    return st.one_of(
        dicts,
        st.lists(children, max_size=4),
        st.lists(children, max_size=4).map(tuple),
        st.builds(Pair, children, children),
        dicts.map(OrderedDict),
        dicts.map(lambda node: defaultdict(int, node)),
    )


_LEAVES = st.one_of(st.integers(), st.none(), st.text(max_size=2))
TREES = st.recursive(
    _LEAVES, lambda children: st.one_of(_nodes(children, _KEYS), st.builds(Box, children, children)), max_leaves=20
)
# What JAX knows without registration, with keys that it can sort.
JAX_TREES = st.recursive(_LEAVES, lambda children: _nodes(children, st.text("abc_ ", max_size=4)), max_leaves=20)


def _reordered(node):
    """Build the tree again, its dicts in the opposite order of insertion."""
    if type(node) is dict:
        return {key: _reordered(node[key]) for key in reversed(node)}
    if type(node) in (list, tuple):
        return type(node)(_reordered(child) for child in node)
    return node


@given(TREES)
def test_round_trip(node):
    leaves, treedef = tree.flatten(node)
    again = tree.unflatten(treedef, leaves)
    assert again == node
    assert tree.structure(again) == treedef
    assert len(leaves) == treedef.num_leaves
    assert len(set(treedef.paths())) == len(leaves)


@given(TREES)
@pytest.mark.requirement("DX26")
def test_order_of_dicts_does_not_matter(node):
    other = _reordered(node)
    assert tree.flatten(other) == tree.flatten(node)
    assert hash(tree.structure(other)) == hash(tree.structure(node))
    assert tree.paths(other) == tree.paths(node)


@given(TREES, TREES)
def test_equality_of_structures_is_that_of_trees_without_leaves(a, b):
    first, second = tree.structure(a), tree.structure(b)
    blank_a, blank_b = (d.unflatten([0] * d.num_leaves) for d in (first, second))
    if first == second:
        assert blank_a == blank_b
        assert hash(first) == hash(second)
    else:
        assert repr(first) != repr(second) or blank_a != blank_b or type(blank_a) is not type(blank_b)


@given(TREES)
def test_structures_pickle(node):
    treedef = tree.structure(node)
    again = pickle.loads(pickle.dumps(treedef))
    assert again == treedef
    assert again.num_leaves == treedef.num_leaves


@given(TREES)
def test_a_path_leads_to_its_leaf(node):
    for path, leaf in tree.flatten_with_paths(node)[0]:
        found = eval("node" + path, {"node": _Reach(node)})
        assert found.at is leaf


class _Reach:
    """Lets ``.name`` reach dict keys as it reaches attributes."""

    def __init__(self, at):
        self.at = at

    def __getattr__(self, name):
        return _Reach(self.at[name] if isinstance(self.at, dict) else getattr(self.at, name))

    def __getitem__(self, key):
        return _Reach(self.at[key])


@given(JAX_TREES)
def test_agrees_with_jax(node):
    jax = pytest.importorskip("jax", reason="JAX, the oracle, is not installed")
    leaves, treedef = tree.flatten(node)
    theirs, their_treedef = jax.tree_util.tree_flatten(node)
    assert leaves == theirs
    fresh = list(range(len(leaves)))
    assert treedef.unflatten(fresh) == jax.tree_util.tree_unflatten(their_treedef, fresh)


@given(JAX_TREES, JAX_TREES)
def test_structures_are_equal_when_they_are_in_jax(a, b):
    jax = pytest.importorskip("jax", reason="JAX, the oracle, is not installed")
    theirs = jax.tree_util.tree_structure(a) == jax.tree_util.tree_structure(b)
    assert (tree.structure(a) == tree.structure(b)) == theirs


@given(JAX_TREES)
def test_is_leaf_agrees_with_jax(node):
    jax = pytest.importorskip("jax", reason="JAX, the oracle, is not installed")

    def is_leaf(inner):
        return inner is None or type(inner) is tuple

    leaves, treedef = tree.flatten(node, is_leaf=is_leaf)
    theirs, _ = jax.tree_util.tree_flatten(node, is_leaf=is_leaf)
    assert leaves == theirs
    assert treedef.unflatten(leaves) == node


def test_is_leaf_is_asked_of_the_root():
    assert tree.flatten([1, 2], is_leaf=lambda node: isinstance(node, list)) == ([[1, 2]], tree.structure(0))


def test_structure_is_a_key():
    table = {tree.structure({"a": 1, "b": [2]}): "found"}
    assert table[tree.structure({"b": ["x"], "a": 3})] == "found"
    assert tree.structure({"a": 1}) not in table


def test_a_list_is_not_a_tuple_is_not_a_named_tuple():
    nodes = [1, 2], (1, 2), Pair(1, 2), {0: 1, 1: 2}, OrderedDict([(0, 1), (1, 2)])
    structures = {tree.structure(node) for node in nodes}
    assert len(structures) == 5


def test_structure_is_not_equal_to_other_objects():
    assert tree.structure(1) != None  # noqa: E711
    assert tree.structure([1]) != [1]


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (1, "TreeDef(*)"),
        (None, "TreeDef(None)"),
        ({}, "TreeDef({})"),
        ((), "TreeDef(())"),
        ({"b": (1,), "a": [2, None]}, "TreeDef({'a': [*, None], 'b': (*,)})"),
        (Pair(1, (2, 3)), "TreeDef(Pair(left=*, right=(*, *)))"),
        (Box(1), "TreeDef(Box(content=*, other=None))"),
        (OrderedDict([("b c", 1), (1, 2)]), "TreeDef(OrderedDict('b c'=*, 1=*))"),
    ],
)
def test_repr(node, text):
    assert repr(tree.structure(node)) == text


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ((), ""),
        (("params", "dense_0", "kernel"), ".params.dense_0.kernel"),
        ((0, "a b", ""), "[0]['a b']['']"),
        (("0", 0, True), "['0'][0][True]"),
        (("it's",), '["it\'s"]'),
        ((None, (1, "x")), "[None][(1, 'x')]"),
        (("größe",), ".größe"),
    ],
)
def test_format_path(keys, path):
    assert tree.format_path(keys) == path


def test_path_of_the_root_is_empty():
    assert tree.flatten_with_paths(7) == ([("", 7)], tree.structure(0))


def test_paths_may_be_changed_by_the_caller():
    treedef = tree.structure([1, 2])
    treedef.paths().clear()
    assert treedef.paths() == ["[0]", "[1]"]


@pytest.mark.parametrize("leaves", [[], [1], [1, 2, 3], iter([1, 2, 3])])
def test_wrong_number_of_leaves(leaves):
    count = 3 if not isinstance(leaves, list) else len(leaves)
    with pytest.raises(TreeError) as error:
        tree.unflatten(tree.structure({"a": 0, "b": 0}), leaves)
    assert str(error.value) == (
        "The number of leaves does not fit the structure.\n"
        f"  found:  {count} leaves\n"
        "  needed: 2 leaves for TreeDef({'a': *, 'b': *})"
    )


def test_leaves_may_be_any_iterable():
    assert tree.unflatten(tree.structure([0, [0]]), iter("ab")) == ["a", ["b"]]
    assert tree.structure([0, [0]]).unflatten({"a": 1, "b": 2}.values()) == [1, [2]]


def test_unflatten_does_not_share_the_list_of_leaves():
    leaves, treedef = tree.flatten([1, 2])
    again = treedef.unflatten(leaves)
    again.append(3)
    assert leaves == [1, 2]


@pytest.mark.parametrize("is_leaf", [None, lambda _: False])
def test_a_tree_that_contains_itself(is_leaf):
    node = {"a": []}
    node["a"].append(node)
    with pytest.raises(TreeError) as error:
        tree.flatten(node, is_leaf)
    assert str(error.value) == (
        "A tree contains itself or is nested too deeply.\n"
        "  found:  a dict that ran into Python's recursion limit\n"
        "  needed: containers that do not contain themselves"
    )


def test_a_saved_structure_of_a_class_that_is_no_longer_registered():
    class Gone:
        pass

    function, (dumped, count) = tree.structure(Pair(1, 2)).__reduce__()
    assert function(dumped, count) == tree.structure(Pair(1, 2))
    with pytest.raises(TreeError) as error:
        function((Gone, *dumped[1:]), count)
    name = "test_a_saved_structure_of_a_class_that_is_no_longer_registered.<locals>.Gone"
    assert str(error.value) == (
        f"A saved structure has nodes of the class {name}, which is not registered.\n"
        "  needed: the registration that was in force when it was saved\n"
        f"  write:  tree.register({name}, flatten, unflatten)"
    )
