"""Cotangents that are zero but for a key: one buffer for all of them, right at every order."""

from typing import Any

import numpy as np
import pytest

from funcnet.ops import Scattered, getitem, sum
from funcnet.ops.encoding import encoded
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp


@pytest.fixture(params=[param for param in backend_params() if param.id != "strict-no-x64"])
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


def test_a_buffer_of_our_own_is_written_and_no_other() -> None:
    piece = Scattered(np.array([1.0, 2.0]), (3,), ((0, 2, None),))
    np.testing.assert_array_equal(piece.dense(), [1, 2, 0])
    buffer = np.ones(3)
    assert piece.added_to(buffer, owned=True) is buffer
    np.testing.assert_array_equal(buffer, [2, 3, 1])
    np.testing.assert_array_equal(piece.added_to(buffer, owned=False), [3, 5, 1])
    np.testing.assert_array_equal(buffer, [2, 3, 1])


@pytest.mark.requirement("D38")
def test_repeated_indices(case: BackendCase) -> None:
    g = case.asarray(np.array([1.0, 2.0, 4.0], np.float32))
    _, key, indices, unique = encoded(g, case.asarray(np.array([1, 1, 0])))
    piece = Scattered(g, (3,), key, indices, unique)
    np.testing.assert_array_equal(case.to_numpy(piece.dense()), [4, 3, 0])
    np.testing.assert_array_equal(
        case.to_numpy(piece.added_to(case.asarray(np.ones(3, np.float32)), owned=True)), [5, 4, 1]
    )


def test_dense_and_scattered_cotangents_meet_in_any_order(case: BackendCase) -> None:
    host = np.array([1.0, 2.0, 3.0], np.float32)
    i = case.asarray(np.array([2, 2]))
    ones = case.asarray(np.ones(2, np.float32))

    def dense_first(x: Any) -> Any:
        return sum(x[i] * ones) + x[0] * x[1] + sum(x * x)

    def dense_last(x: Any) -> Any:
        return sum(x * x) + x[0] * x[1] + sum(x[i] * ones)

    def alone(x: Any) -> Any:
        return getitem(x, (None, 1))[0] * x[1]

    x = case.asarray(host)
    wanted = 2 * host + np.array([2, 1, 0]) + np.array([0, 0, 2])
    for f in (dense_first, dense_last):
        np.testing.assert_array_equal(case.to_numpy(grad(f)(x)), wanted)
    np.testing.assert_array_equal(case.to_numpy(grad(alone)(x)), [0, 4, 0])
    np.testing.assert_array_equal(case.to_numpy(x), host)


@pytest.mark.requirement("D39")
def test_second_and_third_order(case: BackendCase) -> None:
    host = np.array([1.0, 2.0, 3.0], np.float32)
    i = case.asarray(np.array([2, 0, 2]))

    def f(x: Any) -> Any:
        return sum(x[i] ** 3) + x[0] * x[1] * x[2]

    def second(x: Any) -> Any:
        return sum(grad(f)(x) * x)

    # f is the sum of two cubic forms, so x . grad f = 3 f, and the gradient of that is 3 grad f.
    x = case.asarray(host)
    first = np.array([3 + 6, 3, 2 * 27 + 2], np.float32)
    np.testing.assert_allclose(case.to_numpy(grad(f)(x)), first)
    np.testing.assert_allclose(case.to_numpy(grad(second)(x)), 3 * first)
    np.testing.assert_allclose(case.to_numpy(grad(lambda x: sum(grad(second)(x) * x))(x)), 9 * first)


def test_a_pullback_may_be_called_again() -> None:
    _, pullback = vjp(lambda x: x[0] * x[1] + x[[0, 0]][1], np.array([2.0, 5.0]))
    for scale in (1.0, 3.0):
        np.testing.assert_array_equal(pullback(np.array(scale))[0], [6.0 * scale, 2.0 * scale])
