"""Functions of whole trees."""

import operator

import pytest

from funcnet import tree
from funcnet.errors import TreeError

PARAMS = {"dense_0": {"kernel": 1, "bias": 2}, "scale": (3, None)}


def test_map():
    assert tree.map(operator.neg, PARAMS) == {"dense_0": {"kernel": -1, "bias": -2}, "scale": (-3, None)}
    assert tree.map(operator.neg, 5) == -5


def test_map_of_several_trees():
    twice = tree.map(lambda a, b, c: (a, b, c), PARAMS, PARAMS, PARAMS)
    assert twice == {"dense_0": {"kernel": (1, 1, 1), "bias": (2, 2, 2)}, "scale": ((3, 3, 3), None)}


def test_map_asks_is_leaf_of_every_tree():
    def is_leaf(node):
        return isinstance(node, tuple)

    assert tree.map(lambda a, b: (a, b), [1, 2], [(3, 4), (5,)], is_leaf=is_leaf) == [(1, (3, 4)), (2, (5,))]


def test_map_with_path():
    assert tree.map_with_path(lambda path, a, b: f"{path}={a}{b}", PARAMS, PARAMS) == {
        "dense_0": {"kernel": ".dense_0.kernel=11", "bias": ".dense_0.bias=22"},
        "scale": (".scale[0]=33", None),
    }


@pytest.mark.parametrize("function", [tree.map, tree.map_with_path])
def test_map_names_the_tree_that_differs(function):
    with pytest.raises(TreeError) as error:
        function(lambda *_: None, PARAMS, PARAMS, {"dense_0": {"kernel": 1}, "scale": (3, None)})
    assert str(error.value) == (
        "The structure of tree 3 differs at .dense_0.bias\n  found:  no such key\n  needed: a leaf"
    )


def test_leaves_structure_and_paths():
    assert tree.leaves(PARAMS) == [2, 1, 3]
    assert tree.structure(PARAMS) == tree.flatten(PARAMS)[1]
    assert tree.paths(PARAMS) == [".dense_0.bias", ".dense_0.kernel", ".scale[0]"]
    assert tree.paths(PARAMS, is_leaf=lambda node: isinstance(node, tuple)) == [
        ".dense_0.bias",
        ".dense_0.kernel",
        ".scale",
    ]


def test_reduce():
    assert tree.reduce(operator.add, PARAMS) == 6
    assert tree.reduce(operator.add, PARAMS, 10) == 16
    assert tree.reduce(operator.add, {}, None) is None
    assert tree.reduce(operator.add, {"a": (1,), "b": (2,)}, is_leaf=lambda node: isinstance(node, tuple)) == (1, 2)


def test_reduce_of_nothing():
    with pytest.raises(TreeError) as error:
        tree.reduce(operator.add, {"a": None})
    assert str(error.value) == (
        "A tree without leaves has nothing to reduce.\n"
        "  found:  a dict with the keys 'a'\n"
        "  needed: at least one leaf, or a value to begin with\n"
        "  write:  tree.reduce(f, tree, initial)"
    )


def test_all():
    assert tree.all({})
    assert tree.all([True, {"a": 1}])
    assert not tree.all([True, {"a": 0}])


def test_transpose():
    outer, inner = tree.structure({"a": 0, "b": [0]}), tree.structure((0, {"m": 0}))
    node = {"a": (1, {"m": 2}), "b": [(3, {"m": 4})]}
    turned = tree.transpose(outer, inner, node)
    assert turned == ({"a": 1, "b": [3]}, {"m": {"a": 2, "b": [4]}})
    assert tree.transpose(inner, outer, turned) == node


def test_transpose_without_leaves():
    assert tree.transpose(tree.structure([0, 0]), tree.structure(()), [(), ()]) == ()
    assert tree.transpose(tree.structure([]), tree.structure((0, 0)), []) == ([], [])


def test_transpose_of_another_structure():
    with pytest.raises(TreeError) as error:
        tree.transpose(tree.structure([0, 0]), tree.structure((0, 0)), [(1, 2), (3, 4, 5)])
    assert str(error.value) == (
        "The structure of the tree differs at [1]\n  found:  a tuple of length 3\n  needed: a tuple of length 2"
    )
