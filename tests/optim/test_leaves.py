"""Leaves of trees and the numbers that go with them."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree
from funcnet.errors import DtypeError, ParameterError, TreeError
from funcnet.optim import leaves
from funcnet.testing.backends import backend_params


def test_pairs_follow_the_first_tree():
    like, structure, given = leaves.paired({"b": np.ones(1), "a": np.zeros(2)}, {"a": np.ones(2), "b": None}, "it")
    assert [leaf.shape for leaf in like] == [(2,), (1,)]
    assert given[1] is None
    assert tree.unflatten(structure, [1, 2]) == {"a": 1, "b": 2}


def test_an_array_where_there_is_no_parameter():
    with pytest.raises(TreeError, match=r"The structure of it differs at \.a"):
        leaves.paired({"a": None, "b": np.ones(1)}, {"a": np.ones(1), "b": None}, "it")


def test_scalars_are_cast_once_for_each_data_type():
    scalars = leaves.Scalars(np.array(0.1), np.array(2.0))
    narrow = scalars.of(np.dtype("float32"))
    assert [v.dtype for v in narrow] == [np.float32] * 2
    assert scalars.of(np.dtype("float32")) is narrow
    assert [v.dtype for v in scalars.of(np.dtype("float64"))] == [np.float64] * 2


@pytest.mark.parametrize("case", backend_params())
def test_hyperparameters_have_the_widest_type_of_the_device(case):
    with case.active():
        leaf = case.asarray([1.0], "float32")
        dtype = leaves.wide_dtype(leaf)
        name = case.backend.dtype_name(dtype)
        assert name == ("float64" if "float64" in case.dtypes() else "float32")
        value = leaves.float_of(0.1, leaf, dtype)
        assert case.backend.device_of(value) == case.backend.device_of(leaf)
        assert case.to_numpy(value) == np.asarray(0.1, dtype=name)


def test_traced_hyperparameters_keep_their_derivative():
    leaf = np.ones(1, dtype="float32")
    assert fn.grad(lambda v: leaves.float_of(v, leaf, np.dtype("float64")) * 3.0)(np.array(2.0)) == 3.0


def test_bounds_that_a_number_may_and_may_not_have():
    def needed(value, *bounds, **options):
        with pytest.raises(ParameterError) as error:
            leaves.check_number("adam", "b1", value, *bounds, **options)
        return str(error.value).partition("needed: ")[2].partition(",")[0]

    infinity = float("inf")
    leaves.check_number("adam", "b1", 1.0, 0.0, 1.0, closed_high=True)
    leaves.check_number("adam", "b1", 5e-324, 0.0, infinity, open_low=True)
    assert needed(1.0, 0.0, 1.0) == "a number from 0 to below 1"
    assert needed(1.5, 0.0, 1.0, closed_high=True) == "a number from 0 to at most 1"
    assert needed(0.0, 0.0, 1.0, open_low=True) == "a number above 0 and below 1"
    assert needed(0.0, 0.0, infinity, open_low=True) == "a number above 0"
    assert needed(-1.0, 0.0, infinity) == "a number of at least 0"
    assert needed(float("nan"), -infinity, infinity) == "a number that is finite"


@pytest.mark.parametrize("bad", [np.array([1, 2]), np.array([1.0, 2.0j]), np.array([True, False]), 1.0])
def test_gradients_that_would_be_cut_off(bad):
    params = {"w": np.ones(2), "b": np.ones(2)}
    for opt in (optim.sgd(0.1), optim.adam(0.1), optim.lbfgs(0.1, linesearch=None), optim.rmsprop(0.1)):
        state = opt.init(params)
        with pytest.raises(DtypeError, match=r"(?s)does not fit at \.w\..*a floating-point array.*dtype float64"):
            opt.update({"w": bad, "b": np.ones(2)}, state, params)
    with pytest.raises(DtypeError, match=r"The data type of the updates does not fit"):
        optim.apply_updates(params, {"w": bad, "b": np.ones(2)})
    # Narrower ones are exact, and so are those of complex parameters that no optimizer takes.
    wide = optim.apply_updates({"w": np.ones(2)}, {"w": np.ones(2, "float32")})
    np.testing.assert_array_equal(wide["w"], [2.0, 2.0])
    np.testing.assert_array_equal(optim.apply_updates(np.array([1j]), np.array([1.0 + 1j])), [1.0 + 2j])
