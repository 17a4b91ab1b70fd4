"""Kernels of losses against the operations that they stand for; NumPy's, and those of every other backend."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.core import bind
from funcnet.losses.classification import loss_p, slope_p
from funcnet.testing.backends import backend_params

INF = float("inf")


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize(
    ("z", "labels"),
    [
        ([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [2, 0]),
        ([[-INF, 2.0, 3.0], [0.0, INF, INF]], [2, 1]),
        # What no check has seen: numbers that are no classes.
        ([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [3, -1]),
    ],
)
def test_kernels_equal_the_reference(case, z, labels):
    z, labels = np.array(z), np.array(labels)
    xp_strict = fn.backends.get("strict").namespace
    zs, ls = xp_strict.asarray(z), xp_strict.asarray(labels)
    g = np.array([2.0, -1.0])
    gs = xp_strict.asarray(g)
    wanted = [np.asarray(loss_p.impl(xp_strict, zs, ls)), np.asarray(slope_p.impl(xp_strict, zs, ls, gs))]
    zb, lb, gb = case.asarray(z), case.asarray(labels), case.asarray(g)
    got = [case.to_numpy(bind(loss_p, zb, lb)), case.to_numpy(bind(slope_p, zb, lb, gb))]
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_numbers_of_classes_may_have_any_integer_type(dtype):
    z = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    expected = bind(loss_p, z, np.array([2, 0]))
    np.testing.assert_array_equal(bind(loss_p, z, np.array([2, 0], dtype=dtype)), expected)


def test_nothing_that_is_passed_in_is_written_to():
    z, labels, g = np.array([[1.0, 2.0], [0.0, INF]]), np.array([1, 5]), np.ones(2)
    for a in (z, labels, g):
        a.flags.writeable = False
    assert np.isnan(bind(loss_p, z, labels)[1])
    np.testing.assert_allclose(bind(slope_p, z, labels, g).sum(axis=1), [0, 1], atol=1e-15)
