"""Recurrent layers against PyTorch: outputs, carries and gradients, stacked, in both directions, with lengths."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree
from funcnet.testing.oracles import oracle

torch = oracle("torch")
RNG = np.random.default_rng
NORMAL = nn.initializers.normal(0.4)
X = RNG(0).standard_normal((3, 6, 2))
LENGTHS = np.array([4, 6, 1])
_KINDS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}

#: name, kind, options of ours, options of PyTorch's, lengths.
CASES = [
    ("rnn", "rnn", {}, {}, None),
    ("rnn, relu", "rnn", {"activation": "relu"}, {"nonlinearity": "relu"}, None),
    ("lstm", "lstm", {}, {}, None),
    ("lstm, no bias", "lstm", {"bias": False}, {"bias": False}, None),
    ("gru", "gru", {}, {}, None),
    *[
        (f"{kind}, two layers, both directions, lengths", kind, options, theirs, LENGTHS)
        for kind in _KINDS
        for options, theirs in [({"layers": 2, "bidirectional": True}, {"num_layers": 2, "bidirectional": True})]
    ],
    ("gru, no bias, three layers", "gru", {"bias": False, "layers": 3}, {"bias": False, "num_layers": 3}, None),
]


def _relative(found, wanted):
    return float(np.max(np.abs(found - wanted)) / max(np.max(np.abs(wanted)), 1e-300))


def _parts(params, layers, bidirectional):
    """Yield each cell's parameters with the suffix of PyTorch's names."""
    for i in range(layers):
        entry = params[f"layer_{i}"]
        if bidirectional:
            yield entry["forward"], f"l{i}"
            yield entry["backward"], f"l{i}_reverse"
        else:
            yield entry, f"l{i}"


def _reference(kind, params, features, options, theirs):
    """Return PyTorch's network with the same weights; of its two biases the second is zero but for the GRU's."""
    network = _KINDS[kind](X.shape[-1], features, batch_first=True, dtype=torch.float64, **theirs)
    with torch.no_grad():
        for part, name in _parts(params, options.get("layers", 1), options.get("bidirectional", False)):
            for ours, at in (("input", "ih"), ("hidden", "hh")):
                getattr(network, f"weight_{at}_{name}").copy_(torch.from_numpy(part[ours]["kernel"].T.copy()))
            if options.get("bias", True):
                getattr(network, f"bias_ih_{name}").copy_(torch.from_numpy(part["input"]["bias"]))
                second = getattr(network, f"bias_hh_{name}")
                second.zero_()
                if kind == "gru":
                    second[-features:].copy_(torch.from_numpy(part["hidden"]["bias"]))
    return network


def _gradients(kind, network, params, features, options):
    """Return PyTorch's gradients in a list like the leaves of ours, and ours beside them."""
    pairs = []
    for part, name in _parts(params, options.get("layers", 1), options.get("bidirectional", False)):
        for ours, at in (("input", "ih"), ("hidden", "hh")):
            pairs.append((part[ours]["kernel"], getattr(network, f"weight_{at}_{name}").grad.numpy().T))
        if options.get("bias", True):
            pairs.append((part["input"]["bias"], getattr(network, f"bias_ih_{name}").grad.numpy()))
            if kind == "gru":
                second = getattr(network, f"bias_hh_{name}").grad.numpy()
                pairs.append((part["hidden"]["bias"], second[-features:]))
    return pairs


def _compare(kind, options, theirs, lengths):
    features = 4
    layer = getattr(nn, kind)(
        features,
        kernel_init=NORMAL,
        recurrent_init=NORMAL,
        bias_init=NORMAL,
        dtype="float64",
        return_carry=True,
        **options,
    )
    params, _ = layer.init(random.key(0), X)

    def run(p, x):
        (y, carry), _ = layer.apply(p, {}, x, lengths=lengths)
        return y, carry

    (y, carry), pullback = fn.vjp(run, params, X)
    g = RNG(1).standard_normal(y.shape)
    gc = tree.map(lambda a: RNG(2).standard_normal(a.shape), carry)
    dp, dx = pullback((g, gc))

    network = _reference(kind, params, features, options, theirs)
    x = torch.from_numpy(X.copy()).requires_grad_()
    if lengths is None:
        out, end = network(x)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
        )
        out, end = network(packed)
        out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
    ends = end if kind == "lstm" else (end,)
    # Ours in PyTorch's order: h of all layers and directions, then c.
    leaves = [entry for entry, _ in _parts(carry, options.get("layers", 1), options.get("bidirectional", False))]
    slopes = [entry for entry, _ in _parts(gc, options.get("layers", 1), options.get("bidirectional", False))]
    total = (out * torch.from_numpy(g)).sum()
    output = _relative(y, out.detach().numpy())
    for k, e in enumerate(ends):
        mine = np.stack([entry[k] if kind == "lstm" else entry for entry in leaves])
        weight = np.stack([entry[k] if kind == "lstm" else entry for entry in slopes])
        output = max(output, _relative(mine, e.detach().numpy()))
        total = total + (e * torch.from_numpy(weight)).sum()
    total.backward()
    parameters = max(_relative(a, b) for a, b in _gradients(kind, network, dp, features, options))
    return output, _relative(dx, x.grad.numpy()), parameters


