"""Where the windows of convolutions and patches lie in arrays with channels last."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import EllipsisType

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]
    Part = tuple[slice | EllipsisType, ...]

__all__ = ["inside_of", "places_of", "taps"]


def places_of(spatial: Sizes, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Sizes:
    """Return how many places of each dimension a window has; less than one where it does not fit."""
    return tuple(
        [
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, k, s, (low, high), d in zip(spatial, window, stride, padding, dilation, strict=True)
        ]
    )


def taps(window: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, Part]]:
    """Yield each element of the window with the part of the padded input that it meets."""
    for tap in product(*map(range, window)):
        spans = [
            slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, o, s in zip(tap, dilation, out, stride, strict=True)
        ]
        yield tap, (slice(None), *spans, ...)


def inside_of(spatial: Sizes, padding: Pairs) -> Part:
    """Return where in a padded array the array itself is."""
    return (slice(None), *[slice(low, low + n) for n, (low, _) in zip(spatial, padding, strict=True)], ...)
