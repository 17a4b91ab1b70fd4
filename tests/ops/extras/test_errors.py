"""What the extras refuse, and with what words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError

X = np.arange(6.0).reshape(2, 3)
V = np.arange(3.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: xp.convolve(X, V), ShapeError, r"takes vectors.\n  found:  shapes \(2, 3\) and \(3,\)"),
        (lambda: xp.convolve(V, V[:0]), ShapeError, "of at least one element"),
        (lambda: xp.convolve(V, V, mode="most"), ParameterError, "unknown mode.\n  found:  mode='most'"),
        (lambda: xp.pad(X, 1, "empty"), ParameterError, "does not have that mode"),
        (lambda: xp.pad(X, 1, "edge", constant_values=2), ParameterError, "constants in one mode only"),
        (lambda: xp.pad(X, -1), ShapeError, "widths that do not fit"),
        (lambda: xp.pad(X, ((1, 1), (1, 1), (1, 1))), ShapeError, "for an array of 2 dimensions"),
        (lambda: xp.pad(X, 0.5), ShapeError, "non-negative integers"),
        (lambda: xp.pad(X, 1, constant_values=(1, 2, 3)), ShapeError, "constants that do not fit"),
        (lambda: xp.pad(X[:0], 1, "edge"), ShapeError, "no element to repeat"),
        (lambda: xp.rot90(X, axes=(0, 0)), ShapeError, "two different dimensions"),
        (lambda: xp.rot90(V), ShapeError, "axis that the array does not have"),
        (lambda: xp.split(V, 2), ShapeError, r"write:  xp.array_split\(x, 2, axis=0\)"),
        (lambda: xp.split(V, 0), ParameterError, "at least one part"),
        (lambda: xp.array_split(V, 0), ParameterError, "xp.array_split makes at least one part"),
        (lambda: xp.swapaxes(X, 0, 2), ShapeError, "xp.swapaxes got an axis"),
        (lambda: xp.quantile(V, 0.5, method="best"), ParameterError, "does not have that method"),
        (lambda: xp.quantile(V, 1.5), ParameterError, "numbers from 0 to 1"),
        (lambda: xp.percentile(V, 101), ParameterError, "numbers from 0 to 100"),
        (lambda: xp.median(V[:0]), ShapeError, "xp.median of no elements has no value"),
        (lambda: xp.median(V + 1j), DtypeError, "xp.median does not take this data type"),
        (lambda: xp.median(V, axis=1), ShapeError, "xp.median got an axis"),
        (lambda: xp.nanmedian(V + 1j), DtypeError, "xp.nanmedian"),
        (lambda: xp.nanmax(V + 1j), DtypeError, "xp.nanmax"),
        (lambda: xp.nanmin(V[:0]), ShapeError, "xp.nanmin of no elements"),
        (lambda: xp.nanmean(V, axis=2), ShapeError, "xp.nanmean got an axis"),
        (lambda: xp.nanvar(V, axis=2), ShapeError, "xp.nanvar got an axis"),
        (lambda: xp.nanstd(V, axis=2), ShapeError, "xp.nanstd got an axis"),
        (lambda: xp.interp(V, V, V[:2]), ShapeError, r"points as two vectors.\n  found:  shapes \(3,\) and \(2,\)"),
        (lambda: xp.interp(V, V[:0], V[:0]), ShapeError, "at least one element"),
        (lambda: xp.trapezoid(X, X[0, :2]), ShapeError, "xp.trapezoid got coordinates that do not fit"),
        (lambda: xp.gradient(X, V, V), ShapeError, "a vector of 2 coordinates"),
        (lambda: xp.gradient(X, 1.0, 1.0, 1.0), ParameterError, "3 for 2 axes"),
        (lambda: xp.gradient(V, edge_order=3), ParameterError, "1 or 2"),
        (lambda: xp.gradient(V[:1]), ShapeError, "xp.gradient needs more values"),
        (lambda: xp.polyval(X, V), ShapeError, "coefficients as a vector"),
        (lambda: xp.vander(X), ShapeError, "takes a vector"),
        (lambda: xp.vander(V, -1), ParameterError, "less than no columns"),
        (lambda: xp.cov(X[None]), ShapeError, "observations as a matrix"),
        (lambda: xp.cov(X, V[:2]), ShapeError, "different numbers of observations.\n  found:  3 and 2"),
        (lambda: xp.cov(X, aweights=V[:2]), ShapeError, "one weight for each observation"),
        (lambda: xp.vstack([]), ParameterError, "xp.vstack takes a sequence of arrays.\n  found:  an empty sequence"),
        (lambda: xp.hstack(3), ParameterError, "found:  int"),
        (lambda: xp.hstack([X, V]), ShapeError, "xp.concat got shapes that do not fit"),
        (lambda: xp.block([[V], V]), ParameterError, "lists of depth 0 and 1 side by side"),
        (lambda: xp.block([]), ParameterError, "an empty list"),
        (lambda: xp.delete(V, 3), IndexError, "out of bounds"),
        (lambda: xp.insert(V, 4, 1.0), IndexError, "out of bounds"),
        (lambda: xp.insert(V, [0, 1], np.ones(3)), ShapeError, "does not broadcast to"),
        (lambda: xp.select([], []), ParameterError, "found:  0 conditions and 0 values"),
        (lambda: xp.select([V], [V]), DtypeError, "booleans as conditions"),
        (lambda: xp.apply_where(V > 0, V, xp.log), ParameterError, "neither f2 nor fill_value"),
        (lambda: xp.apply_where(V > 0, V, xp.log, xp.exp, fill_value=1), ParameterError, "both f2 and fill_value"),
        (lambda: xp.one_hot(V, 3), DtypeError, "integers as classes"),
        (lambda: xp.one_hot(np.arange(3), 3, axis=2), ShapeError, "xp.one_hot got a place"),
        (lambda: xp.segment_sum(V, V), DtypeError, "integer"),
        (lambda: xp.segment_sum(V, [0, 1]), ShapeError, "a vector of 3"),
        (lambda: xp.segment_sum(V[0], [0]), ShapeError, "an array of at least one dimension"),
        (lambda: xp.segment_sum(V, [0, 1, 5], num_segments=3), IndexError, "out of"),
        (lambda: xp.histogram(V, 0), ParameterError, "a number of bins, or edges"),
        (lambda: xp.histogram(V, [1.0, 0.0]), ParameterError, "edges in ascending order"),
        (lambda: xp.histogram(V, weights=V[:2]), ShapeError, "one weight for each element"),
        (lambda: xp.histogram(V, range=(1.0, 0.0)), ParameterError, "from 1.0 to 0.0"),
        (lambda: xp.histogram(np.array([0.0, np.inf])), ParameterError, "finite range"),
        (lambda: xp.histogram(V + 1j), DtypeError, "xp.histogram does not take"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        call()