def _torch_cell(kind, part, h, x):
    """A step written out in PyTorch, for the cells that it does not have."""
    w, b, u = part["input"]["kernel"], part["input"]["bias"], part["hidden"]["kernel"]
    n = u.shape[0]
    if kind == "gru, reset before":
        gates = torch.sigmoid(x @ w[:, : 2 * n] + b[: 2 * n] + h @ u[:, : 2 * n])
        candidate = torch.tanh(x @ w[:, 2 * n :] + b[2 * n :] + (gates[:, :n] * h) @ u[:, 2 * n :])
        return (1 - gates[:, n:]) * candidate + gates[:, n:] * h
    f = torch.sigmoid(x @ w[:, :n] + b[:n] + h @ u[:, :n])
    candidate = torch.tanh(x @ w[:, n:] + b[n:] + (f * h) @ u[:, n:])
    return (1 - f) * h + f * candidate


def _compare_cell(kind):
    options = {"kernel_init": NORMAL, "recurrent_init": NORMAL, "bias_init": NORMAL, "dtype": "float64"}
    layer = nn.mgu(4, **options) if kind == "mgu" else nn.gru(4, reset_after=False, **options)
    params, _ = layer.init(random.key(0), X)
    y, pullback = fn.vjp(lambda p, x: layer.apply(p, {}, x)[0], params, X)
    g = RNG(1).standard_normal(y.shape)
    dp, dx = pullback(g)
    part = tree.map(lambda a: torch.from_numpy(a.copy()).requires_grad_(), params["layer_0"])
    x = torch.from_numpy(X.copy()).requires_grad_()
    h, ys = torch.zeros(3, 4, dtype=torch.float64), []
    for t in range(X.shape[1]):
        h = _torch_cell(kind, part, h, x[:, t])
        ys.append(h)
    out = torch.stack(ys, dim=1)
    out.backward(torch.from_numpy(g))
    slopes = tree.map(lambda t: t.grad.numpy(), part, is_leaf=lambda t: isinstance(t, torch.Tensor))
    worst = max(_relative(a, b) for a, b in zip(tree.leaves(dp), tree.leaves(slopes), strict=True))
    return _relative(y, out.detach().numpy()), _relative(dx, x.grad.numpy()), worst


def _compare_conv(stride):
    x = RNG(0).standard_normal((2, 3, 6, 5, 2))
    layer = nn.conv_lstm(
        3, 3, stride=stride, padding=1, kernel_init=NORMAL, recurrent_init=NORMAL, bias_init=NORMAL, dtype="float64"
    )
    params, _ = layer.init(random.key(0), x)
    y, pullback = fn.vjp(lambda p, x: layer.apply(p, {}, x)[0], params, x)
    g = RNG(1).standard_normal(y.shape)
    dp, dx = pullback(g)
    part = tree.map(lambda a: torch.from_numpy(a.copy()).requires_grad_(), params["layer_0"])
    xt = torch.from_numpy(x.copy()).requires_grad_()
    w, u = (part[n]["kernel"].permute(3, 2, 0, 1) for n in ("input", "hidden"))
    h = c = torch.zeros(2, 3, *y.shape[2:4], dtype=torch.float64)
    ys = []
    for t in range(3):
        gates = torch.nn.functional.conv2d(
            xt[:, t].permute(0, 3, 1, 2), w, part["input"]["bias"], stride=stride, padding=1
        ) + torch.nn.functional.conv2d(h, u, padding=1)
        i, f, n, o = gates.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(n)
        h = torch.sigmoid(o) * torch.tanh(c)
        ys.append(h.permute(0, 2, 3, 1))
    out = torch.stack(ys, dim=1)
    out.backward(torch.from_numpy(g))
    slopes = tree.map(lambda t: t.grad.numpy(), part, is_leaf=lambda t: isinstance(t, torch.Tensor))
    worst = max(_relative(a, b) for a, b in zip(tree.leaves(dp), tree.leaves(slopes), strict=True))
    return _relative(y, out.detach().numpy()), _relative(dx, xt.grad.numpy()), worst


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, *case in CASES:
        yield name, "torch", *_compare(*case)
    for kind in ("mgu", "gru, reset before"):
        yield kind, "torch, written out", *_compare_cell(kind)
    yield "conv_lstm", "torch, written out", *_compare_conv(1)


@pytest.mark.requirement("D81", "D82")
@pytest.mark.parametrize(("name", "kind", "options", "theirs", "lengths"), CASES, ids=[c[0] for c in CASES])
def test_equals_torch(name, kind, options, theirs, lengths):
    assert max(_compare(kind, options, theirs, lengths)) < 1e-12


@pytest.mark.parametrize("kind", ["mgu", "gru, reset before"])
def test_equals_a_loop_in_torch(kind):
    assert max(_compare_cell(kind)) < 1e-12


@pytest.mark.parametrize("stride", [1, 2])
def test_convolutional_memory_equals_a_loop_in_torch(stride):
    assert max(_compare_conv(stride)) < 1e-12


def test_convolutional_memory_with_lengths_both_directions_and_state():
    x = RNG(0).standard_normal((2, 4, 5, 5, 1))
    layer = nn.conv_lstm(2, 3, layers=2, bidirectional=True, stateful=True, dtype="float64", forget_bias=1.0)
    with fn.use_backend(dtype="float64"):
        params, state = layer.init(random.key(0), x)
    y, after = layer.apply(params, state, x, lengths=np.array([4, 2]))
    assert y.shape == (2, 4, 5, 5, 4)
    assert not y[1, 2:].any()
    alone, _ = layer.apply(params, {}, x[1:, :2])
    np.testing.assert_allclose(y[1, :2], alone[0], rtol=1e-12, atol=1e-15)
    assert after["carry"]["layer_1"]["backward"][0].shape == (2, 5, 5, 2)
    assert params["layer_0"]["forward"]["input"]["bias"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
