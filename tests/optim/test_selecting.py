"""Masks, frozen parts and groups: closed forms and errors."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree
from funcnet.errors import ParameterError, TreeError

PARAMS = {"dense_0": {"kernel": np.full((2, 2), 3.0), "bias": np.full(2, 3.0)}, "head": {"bias": np.full(1, 3.0)}}
by_kernel = lambda path: path.endswith("kernel")  # noqa: E731


def test_predicates_on_paths_and_trees_of_booleans_are_the_same():
    one = optim.masked(optim.clip(1.0), by_kernel)
    other = optim.masked(optim.clip(1.0), {"dense_0": {"kernel": True, "bias": False}, "head": False})
    results = [opt.update(PARAMS, opt.init(PARAMS), PARAMS)[0] for opt in (one, other)]
    tree.map(np.testing.assert_array_equal, *results)
    assert results[0]["dense_0"]["kernel"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert results[0]["head"]["bias"].tolist() == [3.0]


def test_the_state_holds_arrays_of_the_chosen_parameters_only():
    opt = optim.masked(optim.adam(0.1), by_kernel)
    state = opt.init(PARAMS)
    assert isinstance(state, optim.AdamState)
    assert tree.paths(state.mu) == [".dense_0.kernel"]
    updates, after = opt.update(PARAMS, state, PARAMS)
    assert tree.structure(after) == tree.structure(state)
    np.testing.assert_allclose(updates["dense_0"]["kernel"], -0.1)


def test_a_mask_that_chooses_nothing():
    opt = optim.masked(optim.adam(0.1), lambda path: False)
    assert opt.init(PARAMS) is None
    assert opt.update(PARAMS, None, PARAMS) == (PARAMS, None)


def test_parameters_that_hold_none():
    params = {"a": None, "b": np.ones(1), "c": np.ones(1)}
    opt = optim.chain(
        optim.masked(optim.scale(2.0), lambda path: path == ".b"),
        optim.partition({0: optim.scale(3.0), 1: optim.scale(5.0)}, lambda path: int(path == ".c")),
    )
    updates, _ = opt.update(params, opt.init(params), params)
    assert updates["a"] is None
    assert (updates["b"].tolist(), updates["c"].tolist()) == ([6.0], [5.0])


def test_keyword_arguments_reach_what_is_inside():
    plateau = optim.reduce_on_plateau(0.5, 1)
    for opt in (
        optim.masked(plateau, by_kernel),
        optim.partition({True: plateau, False: optim.scale(1.0)}, by_kernel),
        optim.lookahead(plateau, 5, 0.5),
        optim.accumulate(plateau, 1),
        optim.apply_if_finite(plateau, 1),
    ):
        assert opt.extras == {"value"}
        state = opt.init(PARAMS)
        for _ in range(2):
            updates, state = opt.update(PARAMS, state, PARAMS, value=np.array(1.0))
        assert updates["dense_0"]["kernel"].tolist() == [[1.5, 1.5], [1.5, 1.5]]


@pytest.mark.requirement("D101", "DX8")
def test_frozen_parameters_stay_whatever_comes_after():
    opt = optim.chain(
        optim.freeze(lambda path: path.startswith(".dense_0")), optim.add_decayed_weights(0.1), optim.adam(0.1)
    )
    params, state = PARAMS, opt.init(PARAMS)
    for _ in range(3):
        updates, state = opt.update(params, state, params)
        params = optim.apply_updates(params, updates)
    tree.map(np.testing.assert_array_equal, params["dense_0"], PARAMS["dense_0"])
    assert params["head"]["bias"][0] < 3.0
    assert not state[2].mu["dense_0"]["kernel"].any()


@pytest.mark.requirement("D99", "D153")
def test_weight_decay_in_a_chain_is_the_gradient_of_a_penalty():
    opt = optim.chain(optim.add_decayed_weights(0.1, mask=by_kernel), optim.sgd(0.5))
    loss = lambda p: sum((leaf**2).sum() * (i + 1) for i, leaf in enumerate(tree.leaves(p)))  # noqa: E731
    penalised = lambda p: loss(p) + 0.05 * (p["dense_0"]["kernel"] ** 2).sum()  # noqa: E731
    params, state = PARAMS, opt.init(PARAMS)
    plain = PARAMS
    for _ in range(3):
        updates, state = opt.update(fn.grad(loss)(params), state, params)
        params = optim.apply_updates(params, updates)
        plain = tree.map(lambda p, g: p - 0.5 * g, plain, fn.grad(penalised)(plain))
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), params, plain)


def test_groups_have_states_of_their_own():
    opt = optim.partition(
        {"k": optim.adam(0.1), "b": optim.sgd(0.5, momentum=0.9)}, lambda p: (p[-6:] == "kernel" and "k") or "b"
    )
    state = opt.init(PARAMS)
    assert tree.paths(state["k"].mu) == [".dense_0.kernel"]
    assert tree.paths(state["b"].velocity) == [".dense_0.bias", ".head.bias"]
    only = optim.partition({"k": optim.adam(0.1), "b": optim.sgd(0.5)}, {"dense_0": "b", "head": "b"})
    assert list(only.init(PARAMS)) == ["b"]


def test_labels_masks_and_states_are_checked():
    with pytest.raises(ParameterError, match=r"optim\.partition takes a dict of transforms"):
        optim.partition({"a": 3}, {})
    opt = optim.partition({"a": optim.sgd(0.1)}, lambda path: "a" if by_kernel(path) else "z")
    with pytest.raises(ParameterError, match=r"no transform for the parameter at \.dense_0\.bias") as error:
        opt.init(PARAMS)
    assert "the label 'z'" in str(error.value)
    assert "one of 'a'" in str(error.value)
    two = optim.partition({"a": optim.sgd(0.1), "b": optim.sgd(0.1)}, lambda path: "a" if by_kernel(path) else "b")
    with pytest.raises(ParameterError, match="a state that is not its own"):
        two.update(PARAMS, {"a": two.init(PARAMS)["a"]}, PARAMS)
    with pytest.raises(TreeError, match="The structure of the labels differs"):
        optim.partition({"a": optim.sgd(0.1)}, {"dense_0": "a"}).init(PARAMS)
    for make in (optim.freeze, lambda mask: optim.masked(optim.sgd(0.1), mask)):
        with pytest.raises(ParameterError, match="got a mask that it cannot use"):
            make(3)
        with pytest.raises(ParameterError, match="got a mask that it cannot use"):
            make(lambda path: "yes").init(PARAMS)
