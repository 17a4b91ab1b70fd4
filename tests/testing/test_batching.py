"""check_batching: rules that give what a loop gives pass, others are named with the arguments that were batched."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import Primitive, general, registry
from funcnet.errors import GradientCheckError, ShapeError
from funcnet.testing.batching import check_batching, every_combination, two_combinations

ELEMENTS = [(np.array([1.0, 2.0, 4.0]) + k, np.array([3.0, 5.0]) - k) for k in range(2)]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = set(registry)
    yield
    for name in set(registry) - before:
        del registry[name]


def scaled(batch: Any) -> Primitive:
    """Return the primitive sum(x) * y with a batching rule."""
    return general("test.scaled", lambda ns, x, y: ns.sum(x) * y, vjp=None, shape=lambda x, y: y.shape, batch=batch)


def right(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, y: Any) -> Any:
    total = xp.sum(xp.broadcast_to(x, (size, 3)), axis=1, keepdims=True)
    return total * y


def test_combinations() -> None:
    assert every_combination(1) == two_combinations(1) == [(True,)]
    assert len(every_combination(3)) == 7
    assert every_combination(4)[0] == (True, False, False, False)
    assert every_combination(4)[-1] == (True,) * 4
    assert two_combinations(2) == [(True, True), (True, False)]


def test_a_right_rule_passes() -> None:
    check_batching(scaled(right), ELEMENTS, {})


def test_wrong_values() -> None:
    def wrong(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, y: Any) -> Any:
        return right(primitive, size, batched, x, y) * (1.0 if all(batched) else 2.0)

    with pytest.raises(GradientCheckError, match=r"(?s)other values.*in_axes=\(None, 0\)"):
        check_batching(scaled(wrong), ELEMENTS, {})
    with pytest.raises(GradientCheckError, match=r"(?s)other values.*in_axes=\(0, None\)"):
        check_batching(registry["test.scaled"], ELEMENTS, {}, two_combinations(2))


def test_another_shape_or_dtype() -> None:
    def reshaped(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, y: Any) -> Any:
        return xp.expand_dims(right(primitive, size, batched, x, y), axis=-1)

    def narrowed(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, y: Any) -> Any:
        return xp.astype(right(primitive, size, batched, x, y), xp.float32)

    for rule, what in ((reshaped, "shape"), (narrowed, "dtype")):
        with pytest.raises(GradientCheckError, match=f"what a loop gives: other {what}"):
            check_batching(scaled(rule), ELEMENTS, {})
        del registry["test.scaled"]


def test_rules_that_raise() -> None:
    def refuses(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, y: Any) -> Any:
        raise ShapeError("No.", found="this", needed="that")

    with pytest.raises(GradientCheckError, match=r"(?s)batching rule of 'test.scaled' fails.*in_axes=.*No\."):
        check_batching(scaled(refuses), ELEMENTS, {})
    del registry["test.scaled"]

    def fails(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, y: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        check_batching(scaled(fails), ELEMENTS, {})
    assert "in the batching rule of 'test.scaled'" in caught.value.__notes__[0]
