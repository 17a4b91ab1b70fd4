"""Updates that are left out: what happens to the state, and errors."""

import numpy as np
import pytest

from funcnet import optim
from funcnet.errors import ParameterError

P = np.zeros(2)


def test_gradients_that_are_not_finite_leave_no_trace():
    opt = optim.apply_if_finite(optim.adam(0.1), 2)
    _, state = opt.update(np.ones(2), opt.init(P), P)
    bad = np.array([1.0, np.inf])
    updates, after = opt.update(bad, state, P)
    assert updates.tolist() == [0.0, 0.0]
    assert after.inner == state.inner
    assert (int(after.errors), int(after.total_errors), bool(after.last_finite)) == (1, 1, False)
    _, after = opt.update(np.ones(2), after, P)
    assert (int(after.errors), int(after.total_errors), bool(after.last_finite)) == (0, 1, True)
    for number in (1, 2):
        updates, after = opt.update(bad, after, P)
        assert updates.tolist() == [0.0, 0.0]
        assert int(after.errors) == number
    with np.errstate(invalid="ignore"):
        updates, after = opt.update(bad, after, P)
    assert np.isnan(updates[1])


def test_predicates():
    assert not optim.skip_not_finite({}, 0, None)
    assert not optim.skip_not_finite({"a": np.ones(2), "b": None}, 0, None)
    skip = optim.skip_large_updates(4.0)
    assert [bool(skip([np.array([v])], 0, None)) for v in (1.9, 2.0, np.nan, np.inf)] == [False, True, True, True]
    assert not skip({}, 0, None)


def test_conditions_may_see_keyword_arguments():
    opt = optim.conditionally_mask(optim.scale(2.0), lambda step, value: value > 1, forward_extras=("value",))
    assert opt.extras == {"value"}
    state = opt.init(P)
    assert opt.update(np.ones(2), state, P, value=np.array(2.0))[0].tolist() == [2.0, 2.0]
    assert opt.update(np.ones(2), state, P, value=np.array(0.5))[0].tolist() == [0.0, 0.0]


def test_updates_of_frozen_parts_are_zero_where_branches_must_agree():
    opt = optim.apply_if_finite(optim.chain(optim.freeze(lambda path: path == ".a"), optim.sgd(1.0)), 1)
    params = {"a": np.ones(1), "b": np.ones(1)}
    updates, _ = opt.update(params, opt.init(params), params)
    assert (updates["a"].tolist(), updates["b"].tolist()) == ([0.0], [-1.0])


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="got a number of errors"):
        optim.apply_if_finite(optim.sgd(0.1), -1)
    with pytest.raises(ParameterError, match="got a bound"):
        optim.skip_large_updates(-1.0)
    for make in (optim.conditionally_mask, optim.conditionally_transform):
        with pytest.raises(ParameterError, match="takes its condition as a function") as error:
            make(optim.sgd(0.1), 3)
        assert "int: 3" in str(error.value)
