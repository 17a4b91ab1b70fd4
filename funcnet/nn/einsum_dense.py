"""The linear layer whose product is written in Einstein's notation."""

from __future__ import annotations

from math import prod
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import random, xp
from funcnet.core.dtypes import is_inexact
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.initializers import lecun_normal, zeros
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.misfits import foreign, not_floating
from funcnet.nn.spec import beside, features_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["einsum_dense"]


class _Plan(NamedTuple):
    """An equation taken apart: letters of its three terms, where its ellipsis is, sizes that the result is to have."""

    equation: str
    input: str
    kernel: str
    output: str
    dots: str  # "left", "right" or "" for no ellipsis
    sizes: dict[str, int | None]  # of the letters of the result, without the batch
    bias: str  # letters that the bias has, "" for no bias


def einsum_dense(
    equation: str,
    output_shape: int | Sequence[int | None] | None,
    *,
    bias_axes: str | None = None,
    kernel_init: Callable[..., Any] | None = None,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    r"""Linear layer whose product is written in Einstein's notation.

    ``xp.einsum(equation, x, kernel) + bias``, with the shapes of kernel and bias found from the equation, the input and
    `output_shape`. ``"ab,bc->ac"`` is `dense` for matrices; ``"abc,cd->abd"`` acts on the last axis of three,
    ``"...x,xy->...y"`` on that of any number; ``"abc,cde->abde"`` makes the heads of attention.

    Parameters
    ----------
    equation : str
        Input, kernel and result: ``"ab,bc->ac"``. Input and result have either the same first letter, that of the
        batch, or an ellipsis first; behind the letters, an ellipsis stands in both or in none. Each letter occurs once
        in a term; those of the kernel are in the input or the result, those of the result in the input or the kernel.
    output_shape : int, None or sequence of int or None
        Sizes of the result's letters, without the batch and what an ellipsis stands for. None: the size that the letter
        has in the input.
    bias_axes : str, optional
        Letters of the result along which the bias has elements of its own; no bias if omitted.
    kernel_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`. If omitted: for the kernel the distribution of
        `lecun_normal` with as many inputs as a number of the result is the sum of; `zeros` for the bias.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``kernel``, of the sizes of its letters, and ``bias``, which has an axis for each axis of
        the result from the first of `bias_axes` on, of size 1 where that is not among them.

    Raises
    ------
    ParameterError
        If the equation, `output_shape` or `bias_axes` is not as above; by ``apply``: if the parameters are those of
        another layer, or of inputs of other sizes.
    ShapeError
        By ``init`` and ``apply``: if the input does not fit the equation or `output_shape`.
    DtypeError
        By ``apply``: if the input is not floating-point.

    References
    ----------
    .. [1] `EinsumDense <https://keras.io/api/layers/core_layers/einsum_dense/>`_ of Keras, whose equations, shapes and
       weights these are.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.einsum_dense("abc,cde->abde", (None, 2, 5), bias_axes="de")
    >>> params, state = layer.init(random.key(0), (8, 4, 3))
    >>> params["kernel"].shape, params["bias"].shape
    ((3, 2, 5), (2, 5))
    >>> y, state = layer.apply(params, state, np.ones((8, 4, 3), dtype="float32"))
    >>> y.shape
    (8, 4, 2, 5)
    """
    plan = _plan(equation, output_shape, bias_axes)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            found = features_of(spec, layer_path("einsum_dense"))
            sizes = _sizes(plan, found.shape)
            shape, shift = _parameter_shapes(plan, sizes, len(found.shape))
            # The keys are those of a split, so that adding a bias does not change the kernel.
            keys = random.split(key)
            if kernel_init is None:
                summed = prod([sizes[c] for c in plan.kernel if c not in plan.output])
                others = prod([sizes[c] for c in plan.kernel if c in plan.output])
                # Its elements are independent, so that of the shape only the number of inputs matters.
                kernel = xp.reshape(lecun_normal()(keys[0, :], (summed, others), dtype), shape)
            else:
                kernel = kernel_init(keys[0, :], shape, dtype)
            params = {"kernel": kernel}
            if plan.bias:
                params["bias"] = bias_init(keys[1, :], shift, dtype)
        return params, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        shapes = _parameter_shapes(plan, _sizes(plan, tuple(x.shape)), len(x.shape))
        try:
            kernel, shift = params["kernel"], params["bias"] if plan.bias else None
            fits = tuple(kernel.shape) == shapes[0] and len(params) == 1 + bool(plan.bias)
            fits = fits and (shift is None or tuple(shift.shape) == shapes[1])
        except (KeyError, TypeError, AttributeError):
            fits = False
        if not fits:
            raise _foreign(plan, params, shapes, tuple(x.shape))
        if not is_inexact(x.dtype):
            raise not_floating(layer_path("einsum_dense"), x)
        y = xp.einsum(plan.equation, x, kernel)
        return y if shift is None else y + shift, state

    return Layer(init, apply)


def _plan(equation: Any, output_shape: Any, bias_axes: Any) -> _Plan:
    """Take an equation apart, and check all that can be checked without an input."""
    text = equation.replace(" ", "") if isinstance(equation, str) else ""
    left, arrow, output = text.partition("->")
    term, comma, kernel = left.partition(",")
    dots = "left" if term.startswith("...") else "right" if term.endswith("...") else ""
    if dots and (output.startswith("...") if dots == "left" else output.endswith("...")):
        term, output = (t.removeprefix("...") if dots == "left" else t.removesuffix("...") for t in (term, output))
    terms = (term, kernel, output)
    if not (arrow and comma and all([t.isascii() and t.isalpha() and len(set(t)) == len(t) for t in terms])):
        raise _bad_equation(equation, "letters, once in each term, and at most one '...', at the same end of both")
    if dots != "left" and term[0] != output[0]:
        raise _bad_equation(equation, "the same letter first in input and result, that of the batch")
    lost = [c for c in kernel if c not in term + output]
    if lost:
        raise _bad_equation(equation, f"the letter {lost[0]!r} of the kernel in the input or in the result")
    lost = [c for c in output if c not in term + kernel]
    if lost:
        raise _bad_equation(equation, f"the letter {lost[0]!r} of the result in the input or in the kernel")
    sizes = _output_sizes(output if dots == "left" else output[1:], output_shape, term, text)
    axes = bias_axes if isinstance(bias_axes, str) else ""
    if bias_axes is not None and not (axes and len(set(axes)) == len(axes) and set(axes) <= set(output)):
        raise ParameterError(
            "nn.einsum_dense got a bias along axes that the result does not have.",
            found=f"bias_axes={bias_axes!r} for {text!r}",
            needed=f"None, or some of the letters {output!r}, each once",
            write=f'bias_axes="{output[-1]}"',
        )
    return _Plan(text, term, kernel, output, dots, sizes, axes)


def _output_sizes(letters: str, output_shape: Any, term: str, text: str) -> dict[str, int | None]:
    given = list(output_shape) if isinstance(output_shape, (tuple, list)) else [output_shape]
    sizes: list[int | None] = []
    for letter, n in zip(letters, given, strict=False):
        try:
            size = None if n is None else index(n)
        except TypeError:
            size = 0
        # A size that the input does not have is nowhere to be found.
        if isinstance(n, bool) or (letter not in term if size is None else size < 1):
            break
        sizes.append(size)
    if not len(sizes) == len(given) == len(letters):
        copied = "".join([c for c in letters if c in term])
        raise ParameterError(
            "nn.einsum_dense got an output_shape that does not fit its equation.",
            found=f"output_shape={output_shape!r} for {text!r}",
            needed=f"{len(letters)} sizes, of the axes {letters!r}: positive integers, or None for one of {copied!r}",
            write="output_shape without the batch and without what '...' stands for",
        )
    return dict(zip(letters, sizes, strict=True))


def _bad_equation(equation: Any, needed: str) -> ParameterError:
    return ParameterError(
        "nn.einsum_dense does not understand this equation.",
        found=repr(equation),
        needed=needed,
        write='nn.einsum_dense("ab,bc->ac", 64), "abc,cd->abd" or "...x,xy->...y"',
    )


def _sizes(plan: _Plan, shape: tuple[int, ...]) -> dict[str, int]:
    """Return the size of each letter, for an input of that shape."""
    count = len(plan.input)
    if len(shape) < count if plan.dots else len(shape) != count:
        raise ShapeError(
            f"Layer {layer_path('einsum_dense')} got an input that its equation does not describe.",
            found=f"{len(shape)} dimensions, in shape {tuple(shape)}",
            needed=f"{count} dimensions{' or more' if plan.dots else ''}, for {plan.equation!r}",
            write="'...' in input and result for any further dimensions",
        )
    lettered = shape[len(shape) - count :] if plan.dots == "left" else shape[:count]
    sizes = dict(zip(plan.input, lettered, strict=True))
    for letter, size in plan.sizes.items():
        if size is not None and sizes.setdefault(letter, size) != size:
            raise ShapeError(
                f"Layer {layer_path('einsum_dense')} got an input that does not fit its output_shape.",
                found=f"{letter!r} of size {sizes[letter]}, in shape {tuple(shape)}",
                needed=f"{letter!r} of size {size}, for {plan.equation!r}",
                write="None in output_shape for a size that is that of the input",
            )
    return sizes


def _parameter_shapes(plan: _Plan, sizes: dict[str, int], ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of kernel and bias."""
    kernel = tuple([sizes[c] for c in plan.kernel])
    if not plan.bias:
        return kernel, ()
    first = min(map(plan.output.index, plan.bias))
    bias = tuple([sizes[c] if c in plan.bias else 1 for c in plan.output[first:]])
    return kernel, bias + (1,) * (ndim - len(plan.input) if plan.dots == "right" else 0)


def _foreign(plan: _Plan, params: Any, shapes: tuple[Any, Any], shape: tuple[int, ...]) -> ParameterError:
    needed = f"{{'kernel': {shapes[0]}" + (f", 'bias': {shapes[1]}}}" if plan.bias else "}")
    needed = f"{needed}, for an input of shape {shape} and {plan.equation!r}"
    return foreign(layer_path("einsum_dense"), params, needed, what=", or of another input")
