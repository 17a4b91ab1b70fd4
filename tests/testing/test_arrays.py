"""What the checks need to know about arrays."""

import numpy as np
import pytest

from funcnet.errors import DtypeError
from funcnet.testing import BackendCase, backend_params
from funcnet.testing.arrays import Place, place_of, share_memory, snapshot


@pytest.mark.parametrize("backend", backend_params())
def test_arrays_go_to_the_host_and_back(backend: BackendCase) -> None:
    x = backend.asarray([1.0, 2.0], "float32")
    place = place_of(x)
    assert place == Place(backend.backend, backend.backend.device_name(backend.device))
    y = place.array(place.to_host(x) + 1.0, "float32")
    assert place_of(y) == place
    np.testing.assert_array_equal(place.to_host(y), [2.0, 3.0])
    assert place.dtype_name(y) == "float32"
    wide = place.wide().widened(place.to_host(x))
    assert place_of(wide).dtype_name(wide) == "float64"


@pytest.mark.parametrize("backend", backend_params(variants=False))
def test_shared_memory_is_seen(backend: BackendCase) -> None:
    x = backend.asarray(np.arange(6.0).reshape(2, 3), "float32")
    assert share_memory(x, x)
    assert share_memory(x, x[0, :])
    assert not share_memory(x, backend.asarray(np.arange(6.0), "float32"))


def test_snapshots_tell_changes_that_compare_equal() -> None:
    assert snapshot(np.array([0.0])) != snapshot(np.array([-0.0]))
    assert snapshot(np.array([np.nan])) == snapshot(np.array([np.nan]))


def test_python_numbers_count_as_numpys() -> None:
    assert place_of(1.5) == Place.host()
    assert Place.host().dtype_name(1.5) == "float64"
    with pytest.raises(DtypeError, match="not an array"):
        place_of("text")
