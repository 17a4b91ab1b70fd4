"""Recurrent layers: lengths, directions, stacks, carried state, scans, and what their errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")
RNG = np.random.default_rng
NORMAL = nn.initializers.normal(0.4)
KINDS = ["rnn", "lstm", "gru", "mgu"]
X = RNG(0).standard_normal((3, 5, 2))
LENGTHS = np.array([5, 0, 3])


def _layer(kind, x=X, features=4, **options):
    layer = getattr(nn, kind)(
        features, kernel_init=NORMAL, recurrent_init=NORMAL, bias_init=NORMAL, dtype="float64", **options
    )
    return layer, layer.init(random.key(0), x)[0]


def _loop(cell, params, x, reverse=False):
    """One step after the other, in plain Python."""
    carry = cell.initial(params, x[:, 0])
    ys = [None] * x.shape[1]
    for t in range(x.shape[1])[:: -1 if reverse else 1]:
        carry, ys[t] = cell.apply(params, carry, x[:, t])
    return np.stack(ys, axis=1), carry


@pytest.mark.requirement("D81")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_scan_equals_a_loop(kind, reverse):
    layer, params = _layer(kind, reverse=reverse, return_carry=True)
    (y, carry), _ = layer.apply(params, {}, X)
    wanted, last = _loop(getattr(nn, f"{kind}_cell")(4), params["layer_0"], X, reverse)
    np.testing.assert_allclose(y, wanted, rtol=1e-13, atol=1e-15)
    for a, b in zip(tree.leaves(carry), tree.leaves(last), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.requirement("D81")
@pytest.mark.parametrize("kind", KINDS)
def test_no_carry_is_a_carry_of_zeros(kind):
    layer, params = _layer(kind, stateful=True)
    _, state = layer.init(random.key(0), X)
    assert not any(a.any() for a in tree.leaves(state))
    zeros = tree.map(np.zeros_like, layer.apply(params, {}, X)[1]["carry"])
    whole = layer.apply(params, {}, X)[0]
    np.testing.assert_array_equal(layer.apply(params, {}, X, carry=zeros)[0], whole)
    with fn.use_backend(dtype="float64"):
        np.testing.assert_array_equal(layer.apply(params, layer.init(random.key(0), X)[1], X)[0], whole)


@pytest.mark.requirement("D81", "D82", "DX20")
@pytest.mark.parametrize("kind", KINDS)
def test_size_of_the_input_differs_from_that_of_the_carry(kind):
    _, params = _layer(kind)
    gates = {"rnn": 1, "lstm": 4, "gru": 3, "mgu": 2}[kind]
    assert params["layer_0"]["input"]["kernel"].shape == (2, 4 * gates)
    assert params["layer_0"]["hidden"]["kernel"].shape == (4, 4 * gates)


@pytest.mark.requirement("D81", "D82")
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_time(kind):
    layer, params = _layer(kind, x=X[:1], features=2, return_carry=True)
    check_grads(lambda p, x: layer.apply(p, {}, x)[0], [params, X[:1]], order=2 if kind in ("lstm", "gru") else 1)


@pytest.mark.requirement("D82")
def test_state_is_carried_and_a_fresh_one_begins_anew():
    layer, params = _layer("lstm", stateful=True)
    whole, end = layer.apply(params, {}, X)
    first, state = layer.apply(params, {}, X[:, :3])
    second, state = layer.apply(params, state, X[:, 3:])
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-13)
    np.testing.assert_allclose(state["carry"]["layer_0"][1], end["carry"]["layer_0"][1], rtol=1e-13)
    np.testing.assert_array_equal(layer.apply(params, {}, X[:, :3])[0], first)


@pytest.mark.requirement("D13", "D147")
def test_truncated_back_propagation_stops_at_the_carry():
    layer, params = _layer("lstm", return_carry=True)

    def loss(p, stop):
        (_, carry), _ = layer.apply(p, {}, X[:, :3])
        carry = fn.stop_gradient(carry) if stop else carry
        return xp.sum(layer.apply(p, {}, X[:, 3:], carry=carry)[0][0] ** 2)

    (_, fixed), _ = layer.apply(params, {}, X[:, :3])
    wanted = fn.grad(lambda p: xp.sum(layer.apply(p, {}, X[:, 3:], carry=fixed)[0][0] ** 2))(params)
    for a, b, c in zip(
        tree.leaves(fn.grad(lambda p: loss(p, True))(params)),
        tree.leaves(wanted),
        tree.leaves(fn.grad(lambda p: loss(p, False))(params)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        assert not np.allclose(a, c)


@pytest.mark.requirement("D82")
def test_forget_bias_is_added_to_one_gate():
    bias = nn.lstm(2, forget_bias=1.5).init(random.key(0), X)[0]["layer_0"]["input"]["bias"]
    assert bias.tolist() == [0, 0, 1.5, 1.5, 0, 0, 0, 0]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_lengths_are_as_if_each_sequence_ended_there(kind, bidirectional):
    layer, params = _layer(kind, layers=2, bidirectional=bidirectional, return_carry=True)
    (y, carry), _ = layer.apply(params, {}, X, lengths=LENGTHS)
    for i, n in enumerate(LENGTHS):
        assert not y[i, n:].any()
        if n:
            (alone, end), _ = layer.apply(params, {}, X[i : i + 1, :n])
            np.testing.assert_allclose(y[i, :n], alone[0], rtol=1e-12, atol=1e-15)
            for a, b in zip(tree.leaves(carry), tree.leaves(end), strict=True):
                np.testing.assert_allclose(a[i], b[0], rtol=1e-12, atol=1e-15)
        else:
            assert not any(a[i].any() for a in tree.leaves(carry))
    # What lies beyond a length gets no gradient, and does not matter.
    slope = fn.grad(lambda x: xp.sum(layer.apply(params, {}, x, lengths=LENGTHS)[0][0] ** 2))(X)
    assert not slope[1].any()
    assert not slope[2, 3:].any()
    wild = np.where(np.arange(5)[:, None] < LENGTHS[:, None, None], X, np.nan)
    np.testing.assert_array_equal(layer.apply(params, {}, wild, lengths=LENGTHS)[0][0], y)
    of_params = fn.grad(lambda p, x: xp.sum(layer.apply(p, {}, x, lengths=LENGTHS)[0][0] ** 2))
    for a, b in zip(tree.leaves(of_params(params, wild)), tree.leaves(of_params(params, X)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_last_output_only(bidirectional):
    options = {"layers": 2, "bidirectional": bidirectional}
    layer, params = _layer("gru", return_sequences=False, **options)
    whole, _ = _layer("gru", **options)
    y = whole.apply(params, {}, X)[0]
    last = layer.apply(params, {}, X)[0]
    wanted = np.concatenate([y[:, -1, :4], y[:, 0, 4:]], axis=-1) if bidirectional else y[:, -1]
    np.testing.assert_array_equal(last, wanted)
    ended = layer.apply(params, {}, X, lengths=LENGTHS)[0]
    np.testing.assert_allclose(ended[2], layer.apply(params, {}, X[2:, :3])[0][0], rtol=1e-12)


def test_cells_of_several_kinds_in_a_stack():
    layer = nn.recurrent([nn.gru_cell(4), nn.lstm_cell(3)])
    params, state = layer.init(random.key(0), (3, 5, 2))
    first = nn.recurrent(nn.gru_cell(4)).apply({"layer_0": params["layer_0"]}, {}, X)[0]
    second = nn.recurrent(nn.lstm_cell(3)).apply({"layer_0": params["layer_1"]}, {}, first)[0]
    np.testing.assert_array_equal(layer.apply(params, state, X)[0], second)


def test_dropout_between_layers_in_training_only():
    layer, params = _layer("rnn", layers=2, dropout=0.5)
    plain = layer.apply(params, {}, X)[0]
    with pytest.raises(ParameterError, match="needs a random key in training"):
        layer.apply(params, {}, X, train=True)
    y = layer.apply(params, {}, X, key=random.key(0), train=True)[0]
    assert not np.allclose(y, plain)
    # The last layer's outputs are not dropped.
    assert np.all(y != 0)


def test_in_a_model_by_name_batched_and_without_values():
    model = nn.sequential(nn.lstm(4, return_sequences=False), nn.dense(1))
    params, state = model.init(random.key(0), (3, 5, 2))
    assert list(params) == ["lstm_0", "dense_0"]
    assert fn.eval_shape(lambda x: model.apply(params, state, x)[0], fn.Spec((3, 5, 2))).shape == (3, 1)
    x = X.astype("float32")
    y = model.apply(params, state, x)[0]
    lengths = fn.Spec((3,), "int64")
    layer, own = _layer("lstm")
    assert fn.eval_shape(lambda x, n: layer.apply(own, {}, x, lengths=n)[0], X, lengths).shape == (3, 5, 4)
    both = tree.map(lambda a: np.stack([a, -a]), params)
    found = fn.vmap(lambda p: model.apply(p, state, x)[0])(both)
    np.testing.assert_allclose(found[0], y, rtol=1e-5)
    each = fn.vmap(lambda x: model.apply(params, state, x[None])[0][0])(x)
    np.testing.assert_allclose(each, y, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled(kind):
    layer, params = _layer(kind, bidirectional=True)
    slope = fn.grad(lambda p, x, n: xp.sum(layer.apply(p, {}, x, lengths=n)[0] ** 2))
    found, wanted = fn.jit(slope)(params, X, LENGTHS), slope(params, X, LENGTHS)
    for a, b in zip(tree.leaves(found), tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("kind", "gates"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
def test_a_summary_counts_the_products(kind, gates):
    products = 2 * 3 * 5 * (2 + 4) * 4 * gates
    flops = nn.summary(getattr(nn, kind)(4), (3, 5, 2)).flops
    assert products <= flops < 2.5 * products


def test_forward_mode_is_the_transpose_of_reverse_mode():
    layer, params = _layer("lstm", bidirectional=True)
    f = lambda p: layer.apply(p, {}, X, lengths=LENGTHS)[0]  # noqa: E731
    direction = tree.map(lambda a: RNG(a.size).standard_normal(a.shape), params)
    y, t = fn.jvp(f, (params,), (direction,))
    g = RNG(5).standard_normal(y.shape)
    pulled = fn.vjp(f, params)[1](g)[0]
    found = sum(np.sum(a * b) for a, b in zip(tree.leaves(pulled), tree.leaves(direction), strict=True))
    np.testing.assert_allclose(found, np.sum(g * t), rtol=1e-11)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("kind", KINDS)
def test_on_every_backend(kind, case):
    x = X.astype("float32")
    layer = getattr(nn, kind)(3, bidirectional=True)
    params, _ = layer.init(random.key(0), x)
    wanted = layer.apply(params, {}, x, lengths=LENGTHS)[0]
    slope = fn.grad(lambda p: xp.sum(layer.apply(p, {}, x, lengths=LENGTHS)[0] ** 2))(params)
    with case.active():
        here = case.asarray(x, "float32")
        lengths = case.asarray(LENGTHS, "int64" if "int64" in case.dtypes() else "int32")
        params, _ = layer.init(random.key(0), here)
        y = case.to_numpy(layer.apply(params, {}, here, lengths=lengths)[0])
        found = fn.grad(lambda p: xp.sum(layer.apply(p, {}, here, lengths=lengths)[0] ** 2))(params)
        found = case.to_numpy(found["layer_0"]["backward"]["hidden"]["kernel"])
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found, slope["layer_0"]["backward"]["hidden"]["kernel"], rtol=1e-3, atol=1e-5)


def test_empty_time():
    for options in ({}, {"bidirectional": True}, {"return_sequences": False}):
        layer, params = _layer("lstm", **options)
        y = layer.apply(params, {}, X[:, :0])[0]
        width = 8 if options.get("bidirectional") else 4
        assert y.shape == ((3, 4) if "return_sequences" in options else (3, 0, width))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "layers": 2}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_derivative_of_no_steps_is_zero(kind, options):
    layer, params = _layer(kind, **options)
    both = fn.value_and_grad(lambda p, x: xp.sum(layer.apply(p, {}, x)[0]), argnums=(0, 1))
    for f in (both, fn.jit(both)):
        value, (slopes, slope) = f(params, X[:, :0])
        assert value == 0.0
        assert slope.shape == (3, 0, 2)
        assert tree.map(np.shape, slopes) == tree.map(np.shape, params)
        assert not any(g.any() for g in tree.leaves(slopes))


def test_bad_input():
    layer, params = _layer("lstm")
    with pytest.raises(ShapeError, match=r"(?s)Layer lstm got an input without a time.*\(batch, time, features\)"):
        layer.init(random.key(0), (3, 2))
    with pytest.raises(ShapeError, match="wrong number of features"):
        layer.apply(params, {}, X[..., :1])
    with pytest.raises(DtypeError, match="not floating-point"):
        layer.apply(params, {}, X.astype("int64"))
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        nn.gru(4).apply(params, {}, X)
    with pytest.raises(ParameterError, match="parameters of another model"):
        nn.lstm(4, layers=2).apply(params, {}, X)
    with pytest.raises(ParameterError, match="state that is not its own"):
        layer.apply(params, {"carry": 0}, X)
    with pytest.raises(DtypeError, match="vector of integers"):
        layer.apply(params, {}, X, lengths=[5, 0, 3])
    with pytest.raises(ParameterError, match=r"(?s)length that its input does not have.*0 to 6"):
        layer.apply(params, {}, X, lengths=np.array([0, 1, 6]))
    with pytest.raises(ShapeError, match="carry that does not fit"):
        layer.apply(params, {}, X, carry={"layer_0": np.zeros((3, 4))})
    with pytest.raises(ParameterError, match="a carry of another model"):
        layer.apply(params, {}, X, carry=np.zeros((3, 4)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.lstm(0), "number of its features"),
        (lambda: nn.lstm(2, layers=0), "layers=0"),
        (lambda: nn.rnn(2, activation="sine"), "does not know this activation"),
        (lambda: nn.gru(2, bidirectional=True, reverse=True), "in one of them"),
        (lambda: nn.recurrent(nn.dense(2)), "takes cells"),
        (lambda: nn.lstm(2, dropout=2.0), "share of elements"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
