"""Orthogonal, sparse and identity-like initialisers: exactness, JAX's and PyTorch's numbers, and their errors."""

import jax
import numpy as np
import pytest
from scipy import stats

import funcnet as fn
from funcnet import nn, random
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


init = nn.initializers
JAX = jax.nn.initializers
NOT_INT32 = [p for p in backend_params() if p.id != "strict-no-x64"]


def matrix(w, axis=-1):
    w = np.moveaxis(np.asarray(w), axis, -1)
    return w.reshape(-1, w.shape[-1])


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (3, 3, 4, 6), (2, 2, 2, 16)])
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_orthogonal_to_the_last_digits(shape, axis, scale):
    w = matrix(init.orthogonal(scale, column_axis=axis)(random.key(3), shape, "float64"), axis) / scale
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-14)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (3, 3, 4, 6)])
@pytest.mark.parametrize("axis", [-1, 0])
def test_orthogonal_numbers_are_those_of_jax(shape, axis):
    expected = JAX.orthogonal(1.5, column_axis=axis)(jax.random.key(11), shape, "float32")
    got = init.orthogonal(1.5, column_axis=axis)(random.key(11), shape, "float32")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_orthogonal_matrices_are_uniformly_distributed():
    keys = random.split(random.key(0), 300)
    draw = init.orthogonal()
    sample = np.stack([draw(keys[i, :], (3, 3), "float64") for i in range(300)])
    # A column is uniform on the sphere, and so by Archimedes is each of its coordinates on [-1, 1].
    for i, j in ((0, 0), (1, 0), (2, 2)):
        assert stats.kstest(sample[:, i, j], stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert 100 < (np.linalg.det(sample) > 0).sum() < 200


@pytest.mark.parametrize("shape", [(3, 4, 6), (3, 3, 4, 4), (4, 3, 3, 2, 5)])
def test_delta_orthogonal_numbers_are_those_of_jax(shape):
    expected = JAX.delta_orthogonal()(jax.random.key(5), shape, "float32")
    got = init.delta_orthogonal()(random.key(5), shape, "float32")
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_array_equal(got != 0, np.asarray(expected) != 0)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_identity_is_that_of_torch(shape):
    expected = torch.nn.init.eye_(torch.empty(shape)).numpy()
    np.testing.assert_array_equal(init.identity()(random.key(0), shape), expected)
    np.testing.assert_array_equal(init.identity(0.5)(random.key(0), shape), expected / 2)


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("spatial", [(3,), (3, 4), (1, 3, 2)])
@pytest.mark.parametrize("channels", [(4, 6), (2, 12), (7, 6)])
def test_dirac_is_that_of_torch(groups, spatial, channels):
    inputs, outputs = channels
    expected = torch.nn.init.dirac_(torch.empty(outputs, inputs, *spatial), groups).numpy()
    got = init.dirac(groups)(random.key(0), (*spatial, inputs, outputs))
    np.testing.assert_array_equal(got, np.moveaxis(expected, (0, 1), (-1, -2)))


@pytest.mark.parametrize("sparsity", [0, 0.1, 0.5, 0.99, 1])
def test_sparse_matrices_have_as_many_zeros_in_each_column(sparsity):
    w = init.sparse(sparsity, stddev=0.3)(random.key(1), (30, 200), "float64")
    expected = torch.nn.init.sparse_(torch.empty(30, 200), sparsity).numpy()
    np.testing.assert_array_equal((w == 0).sum(axis=0), (expected == 0).sum(axis=0))
    values = w[w != 0]
    if values.size > 1000:
        assert stats.kstest(values, stats.norm(0, 0.3).cdf).pvalue > 1e-3
        rows = (w == 0).sum(axis=1)
        assert rows.std() < 3 * np.sqrt(200 * max(sparsity * (1 - sparsity), 1e-3)) + 1


@pytest.mark.parametrize("case", NOT_INT32)
def test_same_numbers_on_every_backend(case):
    makers = {
        "orthogonal": (init.orthogonal(), (5, 3)),
        "delta_orthogonal": (init.delta_orthogonal(), (3, 2, 3)),
        "identity": (init.identity(), (2, 3)),
        "dirac": (init.dirac(), (3, 2, 3)),
        "sparse": (init.sparse(0.4), (5, 3)),
    }
    for make, shape in makers.values():
        expected = make(random.key(5), shape)
        with case.active():
            got = make(random.key(5), shape)
            assert fn.backends.backend_of(got).name == case.backend_name
            np.testing.assert_allclose(case.to_numpy(got), expected, atol=2e-6)
            assert case.to_numpy(got).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_data_types(dtype):
    for make, shape in ((init.orthogonal(), (4, 4)), (init.delta_orthogonal(), (3, 2, 2)), (init.dirac(), (3, 2, 2))):
        assert make(random.key(0), shape, dtype).dtype == dtype


@pytest.mark.parametrize(("maker", "shape"), [(init.orthogonal(), (0, 3)), (init.dirac(), (3, 0, 2))])
def test_kernels_without_elements(maker, shape):
    assert maker(random.key(0), shape).shape == shape


@pytest.mark.parametrize(
    ("maker", "shape", "message"),
    [
        (init.orthogonal(), (3,), "orthogonal makes matrices"),
        (init.orthogonal(column_axis=2), (3, 3), "orthogonal makes matrices"),
        (init.delta_orthogonal(), (3, 3), "do not lose channels"),
        (init.delta_orthogonal(), (3, 4, 2), "do not lose channels"),
        (init.identity(), (3, 3, 3), "identity makes matrices"),
        (init.sparse(0.5), (3,), "sparse makes matrices"),
        (init.dirac(), (3, 3), "makes kernels of convolutions"),
        (init.dirac(2), (3, 3, 3), "makes kernels of convolutions"),
    ],
)
def test_shapes_are_checked(maker, shape, message):
    with pytest.raises(ShapeError, match=message):
        maker(random.key(0), shape)


def test_arguments_are_checked():
    for groups in (0, 1.5, True):
        with pytest.raises(ParameterError, match="takes a number of groups"):
            init.dirac(groups)
    for sparsity in (-0.1, 1.1, "half", None):
        with pytest.raises(ParameterError, match="takes the share of zeros"):
            init.sparse(sparsity)
