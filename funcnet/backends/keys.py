"""Index keys as hashable values, and what they mean to libraries that index otherwise than NumPy.

A key is a tuple of items: an integer, None (a new dimension), Ellipsis, a triple ``(start, stop, step)`` for a slice
(slices are not hashable before Python 3.12), or `ARRAY`, which stands for the next of the index arrays.
"""

from typing import Any, NamedTuple

__all__ = ["ARRAY", "Layout", "broadcast_shape", "decode", "expand", "layout"]

#: The place of an index array in a key.
ARRAY = "array"

_FULL = (None, None, None)


def decode(key: tuple[Any, ...], indices: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    """Return what goes between the brackets of ``x[...]``.

    Examples
    --------
    >>> from funcnet.backends.keys import decode
    >>> decode((0, (None, 3, None), "array"), ([1, 2],))
    (0, slice(None, 3, None), [1, 2])
    """
    if not indices:
        return tuple([slice(*k) if k.__class__ is tuple else k for k in key])
    rest = iter(indices)
    return tuple([slice(*k) if k.__class__ is tuple else next(rest) if k.__class__ is str else k for k in key])


def expand(key: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """Return a key without Ellipsis that names every dimension.

    Raises
    ------
    IndexError
        The key has more items than there are dimensions, or more than one Ellipsis.
    """
    used = len([k for k in key if k is not None and k is not Ellipsis])
    dots = [i for i, k in enumerate(key) if k is Ellipsis]
    if used > ndim:
        raise IndexError(f"too many indices: the array has {ndim} dimensions, the key names {used}")
    if len(dots) > 1:
        raise IndexError("an index can have one Ellipsis only")
    filling = (_FULL,) * (ndim - used)
    if not dots:
        return key + filling
    return key[: dots[0]] + filling + key[dots[0] + 1 :]


class Layout(NamedTuple):
    """A key worked out for one shape.

    Attributes
    ----------
    basic : tuple
        Integers, None and slices with a positive step, for every dimension; an index array's dimension is taken whole.
    flipped : tuple of int
        Dimensions of the result that run backwards because their slice's step is negative.
    dims : tuple of int
        Dimensions of ``x[basic]`` that the index arrays address.
    place : int
        Where in the result the dimensions of the broadcast index arrays begin.
    natural : bool
        Whether NumPy's place for them follows from `dims` alone, without regard to the integers in the key.
    shape : tuple of int
        The result's shape.
    """

    basic: tuple[Any, ...]
    flipped: tuple[int, ...]
    dims: tuple[int, ...]
    place: int
    natural: bool
    shape: tuple[int, ...]


def layout(shape: tuple[int, ...], key: tuple[Any, ...], index_shapes: tuple[tuple[int, ...], ...] = ()) -> Layout:
    """Work out a key for an array of that shape.

    Raises
    ------
    IndexError
        An integer is out of range, there are too many indices, or the index arrays do not broadcast.
    """
    advanced = bool(index_shapes)
    broadcast = broadcast_shape(index_shapes)
    # An Ellipsis between index arrays keeps them apart even where it stands for no dimension.
    apart = _apart(key) if advanced else False
    basic: list[Any] = []
    kept: list[tuple[int, bool]] = []
    dims: list[int] = []
    place = -1
    sizes = iter(shape)
    for item in expand(key, len(shape)):
        if item is None:
            basic.append(None)
            kept.append((1, False))
            continue
        size = next(sizes)
        if item.__class__ is str:
            basic.append(slice(None))
            # Index arrays' own dimensions of x[basic] lie among the kept ones.
            dims.append(len(kept) + len(dims))
            place = len(kept) if place < 0 else place
        elif item.__class__ is tuple:
            start, stop, step = slice(*item).indices(size)
            count = len(range(start, stop, step))
            if step < 0:
                start, stop, step = start + (count - 1) * step, start + 1, -step
                kept.append((count, True))
            else:
                kept.append((count, False))
            # A stop beyond the last element taken is cut back, as the standard leaves other stops undefined.
            basic.append(slice(start, start + (count - 1) * step + 1, step) if count else slice(0, 0, 1))
        else:
            if not -size <= item < size:
                raise IndexError(f"index {item} is out of bounds for a dimension of size {size}")
            basic.append(item)
            place = len(kept) if advanced and place < 0 else place
    if not advanced:
        flipped = tuple([i for i, (_, backwards) in enumerate(kept) if backwards])
        return Layout(tuple(basic), flipped, (), 0, True, tuple([n for n, _ in kept]))
    if apart:
        place = 0
    contiguous = dims == list(range(dims[0], dims[0] + len(dims)))
    natural = place == (dims[0] if contiguous else 0)
    flipped = tuple([i + len(broadcast) * (i >= place) for i, (_, backwards) in enumerate(kept) if backwards])
    rest = tuple([n for n, _ in kept])
    return Layout(tuple(basic), flipped, tuple(dims), place, natural, rest[:place] + broadcast + rest[place:])


def _apart(key: tuple[Any, ...]) -> bool:
    """Whether integers and index arrays are separated by a slice, None or Ellipsis."""
    places = [i for i, k in enumerate(key) if k.__class__ is str or isinstance(k, int)]
    return places[-1] - places[0] + 1 != len(places)


def broadcast_shape(shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Return the shape that the shapes broadcast to.

    Raises
    ------
    IndexError
        They do not broadcast.

    Examples
    --------
    >>> from funcnet.backends.keys import broadcast_shape
    >>> broadcast_shape(((3, 1), (4,)))
    (3, 4)
    """
    if len(shapes) == 1:
        return tuple(shapes[0])
    ndim = max(map(len, shapes), default=0)
    out = [1] * ndim
    for shape in shapes:
        lead = ndim - len(shape)
        for i, n in enumerate(shape):
            if n != 1:
                if out[lead + i] not in (1, n):
                    raise IndexError(f"index arrays of shapes {', '.join(map(str, shapes))} do not broadcast")
                out[lead + i] = n
    return tuple(out)
