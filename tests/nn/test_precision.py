"""Policies of data types, and bfloat16 on NumPy against PyTorch."""

import subprocess
import sys

import numpy as np
import pytest

import funcnet as fn
from funcnet import backends, losses, nn, optim, random, tree, xp
from funcnet.errors import MissingExtraError, ParameterError
from funcnet.nn import precision
from funcnet.nn.layer import kind_of, name_of
from funcnet.testing.backends import case
from funcnet.testing.oracles import oracle

torch = oracle("torch")
pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 without it")

X = (np.random.default_rng(0).standard_normal((6, 5)) * 2).astype("float32")
BOTH = [("numpy", "bfloat16"), ("numpy", "float16"), ("torch", "bfloat16"), ("torch", "float16")]
#: Half the distance of neighbours near 1.
UNIT = {"bfloat16": 2.0**-8, "float16": 2.0**-11}


def brain(x):
    return np.asarray(x).astype(backends.get("numpy").dtype("bfloat16"))


def from_torch(x):
    return x.detach().float().numpy().astype(np.float64)


OPERATIONS = {
    "add": (lambda x: xp.add(x, 0.25), lambda x: x + 0.25),
    "multiply": (lambda x: xp.multiply(x, 1.7), lambda x: x * 1.7),
    "exp": (xp.exp, torch.exp),
    "tanh": (xp.tanh, torch.tanh),
    "relu": (xp.relu, torch.relu),
    "gelu": (nn.functional.gelu, torch.nn.functional.gelu),
    "silu": (nn.functional.silu, torch.nn.functional.silu),
    "softmax": (xp.softmax, lambda x: torch.softmax(x, -1)),
    "log_softmax": (xp.log_softmax, lambda x: torch.log_softmax(x, -1)),
    "matmul": (lambda x: xp.matmul(x, xp.matrix_transpose(x)), lambda x: x @ x.T),
    "sum": (lambda x: xp.sum(x, axis=0), lambda x: x.sum(0)),
    "mean": (lambda x: xp.mean(x, axis=1), lambda x: x.mean(1)),
    "where": (lambda x: xp.where(x > 0, x, 0.0), lambda x: torch.where(x > 0, x, 0.0)),
    "max": (lambda x: xp.max(x, axis=1), lambda x: x.amax(1)),
    "reshape": (lambda x: xp.reshape(x, (3, 10)), lambda x: x.reshape(3, 10)),
    "concat": (lambda x: xp.concat([x, x]), lambda x: torch.cat([x, x])),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_bfloat16_on_numpy_equals_torch_to_the_last_bit_but_one(name):
    ours, theirs = OPERATIONS[name]
    y = ours(brain(X))
    xt = torch.from_numpy(X).bfloat16().requires_grad_()
    yt = theirs(xt)
    assert y.dtype.name == "bfloat16"
    np.testing.assert_allclose(y.astype(float), from_torch(yt), rtol=2 * UNIT["bfloat16"], atol=1e-6)
    assert fn.eval_shape(ours, brain(X)).dtype == y.dtype
    yt.float().sum().backward()
    gradient = fn.grad(lambda x: xp.sum(ours(x)))(brain(X))
    assert gradient.dtype == y.dtype
    np.testing.assert_allclose(gradient.astype(float), from_torch(xt.grad), rtol=0.02, atol=0.02)
    _, tangent = fn.jvp(ours, (brain(X),), (brain(np.ones_like(X)),))
    assert tangent.dtype == y.dtype


def test_sums_and_products_are_accumulated_in_float32():
    ones = brain(np.ones(4096))
    # In bfloat16, 256 + 1 is 256.
    assert float(xp.sum(ones)) == 4096
    assert float(xp.matmul(ones, ones)) == 4096
    assert float(xp.sum(ones, dtype="bfloat16")) == 4096
    assert xp.sum(ones).dtype.name == "bfloat16"
    assert xp.multiply(ones, np.ones(1, "float32")).dtype == np.float32
    assert xp.argmax(ones).dtype == np.int64


def test_nothing_looks_out_for_bfloat16_where_nobody_uses_it():
    code = (
        "import sys, numpy as np, funcnet as fn\n"
        "from funcnet import xp\n"
        "from funcnet.backends.numpy import narrow\n"
        "fn.grad(lambda x: xp.sum(xp.exp(x)))(np.ones(2))\n"
        "assert not narrow.in_use() and 'ml_dtypes' not in sys.modules\n"
        "y = xp.astype(np.ones(2, 'float32'), 'bfloat16')\n"
        "assert narrow.in_use() and xp.exp(y).dtype == y.dtype and xp.multiply(y, 2.0).dtype == y.dtype\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_arrays_of_bfloat16_that_others_made():
    code = (
        "import ml_dtypes, numpy as np, funcnet as fn\n"
        "from funcnet import xp\n"
        "from funcnet.backends.numpy import narrow\n"
        "xp.multiply(np.ones(2), 2.0)\n"
        "assert not narrow.in_use()\n"
        "x = np.ones(2, ml_dtypes.bfloat16)\n"
        "assert fn.grad(lambda x: xp.sum(xp.multiply(x, 2.0)))(x).dtype == x.dtype\n"
        "assert narrow.in_use() and xp.multiply(x, 2.0).dtype == x.dtype\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bfloat16_without_the_package_says_what_to_install(monkeypatch):
    record = backends.get("numpy")
    monkeypatch.delitem(record._dtypes, "bfloat16", raising=False)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'funcnet\[half\]'"):
        nn.with_policy(nn.dense(2), "mixed_bfloat16").init(random.key(0), (1, 3))


@pytest.mark.parametrize(("backend", "dtype"), BOTH)
def test_a_layer_keeps_computes_and_returns_as_the_policy_says(backend, dtype):
    seen = []

    def spy(x):
        seen.append(x.dtype)
        return x

    inner = nn.sequential(nn.dense(8), spy, nn.gelu(), nn.dense(3))
    model = nn.with_policy(inner, f"float32,{dtype},float32")
    with case(backend).active():
        record = backends.get(backend)
        params, state = model.init(random.key(0), X.shape)
        x = case(backend).asarray(X)
        y, _ = model.apply(params, state, x)
        half = record.dtype(dtype)
        assert {record.dtype_name(p.dtype) for p in tree.leaves(params)} == {"float32"}
        assert record.dtype_name(y.dtype) == "float32"
        assert seen[-1] == half
        gp, gx = fn.grad(lambda p, x: xp.sum(xp.square(model.apply(p, state, x)[0])), (0, 1))(params, x)
        assert {record.dtype_name(g.dtype) for g in tree.leaves((gp, gx))} == {"float32"}
        got = tree.map(case(backend).to_numpy, (y, gp, gx))
    own, _ = inner.init(random.key(0), X.shape)
    wanted = (
        inner.apply(own, {}, X)[0],
        *fn.grad(lambda p, x: xp.sum(xp.square(inner.apply(p, {}, x)[0])), (0, 1))(own, X),
    )
    for a, b in zip(tree.leaves(got), tree.leaves(wanted), strict=True):
        assert np.max(np.abs(a - b)) <= 8 * UNIT[dtype] * np.max(np.abs(b))


def test_a_layer_equals_torchs_in_the_same_type():
    layer = nn.with_policy(nn.sequential(nn.dense(7), nn.relu()), "float32,bfloat16,bfloat16")
    params, state = layer.init(random.key(0), X.shape)
    y, _ = layer.apply(params, state, X)
    linear = torch.nn.Linear(5, 7)
    linear.weight.data = torch.from_numpy(params["dense_0"]["kernel"].T.copy())
    linear.bias.data = torch.from_numpy(params["dense_0"]["bias"].copy())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wanted = torch.relu(linear(torch.from_numpy(X)))
    assert wanted.dtype == torch.bfloat16
    assert y.dtype.name == "bfloat16"
    np.testing.assert_allclose(y.astype(float), from_torch(wanted), rtol=2 * UNIT["bfloat16"], atol=1e-2)


def test_names_kinds_integers_and_state_stay():
    def counter():
        def init(key, spec):
            return {}, {"mean": np.zeros(3, "float32")}

        def apply(params, state, x, *, key=None, train=False):
            return x, {"mean": state["mean"] + 1}

        return nn.Layer(init, apply)

    wrapped = nn.with_policy(counter(), "float16")
    assert kind_of(wrapped) == "counter"
    assert name_of(nn.with_policy(nn.named("head", nn.dense(2)), "float16")) == "head"
    params, state = wrapped.init(random.key(0), (2, 3))
    y, after = wrapped.apply(params, state, np.arange(6).reshape(2, 3))
    assert y.dtype.kind == "i"
    assert after["mean"].dtype == np.float32


def test_a_policy_inside_of_another():
    stable = nn.with_policy(nn.softmax(), "float32")
    model = nn.with_policy(nn.sequential(nn.dense(4), stable), "float32,float16,float32")
    params, state = model.init(random.key(0), X.shape)
    y, _ = model.apply(params, state, X * 1000)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-6)


@pytest.mark.parametrize("preset", ["mixed_bfloat16", "mixed_float16", "float32"])
def test_training_gets_as_far_as_in_float32(preset):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((128, 8)).astype("float32")
    labels = (x[:, 0] * x[:, 1] > 0).astype("int64")
    model = nn.with_policy(nn.mlp([32, 32, 2], activation="silu"), preset)
    params, state = model.init(random.key(0), x.shape)
    opt, scaling = optim.adam(1e-2), optim.dynamic_loss_scale(2.0**15, interval=20)
    opt_state, scaled = opt.init(params), scaling.init()

    def loss(p, scaled):
        value = xp.mean(losses.softmax_cross_entropy(model.apply(p, state, x)[0], labels))
        return scaling.scale(scaled, value), value

    for _ in range(150):
        grads, value = fn.grad(loss, has_aux=True)(params, scaled)
        grads = scaling.unscale(scaled, grads)
        finite = optim.all_finite(grads)
        updates, new = opt.update(grads, opt_state, params)
        params, opt_state = optim.choose(finite, (optim.apply_updates(params, updates), new), (params, opt_state))
        scaled = scaling.adjust(scaled, finite)
    assert {p.dtype for p in tree.leaves(params)} == {np.dtype("float32")}
    assert float(value) < 0.06


def test_policies_as_text():
    full = precision.Policy("float32", "bfloat16", "float32")
    assert precision.policy("mixed_bfloat16") == full
    assert precision.policy("float32,bfloat16,float32") == full
    assert precision.policy(" f32, bf16, f32 ") == full
    assert precision.policy("compute=bf16") == full
    assert precision.policy("params=f64, compute=f32") == ("float64", "float32", "float64")
    assert precision.policy("half") == ("float16",) * 3
    assert precision.policy(full) == full
    assert precision.policy(precision.Policy(compute="bf16")) == full


@pytest.mark.parametrize(
    "text", ["int8", "float32,bfloat16", "mixed", "", "dtype=float32", "params=f32,params=f32", 3, None, "a,b,c"]
)
def test_texts_that_are_no_policies(text):
    with pytest.raises(ParameterError, match="no policy of data types") as error:
        precision.policy(text)
    assert "mixed_bfloat16" in str(error.value)


def test_only_layers_have_policies():
    with pytest.raises(ParameterError, match=r"nn\.with_policy takes a layer"):
        nn.with_policy(np.sin, "float32")
