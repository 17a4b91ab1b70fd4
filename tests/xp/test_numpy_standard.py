"""The tables of the standard's functions under NumPy's names."""

import inspect

import numpy as np
import pytest

from funcnet.xp.numpy_standard import FUNCTIONS, UFUNCS


def _signature(name):
    try:
        return inspect.signature(getattr(np, name))
    except ValueError:  # written in C
        return None


@pytest.mark.parametrize("name", UFUNCS)
def test_universal_functions_are_numpys(name):
    assert isinstance(getattr(np, name), np.ufunc)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if _signature(name) is not None])
def test_counterparts_take_the_arguments_that_numpy_needs(name):
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in _signature(name).parameters.values() if p.default is p.empty and p.kind in positional]
    ours = inspect.signature(FUNCTIONS[name]).parameters.values()
    accepted = [p.name for p in ours if p.kind in positional]
    assert len(accepted) >= len(needed) or any(p.kind is p.VAR_POSITIONAL for p in ours)
