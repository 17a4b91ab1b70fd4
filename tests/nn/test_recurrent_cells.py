"""Cells: one step, equal parts, and what their errors say. Agreement with PyTorch is tested for the layers."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree
from funcnet.errors import ParameterError, ShapeError

RNG = np.random.default_rng
CELLS = {
    "rnn": nn.rnn_cell(3, dtype="float64"),
    "lstm": nn.lstm_cell(3, dtype="float64"),
    "gru": nn.gru_cell(3, dtype="float64"),
    "gru, reset before": nn.gru_cell(3, reset_after=False, dtype="float64"),
    "mgu": nn.mgu_cell(3, dtype="float64"),
    "conv_lstm": nn.conv_lstm_cell(3, (3, 1), dtype="float64"),
}


def _input(name, batch=2):
    return RNG(0).standard_normal((batch, 4, 5, 2) if name == "conv_lstm" else (batch, 2))


@pytest.mark.parametrize("name", CELLS)
def test_a_step_is_the_projection_and_the_rest(name):
    cell, x = CELLS[name], _input(name)
    params = cell.init(random.key(0), x)
    carry = tree.map(lambda a: RNG(1).standard_normal(a.shape), cell.initial(params, x))
    after, y = cell.apply(params, carry, x)
    again, z = cell.step(params, carry, cell.project(params, x))
    np.testing.assert_array_equal(y, z)
    assert tree.structure(after) == tree.structure(again) == tree.structure(carry)
    np.testing.assert_array_equal(y, tree.leaves(after)[0])
    many = np.stack([x, 2 * x])
    np.testing.assert_allclose(cell.project(params, many)[1], cell.project(params, 2 * x), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", [n for n in CELLS if n != "conv_lstm"])
def test_initial_distribution(name):
    gates = {"rnn": 1, "lstm": 4, "mgu": 2}.get(name, 3)
    cell = {"rnn": nn.rnn_cell, "lstm": nn.lstm_cell, "mgu": nn.mgu_cell}.get(name, nn.gru_cell)(400)
    params = cell.init(random.key(0), (1, 100))
    assert params["input"]["kernel"].shape == (100, 400 * gates)
    # LeCun's: a variance of one over the number of inputs.
    assert float(np.std(params["input"]["kernel"])) == pytest.approx(0.1, rel=0.02)
    assert float(np.std(params["hidden"]["kernel"])) == pytest.approx(0.05, rel=0.02)
    assert not params["input"]["bias"].any()


def test_carry_has_the_promoted_data_type():
    cell = nn.rnn_cell(3)
    params = cell.init(random.key(0), (2, 2))
    assert cell.initial(params, np.zeros((2, 2))).dtype == np.float64
    assert cell.initial(params, np.zeros((2, 2), dtype="float32")).dtype == np.float32
    assert fn.eval_shape(cell.apply, params, np.zeros((2, 3)), np.zeros((2, 2)))[1].shape == (2, 3)


def test_bad_input():
    cell = nn.conv_lstm_cell(3, (3, 1))
    with pytest.raises(ShapeError, match="needs spatial axes"):
        cell.init(random.key(0), (2, 2))
    with pytest.raises(ParameterError, match=r"(?s)window that does not fit.*\(3, 1\) for 3 spatial axes"):
        cell.init(random.key(0), (2, 4, 4, 4, 1))
    params = cell.init(random.key(0), (2, 4, 5, 2))
    with pytest.raises(ShapeError, match="wrong number of features"):
        cell.apply(params, cell.initial(params, _input("conv_lstm")), np.zeros((2, 4, 5, 3)))
    with pytest.raises(ParameterError, match=r"(?s)parameters that are not its own.*kernels of 12 columns"):
        CELLS["lstm"].apply({"input": {}}, None, _input("lstm"))
