"""What every transform is made of: checks, schedules of any hyperparameter, sums over trees."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim
from funcnet.errors import ParameterError, TreeError
from funcnet.optim import building


class State(NamedTuple):
    count: Any
    size: Any
    total: Any
    copy: Any


def example(size=1.0):
    def rule(step):
        step.totals[0] = step.totals[0] + step.squared_norm(step.grads) + step.dot(step.grads, step.params)
        return step.each(lambda g, copy, size, total: (g * size + total, copy + g), *step.numbers, *step.totals)

    return building.build(
        "example",
        State,
        rule,
        numbers={"size": building.Number(size, 0.5, 3.0)},
        totals={"total": lambda params: params[0].sum()},
        columns={"copy": building.copied},
    )


def test_totals_numbers_and_columns():
    opt = example(lambda count: count + 1)
    params = {"a": np.array([1.0, 2.0]), "b": np.array([4.0])}
    state = opt.init(params)
    assert float(state.total) == 3.0
    updates, state = opt.update({"a": np.array([1.0, 1.0]), "b": None}, state, params)
    assert float(state.total) == 3.0 + 2.0 + 3.0
    assert updates["a"].tolist() == [9.0, 9.0]
    assert updates["b"] is None
    assert state.copy["a"].tolist() == [2.0, 3.0]
    assert state.copy["b"].tolist() == [4.0]
    updates, state = opt.update({"a": np.array([1.0, 1.0]), "b": np.array([0.0])}, state, params)
    assert float(state.size) == 2.0
    assert int(state.count) == 2


def test_a_step_without_gradients_sums_to_nothing():
    opt = example()
    params = {"a": np.array([1.0])}
    _, state = opt.update({"a": None}, opt.init(params), params)
    assert float(state.total) == 1.0


def test_copies_do_not_follow_what_the_caller_does_to_the_parameters():
    params = np.array([1.0])
    state = example().init(params)
    params[0] = 7.0
    assert state.copy.tolist() == [1.0]


def test_narrow_types_are_kept_in_float32():
    half = np.ones(2, dtype="float16")
    state = example().init(half)
    assert state.copy.dtype == np.float32
    updates, after = example().update(half, state, half)
    assert updates.dtype == np.float16
    assert after.copy.dtype == np.float32


def test_the_state_is_traced_through():
    def of_size(size):
        opt = example(size)
        params = {"a": np.array([1.0, 2.0])}
        return opt.update({"a": np.array([1.0, 3.0])}, opt.init(params), params)[0]["a"].sum()

    assert fn.grad(of_size)(np.array(1.0)) == 4.0


def test_bounds_of_numbers():
    with pytest.raises(ParameterError, match=r"optim\.example got a size that it cannot use") as error:
        example(4.0)
    assert "from 0.5 to below 3" in str(error.value)


def test_state_of_another_model():
    opt = example()
    with pytest.raises(TreeError, match=r"the state \(copy\) differs at \.a"):
        opt.update({"b": np.ones(1)}, opt.init({"a": np.ones(1)}), {"b": np.ones(1)})


def test_choices_and_counts():
    building.check_choice("it", "mode", "a", ("a", "b"))
    with pytest.raises(ParameterError, match="a mode that it does not know") as error:
        building.check_choice("it", "mode", "c", ("a", "b"))
    assert "'a', 'b'" in str(error.value)
    building.check_count("it", "rank", 3)
    for value in (0, 1.5, True):
        with pytest.raises(ParameterError, match="an integer of at least 1"):
            building.check_count("it", "rank", value)
    with pytest.raises(ParameterError, match=r"optim\.it\(\.\.\.\) with another number of steps"):
        building.check_count("it", "number of steps", 0)


def test_a_missing_argument_is_named():
    error = building.missing("it", "value", "the value of the loss")
    assert "needs value=" in str(error)
    assert "opt.update(grads, state, params, value=value)" in str(error)


def test_optimizers_are_checked_by_their_parts():
    with pytest.raises(ParameterError, match=r"optim\.trace got a decay"):
        optim.trace(-0.1)
    with pytest.raises(ParameterError, match=r"optim\.scale_by_rms got a decay"):
        optim.rmsprop(0.1, decay=1.0)
    with pytest.raises(ParameterError, match=r"optim\.scale_by_stddev got a eps"):
        optim.rmsprop(0.1, centered=True, eps=-1.0)
    with pytest.raises(ParameterError, match=r"optim\.add_decayed_weights got a weight_decay"):
        optim.add_decayed_weights("0.1")


def test_unknown_keyword_arguments_are_refused():
    opt = example()
    with pytest.raises(ParameterError, match=r"update of optim\.example got a keyword argument"):
        opt.update(np.ones(1), opt.init(np.ones(1)), np.ones(1), value=1.0)
