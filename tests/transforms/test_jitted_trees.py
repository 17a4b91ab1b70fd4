"""Functions under `jit` on random trees of arguments are what they are without."""

import warnings
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import tree, xp
from funcnet.transforms import versions


class Pair(NamedTuple):
    first: Any
    second: Any


shapes = st.sampled_from([(), (1,), (2,), (2, 3), (0, 2)])
arrays = st.builds(
    lambda shape, dtype, seed: np.asarray(np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype),
    shapes,
    st.sampled_from(["float32", "float64", "int32", "int64", "bool"]),
    st.integers(0, 5),
)
numbers = st.one_of(
    st.integers(-3, 3), st.booleans(), st.floats(-2, 2), st.just(-0.0), st.just(float("nan")), st.complex_numbers()
)
leaves = st.one_of(arrays, numbers, st.sampled_from(["up", "down", ""]), st.builds(np.float64, st.floats(-2, 2)))
trees = st.recursive(
    st.one_of(leaves, st.none()),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=6,
)


def f(x: Any, *rest: Any, **named: Any) -> Any:
    """Change arrays and numbers, each in its way; leave the structure alone."""

    def one(leaf: Any) -> Any:
        if hasattr(leaf, "shape"):
            return xp.sum(leaf * 2) + leaf if leaf.dtype != np.dtype("bool") else ~leaf
        return len(leaf) if isinstance(leaf, str) else leaf * 2

    return tree.map(one, {"x": x, "rest": rest, "named": named, "sign": _sign(x)})


def _sign(x: Any) -> float:
    found = [np.copysign(1.0, leaf) for leaf in tree.leaves(x) if type(leaf) is float]
    return float(found[0]) if found else 0.0


def assert_same(found: Any, wanted: Any) -> None:
    assert tree.structure(found) == tree.structure(wanted)
    for a, b in zip(tree.leaves(found), tree.leaves(wanted), strict=True):
        assert hasattr(a, "dtype") == hasattr(b, "dtype")
        if hasattr(b, "dtype"):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
        else:
            assert type(a) is type(b)
        np.testing.assert_allclose(a, b, rtol=1e-5)
        for part in (np.real, np.imag):
            np.testing.assert_array_equal(np.signbit(part(a)), np.signbit(part(b)))


jitted = fn.jit(f)


@given(trees, st.lists(trees, max_size=2), st.dictionaries(st.sampled_from(["p", "q"]), trees, max_size=2))
@settings(max_examples=150)
def test_random_trees(x: Any, rest: Any, named: Any) -> None:
    with warnings.catch_warnings():
        # Every example is a new version.
        warnings.simplefilter("ignore")
        wanted = f(x, *rest, **named)
        for _ in range(2):
            assert_same(jitted(x, *rest, **named), wanted)


@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, 1, True, float("nan"), 0, False, "a", None, (1,), (1.0,)]), min_size=4)
)
@settings(max_examples=50)
def test_static_values_are_told_apart(values: list[Any]) -> None:
    g = fn.jit(lambda x, n: (x * 2.0, len(repr(n)), n if isinstance(n, (int, float)) else 0), static_argnames="n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n in values:
            _, length, back = g(np.ones(2), n)
            assert length == len(repr(n))
            if isinstance(n, (int, float)):
                assert type(back) is type(n)
                assert repr(back) == repr(n)


def test_a_tuple_and_a_dict_are_no_arguments_by_name() -> None:
    @fn.jit
    def f(*args: Any, **named: Any) -> Any:
        return args[0][0] + args[1]["k"] if not named else args[0] - named["k"]

    a, b = np.ones(2), np.full(2, 3.0)
    for _ in range(3):
        np.testing.assert_array_equal(f((a,), {"k": b}), a + b)
        np.testing.assert_array_equal(f(a, k=b), a - b)


@pytest.mark.filterwarnings("ignore:fn.jit captured")
def test_structures_that_change_after_many_calls() -> None:
    @fn.jit
    def f(x: Any, extra: Any = None) -> Any:
        below = tree.leaves((x, extra))
        return {"sum": sum(below[1:], below[0]), "each": [v * 2.0 for v in below], "count": len(below)}

    one, two = np.ones(2), np.full(2, 2.0)
    trees: list[Any] = [one, (one, two), [one, two], {"a": one, "b": two}, {"a": one, "c": two}, {"a": (one, two)}]
    trees += [{"a": {"b": one}}, OrderedDict(b=one, a=two), np.float64(3.0), (one, np.float64(3.0)), one[None], two]
    for x in trees:
        for y in (x, *trees):
            # From the second call on functions of this structure take arguments apart.
            for argument in (x, x, x, y):
                below = tree.leaves(argument)
                if len({np.shape(v) for v in below} - {()}) < 2:
                    found = f(argument)
                    np.testing.assert_array_equal(found["sum"], sum(below))
                    assert found["count"] == len(found["each"]) == len(below)
                    np.testing.assert_array_equal(f(argument, extra={"z": one})["sum"], sum(below) + one)


def test_more_leaves_than_functions_are_written_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_LEAVES", 3)
    f = fn.jit(lambda x: {"twice": [v * 2.0 for v in x]})
    for n in (1, 2):
        for _ in range(3):
            np.testing.assert_array_equal(f([np.ones(2)] * n)["twice"], np.full((n, 2), 2.0))
    assert [entry.take is not None for entry in f.entries()] == [True, False]
