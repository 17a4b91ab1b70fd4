"""Arguments made from declarations."""

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import Arg, case, elementwise, general, registry
from funcnet.errors import ParameterError
from funcnet.testing.samples import allowed_dtypes, case_sample, reference, samples, smooth_everywhere


def test_elementwise_arguments_keep_to_the_domain_and_away_from_kinks() -> None:
    for name, low in (("log", 0.1), ("acosh", 1.1)):
        for sample in samples(registry[name], "float64"):
            assert np.all(sample.args[0] >= low - 1e-9)
    for sample in samples(registry["maximum"], "float32"):
        assert np.all(np.abs(np.subtract(*sample.args)) >= 0.1)


def test_elementwise_shapes_broadcast_and_include_scalars_and_empty_arrays() -> None:
    found = samples(registry["multiply"], "float64")
    shapes = [tuple(np.shape(a) for a in sample.args) for sample in found]
    assert ((2, 1), (3,)) in shapes
    assert any(0 in shape for pair in shapes for shape in pair)
    assert any(isinstance(a, float) for sample in found for a in sample.args)


def test_samples_are_the_same_for_the_same_seed() -> None:
    one, same, other = (samples(registry["sin"], "float64", seed=seed)[0].args[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_cases_are_followed() -> None:
    rng = np.random.default_rng(0)
    one = case((2, 3), Arg((4,), "int", 1, 3), Arg((2,), "bool"), Arg((6,), distinct=True), axis=1)
    found = case_sample(one, "float32", rng)
    x, index, mask, distinct = found.args
    assert (x.shape, x.dtype) == ((2, 3), np.float32)
    assert set(index.tolist()) <= {1, 2}
    assert mask.dtype == bool
    assert np.min(np.diff(np.sort(distinct))) > 0.2
    assert found.params == {"axis": 1}
    assert "axis=1" in found.describe()
    assert case_sample(one, "complex64", rng).args[0].dtype == np.complex64
    assert case_sample(one, "uint8", rng).args[0].dtype == np.uint8


def test_jumps_and_poles_are_seen() -> None:
    floor = registry["floor"]
    assert smooth_everywhere(floor, [np.array([0.5, 1.3])])
    assert not smooth_everywhere(floor, [np.array([0.5, 1.01])])
    assert not smooth_everywhere(registry["divide"], [np.array([1.0]), np.array([0.02])])


def test_the_reference_is_run_by_array_api_strict() -> None:
    def impl(ns: object, x: object) -> object:
        assert ns.__name__ == "array_api_strict"  # type: ignore[attr-defined]
        return x

    primitive = general("test.reference", impl, vjp=None)
    try:
        (found,) = reference(primitive, [np.ones(2)], {})
    finally:
        del registry["test.reference"]
    assert isinstance(found, np.ndarray)


def test_a_declaration_without_metadata_is_named() -> None:
    bare = general("test.bare", lambda ns, x: x, vjp=None)
    flat = elementwise("test.flat", lambda ns, x: x, partials=[1], dtypes="floating")
    rough = elementwise(
        "test.rough", lambda ns, x: xp.floor(x * 8), partials=[None], dtypes="floating", domain=((-1.0, 1.0),)
    )
    try:
        with pytest.raises(ParameterError, match=r"'test\.bare' does not say which dtypes"):
            allowed_dtypes(bare)
        with pytest.raises(ParameterError, match=r"'test\.flat' says nothing"):
            samples(flat, "float64")
        with pytest.raises(ParameterError, match=r"'test\.rough' is smooth"):
            samples(rough, "float64")
    finally:
        for name in ("test.bare", "test.flat", "test.rough"):
            del registry[name]
