"""``check_jit``: a compiled function against the same function without `jit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.compiler.execute import finish_compiling
from funcnet.core.dtypes import is_inexact
from funcnet.errors import JitCheckError
from funcnet.testing.arrays import place_of, snapshot
from funcnet.transforms.jitted import jit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_jit"]

#: Bytes of a real number -> error allowed relative to the largest element of a leaf.
_TOLERANCES = {8: 1e-10, 4: 1e-4, 2: 5e-2}
#: What runs in one call after the other: loops are compiled after the second.
_CALLS = ("the first call", "the second call", "the first call of compiled loops", "a later call")


def check_jit(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    static_argnames: str | Sequence[str] = (),
    rtol: float | None = None,
    atol: float = 0.0,
) -> None:
    """Check that a function computes the same under `jit`.

    It is called without `jit` and four times with it: by plain calls, and by compiled loops once they are ready. Trees,
    shapes, dtypes and values must be the same; arguments must not be written to, nor earlier results by a later call.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays to a pytree of arrays, such as a whole training step.
    args : sequence of pytrees of arrays
        Where to check.
    static_argnames : str or sequence of str, default ()
        As for `jit`.
    rtol : float, optional
        Allowed error relative to the largest finite element of a leaf: by default 1e-10 in double precision, 1e-4 in
        single and 0.05 in half precision, since sums are ordered differently. NaN and infinities must be in the same
        places, and integers and booleans equal.
    atol : float, default 0.0
        Allowed absolute error, for leaves that are zero but for rounding errors.

    Raises
    ------
    JitCheckError
        An `AssertionError` that names the leaf's path, the call, the element, what was expected and found.

    Notes
    -----
    What makes much of rounding errors differs honestly, such as an update by Adam where a gradient is zero but for
    them: it divides them by themselves. Check the gradients there.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> from funcnet.testing import check_jit
    >>> check_jit(fn.value_and_grad(lambda x: xp.sum(xp.tanh(x) ** 2)), [np.linspace(0, 1, 5)])
    """
    given = tree.leaves(tuple(args))
    before = [_bytes(leaf) for leaf in given]
    wanted, structure = tree.flatten(f(*args))
    compiled = jit(f, static_argnames=static_argnames)
    results: list[tuple[str, list[Any], list[Any]]] = []
    for call in _CALLS:
        found, other = tree.flatten(compiled(*args))
        _check_unwritten(f"an argument, in {call}", given, before)
        if other != structure:
            raise JitCheckError(
                f"Under fn.jit the result has another structure, in {call}.",
                found=str(other),
                needed=str(structure),
                write="a function whose result depends on its arguments alone",
            )
        for path, y, x in zip(structure.paths(), found, wanted, strict=True):
            _compare(f"the result{path and f' at {path}'}, in {call}", y, x, rtol, atol)
        results.append((call, found, [_bytes(leaf) for leaf in found]))
        finish_compiling()
    for call, found, was in results:
        _check_unwritten(f"the result of {call}, in a later one", found, was)


def _bytes(leaf: Any) -> Any:
    return snapshot(leaf) if hasattr(leaf, "dtype") else leaf


def _check_unwritten(what: str, leaves: Sequence[Any], before: Sequence[Any]) -> None:
    for leaf, was in zip(leaves, before, strict=True):
        if _bytes(leaf) != was:
            raise JitCheckError(
                f"A function under fn.jit wrote to {what}.",
                found="other bytes than before",
                needed="arguments and results that stay as they are",
                write="y = x + 1 in place of x += 1, in functions of fn.external",
            )


def _compare(what: str, found: Any, wanted: Any, rtol: float | None, atol: float) -> None:
    """Refuse a leaf unlike the one without `jit`; `what` says which leaf of which call it is."""
    y, x = (place_of(leaf).to_host(leaf) for leaf in (found, wanted))
    if (y.shape, y.dtype) != (x.shape, x.dtype):
        raise JitCheckError(
            f"Under fn.jit {what}, is of another kind.",
            found=f"{y.dtype}{list(y.shape)}",
            needed=f"{x.dtype}{list(x.shape)}",
            write="xp.astype where the data type matters",
        )
    allowed = 0.0
    if not is_inexact(x.dtype):
        wrong = y != x
    else:
        complex_ = np.iscomplexobj(x)
        if rtol is None:
            rtol = _TOLERANCES[min(8, x.itemsize // (1 + complex_))]
        y, x = (a.astype(np.complex128 if complex_ else np.float64) for a in (y, x))
        finite = np.isfinite(x)
        allowed = atol + rtol * float(np.max(np.abs(x[finite]), initial=0.0))
        with np.errstate(invalid="ignore"):
            wrong = np.where(finite, ~(np.abs(y - x) <= allowed), ~((y == x) | (np.isnan(y) & np.isnan(x))))
    if np.any(wrong):
        place = tuple([int(i) for i in np.argwhere(wrong)[0]])
        raise JitCheckError(
            f"Under fn.jit {what}, is wrong in {int(np.sum(wrong))} of {wrong.size} elements.",
            found=f"{y[place]} at {list(place)}",
            needed=f"{x[place]}, to within {allowed:.3g}",
            write="rtol= or atol= if rounding errors explain it; otherwise, please report the function",
        )
