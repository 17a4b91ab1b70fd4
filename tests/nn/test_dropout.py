"""Dropout: expectation, edges, the same mask everywhere, and the missing key."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params


def drop(rate, x, seed=0, train=True):
    return nn.dropout(rate).apply({}, {}, x, key=random.key(seed), train=train)[0]


@pytest.mark.requirement("D59", "P53")
def test_identity_outside_of_training_and_at_rate_zero():
    x = np.random.default_rng(0).standard_normal((3, 4))
    assert drop(0.5, x, train=False) is x
    assert drop(0, x) is x
    assert nn.dropout(0.0).apply({}, {}, x, train=True)[0] is x


@pytest.mark.requirement("D59", "DX21")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rate_one_gives_zeros_and_zero_gradient(dtype):
    x = np.array([1.0, np.inf, np.nan, -3.0], dtype=dtype)
    y, pullback = fn.vjp(lambda x: drop(1, x), x)
    assert y.dtype == x.dtype
    assert y.tolist() == [0.0] * 4
    assert pullback(np.ones_like(x))[0].tolist() == [0.0] * 4


@pytest.mark.requirement("D59")
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_mean_is_preserved(rate):
    n = 200_000
    y = drop(rate, np.ones(n, dtype="float32"))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-6)
    # Five standard deviations of a binomial share.
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / n)
    assert abs(y.mean() - 1) < 5 * np.sqrt(rate / (1 - rate) / n)


def test_gradient_is_the_scaled_mask():
    x = np.random.default_rng(0).standard_normal((50,))
    y, pullback = fn.vjp(lambda x: drop(0.5, x), x)
    np.testing.assert_array_equal(pullback(np.ones(50))[0], np.where(y != 0, 2.0, 0.0))


def test_keys_decide():
    x = np.ones(100)
    np.testing.assert_array_equal(drop(0.5, x, 1), drop(0.5, x, 1))
    assert not np.array_equal(drop(0.5, x, 1), drop(0.5, x, 2))


@pytest.mark.requirement("D59")
@pytest.mark.parametrize("case", backend_params())
def test_same_mask_on_every_backend(case):
    expected = drop(0.3, np.ones((17, 5), dtype="float32"), 4)
    with case.active():
        y = drop(0.3, case.asarray(np.ones((17, 5)), "float32"), 4)
        np.testing.assert_array_equal(case.to_numpy(y), expected)


def test_same_mask_whatever_the_default_data_type():
    with fn.use_backend(dtype="float64"):
        wide = drop(0.3, np.ones(1000, dtype="float32"), 4)
    np.testing.assert_array_equal(wide, drop(0.3, np.ones(1000, dtype="float32"), 4))


def test_missing_key_names_the_layer():
    model = nn.sequential(nn.dense(2), nn.sequential(nn.dropout(0.5)))
    params, state = model.init(random.key(0), (1, 3))
    x = np.ones((1, 3), dtype="float32")
    model.apply(params, state, x)
    with pytest.raises(ParameterError, match=r"Layer sequential\.sequential_0\.dropout_0 needs a random key") as error:
        model.apply(params, state, x, train=True)
    assert "key=random.fold_in(key, step)" in str(error.value)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "half", None, True])
def test_rate_is_checked(rate):
    with pytest.raises(ParameterError, match="a number from 0 to 1"):
        nn.dropout(rate)


def test_second_derivative_through_dropout():
    x = np.array([0.5, -1.0, 2.0])

    def f(x):
        return xp.sum(drop(0.5, x) ** 3)

    mask = drop(0.5, np.ones(3))
    np.testing.assert_allclose(fn.grad(lambda x: xp.sum(fn.grad(f)(x)))(x), 6 * x * mask**3)


# ---------------------------------------------------------------------- whole channels and examples

GROUPED = {
    "spatial": (nn.spatial_dropout, {}, (1, 2)),
    "spatial, channels first": (nn.spatial_dropout, {"axis": 1}, (2, 3)),
    "path": (nn.drop_path, {}, (1, 2, 3)),
}


@pytest.mark.parametrize("name", GROUPED)
def test_groups_are_dropped_together_and_the_mean_is_preserved(name):
    make, options, together = GROUPED[name]
    x = np.random.default_rng(0).uniform(1, 2, (400, 3, 5, 6))
    y, pullback = fn.vjp(lambda x: make(0.25, **options).apply({}, {}, x, key=random.key(2), train=True)[0], x)
    ratio = y / x
    np.testing.assert_allclose(ratio[ratio != 0], 4 / 3, rtol=1e-12)
    np.testing.assert_array_equal((ratio != 0).any(axis=together), (ratio != 0).all(axis=together))
    groups = ratio.max(axis=together).size
    assert abs((ratio != 0).mean() - 0.75) < 5 * np.sqrt(0.1875 / groups)
    np.testing.assert_allclose(pullback(np.ones_like(x))[0], ratio, rtol=1e-12)


@pytest.mark.parametrize("name", GROUPED)
def test_edges_of_grouped_dropout(name):
    make, options, _ = GROUPED[name]
    x = np.full((2, 3, 3, 3), np.inf)
    assert make(0.5, **options).apply({}, {}, x)[0] is x
    assert make(0, **options).apply({}, {}, x, train=True)[0] is x
    assert not make(1, **options).apply({}, {}, x, key=random.key(0), train=True)[0].any()
    with pytest.raises(ParameterError, match="a number from 0 to 1"):
        make(1.5, **options)
    with pytest.raises(ParameterError, match="needs a random key in training"):
        make(0.5, **options).apply({}, {}, x, train=True)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", GROUPED)
def test_same_groups_on_every_backend(case, name):
    make, options, _ = GROUPED[name]
    x = np.ones((4, 3, 2, 3), dtype="float32")
    expected = make(0.5, **options).apply({}, {}, x, key=random.key(7), train=True)[0]
    with case.active():
        got = make(0.5, **options).apply({}, {}, case.asarray(x, "float32"), key=random.key(7), train=True)[0]
        np.testing.assert_array_equal(case.to_numpy(got), expected)


def test_every_example_of_a_vmapped_batch_has_a_mask_of_its_own():
    layer = nn.spatial_dropout(0.5)
    keys = random.split(random.key(0), 5)
    x = np.ones((5, 1, 2, 8))
    together = fn.vmap(lambda key, x: layer.apply({}, {}, x, key=key, train=True)[0])(keys, x)
    for i in range(5):
        one = layer.apply({}, {}, x[i], key=keys[i], train=True)[0]
        np.testing.assert_array_equal(together[i], one)


def test_axis_of_channels_is_checked():
    for axis, shape in ((0, (4, 3)), (-2, (4, 3)), (3, (4, 3, 2)), (-4, (4, 3, 2)), (-1, (4,)), (-1, ())):
        with pytest.raises(ShapeError, match="Layer spatial_dropout needs an axis of channels"):
            nn.spatial_dropout(0.5, axis=axis).init(random.key(0), shape)
    with pytest.raises(ShapeError, match="Layer spatial_dropout needs an axis of channels"):
        nn.spatial_dropout(0.5).apply({}, {}, np.ones(3), key=random.key(0), train=True)
    with pytest.raises(ParameterError, match="takes the axis of the channels"):
        nn.spatial_dropout(0.5, axis=1.5)
    with pytest.raises(ShapeError, match="Layer drop_path needs examples"):
        nn.drop_path(0.5).init(random.key(0), ())


def test_containers_name_them():
    layers = (nn.spatial_dropout(0.5), nn.drop_path(0.5))
    model = nn.sequential(*layers)
    with pytest.raises(ParameterError, match=r"Layer sequential\.spatial_dropout_0 needs a random key"):
        model.apply({}, {}, np.ones((2, 3)), train=True)


def test_the_error_of_an_axis_shows_it():
    with pytest.raises(ParameterError, match=r"found:  1\.5"):
        nn.spatial_dropout(0.5, axis=1.5)  # type: ignore[arg-type]
