"""The draws of jax.random in `vectors.json`, repeated on every backend."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from funcnet import random
from funcnet.testing.backends import BackendCase

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text())
FUNCTIONS = sorted({entry["function"] for entry in VECTORS})

# In units in the last place of numbers of size 1, which is where most draws lie: logarithms and polynomials differ.
NEAR = {"float16": 5e-3, "float32": 2e-6, "float64": 1e-14}


def wanted(entry: dict[str, Any]) -> tuple[Any, ...]:
    if "sha256" in entry:
        return entry["dtype"], entry["shape"], entry["sha256"]
    return entry["dtype"], entry["shape"], entry["values"]


def got(entry: dict[str, Any], array: np.ndarray) -> tuple[Any, ...]:
    # JAX gives places and choices in its default integer type, funcnet in the backend's; the numbers are the same.
    if entry["function"] in ("permutation", "choice"):
        array = array.astype(entry["dtype"])
    if "sha256" in entry:
        return array.dtype.name, list(array.shape), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return array.dtype.name, list(array.shape), array.ravel().tolist()


def drawn(case: BackendCase, entry: dict[str, Any]) -> np.ndarray:
    if entry["function"] == "key":
        return case.to_numpy(random.key(entry["seed"]))
    function = getattr(random, entry["function"])
    return case.to_numpy(function(random.key(entry["seed"]), *entry["args"], **entry["kwargs"]))


def possible(case: BackendCase, entry: dict[str, Any]) -> bool:
    """Whether the backend has the data type; array_api_strict has no float16, and some devices nothing of 64 bits."""
    # PyTorch stores unsigned integers, but computes with few of them, so its record does not list them.
    if entry["dtype"] not in case.dtypes() and not (case.backend_name == "torch" and entry["dtype"][0] == "u"):
        return False
    # Without float64 the sum of a fused multiply-add is put together from float32, which rounds a rare one otherwise.
    scaled = entry["function"] == "uniform" and entry["kwargs"]
    return "float64" in case.dtypes() or not scaled


@pytest.mark.parametrize("function", FUNCTIONS)
def test_draws_equal_those_of_jax(case: BackendCase, function: str) -> None:
    if case.device == "no_x64" and function in ("permutation", "choice"):
        pytest.skip("argsort of array_api_strict makes int64 on a device that has none")
    entries = [entry for entry in VECTORS if entry["function"] == function and possible(case, entry)]
    assert entries
    if case.backend_name == "strict":
        # It checks so much that all would take a minute.
        entries = entries[::7]
    for entry in entries:
        array = drawn(case, entry)
        if entry["near"]:
            assert [array.dtype.name, list(array.shape)] == [entry["dtype"], entry["shape"]]
            expected = np.array(entry["values"]).reshape(entry["shape"])
            tolerance = NEAR[entry["dtype"]]
            np.testing.assert_allclose(
                array.astype(float), expected, rtol=tolerance, atol=tolerance, err_msg=str(entry)
            )
        else:
            assert got(entry, array) == wanted(entry), entry
