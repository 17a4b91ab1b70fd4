"""Batching rules of convolutions: one convolution on the whole batch, which goes where it costs nothing.

A batch of inputs joins the examples. A batch of kernels joins the channels: as more of them in each group where only
the kernels differ, as more groups where the inputs differ as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, bind, owner, registry
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import zeros_raw
from funcnet.ops.manipulation import permute_dims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.core import Primitive

__all__ = ["adjoint_rule", "bias_rule", "forward_rule", "kernel_rule"]


def forward_rule(
    primitive: Primitive, size: int, batched: Sequence[bool], /, x: Any, kernel: Any, *, groups: int, **params: Any
) -> Any:
    """Rule of the convolution of inputs with kernels."""
    if not size:
        return _empty(primitive, batched, (x, kernel), {"groups": groups, **params})
    if not batched[1]:
        return _as_examples(primitive, x, kernel, groups=groups, **params)
    if not batched[0]:
        y = bind(primitive, x, _into_groups(kernel, groups), groups=groups, **params)
        return _out_of_groups(y, size, groups)
    y = bind(primitive, _into_groups(x, 1), _into_groups(kernel, 1), groups=size * groups, **params)
    return _out_of_groups(y, size, 1)


def bias_rule(
    primitive: Primitive, size: int, batched: Sequence[bool], /, x: Any, kernel: Any, bias: Any, **params: Any
) -> Any:
    """Rule of the convolution with a bias."""
    if size and not batched[1] and not batched[2]:
        return _as_examples(primitive, x, kernel, bias, **params)
    shape = tuple(bias.shape)
    if batched[2]:
        bias = reshaped(bias, (shape[0], *(1,) * (len(kernel.shape) - 1 - batched[1]), shape[1]))
    if not batched[0] and not batched[1]:
        return bind(registry["conv"], x, kernel, **params) + bias
    return forward_rule(registry["conv"], size, batched[:2], x, kernel, **params) + bias


def adjoint_rule(
    primitive: Primitive, size: int, batched: Sequence[bool], /, g: Any, kernel: Any, *, groups: int, **params: Any
) -> Any:
    """Rule of the transpose with respect to the input."""
    if not size:
        return _empty(primitive, batched, (g, kernel), {"groups": groups, **params})
    if not batched[1]:
        return _as_examples(primitive, g, kernel, groups=groups, **params)
    if not batched[0]:
        x = bind(primitive, g, _inputs(kernel), groups=groups, **params)
        return _out_of_groups(x, size, groups)
    x = bind(primitive, _into_groups(g, 1), _into_groups(kernel, 1), groups=size * groups, **params)
    return _out_of_groups(x, size, 1)


def kernel_rule(
    primitive: Primitive, size: int, batched: Sequence[bool], /, x: Any, g: Any, *, groups: int, **params: Any
) -> Any:
    """Rule of the transpose with respect to the kernel."""
    if not size:
        return _empty(primitive, batched, (x, g), {"groups": groups, **params})
    if batched[0] and batched[1]:
        kernel = bind(primitive, _into_groups(x, 1), _into_groups(g, 1), groups=size * groups, **params)
        return _out_of_groups(kernel, size, 1)
    if batched[1]:
        return _out_of_groups(bind(primitive, x, _into_groups(g, groups), groups=groups, **params), size, groups)
    kernel = bind(primitive, _into_groups(x, groups), g, groups=groups, **params)
    shape = tuple(kernel.shape)
    split = reshaped(kernel, (*shape[:-2], size, shape[-2] // size, shape[-1]))
    return _moved(split, len(shape) - 2, 0)


def _as_examples(primitive: Primitive, x: Any, *others: Any, **params: Any) -> Any:
    """Join the batch with the examples."""
    shape = tuple(x.shape)
    y = bind(primitive, reshaped(x, (shape[0] * shape[1], *shape[2:])), *others, **params)
    return reshaped(y, (*shape[:2], *y.shape[1:]))


def _empty(primitive: Primitive, batched: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
    """Return what an empty batch gives."""
    specs = [Spec(tuple(a.shape)[b:], a.dtype, owner(a)) for a, b in zip(args, batched, strict=True)]
    assert primitive.shape is not None
    return zeros_raw(args[0], (0, *primitive.shape(*specs, **params)))


# ---------------------------------------------------------------------- arrays


def _into_groups(x: Any, groups: int) -> Any:
    """Join the batch with the channels of each group."""
    shape = tuple(x.shape)
    split = reshaped(x, (*shape[:-1], groups, shape[-1] // groups))
    last = len(shape)
    y = _moved(split, 0, last - 1)
    return reshaped(y, (*shape[1:-1], shape[0] * shape[-1]))


def _out_of_groups(y: Any, size: int, groups: int) -> Any:
    """Undo `_into_groups`."""
    shape = tuple(y.shape)
    split = reshaped(y, (*shape[:-1], groups, size, shape[-1] // (groups * size)))
    moved = _moved(split, len(shape), 0)
    return reshaped(moved, (size, *shape[:-1], shape[-1] // size))


def _inputs(kernel: Any) -> Any:
    """Join the batch of kernels with the inputs of each group."""
    shape = tuple(kernel.shape)
    moved = _moved(kernel, 0, len(shape) - 3)
    return reshaped(moved, (*shape[1:-2], shape[0] * shape[-2], shape[-1]))


def _moved(x: Any, source: int, destination: int) -> Any:
    """Bring one dimension to another place."""
    order = [i for i in range(len(x.shape)) if i != source]
    order.insert(destination, source)
    return permute_dims(x, tuple(order))
