"""Recurrent layers: cells along the time of sequences, in stacks, in both directions, with lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import control, random, tree, xp
from funcnet.compiler.capture import running_capture
from funcnet.compiler.loops.build import available
from funcnet.core.dtypes import kind
from funcnet.core.readable import readable
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.nn.cell import Cell
from funcnet.nn.dropout import dropout as dropout_layer
from funcnet.nn.layer import Layer, layer_path
from funcnet.nn.spec import as_spec, beside
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import integers_like
from funcnet.transforms import eval_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["along_time", "recurrent"]


def recurrent(
    cell: Cell | Sequence[Cell],
    *,
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = True,
    return_carry: bool = False,
    stateful: bool = False,
) -> Layer:
    r"""Return a layer that applies a cell along the time of sequences.

    The part of the cell that depends on the input alone is one product for all steps; the rest is a scan.

    Parameters
    ----------
    cell : Cell or sequence of Cell
        What makes a step; several are stacked, each on the outputs of the one before.
    bidirectional : bool, default False
        Whether each layer also goes backward, with parameters of its own; its outputs are put beside the others.
    reverse : bool, default False
        Whether time is gone through backward.
    dropout : float, default 0
        Share of the outputs of all layers but the last that is dropped in training.
    return_sequences : bool, default True
        Whether the result has the outputs of all steps, or only that of the last step (which is the first in time for
        what goes backward).
    return_carry : bool, default False
        Whether ``apply`` returns the pair (outputs, carry) in place of the outputs.
    stateful : bool, default False
        Whether the carry is kept in the state, so that the next call goes on where this one ended. A state ``{}``, or
        that of ``init``, begins anew.

    Returns
    -------
    Layer
        For inputs of shape (batch, time, ...). Its parameters are ``layer_0``, ``layer_1``, ... with those of the
        cells, or with ``forward`` and ``backward``; so is the carry. ``apply`` also takes the keywords ``lengths``,
        integers of shape (batch,): beyond its length an element keeps its carry, and its outputs are 0; and ``carry``,
        the carry to begin with, zeros if omitted. For truncated back-propagation pass ``fn.stop_gradient(carry)`` on.

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if parameters, state or carry are not the layer's own, a length is
        out of range, or a random key is missing.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    References
    ----------
    M. Schuster, K. Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45
    (1997).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.recurrent([nn.gru_cell(4), nn.lstm_cell(3)], bidirectional=True)
    >>> x = np.ones((2, 5, 1), dtype="float32")
    >>> params, state = layer.init(random.key(0), x)
    >>> layer.apply(params, state, x)[0].shape
    (2, 5, 6)
    """
    return along_time(
        "recurrent",
        [cell] if isinstance(cell, Cell) else list(cell),
        bidirectional=bidirectional,
        reverse=reverse,
        dropout=dropout,
        return_sequences=return_sequences,
        return_carry=return_carry,
        stateful=stateful,
    )


def along_time(
    what: str,
    cells: list[Cell],
    *,
    bidirectional: bool,
    reverse: bool,
    dropout: float,
    return_sequences: bool,
    return_carry: bool,
    stateful: bool,
) -> Layer:
    """Return the layer of that kind, see `recurrent`."""
    if not cells or not all(isinstance(one, Cell) for one in cells):
        raise ParameterError(
            f"nn.{what} takes cells.",
            found=repr(cells),
            needed="an nn.Cell, or several",
            write="nn.recurrent(nn.gru_cell(64))",
        )
    if bidirectional and reverse:
        raise ParameterError(
            f"nn.{what} goes in both directions, or in one of them.",
            found="bidirectional=True and reverse=True",
            needed="one of the two",
        )
    drop = dropout_layer(dropout)
    ways = ("forward", "backward") if bidirectional else ("backward",) if reverse else ("forward",)
    names = [f"layer_{i}" for i in range(len(cells))]

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path(what)
        params: dict[str, Any] = {}
        with beside(key):
            found = as_spec(spec)
            _check_input(found, path)
            # The specification of one step, for each layer.
            one = eval_shape(lambda x: x[:, 0, ...], found) if found.shape[1] else _without_time(found)
            for i, (name, layer) in enumerate(zip(names, cells, strict=True)):
                layer_key = random.fold_in(key, i)
                made = {way: layer.init(random.fold_in(layer_key, k), one) for k, way in enumerate(ways)}
                params[name] = made if bidirectional else made[ways[0]]
                y = eval_shape(lambda p, x, layer=layer: layer.apply(p, layer.initial(p, x), x)[1], made[ways[0]], one)
                one = _widened(y, len(ways))
            if not stateful:
                return params, {}
            x = xp.zeros(found.shape, dtype=found.dtype)
            return params, {"carry": _initial(params, x)}

    def _initial(params: Any, x: Any) -> Any:
        """Return carries of zeros for an input."""
        carry: dict[str, Any] = {}
        at = _step(x)
        for name, layer in zip(names, cells, strict=True):
            of = params[name] if bidirectional else {ways[0]: params[name]}
            made = {way: layer.initial(of[way], at) for way in ways}
            carry[name] = made if bidirectional else made[ways[0]]
            h = tree.leaves(made[ways[0]])[0]
            at = xp.concat([h] * len(ways), axis=-1) if bidirectional else h
        return carry

    def apply(
        params: Any,
        state: Any,
        x: Any,
        *,
        carry: Any = None,
        lengths: Any = None,
        key: Any = None,
        train: bool = False,
    ) -> tuple[Any, Any]:
        path = layer_path(what)
        _check_names(params, names, "parameters", path)
        _check_input(x, path)
        if state != {}:
            if not stateful or list(state) != ["carry"]:
                raise ParameterError(
                    f"Layer {path} got a state that is not its own.",
                    found=", ".join(state) if isinstance(state, dict) else type(state).__name__,
                    needed="{'carry': ...}" if stateful else "{}",
                    write="params, state = layer.init(key, x.shape) with this very layer",
                )
            carry = state["carry"] if carry is None else carry
        if carry is not None:
            _check_names(carry, names, "a carry", path)
        batch, steps = x.shape[:2]
        seen = None if lengths is None else _seen(lengths, batch, steps, x, path)
        xs = xp.moveaxis(x, 1, 0)
        if seen is not None:
            # Whatever stands beyond a length, NaN included, must not get into the gradients of kernels.
            xs = xp.where(reshaped(seen, (steps, batch, *(1,) * (len(x.shape) - 2))), xs, 0.0)
        after: dict[str, Any] = {}
        last = None
        for i, (name, layer) in enumerate(zip(names, cells, strict=True)):
            if i and dropout and train:
                xs, _ = drop.apply({}, {}, xs, key=None if key is None else random.fold_in(key, i), train=True)
            of = params[name] if bidirectional else {ways[0]: params[name]}
            before = None if carry is None else carry[name] if bidirectional else {ways[0]: carry[name]}
            ends, outputs = {}, []
            for way in ways:
                start = layer.initial(of[way], _step(xs, 0)) if before is None else before[way]
                ends[way], ys = _run(layer, of[way], start, xs, seen, way == "backward", path)
                outputs.append(ys)
            after[name] = ends if bidirectional else ends[ways[0]]
            xs = xp.concat(outputs, axis=-1) if bidirectional else outputs[0]
            last = [tree.leaves(ends[way])[0] for way in ways]
        if return_sequences:
            y = xp.moveaxis(xs, 0, 1)
        else:
            assert last is not None
            y = xp.concat(last, axis=-1) if bidirectional else last[0]
        return (y, after) if return_carry else y, {"carry": after} if stateful else state

    # Containers call the layer by its kind.
    init.__qualname__ = f"{what}.<locals>.init"
    apply.uses_key = bool(dropout) and len(cells) > 1  # type: ignore[attr-defined]
    return Layer(init, apply)


def _run(cell: Cell, params: Any, carry: Any, xs: Any, seen: Any, reverse: bool, path: str) -> tuple[Any, Any]:
    """Return the last carry and the outputs of a cell along the first axis of an input."""
    projected = cell.project(params, xs)
    _check_carry(carry, cell.initial(params, _step(xs, 0)), path)
    if not xs.shape[0]:
        # Outputs without elements depend on the parameters all the same, as any others do: the derivative is zero.
        y = cell.step(params, carry, tree.map(lambda p: _step(p, 0), projected))[1]
        return carry, xp.expand_dims(y, axis=0)[:0, ...]
    # Where the steps of a loop are compiled, they are faster than the operation on the whole sequence.
    whole = cell.sequence is not None and not (running_capture() is not None and not available())
    if whole and _of_one_dtype(projected, params, carry):
        assert cell.sequence is not None
        last, ys = cell.sequence(params, carry, projected, seen, reverse)
        return last, ys if seen is None else xp.where(xp.expand_dims(seen, axis=-1), ys, 0.0)
    if seen is None:
        return control.scan(lambda c, p: cell.step(params, c, p), carry, projected, reverse=reverse)

    def step(old: Any, inputs: Any) -> tuple[Any, Any]:
        p, inside = inputs
        new, y = cell.step(params, old, p)
        kept = tree.map(lambda a, b: xp.where(_beside(inside, a), a, b), new, old)
        return kept, xp.where(_beside(inside, y), y, 0.0)

    return control.scan(step, carry, (projected, seen), reverse=reverse)


def _of_one_dtype(*trees: Any) -> bool:
    leaves = tree.leaves(trees)
    return all(leaf.dtype == leaves[0].dtype for leaf in leaves)


def _beside(inside: Any, a: Any) -> Any:
    """Return the mask of the elements of a batch with dimensions for those of an array."""
    return reshaped(inside, (*inside.shape, *(1,) * (len(a.shape) - 1)))


def _step(x: Any, axis: int = 1) -> Any:
    """Return an array like one step of an input, whose values do not matter."""
    shape = tuple(x.shape)
    if shape[axis]:
        return x[:, 0, ...] if axis else x[0, ...]
    return xp.zeros(shape[:axis] + shape[axis + 1 :], dtype=x.dtype)


def _seen(lengths: Any, batch: int, steps: int, x: Any, path: str) -> Any:
    """Return where a step is within the length of an element: shape (time, batch)."""
    if not hasattr(lengths, "dtype") or kind(lengths.dtype) not in "iu" or tuple(lengths.shape) != (batch,):
        raise DtypeError(
            f"Layer {path} takes lengths as a vector of integers.",
            found=f"dtype {lengths.dtype}, shape {tuple(lengths.shape)}"
            if hasattr(lengths, "dtype")
            else type(lengths).__name__,
            needed=f"integers of shape ({batch},), one for each sequence",
        )
    values = readable(lengths)
    if values is not None and values.size and (np.min(values) < 0 or np.max(values) > steps):
        raise ParameterError(
            f"Layer {path} got a length that its input does not have.",
            found=f"lengths from {int(values.min())} to {int(values.max())}",
            needed=f"integers from 0 to {steps}",
        )
    times = integers_like(x, "arange", steps)
    return xp.expand_dims(times, axis=1) < xp.expand_dims(lengths, axis=0)


def _check_carry(carry: Any, like: Any, path: str) -> None:
    found, wanted = tree.leaves(carry), tree.leaves(like)
    shapes = [tuple(getattr(a, "shape", ())) for a in found], [tuple(a.shape) for a in wanted]
    if tree.structure(carry) != tree.structure(like) or shapes[0] != shapes[1]:
        raise ShapeError(
            f"Layer {path} got a carry that does not fit.",
            found=f"{len(found)} arrays of shapes {', '.join(map(str, shapes[0]))}",
            needed=f"{len(wanted)} arrays of shapes {', '.join(map(str, shapes[1]))}",
            write="carry=None to begin with zeros, or a state {} for another batch",
        )


def _check_names(entries: Any, names: list[str], what: str, path: str) -> None:
    if not isinstance(entries, dict) or sorted(entries) != sorted(names):
        raise ParameterError(
            f"Layer {path} got {what} of another model.",
            found=", ".join(entries) if isinstance(entries, dict) else type(entries).__name__,
            needed=", ".join(names),
            write="params, state = layer.init(key, x.shape) with this very layer",
        )


def _check_input(x: Any, path: str) -> None:
    if not hasattr(x, "shape") or len(x.shape) < 3:
        raise ShapeError(
            f"Layer {path} got an input without a time.",
            found=f"shape {tuple(x.shape)}" if hasattr(x, "shape") else f"a {type(x).__name__}",
            needed="shape (batch, time, features)",
            write="xp.expand_dims(x, axis=0) for a single sequence",
        )


def _without_time(spec: Any) -> Any:
    return type(spec)((spec.shape[0], *spec.shape[2:]), spec.dtype, spec.backend)


def _widened(spec: Any, ways: int) -> Any:
    return type(spec)((*spec.shape[:-1], ways * spec.shape[-1]), spec.dtype, spec.backend)
