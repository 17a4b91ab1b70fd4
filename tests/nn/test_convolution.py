"""Layers of convolution: against PyTorch with the same weights, sizes, initialisation, and what their errors say.

`CASES` is a register: each entry has a layer, the same function in PyTorch on the same parameters in this library's
layout, and the shape of an input. ``errors()`` gives the largest relative errors of outputs and gradients.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")


class Case(NamedTuple):
    name: str
    funcnet: Any
    torch: Any
    shape: tuple[int, ...]


def _first(x):
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _last(y):
    return y.permute(0, *range(2, y.ndim), 1)


def _weight(kernel):
    n = kernel.ndim
    return kernel.permute(n - 1, n - 2, *range(n - 2)).contiguous()


def _torch_conv(transposed=False, mode=None, pads=None, **options):
    def apply(params, x):
        ndim = x.ndim - 2
        function = getattr(torch.nn.functional, f"conv{'_transpose' if transposed else ''}{ndim}d")
        x = _first(x)
        if mode is not None:
            x = torch.nn.functional.pad(x, pads, mode=mode)
        return _last(function(x, _weight(params["kernel"]), params.get("bias"), **options))

    return apply


def _torch_separable(params, x):
    groups = x.shape[-1]
    y = torch.nn.functional.conv2d(_first(x), _weight(params["depthwise"]), None, stride=2, padding=1, groups=groups)
    return _last(torch.nn.functional.conv2d(y, _weight(params["pointwise"]), params["bias"]))


def _torch_local(params, x):
    n, places = x.shape[0], params["kernel"].shape[:2]
    rows = torch.nn.functional.unfold(_first(x), 3, stride=2, padding=1)
    rows = rows.reshape(n, x.shape[-1], 9, -1).permute(3, 0, 2, 1).reshape(-1, n, 9 * x.shape[-1])
    kernel = params["kernel"]
    y = (rows @ kernel.reshape(rows.shape[0], -1, kernel.shape[-1])).permute(1, 0, 2)
    return y.reshape(n, *places, kernel.shape[-1]) + params["bias"]


CASES = [
    Case("conv 1d", nn.conv(4, 3), _torch_conv(), (2, 7, 3)),
    Case("conv 2d", nn.conv(4, (3, 2), stride=(2, 1)), _torch_conv(stride=(2, 1)), (2, 7, 6, 3)),
    Case("conv 3d", nn.conv(2, 2, padding=1), _torch_conv(padding=1), (2, 3, 4, 3, 2)),
    Case("conv without bias", nn.conv(4, 3, bias=False), _torch_conv(), (2, 5, 5, 3)),
    Case("conv, dilated", nn.conv(4, 3, dilation=2, padding=2), _torch_conv(dilation=2, padding=2), (2, 6, 5, 3)),
    Case("conv, grouped", nn.conv(6, 3, groups=2, padding=1), _torch_conv(groups=2, padding=1), (2, 5, 5, 4)),
    Case("conv, SAME", nn.conv(4, (3, 5), padding="SAME"), _torch_conv(padding="same"), (2, 5, 6, 3)),
    Case(
        "conv, circular",
        nn.conv(4, 3, padding="circular"),
        _torch_conv(mode="circular", pads=(1, 1, 1, 1)),
        (2, 5, 4, 3),
    ),
    Case(
        "conv, reflect", nn.conv(4, 3, padding="reflect"), _torch_conv(mode="reflect", pads=(1, 1, 1, 1)), (2, 5, 4, 3)
    ),
    Case(
        "conv, replicate",
        nn.conv(4, 3, padding=((2, 1), (0, 1)), padding_mode="replicate"),
        _torch_conv(mode="replicate", pads=(0, 1, 2, 1)),
        (2, 5, 4, 3),
    ),
    Case(
        "depthwise_conv",
        nn.depthwise_conv(3, multiplier=2, stride=2, padding=1),
        _torch_conv(groups=3, stride=2, padding=1),
        (2, 6, 5, 3),
    ),
    Case("separable_conv", nn.separable_conv(5, 3, stride=2, padding=1), _torch_separable, (2, 6, 5, 3)),
    Case("conv_local", nn.conv_local(4, 3, stride=2, padding=1), _torch_local, (2, 6, 5, 3)),
    Case("conv_transpose 1d", nn.conv_transpose(4, 3, stride=2), _torch_conv(True, stride=2), (2, 5, 3)),
    Case(
        "conv_transpose 2d",
        nn.conv_transpose(4, (3, 2), stride=(2, 3), padding=1, output_padding=(1, 2), groups=2),
        _torch_conv(True, stride=(2, 3), padding=1, output_padding=(1, 2), groups=2),
        (2, 4, 3, 6),
    ),
    Case(
        "conv_transpose 3d, dilated",
        nn.conv_transpose(2, 2, dilation=2, stride=2),
        _torch_conv(True, dilation=2, stride=2),
        (1, 3, 2, 3, 2),
    ),
]


def _error(found, wanted):
    wanted = wanted.numpy()
    assert found.shape == wanted.shape
    return float(np.max(np.abs(found - wanted), initial=0.0) / max(np.max(np.abs(wanted), initial=0.0), 1e-300))


def error_of(case):
    """Return the largest relative errors of the output, the input's gradient and the parameters' gradients."""
    rng = np.random.default_rng(0)
    params, _ = case.funcnet.init(random.key(1), case.shape)
    params = tree.map(lambda p: rng.standard_normal(p.shape), params)
    x = rng.standard_normal(case.shape)
    y, pullback = fn.vjp(lambda p, x: case.funcnet.apply(p, {}, x)[0], params, x)
    g = rng.standard_normal(y.shape)
    dp, dx = pullback(g)
    tensors = {name: torch.from_numpy(p).requires_grad_() for name, p in params.items()}
    xt = torch.from_numpy(x).requires_grad_()
    yt = case.torch(tensors, xt)
    yt.backward(torch.from_numpy(g))
    of_params = max(_error(dp[name], tensor.grad) for name, tensor in tensors.items())
    return _error(y, yt.detach()), _error(dx, xt.grad), of_params


def errors():
    """Return for each case the errors of `error_of`."""
    return {case.name: error_of(case) for case in CASES}


@pytest.mark.requirement("D65", "D67", "D79", "D80", "P50", "P70", "PX32")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_torch(case):
    assert max(error_of(case)) < 1e-10


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_shapes_and_other_backends(case):
    params, state = case.funcnet.init(random.key(0), case.shape)
    spec = fn.eval_shape(lambda p, x: case.funcnet.apply(p, state, x)[0], params, fn.Spec(case.shape))
    y, after = case.funcnet.apply(params, state, np.ones(case.shape, "float32"))
    assert (spec.shape, spec.dtype) == (y.shape, y.dtype)
    assert state == after == {}
    assert y.dtype == "float32"


@pytest.mark.parametrize("backend", backend_params())
@pytest.mark.parametrize("case", [c for c in CASES if "3d" not in c.name], ids=lambda case: case.name)
def test_the_same_on_every_backend(case, backend):
    x = np.random.default_rng(0).standard_normal(case.shape).astype("float32")
    params, _ = case.funcnet.init(random.key(3), case.shape)
    wanted, dx = fn.value_and_grad(lambda x: xp.sum(xp.sin(case.funcnet.apply(params, {}, x)[0])))(x)
    with backend.active():
        there, _ = case.funcnet.init(random.key(3), case.shape)
        y, found = fn.value_and_grad(lambda x: xp.sum(xp.sin(case.funcnet.apply(there, {}, x)[0])))(backend.asarray(x))
        np.testing.assert_allclose(fn.to_numpy(y), wanted, rtol=1e-4)
        np.testing.assert_allclose(fn.to_numpy(found), dx, rtol=1e-3, atol=1e-4)


@pytest.mark.requirement("D66")
@pytest.mark.parametrize("name", ["conv, grouped", "conv, reflect", "separable_conv", "conv_local"])
def test_second_order(name):
    case = next(c for c in CASES if c.name == name)
    params, _ = case.funcnet.init(random.key(1), (1, *case.shape[1:]))
    params = tree.map(lambda p: p.astype("float64"), params)
    x = np.random.default_rng(0).standard_normal((1, *case.shape[1:]))
    check_grads(lambda p, x: case.funcnet.apply(p, {}, x)[0], (params, x), order=2)


def test_per_example_gradients_are_those_of_a_loop():
    layer = nn.conv(4, 3, stride=2)
    params, _ = layer.init(random.key(0), (1, 6, 6, 2))
    x = np.random.default_rng(0).standard_normal((5, 6, 6, 2)).astype("float32")

    def loss(params, x):
        return xp.sum(layer.apply(params, {}, x[None])[0] ** 2)

    found = fn.vmap(fn.grad(loss), (None, 0))(params, x)
    for i in range(5):
        for name, g in fn.grad(loss)(params, x[i]).items():
            np.testing.assert_allclose(found[name][i], g, rtol=1e-4, atol=1e-4)


@pytest.mark.requirement("D79", "D80")
@pytest.mark.parametrize(
    ("layer", "name", "inputs"),
    [
        (nn.conv(256, 3), "kernel", 9 * 32),
        (nn.conv(256, 3, groups=4), "kernel", 9 * 8),
        (nn.conv_transpose(256, 3), "kernel", 9 * 32),
        (nn.conv_transpose(256, 3, groups=4), "kernel", 9 * 8),
        (nn.depthwise_conv(5, multiplier=64), "kernel", 25),
        (nn.conv_local(64, 3), "kernel", 9 * 32),
    ],
)
def test_channels_are_inferred_and_the_fan_counts_the_window(layer, name, inputs):
    params, _ = layer.init(random.key(0), (1, 5, 5, 32))
    np.testing.assert_allclose(np.std(params[name]), 1 / np.sqrt(inputs), rtol=0.03)
    assert not np.any(params["bias"])
    again, _ = layer.init(random.key(0), (8, 5, 5, 32))
    np.testing.assert_array_equal(params[name], again[name])


@pytest.mark.parametrize(
    ("layer", "shape", "out"),
    [
        (nn.conv(4, 3, data_format="NCHW"), (2, 3, 7, 6), (2, 4, 5, 4)),
        (nn.depthwise_conv(3, data_format="NCW"), (2, 3, 7), (2, 3, 5)),
        (nn.separable_conv(4, 3, data_format="NCHW"), (2, 3, 7, 6), (2, 4, 5, 4)),
        (nn.conv_transpose(4, 2, stride=2, data_format="NCDHW"), (1, 3, 2, 2, 2), (1, 4, 4, 4, 4)),
        (nn.conv_local(4, 3, data_format="NCHW"), (2, 3, 7, 6), (2, 4, 5, 4)),
    ],
)
def test_channels_first(layer, shape, out):
    params, state = layer.init(random.key(0), shape)
    assert layer.apply(params, state, np.ones(shape, "float32"))[0].shape == out
    assert layer.apply(params, state, np.ones(shape, "float32"))[0].flags.writeable


def test_dtype_and_initialisers_are_taken():
    layer = nn.conv(2, 3, kernel_init=nn.initializers.ones, bias_init=nn.initializers.constant(2.0), dtype="float64")
    params, _ = layer.init(random.key(0), (1, 3, 3, 1))
    assert params["kernel"].dtype == params["bias"].dtype == "float64"
    np.testing.assert_array_equal(layer.apply(params, {}, np.ones((1, 3, 3, 1)))[0], np.full((1, 1, 1, 2), 11.0))


def test_layers_fit_into_sequential():
    model = nn.sequential(nn.conv(8, 3, padding="SAME"), nn.relu(), nn.depthwise_conv(3), nn.flatten(), nn.dense(2))
    params, state = model.init(random.key(0), (4, 6, 6, 3))
    assert set(params) == {"conv_0", "depthwise_conv_0", "dense_0"}
    grads = fn.grad(lambda p: xp.sum(model.apply(p, state, np.ones((4, 6, 6, 3), "float32"))[0]))(params)
    assert tree.structure(grads) == tree.structure(params)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.conv(0, 3), ParameterError, r"nn.conv got a features(?s:.*)features=0"),
        (lambda: nn.conv(4, 3, groups=0), ParameterError, "groups=0"),
        (lambda: nn.conv_transpose(2.5, 3), ParameterError, "features=2.5"),
        (lambda: nn.depthwise_conv(3, multiplier=0), ParameterError, "multiplier=0"),
        (lambda: nn.separable_conv(-1, 3), ParameterError, "features=-1"),
        (lambda: nn.conv_local(True, 3), ParameterError, "features=True"),
    ],
)
def test_errors_of_constructors(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "error", "text"),
    [
        (nn.conv(4, 3), (8, 3), ShapeError, r"Layer sequential.conv_0 needs spatial axes(?s:.*)\(8, 3\)"),
        (nn.conv(4, 3), (8, 2, 5, 3), ShapeError, r"Layer sequential.conv_0 got a window that is larger"),
        (nn.conv(4, (3, 3)), (8, 5, 3), ParameterError, r"sequential.conv_0 got a kernel_size(?s:.*)1 spatial axis"),
        (nn.conv(4, 3, groups=2), (8, 5, 5, 3), ShapeError, r"3 input channels and 4 output channels in 2 groups"),
        (nn.conv(4, 3, padding="some"), (8, 5, 5, 3), ParameterError, "padding='some'"),
        (nn.conv(4, 3, data_format="NCW"), (8, 5, 5, 3), ParameterError, "data_format='NCW'"),
        (nn.conv_transpose(3, 3, groups=2), (8, 5, 4), ShapeError, "4 input channels and 3 output channels"),
        (nn.conv_transpose(4, 3, output_padding=1), (8, 5, 3), ParameterError, "output padding that is too large"),
        (nn.depthwise_conv(6), (8, 5, 3), ShapeError, "sequential.depthwise_conv_0 got a window"),
        (nn.separable_conv(4, 6), (8, 5, 3), ShapeError, "sequential.separable_conv_0 got a window"),
        (nn.conv_local(4, 6), (8, 5, 3), ShapeError, "sequential.conv_local_0 got a window"),
    ],
)
def test_errors_of_init_name_the_layer(layer, shape, error, text):
    with pytest.raises(error, match=text):
        nn.sequential(layer).init(random.key(0), shape)


@pytest.mark.parametrize("kind", ["conv", "conv_transpose", "separable_conv", "conv_local"])
def test_errors_of_apply_name_the_layer(kind):
    layer = getattr(nn, kind)(4, 3)
    model = nn.sequential(layer)
    params, state = model.init(random.key(0), (1, 5, 5, 3))
    with pytest.raises(ShapeError, match=rf"sequential.{kind}_0"):
        model.apply(params, state, np.ones((1, 5, 5, 2), "float32"))
    with pytest.raises(ShapeError, match=rf"sequential.{kind}_0"):
        model.apply(params, state, np.ones((5, 3), "float32"))
    with pytest.raises(DtypeError, match=rf"sequential.{kind}_0"):
        model.apply(params, state, np.ones((1, 5, 5, 3), "int64"))
    with pytest.raises(
        ParameterError, match=rf"sequential.{kind}_0 got parameters that are not its own(?s:.*)for . fea"
    ):
        model.apply({f"{kind}_0": {"kernel": np.ones((3, 3, 3, 3))}}, state, np.ones((1, 5, 5, 3), "float32"))
    with pytest.raises(ParameterError, match=r"not its own(?s:.*)found:  list"):
        layer.apply([], {}, np.ones((1, 5, 5, 3)))


def test_depthwise_parameters_of_another_layer():
    params, _ = nn.conv(4, 3).init(random.key(0), (1, 5, 5, 3))
    with pytest.raises(ParameterError, match="Layer depthwise_conv got parameters that are not its own"):
        nn.depthwise_conv(3).apply(params, {}, np.ones((1, 5, 5, 3), "float32"))
