"""What a cell of a recurrent network is, and what cells share: parameters, their checks, and the products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import random, xp
from funcnet.core.dtypes import is_inexact
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.dense import affine
from funcnet.nn.initializers import lecun_normal
from funcnet.nn.layer import layer_path
from funcnet.nn.misfits import not_floating, positive
from funcnet.nn.spec import beside, features_of
from funcnet.ops.fresh import zeros_raw

if TYPE_CHECKING:
    from collections.abc import Callable

    Init = Callable[..., Any]

__all__ = ["Cell", "Inits", "applied_cell", "check_own", "dense_cell", "inits_of", "misfit", "size_of"]


class Cell(NamedTuple):
    """One step in time of a recurrent network, as pure functions.

    Attributes
    ----------
    init : callable
        ``params = init(key, spec)`` for the shape of an input of one step: (batch, features).
    apply : callable
        ``carry, y = apply(params, carry, x)``: one step, so it may be given to `funcnet.scan`.
    initial : callable
        ``carry = initial(params, x)``: zeros for an input of one step.
    project : callable
        ``project(params, x)``: the part of a step that does not depend on the carry, for inputs of any number of steps,
        on leading axes, at once.
    step : callable
        ``carry, y = step(params, carry, projected)``: the rest. ``apply`` is ``step`` after ``project``.
    sequence : callable, optional
        ``carry, ys = sequence(params, carry, projected, seen, reverse)``: all steps along the first axis in one
        operation, faster than a scan. Where ``seen``, of the shape (time, batch) or None, is false, the carry stays as
        it was.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import nn, random
    >>> cell = nn.gru_cell(3)
    >>> params = cell.init(random.key(0), (8, 2))
    >>> xs = np.ones((5, 8, 2), dtype="float32")
    >>> carry, ys = fn.scan(lambda c, x: cell.apply(params, c, x), cell.initial(params, xs[0]), xs)
    >>> ys.shape
    (5, 8, 3)
    """

    init: Callable[..., Any]
    apply: Callable[..., Any]
    initial: Callable[..., Any]
    project: Callable[..., Any]
    step: Callable[..., Any]
    sequence: Callable[..., Any] | None = None


class Inits(NamedTuple):
    """Initialisers of the parameters of a cell, and their data type."""

    kernel: Init
    recurrent: Init
    bias: Init
    dtype: Any


def dense_cell(
    kind: str,
    size: int,
    gates: int,
    bias: bool,
    inits: Inits,
    step: Callable[..., Any],
    *,
    single: bool,
    candidate: bool = False,
) -> Cell:
    """Return a cell with dense products; its carry is one array if `single`, otherwise two."""

    def init(key: Any, spec: Any) -> Any:
        with beside(key):
            features = features_of(spec, layer_path(kind)).shape[-1]
            keys = random.split(key, 4)
            params = {
                "input": {"kernel": inits.kernel(keys[0, :], (features, gates * size), inits.dtype)},
                "hidden": {"kernel": inits.recurrent(keys[1, :], (size, gates * size), inits.dtype)},
            }
            if bias:
                params["input"]["bias"] = inits.bias(keys[2, :], (gates * size,), inits.dtype)
            if candidate:
                params["hidden"]["bias"] = inits.bias(keys[3, :], (size,), inits.dtype)
        return params

    def project(params: Any, x: Any) -> Any:
        check_own(kind, params, bias, candidate, gates * size)
        kernel = params["input"]["kernel"]
        if not x.shape or x.shape[-1] != kernel.shape[0]:
            raise misfit(kind, tuple(x.shape), kernel.shape[0], f"(..., {kernel.shape[0]})")
        if not is_inexact(x.dtype):
            raise not_floating(layer_path(kind), x)
        return affine(x, kernel, params["input"].get("bias"))

    def initial(params: Any, x: Any) -> Any:
        kernel = params["hidden"]["kernel"]
        dtype = xp.result_type(x.dtype, kernel.dtype)
        nothing = zeros_raw(x, (*x.shape[:-1], size), dtype)
        return nothing if single else (nothing, nothing)

    return Cell(init, applied_cell(project, step), initial, project, step)


def applied_cell(project: Callable[..., Any], step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a whole step."""
    return lambda params, carry, x: step(params, carry, project(params, x))


def inits_of(kernel: Init | None, recurrent: Init | None, bias: Init, dtype: Any) -> Inits:
    """Return initialisers with `lecun_normal` for those that are omitted."""
    return Inits(kernel or lecun_normal(), recurrent or lecun_normal(), bias, dtype)


def check_own(kind: str, params: Any, bias: bool, candidate: bool, width: int) -> None:
    """Raise `ParameterError` unless parameters are those of a cell with such biases and kernels of so many columns."""
    try:
        inner, hidden = params["input"], params["hidden"]
        fits = inner["kernel"].shape[-1] == width == hidden["kernel"].shape[-1] and len(params) == 2
        fits = fits and ("bias" in inner) == bias and ("bias" in hidden) == candidate
    except (KeyError, TypeError, AttributeError, IndexError):
        fits = False
    if not fits:
        raise ParameterError(
            f"Layer {layer_path(kind)} got parameters that are not its own.",
            found=", ".join(params) if isinstance(params, dict) else type(params).__name__,
            needed=f"'input' and 'hidden', with kernels of {width} columns",
            write="params = cell.init(key, x.shape) with this very cell",
        )


def misfit(kind: str, shape: tuple[int, ...], features: int, needed: str) -> ShapeError:
    """Return the error of a cell whose input has another number of features."""
    return ShapeError(
        f"Layer {layer_path(kind)} got an input with the wrong number of features.",
        found=f"{shape[-1] if shape else 'no'} features, in shape {shape}",
        needed=f"{features} features, in shape {needed}",
        write="init(key, x.shape) for an input of this shape",
    )


def size_of(kind: str, features: Any) -> int:
    """Return the size of the carry as an integer; raise `ParameterError` unless it is at least 1."""
    return positive(kind, features, "the number of its features")
