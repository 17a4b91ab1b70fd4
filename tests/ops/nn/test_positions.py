"""Positions as functions: against closed forms, and properties that they are used for."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.nn.positions import alibi_slopes
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params

F = nn.functional


def _rotated(x, interleaved, base=10000.0, offset=0):
    """Rotary positions by complex numbers: another way to the same rotation."""
    *_, length, _, d = x.shape
    theta = base ** (-2 * np.arange(d // 2) / d)
    turn = np.exp(1j * np.outer(np.arange(length) + offset, theta))[:, None, :]
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., : d // 2], x[..., d // 2 :])
    z = (a + 1j * b) * turn
    out = np.empty_like(x)
    if interleaved:
        out[..., 0::2], out[..., 1::2] = z.real, z.imag
    else:
        out[..., : d // 2], out[..., d // 2 :] = z.real, z.imag
    return out


@pytest.mark.parametrize("features", [1, 4, 7])
def test_sinusoids_are_those_of_the_formula(features):
    y = F.sinusoidal_positions(9, features, dtype="float64")
    p, i = np.arange(9.0)[:, None], np.arange(features)[None, :]
    angles = p / 10000.0 ** (2 * (i // 2) / features)
    np.testing.assert_allclose(y, np.where(i % 2, np.cos(angles), np.sin(angles)), rtol=1e-13, atol=1e-15)


def test_sinusoids_of_given_positions():
    whole = F.sinusoidal_positions(9, 4, dtype="float64")
    np.testing.assert_array_equal(F.sinusoidal_positions(np.array([[3, 8]]), 4, dtype="float64"), whole[[[3, 8]]])
    np.testing.assert_allclose(F.sinusoidal_positions(np.array([3.0, 8.0]), 4), whole[[3, 8]], rtol=1e-14)
    assert F.sinusoidal_positions(np.array([3]), 4).dtype == np.float32
    check_grads(lambda p: F.sinusoidal_positions(p, 3), [np.array([0.5, 2.0])])


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_is_a_product_of_complex_numbers(interleaved):
    x = np.random.default_rng(0).standard_normal((2, 5, 3, 8))
    np.testing.assert_allclose(F.rotary(x, interleaved=interleaved), _rotated(x, interleaved), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        F.rotary(x, np.arange(5) + 7, interleaved=interleaved, base=50.0),
        _rotated(x, interleaved, 50.0, 7),
        rtol=1e-12,
        atol=1e-14,
    )
    part = F.rotary(x, interleaved=interleaved, features=4)
    np.testing.assert_allclose(part[..., :4], _rotated(x[..., :4], interleaved), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(part[..., 4:], x[..., 4:])
    places = np.stack([np.arange(5), np.arange(5) + 7])
    both = F.rotary(x, places, interleaved=interleaved)
    np.testing.assert_allclose(both[1], _rotated(x[1], interleaved, offset=7), rtol=1e-12, atol=1e-14)
    check_grads(lambda x: F.rotary(x, interleaved=interleaved, features=2), [x[:1, :2, :1, :4]])


@pytest.mark.parametrize("interleaved", [False, True])
def test_products_of_rotated_vectors_depend_on_the_distance_only(interleaved):
    q, k = np.random.default_rng(0).standard_normal((2, 1, 1, 8))

    def product(i, j):
        a = F.rotary(q[None], np.array([i]), interleaved=interleaved)
        b = F.rotary(k[None], np.array([j]), interleaved=interleaved)
        return float(np.sum(a * b))

    assert product(3, 1) == pytest.approx(product(13, 11), rel=1e-12)
    assert product(3, 1) != pytest.approx(product(3, 2), rel=1e-3)


def test_slopes_of_alibi():
    np.testing.assert_allclose(alibi_slopes(8), 0.5 ** np.arange(1, 9), rtol=1e-15)
    # The list of the paper's code for 12 heads.
    np.testing.assert_allclose(alibi_slopes(12)[8:], 2.0 ** -np.array([0.5, 1.5, 2.5, 3.5]), rtol=1e-15)


def test_bias_of_alibi():
    bias = F.alibi_bias(4, 3, 5, dtype="float64")
    distance = np.abs(np.arange(3)[:, None] - np.arange(5))
    np.testing.assert_allclose(bias, -np.array(alibi_slopes(4))[:, None, None] * distance, rtol=1e-15)
    last = F.alibi_bias(4, np.array([2]), 5, dtype="float64")
    np.testing.assert_array_equal(last[:, 0], bias[:, 2])


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    x = np.random.default_rng(0).standard_normal((1, 3, 2, 4)).astype("float32")
    with case.active():
        found = case.to_numpy(F.rotary(case.asarray(x, "float32")))
        slope = case.to_numpy(fn.grad(lambda a: (F.rotary(a, interleaved=True) ** 2).sum())(case.asarray(x, "float32")))
        waves = case.to_numpy(F.sinusoidal_positions(3, 4))
        bias = case.to_numpy(F.alibi_bias(2, 3))
    np.testing.assert_allclose(found, _rotated(x, False), rtol=1e-5, atol=1e-6)
    # A rotation keeps lengths.
    np.testing.assert_allclose(slope, 2 * x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(waves[1], [np.sin(1), np.cos(1), np.sin(0.01), np.cos(0.01)], rtol=1e-5)
    assert bias[0, 0, 2] == -2 * 2.0**-4


def test_bad_input():
    with pytest.raises(ParameterError, match="number of features and a base"):
        F.sinusoidal_positions(3, 0)
    with pytest.raises(ShapeError, match="without heads"):
        F.rotary(np.ones((3, 4)))
    with pytest.raises(DtypeError, match="floating-point"):
        F.rotary(np.ones((3, 1, 4), dtype="int64"))
    with pytest.raises(ParameterError, match=r"(?s)pairs of features.*features=2"):
        F.rotary(np.ones((3, 1, 3)))
    with pytest.raises(ShapeError, match=r"positions \(2,\)"):
        F.rotary(np.ones((3, 1, 2)), np.arange(2))
    with pytest.raises(ParameterError, match="number of heads"):
        F.alibi_bias(0, 3)
