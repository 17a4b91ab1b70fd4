"""Functions that rearrange one array."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.errors import CopyError, ShapeError
from funcnet.ops import expand_dims, flip, moveaxis, permute_dims, reshape, roll, squeeze, sum
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
    "expand_dims": (lambda x: expand_dims(x, 1), lambda x: np.expand_dims(x, 1)),
    "expand_dims tuple": (lambda x: expand_dims(x, (0, -1)), lambda x: np.expand_dims(x, (0, -1))),
    "squeeze": (lambda x: squeeze(expand_dims(x, (0, 2)), (-3, 0)), lambda x: x),
    "flip": (lambda x: flip(x), lambda x: np.flip(x)),
    "flip axis": (lambda x: flip(x, axis=-1), lambda x: np.flip(x, -1)),
    "flip tuple": (lambda x: flip(x, axis=(0, 2)), lambda x: np.flip(x, (0, 2))),
    "moveaxis": (lambda x: moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1)),
    "moveaxis tuple": (lambda x: moveaxis(x, (0, 1), (2, 0)), lambda x: np.moveaxis(x, (0, 1), (2, 0))),
    "permute_dims": (lambda x: permute_dims(x, (2, 0, -2)), lambda x: np.transpose(x, (2, 0, 1))),
    "reshape": (lambda x: reshape(x, (4, -1)), lambda x: x.reshape(4, -1)),
    "reshape flat": (lambda x: reshape(x, -1), lambda x: x.reshape(-1)),
    "roll": (lambda x: roll(x, 5), lambda x: np.roll(x, 5)),
    "roll axis": (lambda x: roll(x, -1, axis=1), lambda x: np.roll(x, -1, 1)),
    "roll tuple": (lambda x: roll(x, (1, -7), axis=(0, 2)), lambda x: np.roll(x, (1, -7), (0, 2))),
    "roll one for all": (lambda x: roll(x, 1, axis=(0, 2)), lambda x: np.roll(x, 1, (0, 2))),
    "roll twice along one": (lambda x: roll(x, (1, 1), axis=(2, -1)), lambda x: np.roll(x, 2, 2)),
}


@pytest.mark.parametrize(("ours", "theirs"), CALLS.values(), ids=CALLS)
@pytest.mark.requirement("D36", "D37", "D40", "P19", "P21", "DX1")
def test_values_and_transposes(case: BackendCase, ours: Any, theirs: Any) -> None:
    host = values((2, 3, 4))
    x = case.asarray(host)
    y, pullback = vjp(ours, x)
    wanted = theirs(host)
    np.testing.assert_array_equal(case.to_numpy(y), wanted)
    g = values(wanted.shape, 1)
    (back,) = pullback(case.asarray(g))
    # All of these are permutations of elements: the transpose puts each element of g where it came from.
    where = theirs(np.arange(24).reshape(2, 3, 4))
    expected = np.empty(24, np.float32)
    expected[where.reshape(-1)] = g.reshape(-1)
    np.testing.assert_array_equal(case.to_numpy(back), expected.reshape(2, 3, 4))
    _, tangent = jvp(ours, (x,), (case.asarray(values((2, 3, 4), 2)),))
    np.testing.assert_array_equal(case.to_numpy(tangent), theirs(values((2, 3, 4), 2)))
    np.testing.assert_array_equal(case.to_numpy(x), host)


@pytest.mark.requirement("D36")
def test_second_order() -> None:
    def f(x: Any) -> Any:
        return sum(flip(roll(x, 1)) * permute_dims(reshape(x, (3, 2)), (1, 0)).reshape(-1) ** 2)

    x, t, step = np.arange(1.0, 7.0), np.linspace(-1.0, 2.0, 6), 1e-6
    second = grad(lambda x: sum(grad(f)(x) * t))(x)
    np.testing.assert_allclose(second, (grad(f)(x + step * t) - grad(f)(x - step * t)) / (2 * step), rtol=1e-8)


@settings(max_examples=60)
@given(shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3), data=st.data())
@pytest.mark.requirement("D37")
def test_permutations(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    np.testing.assert_array_equal(permute_dims(x, axes), x.transpose(axes))
    chosen = axes[: len(axes) // 2]
    places = tuple(data.draw(st.permutations(range(len(shape)))))[: len(chosen)]
    np.testing.assert_array_equal(moveaxis(x, chosen, places), np.moveaxis(x, chosen, places))


def test_copies_of_reshape(case: BackendCase) -> None:
    host = values((2, 3))
    x = case.asarray(host)
    if not case.readonly:
        y = reshape(x, (3, 2), copy=True)
        y[0, 0] = 99
        np.testing.assert_array_equal(case.to_numpy(x), host)
    np.testing.assert_array_equal(case.to_numpy(reshape(x, (6,), copy=False)), host.reshape(6))
    if case.backend_name in ("numpy", "torch"):
        with pytest.raises(CopyError, match="copy=False would have to copy"):
            reshape(permute_dims(x, (1, 0)), (6,), copy=False)
    assert grad(lambda x: sum(reshape(x, (6,), copy=True)[1:3]))(x).shape == (2, 3)


def test_empty_and_scalar_arrays() -> None:
    assert reshape(np.ones((0, 3)), (-1, 3)).shape == (0, 3)
    assert reshape(np.float64(1), (1, 1)).shape == (1, 1)
    assert flip(np.float64(2)) == 2.0
    assert roll(np.float64(2), 3) == 2.0
    assert roll(np.ones((0, 2)), 1, axis=0).shape == (0, 2)
    assert permute_dims(np.float64(2), ()) == 2.0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: reshape(x, (5,)), "does not fit the number of elements"),
        (lambda x: reshape(x, (-1, -1)), "one of which may be -1"),
        (lambda x: reshape(x, (4, -1)), r"shape=\(4, -1\) for an array of shape \(2, 3\)"),
        (lambda x: reshape(x, (-2, -3)), "does not fit"),
        (lambda x: permute_dims(x, (0,)), r"a permutation of \(0, 1\)"),
        (lambda x: permute_dims(x, (0, 0)), "every dimension once"),
        (lambda x: permute_dims(x, (0, 2)), "an axis that the array does not have"),
        (lambda x: moveaxis(x, (0, 1), 0), "as many dimensions as places"),
        (lambda x: moveaxis(x, 2, 0), "an axis that the array does not have"),
        (lambda x: expand_dims(x, 3), "different integers from -3 to 2"),
        (lambda x: expand_dims(x, (0, -4)), "a place that the result does not have, or one twice"),
        (lambda x: squeeze(x, 0), "dimensions of size 1 only"),
        (lambda x: squeeze(x, 5), "an axis that the array does not have"),
        (lambda x: flip(x, axis=(0, 0)), "the same axis twice"),
        (lambda x: roll(x, (1, 2), axis=0), "one shift for each dimension"),
        (lambda x: roll(x, 1, axis=4), "an axis that the array does not have"),
    ],
)
def test_errors(call: Any, match: str) -> None:
    with pytest.raises(ShapeError, match=match):
        call(np.ones((2, 3)))
