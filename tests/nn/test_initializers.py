"""Initialisers against JAX's, their distributions, and their errors."""

import jax
import numpy as np
import pytest
from scipy import stats

import funcnet as fn
from funcnet import nn, random
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params

init = nn.initializers

JAX = jax.nn.initializers
PAIRS = {
    "he_normal": (init.he_normal(), JAX.he_normal()),
    "he_uniform": (init.he_uniform(), JAX.he_uniform()),
    "glorot_normal": (init.glorot_normal(), JAX.glorot_normal()),
    "glorot_uniform": (init.glorot_uniform(), JAX.glorot_uniform()),
    "lecun_normal": (init.lecun_normal(), JAX.lecun_normal()),
    "lecun_uniform": (init.lecun_uniform(), JAX.lecun_uniform()),
    "normal": (init.normal(0.3), JAX.normal(0.3)),
    "uniform": (init.uniform(0.3), JAX.uniform(0.3)),
    "truncated_normal": (init.truncated_normal(0.3), JAX.truncated_normal(0.3)),
    "fan_out": (
        init.variance_scaling(1.5, "fan_out", "normal"),
        JAX.variance_scaling(1.5, "fan_out", "normal"),
    ),
    "axes": (
        init.variance_scaling(1.0, "fan_in", "uniform", in_axis=0, out_axis=1),
        JAX.variance_scaling(1.0, "fan_in", "uniform", in_axis=0, out_axis=1),
    ),
    "batch": (
        init.variance_scaling(1.0, "fan_avg", "uniform", batch_axis=0),
        JAX.variance_scaling(1.0, "fan_avg", "uniform", batch_axis=0),
    ),
    "cut elsewhere": (
        init.truncated_normal(0.3, lower=-1.0, upper=3.0),
        JAX.truncated_normal(0.3, lower=-1.0, upper=3.0),
    ),
    "zeros": (init.zeros, JAX.zeros),
    "ones": (init.ones, JAX.ones),
    "constant": (init.constant(0.7), JAX.constant(0.7)),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("shape", [(7, 5), (3, 3, 4, 6)])
def test_numbers_are_those_of_jax(name, shape):
    if name == "batch" and len(shape) == 2:
        shape = (2, *shape)
    ours, theirs = PAIRS[name]
    expected = np.asarray(theirs(jax.random.key(11), shape, "float32"))
    got = ours(random.key(11), shape, "float32")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=3e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("initializer", "distribution"),
    [
        (init.lecun_uniform(), stats.uniform(-np.sqrt(3 / 100), 2 * np.sqrt(3 / 100))),
        # PyTorch's linear layers: uniform within 1 / sqrt(in).
        (init.variance_scaling(1 / 3, "fan_in", "uniform"), stats.uniform(-0.1, 0.2)),
        (init.variance_scaling(1.0, "fan_in", "normal"), stats.norm(0, 0.1)),
        (init.uniform(0.5, lower=-0.25), stats.uniform(-0.25, 0.75)),
        (init.normal(0.5, mean=2.0), stats.norm(2.0, 0.5)),
        (init.truncated_normal(0.5, mean=2.0), stats.truncnorm(-2, 2, 2.0, 0.5)),
        (init.kaiming_normal(), stats.norm(0, np.sqrt(2 / 100))),
        (init.kaiming_normal(slope=0.5, mode="fan_out"), stats.norm(0, np.sqrt(1.6 / 400))),
        # PyTorch's linear layers again.
        (init.kaiming_uniform(slope=np.sqrt(5)), stats.uniform(-0.1, 0.2)),
        (init.xavier_normal(gain=5 / 3), stats.norm(0, 5 / 3 * np.sqrt(2 / 500))),
        (init.xavier_uniform(), stats.uniform(-np.sqrt(6 / 500), 2 * np.sqrt(6 / 500))),
        (init.lecun_normal(), stats.truncnorm(-2, 2, 0, 0.1 / 0.87962566103423978)),
        (init.he_normal(), stats.truncnorm(-2, 2, 0, np.sqrt(0.02) / 0.87962566103423978)),
        (init.glorot_normal(), stats.truncnorm(-2, 2, 0, np.sqrt(2 / 500) / 0.87962566103423978)),
    ],
)
@pytest.mark.requirement("D78", "P72")
def test_distributions(initializer, distribution):
    sample = initializer(random.key(0), (100, 400), "float64").ravel()
    assert stats.kstest(sample, distribution.cdf).pvalue > 1e-3
    assert abs(sample.std() / distribution.std() - 1) < 0.02


@pytest.mark.parametrize("case", backend_params())
def test_same_numbers_on_every_backend(case):
    expected = init.he_normal()(random.key(5), (6, 4))
    with case.active():
        key = random.key(5)
        got = init.he_normal()(key, (6, 4))
        zeros = init.zeros(key, (3,))
        np.testing.assert_allclose(case.to_numpy(got), expected, rtol=2e-6, atol=1e-7)
        assert case.to_numpy(zeros).tolist() == [0, 0, 0]
        assert case.to_numpy(zeros).dtype == np.float32


def test_default_data_type_and_device_follow_context_and_key():
    with fn.use_backend(dtype="float64"):
        assert init.zeros(random.key(0), (2,)).dtype == np.float64
        assert init.lecun_normal()(random.key(0), (2, 2)).dtype == np.float64
    with fn.use_backend("strict"):
        key = random.key(0)
    assert fn.backends.backend_of(init.ones(key, (2,))).name == "strict"


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_kernels_without_elements(shape):
    assert init.glorot_normal()(random.key(0), shape).shape == shape


@pytest.mark.parametrize("shape", [(), (3,)])
def test_shapes_without_fans(shape):
    with pytest.raises(ShapeError, match="has no fans"):
        init.he_normal()(random.key(0), shape)


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="unknown mode"):
        init.variance_scaling(1.0, "fan", "normal")
    with pytest.raises(ParameterError, match="unknown distribution"):
        init.variance_scaling(1.0, "fan_in", "cauchy")
    with pytest.raises(ParameterError, match="unknown scale"):
        init.variance_scaling(0.0, "fan_in", "normal")
    with pytest.raises(DtypeError, match="takes a random key first"):
        init.zeros(0, (3,))
