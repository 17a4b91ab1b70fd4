"""Functions that join, take apart and repeat arrays."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops import broadcast_arrays, broadcast_shapes, concat, repeat, stack, sum, tile, unstack
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


def values(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 9, shape).astype(np.float32)


CALLS = {
    "concat": (lambda x, y: concat([x, y[:1], x]), lambda x, y: np.concatenate([x, y[:1], x])),
    "concat last": (lambda x, y: concat((x, y), axis=-1), lambda x, y: np.concatenate([x, y], axis=-1)),
    "concat flat": (lambda x, y: concat([x[0], y], axis=None), lambda x, y: np.concatenate([x[0], y], axis=None)),
    "stack": (lambda x, y: stack([x, y, x]), lambda x, y: np.stack([x, y, x])),
    "stack last": (lambda x, y: stack([x, y], axis=-1), lambda x, y: np.stack([x, y], axis=-1)),
    "stack second": (lambda x, y: stack([x, y], axis=1), lambda x, y: np.stack([x, y], axis=1)),
    "unstack": (lambda x, y: unstack(x)[1] * 1 + unstack(y)[0], lambda x, y: x[1] + y[0]),
    "unstack last": (lambda x, y: unstack(x, axis=-1)[0] + y[:, 2], lambda x, y: x[:, 0] + y[:, 2]),
    "broadcast": (lambda x, y: broadcast_arrays(x[:, :1], y)[0], lambda x, y: np.broadcast_arrays(x[:, :1], y)[0]),
    "tile": (lambda x, y: tile(x, (2,)) + tile(y, (1, 2)), lambda x, y: np.tile(x, 2) + np.tile(y, 2)),
    "tile more": (lambda x, y: tile(x, (2, 1, 3)), lambda x, y: np.tile(x, (2, 1, 3))),
    "tile none": (lambda x, y: tile(x, (0, 2)), lambda x, y: np.tile(x, (0, 2))),
    "repeat": (lambda x, y: repeat(x, 2) + repeat(y, 2), lambda x, y: np.repeat(x + y, 2)),
    "repeat axis": (lambda x, y: repeat(x, 3, axis=-1), lambda x, y: np.repeat(x, 3, axis=-1)),
    "repeat list": (lambda x, y: repeat(x, [1, 0, 2], axis=1), lambda x, y: np.repeat(x, [1, 0, 2], axis=1)),
    "repeat list of one": (lambda x, y: repeat(x, (2,), axis=1), lambda x, y: np.repeat(x, 2, axis=1)),
}


@pytest.mark.parametrize(("ours", "theirs"), CALLS.values(), ids=CALLS)
@pytest.mark.requirement("D44", "P22")
def test_values_and_transposes(case: BackendCase, ours: Any, theirs: Any, request: pytest.FixtureRequest) -> None:
    if case.name == "strict-no-x64" and "repeat list]" in request.node.name:
        pytest.skip("array_api_strict's argsort gives 64-bit integers even on the device that has none")
    host, other = values((2, 3)), values((2, 3), 1)
    x, y = case.asarray(host), case.asarray(other)
    out, pullback = vjp(ours, x, y)
    np.testing.assert_array_equal(case.to_numpy(out), theirs(host, other))
    # <A(x, y), g> = <x, A'g> + <y, A''g>, in integers that are exact.
    g = values(tuple(out.shape), 2)
    gx, gy = pullback(case.asarray(g))
    right = (host * case.to_numpy(gx)).sum() + (other * case.to_numpy(gy)).sum()
    assert (theirs(host, other) * g).sum() == right
    _, tangent = jvp(ours, (x, y), (x, None))
    np.testing.assert_array_equal(case.to_numpy(tangent), theirs(host, 0 * other))
    np.testing.assert_array_equal(case.to_numpy(x), host)


def test_repetitions_in_an_array(case: BackendCase) -> None:
    host, counts = values((3, 2)), np.array([2, 0, 1])
    x, times = case.asarray(host), case.asarray(counts)
    if case.name in ("strict-flags", "strict-no-x64"):
        pytest.skip("array_api_strict cannot: the result's size depends on values, or is indexed by 64-bit integers")
    y, pullback = vjp(lambda x: repeat(x, times, axis=0), x)
    np.testing.assert_array_equal(case.to_numpy(y), np.repeat(host, counts, axis=0))
    g = values((3, 2), 1)
    np.testing.assert_array_equal(case.to_numpy(pullback(case.asarray(g))[0]), [g[0] + g[1], [0, 0], g[2]])
    one = case.asarray(np.array([2]))
    np.testing.assert_array_equal(case.to_numpy(repeat(x, one, axis=0)), np.repeat(host, 2, axis=0))


@pytest.mark.requirement("D16", "DX22")
def test_unused_parts_get_zeros() -> None:
    g = grad(lambda x: unstack(x)[1] ** 2)(np.array([1.0, 3.0, 5.0]))
    np.testing.assert_array_equal(g, [0.0, 6.0, 0.0])
    g = grad(lambda x: sum(unstack(x, axis=1)[0] * np.array([2.0, 3.0])))(np.ones((2, 3)))
    np.testing.assert_array_equal(g, [[2.0, 0, 0], [3.0, 0, 0]])


def test_data_types_are_promoted_and_cotangents_cast_back() -> None:
    x, y = np.ones(2, np.float32), np.ones(3)
    gx, gy = vjp(lambda x, y: concat([x, y]), x, y)[1](np.arange(5.0))
    assert (gx.dtype, gy.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(gy, [2, 3, 4])


def test_many_arrays_are_joined_in_linear_time() -> None:
    x = np.arange(1000.0)
    weights = np.arange(2000.0)
    g = grad(lambda x: sum(concat([x[i : i + 1] for i in range(1000)] + [x]) * weights))(x)
    np.testing.assert_array_equal(g, weights[:1000] + weights[1000:])
    g = grad(lambda x: sum(stack(list(x)) * weights[:1000]))(x)
    np.testing.assert_array_equal(g, weights[:1000])


def test_second_order() -> None:
    def f(x: Any) -> Any:
        a, b, c = unstack(x)
        return sum(concat([stack([a * b, c]), tile(x, (2,)) ** 2]) * repeat(x[:2] ** 2, 4))

    x, t, step = np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, -0.5]), 1e-6
    second = grad(lambda x: sum(grad(f)(x) * t))(x)
    np.testing.assert_allclose(second, (grad(f)(x + step * t) - grad(f)(x - step * t)) / (2 * step), rtol=1e-7)


@settings(max_examples=60)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0), data=st.data())
def test_broadcast_shapes(shapes: hnp.BroadcastableShapes, data: st.DataObject) -> None:
    assert broadcast_shapes(*shapes.input_shapes) == shapes.result_shape
    for got, wanted in zip(
        broadcast_arrays(*map(np.ones, shapes.input_shapes)),
        np.broadcast_arrays(*map(np.ones, shapes.input_shapes)),
        strict=True,
    ):
        np.testing.assert_array_equal(got, wanted)
    times = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    x = np.arange(np.prod(shapes.input_shapes[0], dtype=int)).reshape(shapes.input_shapes[0])
    np.testing.assert_array_equal(tile(x, tuple(times)), np.tile(x, times))


def test_no_shapes() -> None:
    assert broadcast_shapes() == ()
    assert broadcast_arrays() == ()


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda x: concat([x, x[0]]), ShapeError, "shapes that do not fit"),
        (lambda x: concat([x, x[:, :1]]), ShapeError, "equal but for dimension 0"),
        (lambda x: concat([x], axis=2), ShapeError, "an axis that the array does not have"),
        (lambda x: concat([]), ParameterError, "at least one array"),
        (lambda x: concat(x), ParameterError, "found: +ndarray"),
        (lambda x: concat([x, 1.0]), ParameterError, "takes arrays"),
        (lambda x: stack([x, x[0]]), ShapeError, "arrays of different shapes"),
        (lambda x: stack([x], axis=3), ShapeError, "different integers from -3 to 2"),
        (lambda x: unstack(x, axis=2), ShapeError, "an axis that the array does not have"),
        (lambda x: broadcast_shapes((2,), (3,)), ShapeError, "do not broadcast against one another"),
        (lambda x: broadcast_arrays(1.0), ParameterError, "takes arrays"),
        (lambda x: tile(x, (-1,)), ShapeError, "less than no times"),
        (lambda x: repeat(x, -1), ShapeError, "non-negative integer"),
        (lambda x: repeat(x, [1, 2], axis=1), ShapeError, "2 numbers, the least of them 1"),
        (lambda x: repeat(x, np.ones((1, 2), int), axis=0), ShapeError, "more than one dimension"),
        (lambda x: repeat(x, np.ones(2), axis=0), DtypeError, "integers as numbers of repetitions"),
    ],
)
def test_errors(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call(np.ones((2, 3)))
