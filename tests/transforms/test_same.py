"""Values in keys: what a graph is found by."""

import math
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.transforms.same import Same


class Pair(NamedTuple):
    a: Any
    b: Any = None


@dataclass(frozen=True)
class Config:
    rate: Any
    note: Any = field(default="", compare=False)


@dataclass(frozen=True)
class Loose:
    """Hashable, though a part of it is not."""

    parts: list[int]

    def __hash__(self) -> int:
        return len(self.parts)


ONES = [1, 1.0, True, 1 + 0j, np.float64(1), np.float32(1), np.int64(1), np.True_, np.complex64(1)]
ZEROS = [0, 0.0, -0.0, False, 0j, complex(0, -0.0), complex(-0.0, 0), np.float64(0.0), np.float64(-0.0)]
HOLDERS: list[Any] = [
    lambda v: v,
    lambda v: (v,),
    lambda v: ((v, 2),),
    Pair,
    lambda v: frozenset([v]),
    Config,
    lambda v: Pair(Config((v,))),
]


@pytest.mark.parametrize("hold", HOLDERS)
@pytest.mark.parametrize("values", [ONES, ZEROS])
def test_equal_values_of_other_kinds_differ(hold: Any, values: list[Any]) -> None:
    for a, b in combinations(values, 2):
        assert Same(hold(a)) != Same(hold(b))
    for a in values:
        assert Same(hold(a)) == Same(hold(a))
        assert hash(Same(hold(a))) == hash(Same(hold(a)))


@pytest.mark.parametrize("hold", [h for h in HOLDERS if h not in (Config, HOLDERS[-1])])
@pytest.mark.parametrize("make", [lambda: float("nan"), lambda: complex(math.nan, 1), lambda: np.float32("nan")])
def test_nan_is_itself(hold: Any, make: Any) -> None:
    assert len({Same(hold(make())), Same(hold(make()))}) == 1


class Rate(float):
    """A number of a class of its own."""


@pytest.mark.parametrize(
    "values",
    [
        [range(0), range(5, 5), range(0, 0, 2)],
        [np.datetime64("2020"), np.datetime64("2020-01"), np.datetime64("2020-01-01")],
        [Rate(0.0), Rate(-0.0), 0.0],
    ],
    ids=["ranges", "dates", "numbers"],
)
def test_equal_values_of_one_class_that_functions_tell_apart(values: list[Any]) -> None:
    for a, b in combinations(values, 2):
        assert a == b
        assert Same(a) != Same(b)
        assert Same((a,)) != Same((b,))
    for a in values:
        assert Same(a) == Same(copy(a))
        assert hash(Same(a)) == hash(Same(copy(a)))
    assert Same(Rate("nan")) == Same(Rate("nan"))


def test_what_is_not_compared_does_not_count() -> None:
    assert Same(Config(1.0, "a")) == Same(Config(1.0, "b"))
    assert Same(Loose([1, 2])) == Same(Loose([1, 2])) != Same(Loose([2, 1]))
    assert Same("x") == Same("x") != Same(b"x")
    assert Same(Decimal("1.5")) == Same(Decimal("1.50"))


def test_a_graph_for_each_number_beside_arrays() -> None:
    x = np.ones(2)
    root = fn.jit(lambda x, z: x * xp.sqrt(xp.asarray(z, dtype=xp.complex128)))
    for z in (complex(-1, 0.0), complex(-1, -0.0)):
        np.testing.assert_array_equal(root(x, z), x * np.sqrt(z))
    for z in (float("nan"), complex("nan"), float("nan"), complex("nan")):
        root(x, z)
    assert len(root.captures()) == 4
    assert root.captures()[-2].endswith("is the float nan")


def test_a_graph_for_each_static_number() -> None:
    x = np.array([1, 2])
    f = fn.jit(lambda x, c: x * c.a, static_argnames="c")
    for a in ONES[:4]:
        assert f(x, Pair(a)).dtype == (x * a).dtype
    for a in (0.0, -0.0, np.float32(0.0), np.float32(-0.0)):
        np.testing.assert_array_equal(np.signbit(f(x, Pair(a))), np.signbit(np.array([a, a])))
