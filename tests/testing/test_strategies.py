"""What the strategies draw."""

import subprocess
import sys
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet import tree, xp
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.testing import BackendCase, backend_params, strategies
from funcnet.transforms.reverse import grad

FEW = settings(max_examples=20)


@pytest.mark.parametrize("backend", backend_params())
@settings(max_examples=5)
@given(data=st.data())
def test_arrays_are_of_the_backend(backend: BackendCase, data: st.DataObject) -> None:
    dtype = data.draw(strategies.dtypes(["real floating", "integer", "boolean"], backend=backend))
    x = data.draw(strategies.arrays(backend=backend, dtype=dtype, shape=strategies.shapes(max_dims=2)))
    assert backend.backend.owns(type(x))
    assert backend.backend.dtype_name(x.dtype) == dtype
    assert backend.backend.device_of(x) == backend.backend.device_name(backend.device)
    if backend.readonly:
        assert not x.flags.writeable


@FEW
@given(
    x=strategies.arrays(dtype=strategies.dtypes(), domain=(-1.0, inf), exclude=(-1.0, 0.0, 1.0), margin=0.1),
)
def test_elements_keep_to_the_domain_and_away_from_points(x: np.ndarray) -> None:
    assert np.all(np.isfinite(x))
    assert np.all(x >= -1.0)
    for point in (-1.0, 0.0, 1.0):
        assert np.all(np.abs(x.astype(float) - point) >= 0.1 - 1e-6)


@FEW
@given(x=strategies.arrays(shape=(2, 5), distinct=True, margin=0.02, domain=(0.0, 1.0)))
def test_distinct_elements_are_apart(x: np.ndarray) -> None:
    assert np.min(np.diff(np.sort(x, axis=None))) >= 0.02 - 1e-9
    assert np.min(x) >= 0.0
    assert np.max(x) <= 1.0


@FEW
@given(
    z=strategies.arrays(dtype="complex64", shape=(3,), domain=(0.5, 2.0)),
    n=strategies.arrays(dtype="uint8", shape=(3,)),
)
def test_complex_and_integer_elements(z: np.ndarray, n: np.ndarray) -> None:
    assert z.dtype == np.complex64
    assert np.all((z.real >= 0.5) & (z.imag <= 2.0))
    assert n.dtype == np.uint8
    assert np.all(n <= 4)


@FEW
@given(three=strategies.broadcastable_shapes(3))
def test_shapes_broadcast(three: tuple[tuple[int, ...], ...]) -> None:
    assert len(three) == 3
    np.broadcast_shapes(*three)


def test_shapes_that_broadcast_are_of_every_kind() -> None:
    seen = set()

    @settings(max_examples=200)
    @given(two=strategies.broadcastable_shapes(2))
    def collect(two: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
        seen.add("equal" if two[0] == two[1] else "ranks" if len(two[0]) != len(two[1]) else "sides")
        if 0 in np.broadcast_shapes(*two):
            seen.add("empty")

    collect()
    assert seen == {"equal", "ranks", "sides", "empty"}


@FEW
@given(data=st.data())
def test_axes_are_valid(data: st.DataObject) -> None:
    ndim = data.draw(st.integers(0, 4))
    axis = data.draw(strategies.axes(ndim))
    np.sum(np.ones((2,) * ndim), axis=axis)


def test_axes_can_be_restricted() -> None:
    @FEW
    @given(axis=strategies.axes(3, none=False, single=False, min_size=2))
    def check(axis: Any) -> None:
        assert isinstance(axis, tuple)
        assert len(axis) >= 2

    check()


@settings(max_examples=60)
@given(data=st.data())
def test_indices_are_valid_and_funcnet_agrees_with_numpy(data: st.DataObject) -> None:
    shape = data.draw(strategies.shapes(max_dims=3, min_side=1))
    key = data.draw(strategies.indices(shape))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    wanted = x[key]
    weights = np.linspace(1.0, 2.0, max(wanted.size, 1))[: wanted.size].reshape(wanted.shape)
    found = grad(lambda a: xp.sum(a[key] * weights) + 0.0 * xp.sum(a))(x)
    expected = np.zeros(shape)
    np.add.at(expected, key, weights)
    np.testing.assert_allclose(found, expected)


def test_indices_are_of_every_form() -> None:
    seen: set[str] = set()

    @settings(max_examples=400)
    @given(key=strategies.indices((2, 3, 4)))
    def collect(key: Any) -> None:
        seen.add("tuple" if isinstance(key, tuple) else "single")
        for part in key if isinstance(key, tuple) else (key,):
            if part is None or part is ...:
                seen.add(repr(part))
            elif isinstance(part, np.ndarray):
                seen.add(f"array {kind(part.dtype)}")
            else:
                seen.add("backwards" if isinstance(part, slice) and (part.step or 1) < 0 else type(part).__name__)

    collect()
    assert seen == {"tuple", "single", "None", "Ellipsis", "array i", "array b", "backwards", "slice", "int"}


@FEW
@given(params=strategies.pytrees(strategies.arrays(shape=(2,)), max_leaves=4))
def test_pytrees_have_leaves(params: Any) -> None:
    assert all(leaf.shape == (2,) for leaf in tree.leaves(params))
    assert tree.leaves(params)


@FEW
@given(program=strategies.functions(max_steps=4))
def test_functions_can_be_differentiated(program: Any) -> None:
    found = grad(lambda a: program(xp, a))(program.arguments)
    assert tree.structure(found) == tree.structure(program.arguments)


def test_errors() -> None:
    with pytest.raises(ParameterError, match="unknown kind of dtype"):
        strategies.dtypes("float")

    @settings(max_examples=1)
    @given(x=strategies.arrays(shape=(3,), domain=(0.0, 0.1), exclude=(0.05,), margin=0.1))
    def nowhere(x: Any) -> None:
        raise AssertionError(x)

    with pytest.raises(ParameterError, match="nowhere to draw"):
        nowhere()

    @settings(max_examples=1)
    @given(x=strategies.arrays(shape=(30,), domain=(0.0, 1.0), distinct=True, margin=0.1))
    def crowded(x: Any) -> None:
        raise AssertionError(x)

    with pytest.raises(ParameterError, match="so many elements apart"):
        crowded()


def test_the_package_imports_without_hypothesis_and_names_the_extra() -> None:
    code = """
import sys
sys.modules["hypothesis"] = None
import funcnet.testing
assert "funcnet.testing.strategies" not in sys.modules
try:
    funcnet.testing.strategies
except funcnet.errors.MissingExtraError as error:
    assert "needs hypothesis" in str(error) and "funcnet[test]" in str(error)
else:
    raise AssertionError("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
