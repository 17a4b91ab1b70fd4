"""Checks of the arguments of models: what they let pass, and what they say."""

import numpy as np
import pytest

from funcnet.errors import ParameterError
from funcnet.nn.models.building import called, check_counts


def test_counts_that_pass():
    check_counts("model", width=3, sizes=[1, 2], other=(np.int64(4),))


@pytest.mark.parametrize("bad", [0, -1, True, 1.0, "3", None, (), [1, 0], (2, "x")])
def test_counts_that_do_not(bad):
    with pytest.raises(ParameterError, match=r"nn\.models\.model got a bad width\.") as caught:
        check_counts("model", width=bad)
    assert f"width={bad!r}" in str(caught.value)


def test_choices():
    assert called("model", "kind", {"a": 1, "b": 2}, "b") == 2
    for bad in ("c", 1, None):
        with pytest.raises(ParameterError, match=r"does not know this kind.*") as caught:
            called("model", "kind", {"a": 1, "b": 2}, bad)
        assert "'a' or 'b'" in str(caught.value)
