"""Names in files."""

from typing import NamedTuple

import pytest

from funcnet import tree
from funcnet.errors import SerializationError
from funcnet.serialize.names import names_of, nest


class Pair(NamedTuple):
    first: int
    second: int


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (0, ["."]),
        ({"dense_0": {"kernel": 0, "bias": 0}}, ["dense_0.bias", "dense_0.kernel"]),
        ({"layers": [0, (0, 0)]}, ["layers.0", "layers.1.0", "layers.1.1"]),
        (Pair(0, {"x": 0}), ["first", "second.x"]),
        ({"a.b": 0, "a": {"b": 0}}, ["a.b", "a%2Eb"]),
        ({"": {"": 0}, ".": 0, "%": 0}, ["%.%", "%25", "%2E"]),
        ({"__metadata__": 0}, ["%5F_metadata__"]),
        ({("a", 1): 0}, ["('a', 1)"]),
        ([None, 0], ["1"]),
        ({}, []),
    ],
)
def test_names(value, names):
    assert names_of(tree.structure(value)) == names


def test_names_that_coincide():
    with pytest.raises(SerializationError, match="Two leaves would both be called '0'") as error:
        names_of(tree.structure({0: 1, "0": 2}))
    assert "[0]" in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": 1, "c": {"d": 2}}, "e": 3},
        {"": {"": 1}, ".": 2, "%": 3, "a%2E": 4},
        {"__metadata__": 1},
        {"ü.x": 1},
        5,
    ],
)
def test_nest_is_the_inverse(value):
    leaves, structure = tree.flatten(value)
    assert nest(zip(names_of(structure), leaves, strict=True), "x") == value


@pytest.mark.parametrize("names", [["a", "a.b"], ["a.b", "a"], ["a.b.c", "a.b"], ["a.b", "a.b.c.d"]])
def test_names_that_form_no_tree(names):
    with pytest.raises(SerializationError, match="do not form a tree"):
        nest([(name, 0) for name in names], "file")
