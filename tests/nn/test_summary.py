"""Summaries against what the models hold, and against PyTorch's counter of floating-point operations."""

import json

import numpy as np
import pytest

import funcnet as fn
from funcnet import control, nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.costs import COSTS
from funcnet.testing.backends import backend_params


def torch_flops(call):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter:
        call(torch)
    return counter.get_total_flops()


def test_products_count_as_torch_counts_them():
    model = nn.sequential(nn.dense(7, bias=False), nn.flatten(), nn.dense(3, bias=False))
    found = nn.summary(model, (4, 5, 6))

    def call(torch):
        x = torch.ones(4, 5, 6) @ torch.ones(6, 7)
        x.reshape(4, 35) @ torch.ones(35, 3)

    assert found.flops == torch_flops(call)
    assert found.training_flops == 3 * found.flops


def test_convolutions_and_attention_count_as_torch_counts_them():
    def conv(torch):
        torch.nn.functional.conv2d(torch.ones(2, 6, 9, 8), torch.ones(10, 3, 3, 2), stride=2, groups=2)

    kernel, x = fn.Spec((3, 2, 3, 10)), fn.Spec((2, 9, 8, 6))
    assert COSTS["conv"]([x, kernel], fn.Spec((2, 4, 4, 10))) == torch_flops(conv)

    def transposed(torch):
        torch.nn.functional.conv_transpose2d(torch.ones(2, 10, 4, 4), torch.ones(10, 6, 3, 2))

    wanted = torch_flops(transposed)
    assert COSTS["conv_adjoint"]([fn.Spec((2, 4, 4, 10)), fn.Spec((3, 2, 6, 10))], fn.Spec((2, 6, 5, 6))) == wanted

    def attention(torch):
        torch.nn.functional.scaled_dot_product_attention(*[torch.ones(2, 4, n, 8) for n in (5, 7, 7)])

    q, k = fn.Spec((2, 4, 5, 8)), fn.Spec((2, 4, 7, 8))
    found = COSTS["attention"]([q, k, k], (q, fn.Spec((2, 4, 5))))
    assert found in (torch_flops(attention), 2 * 2 * 4 * 5 * 7 * 8 * 2)


@pytest.mark.requirement("P38", "D135")
def test_parameters_and_shapes_are_those_of_the_model():
    model = nn.sequential(
        nn.fan_out(nn.dense(3), head=nn.sequential(nn.dense(4), nn.relu())), nn.concatenate(), nn.residual(nn.dense(7))
    )
    params, state = model.init(random.key(0), (5, 6))
    found = nn.summary(model, (5, 6))
    sizes = {row.path: row.parameters for row in found.rows}
    assert found.parameters == sum(p.size for p in tree.leaves(params))
    assert found.parameter_bytes == 4 * found.parameters
    for path, inside in (
        ("sequential.fan_out_0.dense_0", params["fan_out_0"]["dense_0"]),
        ("sequential.fan_out_0.head", params["fan_out_0"]["head"]),
        ("sequential.residual_0", params["residual_0"]),
        ("sequential.concatenate_0", {}),
    ):
        assert sizes[path] == sum(p.size for p in tree.leaves(inside))
    y, _ = model.apply(params, state, np.zeros((5, 6), "float32"))
    assert found.rows[0].output == y.shape
    assert [row.path for row in found.rows][:5] == [
        "sequential",
        "sequential.fan_out_0",
        "sequential.fan_out_0.dense_0",
        "sequential.fan_out_0.head",
        "sequential.fan_out_0.head.dense_0",
    ]
    assert {row.path: row.output for row in found.rows}["sequential.fan_out_0"] == ((5, 3), (5, 4))


def test_totals_are_sums_of_the_parts():
    model = nn.sequential(nn.dense(3), nn.sequential(nn.dense(4), nn.gelu()), nn.softmax())
    rows = {row.path: row for row in nn.summary(model, (2, 5)).rows}
    leaves = ["dense_0", "sequential_0.dense_0", "sequential_0.gelu_0", "softmax_0"]
    for field in ("flops", "activation_bytes", "parameters"):
        assert getattr(rows["sequential"], field) == sum(getattr(rows[f"sequential.{p}"], field) for p in leaves)
    assert rows["sequential.softmax_0"].flops == 3 * 8
    assert rows["sequential.sequential_0.gelu_0"].activation_bytes == 8 * 4


