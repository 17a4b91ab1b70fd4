"""Sequences of layers: names, keys, state, and errors that say where."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params


def counter():
    """Count the calls in training, in state."""

    def init(key, spec):
        return {}, {"calls": np.zeros(())}

    def apply(params, state, x, *, key=None, train=False):
        return x, {"calls": state["calls"] + 1} if train else state

    return nn.Layer(init, apply)


def noise():
    """Add what the key says."""

    def init(key, spec):
        return {}, {}

    def apply(params, state, x, *, key=None, train=False):
        return x if key is None else x + random.normal(key, x.shape), state

    return nn.Layer(init, apply)


@pytest.mark.requirement("D74", "P36", "P40", "P44")
def test_names_count_within_a_kind_and_follow_what_the_user_says():
    model = nn.sequential(
        nn.dense(4),
        nn.relu(),
        nn.dense(4),
        nn.named("middle", nn.dense(4)),
        nn.sequential(nn.dense(2)),
        head=nn.dense(3),
    )
    params, state = model.init(random.key(0), (1, 5))
    assert tree.paths(params) == [
        ".dense_0.bias",
        ".dense_0.kernel",
        ".dense_1.bias",
        ".dense_1.kernel",
        ".head.bias",
        ".head.kernel",
        ".middle.bias",
        ".middle.kernel",
        ".sequential_0.dense_0.bias",
        ".sequential_0.dense_0.kernel",
    ]
    assert state == {}


@pytest.mark.requirement("P42", "P43", "P82", "A3")
def test_equals_the_layers_one_by_one():
    layers = [nn.flatten(), nn.dense(6), xp.tanh, nn.dense(2), lambda x: 2 * x]
    model = nn.sequential(*layers)
    x = np.random.default_rng(0).standard_normal((3, 2, 2)).astype("float32")
    params, state = model.init(random.key(0), x.shape)
    y, _ = model.apply(params, state, x)
    h = np.tanh(x.reshape(3, 4) @ params["dense_0"]["kernel"] + params["dense_0"]["bias"])
    np.testing.assert_allclose(y, 2 * (h @ params["dense_1"]["kernel"] + params["dense_1"]["bias"]), rtol=1e-5)


def test_children_get_keys_folded_from_their_position():
    model = nn.sequential(nn.dense(4), nn.relu(), nn.dense(2))
    key = random.key(3)
    params, _ = model.init(key, (1, 5))
    alone, _ = nn.dense(2).init(random.fold_in(key, 2), (1, 4))
    np.testing.assert_array_equal(params["dense_1"]["kernel"], alone["kernel"])
    noisy = nn.sequential(nn.identity(), noise())
    y, _ = noisy.apply({}, {}, np.zeros(3, dtype="float32"), key=key)
    np.testing.assert_array_equal(y, random.normal(random.fold_in(key, 1), (3,)))


def test_state_is_kept_by_name_and_only_where_there_is_some():
    model = nn.sequential(nn.dense(2), counter(), nn.sequential(counter(), nn.relu()))
    params, state = model.init(random.key(0), (1, 3))
    assert tree.paths(state) == [".counter_0.calls", ".sequential_0.counter_0.calls"]
    x = np.zeros((1, 3), dtype="float32")
    _, after = model.apply(params, state, x, train=True)
    assert [float(leaf) for leaf in tree.leaves(after)] == [1.0, 1.0]
    assert [float(leaf) for leaf in tree.leaves(state)] == [0.0, 0.0]
    assert tree.leaves(model.apply(params, after, x)[1]) == tree.leaves(after)


def test_shapes_are_found_by_the_layers_themselves():
    model = nn.sequential(lambda x: xp.concat([x, x], axis=-1), nn.flatten(), nn.dense(2))
    params, _ = model.init(random.key(0), fn.Spec((3, 2, 5)))
    assert params["dense_0"]["kernel"].shape == (20, 2)
    same, _ = model.init(random.key(0), np.zeros((3, 2, 5), dtype="float32"))
    np.testing.assert_array_equal(params["dense_0"]["kernel"], same["dense_0"]["kernel"])


@pytest.mark.requirement("D75", "P58")
def test_applying_twice_gives_the_same():
    model = nn.sequential(nn.dense(4), nn.dropout(0.5), nn.dense(2))
    params, state = model.init(random.key(0), (3, 4))
    x = np.ones((3, 4), dtype="float32")
    before = tree.map(np.copy, params)
    first, second = (model.apply(params, state, x, key=random.key(1), train=True)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    tree.map(np.testing.assert_array_equal, params, before)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("A10")
def test_parameters_are_the_same_numbers_on_every_backend(case):
    model = nn.sequential(nn.dense(16), nn.tanh(), nn.dense(3))
    reference, _ = model.init(random.key(7), (1, 8))
    with case.active():
        params, _ = model.init(random.key(7), (1, 8))
        y, _ = model.apply(params, {}, case.asarray(np.ones((2, 8)), "float32"))
        got = tree.map(case.to_numpy, params)
        result = case.to_numpy(y)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7), got, reference)
    np.testing.assert_allclose(result, model.apply(reference, {}, np.ones((2, 8), "float32"))[0], rtol=1e-5, atol=1e-6)


@pytest.mark.requirement("N7")
def test_parameters_go_where_the_key_is():
    with fn.use_backend("strict"):
        key = random.key(0)
    params, _ = nn.sequential(nn.dense(2)).init(key, (1, 3))
    assert {fn.backends.backend_of(leaf).name for leaf in tree.leaves(params)} == {"strict"}


def test_empty_sequence_is_the_identity():
    model = nn.sequential()
    assert model.init(random.key(0), (2,)) == ({}, {})
    assert model.apply({}, {}, 3.0) == (3.0, {})


def test_parameters_of_another_model():
    model = nn.sequential(nn.dense(4), nn.sequential(nn.dense(2)))
    params, state = model.init(random.key(0), (1, 3))
    x = np.zeros((1, 3), dtype="float32")
    with pytest.raises(ParameterError, match=r"Layer sequential got parameters of another model") as error:
        model.apply({**params, "conv_0": {}}, state, x)
    assert "entries for 'conv_0'" in str(error.value)
    assert "dense_0, sequential_0" in str(error.value)
    with pytest.raises(ParameterError, match=r"Layer sequential\.sequential_0 got parameters"):
        model.apply({**params, "sequential_0": {"dense_1": {}}}, state, x)
    with pytest.raises(ParameterError, match=r"Layer sequential\.sequential_0\.dense_0 got parameters"):
        model.apply({"dense_0": params["dense_0"]}, state, x)
    with pytest.raises(ParameterError, match="Layer sequential got state of another model"):
        model.apply(params, {"dense_9": {}}, x)
    with pytest.raises(ParameterError, match="found:  list"):
        model.apply([params], state, x)


def test_errors_of_operations_say_in_which_layer():
    model = nn.sequential(nn.dense(4), nn.named("pick", nn.sequential(lambda x: xp.reshape(x, (5, 5)))))
    with pytest.raises(ShapeError) as error:
        model.init(random.key(0), (2, 3))
    assert error.value.__notes__ == ["in layer sequential.pick.function_0"]


def test_misfit_is_found_by_init():
    def wrong():
        def init(key, spec):
            return nn.dense(3).init(key, (1, 7))

        return nn.Layer(init, nn.dense(3).apply)

    with pytest.raises(ShapeError, match=r"Layer sequential\.wrong_0 got an input with the wrong number"):
        nn.sequential(nn.dense(4), wrong()).init(random.key(0), (2, 3))


@pytest.mark.parametrize("child", [3, "dense", None, {"kernel": 1}])
def test_children_are_checked(child):
    with pytest.raises(ParameterError, match="takes layers and functions"):
        nn.sequential(child)


def test_a_list_of_layers_is_not_a_layer():
    with pytest.raises(ParameterError, match=r"\*layers for a list"):
        nn.sequential([nn.dense(3)])


@pytest.mark.parametrize("maker", [nn.dense, nn.relu, nn.flatten])
def test_forgotten_call(maker):
    with pytest.raises(ParameterError, match="makes a layer in place of the layer") as error:
        nn.sequential(maker)
    assert f"nn.{maker.__name__}(...)" in str(error.value)


def test_names_must_differ_and_be_fit():
    with pytest.raises(ParameterError, match="two layers with the name 'a'"):
        nn.sequential(nn.named("a", nn.dense(2)), a=nn.dense(2))
    with pytest.raises(ParameterError, match="cannot have this name"):
        nn.sequential(**{"a.b": nn.dense(2)})
    for name in ("", "a.b", 3):
        with pytest.raises(ParameterError, match="cannot have this name"):
            nn.named(name, nn.dense(2))
    with pytest.raises(ParameterError, match="names layers"):
        nn.named("a", xp.tanh)


def test_init_checks_key_and_shape():
    model = nn.sequential(nn.dense(2))
    with pytest.raises(DtypeError, match="takes a random key first"):
        model.init(0, (1, 3))
    with pytest.raises(ParameterError, match="takes the shape of its input"):
        model.init(random.key(0), "shape")
    with pytest.raises(ShapeError, match="negative size"):
        model.init(random.key(0), (-1, 3))
