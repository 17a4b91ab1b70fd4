"""Where the windows of convolutions lie, and how blocks of them are cut into pieces that fit into registers."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.compiler.kernels.block import registers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Geometry",
    "Phase",
    "Tile",
    "adjoint_phases",
    "cycles",
    "forward_phases",
    "geometry",
    "merged",
    "tallest",
    "three",
    "tile_of",
    "times_of",
    "vectors_of",
]

# Columns of a group of channels below which depthwise convolutions repeat channels instead.
_REPEATED = 8

Loop = tuple[int, int, int]
Three = tuple[int, int, int]


class Geometry(NamedTuple):
    """A convolution over three axes, planes first, of which some may have one element.

    Attributes
    ----------
    images : int
        How many there are.
    given, result : (int, int, int)
        Planes, rows and columns of what is read and of what is written; of input and cotangent for a kernel's gradient.
    channels, features : int
        Numbers of each element of both.
    window, stride, low, dilation : (int, int, int)
        Along each axis; `low` is the padding before.
    groups : int
        Groups of channels.
    times : int
        In a convolution that does not mix channels, how many results each channel has; 0 if it mixes channels.
    """

    images: int
    given: Three
    result: Three
    channels: int
    features: int
    window: Three
    stride: Three
    low: Three
    dilation: Three
    groups: int
    times: int

    @property
    def depthwise(self) -> bool:
        return self.times > 0

    @property
    def pointwise(self) -> bool:
        """Whether each element of the result comes from the one at its place."""
        return self.window == self.stride == (1, 1, 1) and self.given == self.result and not any(self.low)

    def flat(self) -> Geometry:
        """Return the same with all elements as rows of one image, if it is pointwise."""
        if not self.pointwise:
            return self
        d, h, w = self.given
        whole = (1, self.images * d * h, w)
        return self._replace(images=1, given=whole, result=whole)


def three(sizes: Any, other: Any) -> Any:
    """Return sizes along three axes: vectors are columns, and images lie in one plane."""
    sizes = tuple(sizes)
    return {1: (other, *sizes, other), 2: (other, *sizes), 3: sizes}[len(sizes)]


def geometry(given: Any, result: Any, window: Any, p: dict[str, Any], times: int = 0) -> Geometry:
    """Return the geometry for arrays of values, channels last, and a convolution's parameters."""
    return Geometry(
        given.shape[0],
        three(given.shape[1:-1], 1),
        three(result.shape[1:-1], 1),
        given.shape[-1],
        result.shape[-1],
        three(window, 1),
        three(p["stride"], 1),
        three([before for before, _ in p["padding"]], 0),
        three(p["dilation"], 1),
        p["groups"],
        times,
    )


def times_of(inputs: int, features: int, groups: int) -> int:
    """Return how many results each channel has if channels are not mixed, 0 if they are, given those of a group."""
    return features if inputs == 1 and groups > 1 and features < _REPEATED else 0


class Phase(NamedTuple):
    """Places along one axis that meet the same elements of the window at the same distances.

    Place `m` of `count` is element ``start + m * step`` of the result. Its tap `t` of `taps` is element
    ``kernel + t * kernel_step`` of the window, and meets element ``m * move + first + t * apart`` of the input.
    """

    start: int
    step: int
    count: int
    move: int
    first: int
    apart: int
    taps: int
    kernel: int
    kernel_step: int

    @property
    def last(self) -> int:
        return self.first + (self.taps - 1) * self.apart


def forward_phases(out: int, window: int, stride: int, low: int, dilation: int) -> list[Phase]:
    """Return the one phase of a convolution."""
    return [Phase(0, 1, out, stride, -low, dilation, window, 0, 1)]


def adjoint_phases(size: int, window: int, stride: int, low: int, dilation: int) -> list[Phase]:
    """Return the phases of a convolution's transpose: elements whose distance is the stride meet the same taps."""
    period = stride // gcd(stride, dilation)
    found = []
    for e in range(min(stride, size)):
        taps = [k for k in range(window) if (e + low - k * dilation) % stride == 0]
        count = -(-(size - e) // stride)
        if not taps:
            found.append(Phase(e, stride, count, 1, 0, 1, 0, 0, 1))
            continue
        first = (e + low - taps[-1] * dilation) // stride
        found.append(Phase(e, stride, count, 1, first, period * dilation // stride, len(taps), taps[-1], -period))
    return found


def merged(loops: list[Loop]) -> list[Loop]:
    """Return loops, outermost first, with those joined that go on where the next one ends."""
    kept: list[Loop] = []
    for count, a, b in reversed([loop for loop in loops if loop[0] != 1] or loops[-1:]):
        if kept and kept[-1][0] > 0 and count > 0 and a == kept[-1][0] * kept[-1][1] and b == kept[-1][0] * kept[-1][2]:
            kept[-1] = (kept[-1][0] * count, *kept[-1][1:])
        else:
            kept.append((count, a, b))
    return kept[::-1]


# ---------------------------------------------------------------------- tiles


class Tile(NamedTuple):
    """How many images, rows, places of a row, and vectors of columns a piece has."""

    images: int
    rows: int
    columns: int
    vectors: int

    @property
    def height(self) -> int:
        return self.images * self.rows * self.columns


def vectors_of(columns: int, size: int) -> tuple[int, int]:
    """Return the numbers in each vector, and how many vectors there are, for so many columns."""
    width = registers().bytes // size
    while width > 2 and columns <= width // 2:
        width //= 2
    return width, -(-columns // width)


def tallest(vectors: int) -> int:
    """Return how many rows of so many vectors the registers hold beside what they are multiplied by."""
    return min(20, (registers().count - 1 - vectors) // vectors)


def cycles(rows: int, vectors: int, terms: int, depthwise: bool = False) -> float:
    """Return about how long a piece takes: two products and two loads at a time, four steps until a sum is there."""
    if not rows:
        return 0.0
    loads = (rows * (vectors if depthwise else 1) + vectors) / 2
    return terms * (max(rows * vectors / 2, loads, 4) + 0.1 * loads) + rows * vectors + 25


def _shares(count: int, piece: int) -> Iterator[tuple[int, int]]:
    """Yield how many pieces of which size a range is cut into."""
    yield count // piece, piece
    yield 1, count % piece


def tile_of(counts: Three, columns: int, size: int, terms: int, depthwise: bool = False) -> Tile:
    """Return the fastest tile for images, rows, places of a row, and columns of the result."""
    _, all_vectors = vectors_of(columns, size)
    n, rows, places = counts
    best: tuple[float, Tile] | None = None
    for vectors in range(1, min(all_vectors, 4) + 1):
        most = tallest(vectors)
        found = [(Tile(1, 1, k, vectors), n * rows, places, k, 1) for k in range(1, min(places, most) + 1)]
        found += [
            (Tile(1, k, places, vectors), n, rows, k, places) for k in range(2, min(rows, most // max(places, 1)) + 1)
        ]
        each = rows * places
        found += [(Tile(k, rows, places, vectors), 1, n, k, each) for k in range(2, min(n, most // max(each, 1)) + 1)]
        for tile, times, count, piece, high in found:
            total = 0.0
            for panels, v in _shares(all_vectors, vectors):
                for many, k in _shares(count, piece):
                    total += times * panels * many * cycles(k * high, v, terms, depthwise) if v else 0.0
            if best is None or total < best[0]:
                best = total, tile
    assert best is not None
    return best[1]