def test_repeated_layers_and_loops_count_as_often_as_they_run():
    block = nn.sequential(nn.dense(6), nn.tanh())
    rolled, unrolled = nn.summary(nn.repeat(block, 5), (3, 6)), nn.summary(nn.sequential(*[block] * 5), (3, 6))
    for field in ("parameters", "parameter_bytes", "flops", "activation_bytes"):
        assert getattr(rolled, field) == getattr(unrolled, field)
    assert rolled.rows[1].calls == 5
    looped = nn.summary(nn.lambda_(lambda x: control.scan(lambda c, r: (c + r, None), x[0], x)[0]), (7, 4))
    assert looped.flops == 7 * 4


def test_shared_layers_count_once_and_run_twice():
    tied = nn.shared(nn.dense(6))
    found = nn.summary(nn.sequential(tied, tied), (3, 6))
    assert found.parameters == 6 * 6 + 6
    assert found.flops == 2 * (2 * 3 * 6 * 6 + 18)
    assert found.rows[1].calls == 2


def test_nothing_is_computed():
    model = nn.mlp([100_000] * 30)
    found = nn.summary(model, (1024, 100_000))
    assert found.parameters == 30 * (100_000**2 + 100_000)
    assert "TiB" in str(found) or "GiB" in str(found)


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_on_every_backend(case):
    model = nn.sequential(nn.dense(8), nn.gelu(), nn.dense(2))
    wanted = nn.summary(model, (4, 3)).to_dict()
    with case.active():
        assert nn.summary(model, (4, 3)).to_dict() == wanted


def test_data_types_count():
    half = nn.summary(nn.dense(4, dtype="float16"), fn.Spec((2, 3), "float16"))
    assert half.parameter_bytes == 2 * half.parameters
    assert half.activation_bytes == 2 * 2 * 4


def test_in_training_and_with_state():
    model = nn.sequential(nn.dense(4), nn.dropout(0.5), nn.rrelu())
    assert nn.summary(model, (2, 3), train=True).flops > nn.summary(model, (2, 3)).flops

    def init(key, spec):
        return {}, {"mean": xp.zeros((3, 2))}

    assert nn.summary(nn.Layer(init, lambda p, s, x, *, key=None, train=False: (x, s)), (1, 2)).rows[0].state == 6


def test_as_plain_data_and_as_text():
    model = nn.sequential(nn.dense(3), head=nn.dense(2))
    found = nn.summary(model, (4, 5))
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["parameters"] == 26
    assert [layer["path"] for layer in plain["layers"]] == ["sequential", "sequential.dense_0", "sequential.head"]
    assert plain["layers"][2]["output"] == [4, 2]
    text = str(found)
    assert text.splitlines()[0].split() == ["layer", "kind", "output", "parameters", "FLOPs", "activations"]
    assert "  head" in text
    assert "parameters   26 (104 B)" in text


def test_errors_name_the_layer():
    with pytest.raises(ParameterError, match=r"nn\.summary takes a layer"):
        nn.summary(np.sin, (2, 3))

    def wrong():
        return nn.Layer(lambda key, spec: nn.dense(3).init(key, (1, 7)), nn.dense(3).apply)

    with pytest.raises(ShapeError, match=r"Layer sequential\.wrong_0 got an input with the wrong number"):
        nn.summary(nn.sequential(nn.dense(4), wrong()), (2, 3))


def test_a_convolution_with_a_bias_and_the_gradient_of_its_kernel_count_as_well():
    x, kernel, y = fn.Spec((2, 9, 8, 3)), fn.Spec((3, 2, 3, 10)), fn.Spec((2, 7, 7, 10))
    plain = COSTS["conv"]([x, kernel], y)
    assert COSTS["conv_bias"]([x, kernel, fn.Spec((10,))], y) == plain + 2 * 7 * 7 * 10
    assert COSTS["conv_kernel"]([x, y], kernel) == plain
