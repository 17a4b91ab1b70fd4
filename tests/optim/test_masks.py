"""Masks: predicates on paths, trees of booleans, and what is neither."""

import numpy as np
import pytest

from funcnet import tree
from funcnet.errors import ParameterError, TreeError
from funcnet.optim.masks import Choice

PARAMS = {"dense": {"bias": np.ones(2), "kernel": np.ones((2, 2))}, "scale": np.ones(())}


@pytest.mark.parametrize(
    ("mask", "wanted"),
    [
        (None, [True, True, True]),
        (lambda path: path == ".dense.kernel", [False, True, False]),
        ({"dense": True, "scale": False}, [True, True, False]),
        ({"dense": {"bias": False, "kernel": True}, "scale": True}, [False, True, True]),
        (tree.map(lambda p: p.ndim == 2, PARAMS), [False, True, False]),
        (False, [False, False, False]),
    ],
)
@pytest.mark.requirement("D14")
def test_masks_choose_leaves(mask, wanted):
    choice = Choice("it", mask)
    assert choice.of(tree.structure(PARAMS)) == wanted
    assert choice.of(tree.structure(PARAMS)) is choice.of(tree.structure(PARAMS))


def test_another_structure_is_asked_about_anew():
    choice = Choice("it", lambda path: path.endswith("kernel"))
    assert choice.of(tree.structure({"kernel": 0})) == [True]
    assert choice.of(tree.structure({"bias": 0, "kernel": 0})) == [False, True]


def test_none_in_a_tree_of_booleans_chooses_nothing():
    structure = tree.structure({"a": None, "b": 0}, is_leaf=lambda node: node is None)
    assert Choice("it", {"a": None, "b": True}).of(structure) == [False, True]


@pytest.mark.parametrize("mask", [0.5, "kernel", lambda path: 1, {"dense": True, "scale": 0}])
def test_what_is_no_boolean_is_refused(mask):
    with pytest.raises(ParameterError, match=r"optim\.it got a mask that it cannot use"):
        Choice("it", mask).of(tree.structure(PARAMS))


def test_a_mask_of_another_model():
    with pytest.raises(TreeError, match=r"the mask differs at \.dense\.kernel"):
        Choice("it", {"dense": {"bias": True, "weight": True}, "scale": True}).of(tree.structure(PARAMS))
