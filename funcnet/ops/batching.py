"""Batching rules: what `vmap` does with an operation, in terms of operations on arrays with one dimension more.

A rule has the form ``rule(primitive, size, batched, *args, **params)``. The arguments for which `batched` is true have
a new first dimension of `size`, and so has every result. Rules are made of traced operations, so that they work under
any other transformation; none of them loops over the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.backends.keys import ARRAY, broadcast_shape, layout
from funcnet.core import Spec, bind, raw, registry
from funcnet.core.frames import user_frame
from funcnet.errors import AbstractValueError
from funcnet.ops.fresh import integers_like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

    Key = tuple[Any, ...]

__all__ = [
    "along_axes",
    "along_axis",
    "arg_extreme",
    "as_it_is",
    "broadcasting",
    "data_dependent",
    "expanded",
    "index_update",
    "indexed",
    "matrix_product",
    "ordering",
    "padded",
    "permutation",
    "reshaping",
    "stretching",
]

_FULL = (None, None, None)

# The rules of the first few primitives need them, so these are called by name.


def _reshaped(x: Any, shape: Sequence[int]) -> Any:
    shape = tuple(shape)
    return x if tuple(x.shape) == shape else bind(registry["reshape"], x, shape=shape)


def _broadcast(x: Any, shape: Sequence[int]) -> Any:
    shape = tuple(shape)
    return x if tuple(x.shape) == shape else bind(registry["broadcast_to"], x, shape=shape)


def _permuted(x: Any, axes: Sequence[int]) -> Any:
    axes = tuple(axes)
    return x if axes == tuple(range(len(axes))) else bind(registry["permute_dims"], x, axes=axes)


# ---------------------------------------------------------------------- arguments


def padded(x: Any, ndim: int) -> Any:
    """Return a batched `x` with dimensions of size 1 after the first, so that one element has `ndim` dimensions."""
    shape = tuple(x.shape)
    return _reshaped(x, shape[:1] + (1,) * (ndim + 1 - len(shape)) + shape[1:])


def expanded(x: Any, size: int, batched: bool) -> Any:
    """Return `x` with the dimension of the batch, along which it repeats if it is not batched; numbers as they are."""
    return x if batched or not hasattr(x, "shape") else _broadcast(x, (size, *x.shape))


def _all_expanded(args: Sequence[Any], size: int, batched: Sequence[bool]) -> Sequence[Any]:
    return args if False not in batched else [expanded(a, size, b) for a, b in zip(args, batched, strict=True)]


# ---------------------------------------------------------------------- general rules


def as_it_is(primitive: Primitive, size: int, batched: Sequence[bool], /, *args: Any, **params: Any) -> Any:
    """Rule of an operation that does not look at leading dimensions, if all its arrays have them."""
    if False in batched:
        args = _all_expanded(args, size, batched)  # type: ignore[assignment]
    return bind(primitive, *args, **params)


def along_axis(
    primitive: Primitive, size: int, batched: Sequence[bool], /, *args: Any, axis: Any, **params: Any
) -> Any:
    """Rule of an operation along one or several dimensions, counted from the first, of all its arrays."""
    axis = axis + 1 if axis.__class__ is int else tuple([a + 1 for a in axis])
    return bind(primitive, *_all_expanded(args, size, batched), axis=axis, **params)


def along_axes(
    primitive: Primitive, size: int, batched: Sequence[bool], /, *args: Any, axes: Any, **params: Any
) -> Any:
    """Rule of an operation along several dimensions that are called its axes."""
    return bind(primitive, *_all_expanded(args, size, batched), axes=tuple([a + 1 for a in axes]), **params)


def broadcasting(primitive: Primitive, size: int, batched: Sequence[bool], /, *args: Any, **params: Any) -> Any:  # noqa: ARG001
    """Rule of an operation that broadcasts: elementwise, or along dimensions counted from the last."""
    if len(args) == 1:
        return bind(primitive, *args, **params)
    ranks = [len(a.shape) - b if b or hasattr(a, "shape") else 0 for a, b in zip(args, batched, strict=True)]
    ndim = max(ranks)
    if ranks.count(ndim) < len(ranks):
        args = tuple([padded(a, ndim) if b and n < ndim else a for a, b, n in zip(args, batched, ranks, strict=True)])
    return bind(primitive, *args, **params)


def data_dependent(name: str, write: str) -> Callable[..., Any]:
    """Return the rule of an operation whose result has a shape that depends on values: it cannot be batched."""

    def rule(primitive: Primitive, size: int, batched: Sequence[bool], /, *args: Any, **params: Any) -> Any:  # noqa: ARG001
        raise AbstractValueError(
            f"The shape of what {name} returns would differ from one element of the batch to the next, in "
            f"{user_frame()}.",
            found="an array over which fn.vmap maps",
            needed="an operation whose result has the same shape for every element",
            write=write,
        )

    return rule


# ---------------------------------------------------------------------- shapes


def reshaping(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, /, *, shape: tuple[int, ...]) -> Any:  # noqa: ARG001
    """Rule of ``reshape``."""
    return bind(primitive, x, shape=(size, *shape))


def stretching(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, /, *, shape: tuple[int, ...]) -> Any:  # noqa: ARG001
    """Rule of ``broadcast_to``."""
    return bind(primitive, padded(x, len(shape)), shape=(size, *shape))


def permutation(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, /, *, axes: tuple[int, ...]) -> Any:  # noqa: ARG001
    """Rule of ``permute_dims``."""
    return bind(primitive, x, axes=(0, *[a + 1 for a in axes]))


# ---------------------------------------------------------------------- order


def ordering(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, /, *, axis: int, **params: Any) -> Any:  # noqa: ARG001
    """Rule of sorting, under which an array without dimensions stays as it is."""
    if len(x.shape) > 1:
        return bind(primitive, x, axis=axis + 1, **params)
    return _reshaped(bind(primitive, _reshaped(x, (size, 1)), axis=1, **params), (size,))


def arg_extreme(
    primitive: Primitive,
    size: int,
    batched: Sequence[bool],  # noqa: ARG001
    x: Any,
    /,
    *,
    axis: int | None,
    keepdims: bool,
) -> Any:
    """Rule of ``argmax``, which without an axis searches the flattened array."""
    if axis is not None:
        return bind(primitive, x, axis=axis + 1, keepdims=keepdims)
    ndim = len(x.shape) - 1
    count = 1
    for n in x.shape[1:]:
        count *= n
    y = bind(primitive, _reshaped(x, (size, count)), axis=1, keepdims=False)
    return _reshaped(y, (size,) + (1,) * ndim) if keepdims else y


# ---------------------------------------------------------------------- products


def matrix_product(primitive: Primitive, size: int, batched: Sequence[bool], a: Any, b: Any, /) -> Any:
    """Rule of ``matmul``: one product of matrices where one side is shared, a stack of them where both differ."""
    m, n = len(a.shape) - batched[0], len(b.shape) - batched[1]
    if not batched[1]:
        if n <= max(m, 2):
            return bind(primitive, a, b)
    elif not batched[0]:
        if n == 1:
            # The rows of the batch times the transposed matrix.
            return _times_vectors(primitive, size, a, b)
        if m <= max(n, 2):
            return bind(primitive, a, b)
    # A vector is a matrix of one row or column here, and stacks of matrices get as many dimensions as the other side.
    wide = max(m, n, 2)
    left = _matrices(a, batched[0], m, wide, -2)
    right = _matrices(b, batched[1], n, wide, -1)
    y = _columns_with_rows(left, right) if left.shape[-1] == 1 else bind(primitive, left, right)
    shape = tuple(y.shape)
    lead = shape[: len(shape) - 2]
    rows = () if m == 1 else shape[-2:-1]
    columns = () if n == 1 else shape[-1:]
    return _reshaped(y, lead + rows + columns)


def _columns_with_rows(left: Any, right: Any) -> Any:
    """Return products that need no sums: libraries take one pair at a time where they could broadcast."""
    lead = tuple(left.shape[:-2])
    # A graph has the multiplication, which shares a loop with what is around it.
    if lead != tuple(right.shape[:-2]) or isinstance(raw(left), Spec) or isinstance(raw(right), Spec):
        return bind(registry["multiply"], left, right)
    return bind(registry["outer_of"], _reshaped(left, left.shape[:-1]), _reshaped(right, (*lead, right.shape[-1])))


def _times_vectors(primitive: Primitive, size: int, a: Any, b: Any) -> Any:
    """Return the products of one `a` with each row of `b`."""
    shape = tuple(a.shape)
    if len(shape) == 1:
        return bind(primitive, b, a)
    count = 1
    for s in shape[:-1]:
        count *= s
    rows = _reshaped(a, (count, shape[-1]))
    return _reshaped(bind(primitive, b, _permuted(rows, (1, 0))), (size, *shape[:-1]))


def _matrices(x: Any, batched: bool, ndim: int, wide: int, place: int) -> Any:
    """Return an array as a stack of matrices: with a dimension for a vector, and padded to `wide` if it is batched."""
    shape = tuple(x.shape)
    if ndim == 1:
        shape = (*shape[:-1], 1, shape[-1]) if place == -2 else (*shape, 1)
        ndim = 2
    if batched:
        shape = shape[:1] + (1,) * (wide - ndim) + shape[1:]
    return _reshaped(x, shape)


# ---------------------------------------------------------------------- indexing


def indexed(
    primitive: Primitive,
    size: int,
    batched: Sequence[bool],
    x: Any,
    /,
    *indices: Any,
    key: Key,
    **params: Any,
) -> Any:
    """Rule of ``getitem`` and ``gather``."""
    if not indices:
        return bind(primitive, x, key=(_FULL, *key), **params)
    whole = tuple(x.shape)
    shapes = _index_shapes(indices, batched[1:])
    wide = len(broadcast_shape(shapes))
    if not any(batched[1:]):
        y = bind(primitive, x, *indices, key=(_FULL, *key), **params)
        return _permuted(y, _front(len(y.shape), wide)) if _first(whole, key, indices) else y
    static = key
    arrays = [padded(i, wide) if b else i for i, b in zip(indices, batched[1:], strict=True)]
    if batched[0]:
        key, arrays = (ARRAY, *key), [_counter(x, size, wide), *arrays]
    elif "unique" in params:
        # One element of the batch may name what another names.
        params["unique"] = False
    y = bind(primitive, x, *arrays, key=key, **params)
    at = layout(whole, key, tuple([tuple(i.shape) for i in arrays])).place
    place = layout(whole[1:] if batched[0] else whole, static, shapes).place
    return _permuted(y, _order(len(y.shape), at, place, wide))


def index_update(
    primitive: Primitive,
    size: int,
    batched: Sequence[bool],
    x: Any,
    v: Any,
    /,
    *indices: Any,
    key: Key,
    **params: Any,
) -> Any:
    """Rule of the updates at a key."""
    x = expanded(x, size, batched[0])
    v = expanded(v, size, batched[1])
    if not indices:
        return bind(primitive, x, v, key=(_FULL, *key), **params)
    whole = tuple(x.shape)
    shapes = _index_shapes(indices, batched[2:])
    wide = len(broadcast_shape(shapes))
    if not any(batched[2:]):
        if _first(whole, key, indices):
            v = _permuted(v, _inverse(_front(len(v.shape), wide)))
        return bind(primitive, x, v, *indices, key=(_FULL, *key), **params)
    place = layout(whole[1:], key, shapes).place
    arrays = [_counter(x, size, wide)]
    arrays += [padded(i, wide) if b else i for i, b in zip(indices, batched[2:], strict=True)]
    key = (ARRAY, *key)
    at = layout(whole, key, tuple([tuple(i.shape) for i in arrays])).place
    v = _permuted(v, _inverse(_order(len(v.shape), at, place, wide)))
    return bind(primitive, x, v, *arrays, key=key, **params)


def _index_shapes(indices: Sequence[Any], batched: Sequence[bool]) -> tuple[tuple[int, ...], ...]:
    return tuple([tuple(i.shape)[1:] if b else tuple(i.shape) for i, b in zip(indices, batched, strict=True)])


def _counter(x: Any, size: int, wide: int) -> Any:
    """Return the numbers of the elements of the batch as an index array."""
    return _reshaped(integers_like(x, "arange", size), (size,) + (1,) * wide)


def _first(shape: tuple[int, ...], key: Key, indices: Sequence[Any]) -> bool:
    """Whether the dimensions of the index arrays come first, before that of the batch, as the key sets them apart."""
    return layout(shape, (_FULL, *key), tuple([tuple(i.shape) for i in indices])).place == 0


def _front(ndim: int, axis: int) -> tuple[int, ...]:
    """Return the permutation that brings a dimension to the front."""
    return (axis, *[i for i in range(ndim) if i != axis])


def _order(ndim: int, at: int, place: int, wide: int) -> tuple[int, ...]:
    """Return the permutation of a result whose index dimensions, the batch first, begin at `at`.

    Afterwards the batch comes first and the other index dimensions, of which there are `wide`, are at `place`.
    """
    others = [*range(at), *range(at + 1 + wide, ndim)]
    return (at, *others[:place], *range(at + 1, at + 1 + wide), *others[place:])


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    out = [0] * len(axes)
    for i, a in enumerate(axes):
        out[a] = i
    return tuple(out)
