"""Where the windows of convolutions lie, and how blocks of them are cut into pieces that fit into registers."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.compiler.kernels.block import registers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Frame", "Phase", "Tile", "adjoint_phases", "forward_phases", "merged", "tile_of", "vectors_of"]

# Bytes of the copy of an image, or of a few, that stay in the cache beside the weights.
_CACHE = 160_000

Loop = tuple[int, int, int]


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
    while width > 16 // size and columns <= width // 2:
        width //= 2
    return width, -(-columns // width)


def tallest(vectors: int) -> int:
    """Return how many rows of so many vectors the registers hold beside what they are multiplied by."""
    return min(20, (registers().count - 1 - vectors) // vectors)


def cycles(rows: int, vectors: int, terms: int) -> float:
    """Return about how long a piece takes: two products and two loads at a time, four steps until a sum is there."""
    if not rows:
        return 0.0
    loads = (rows + vectors) / 2
    return terms * (max(rows * vectors / 2, loads, 4) + 0.1 * loads) + rows * vectors + 25


def _shares(count: int, piece: int) -> Iterator[tuple[int, int]]:
    """Yield how many pieces of which size a range is cut into."""
    yield count // piece, piece
    yield 1, count % piece


def tile_of(counts: tuple[int, int, int], columns: int, size: int, terms: int) -> Tile:
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
                    total += times * panels * many * cycles(k * high, v, terms) if v else 0.0
            if best is None or total < best[0]:
                best = total, tile
    assert best is not None
    return best[1]


# ---------------------------------------------------------------------- frames


class Frame:
    """What units of work read of images: the images themselves, or copies with zeros around.

    Parameters
    ----------
    images : int
        How many there are.
    size : (int, int)
        Rows and columns of each.
    channels, itemsize : int
        Numbers of each element, and bytes of a number.
    phases : (list of Phase, list of Phase)
        Along both axes.
    tile : Tile
        Units hold a whole number of these.
    threads : int
        How many threads share the work.
    least, most : int
        Places that a unit has at least, if that is possible, and at most; 0 for any number.

    Attributes
    ----------
    framed : bool
        Whether units copy what they read.
    pitch : int
        Elements from row to row.
    rows, many : int
        Rows of places, and images, in a unit; one of them is all or 1.
    units : int
        How many units there are.
    """

    def __init__(
        self,
        images: int,
        size: tuple[int, int],
        channels: int,
        itemsize: int,
        phases: tuple[list[Phase], list[Phase]],
        tile: Tile,
        threads: int,
        least: int = 0,
        most: int = 0,
    ) -> None:
        self.images, self.size, self.channels, self.itemsize = images, size, channels, itemsize
        ends = [[p for p in axis if p.taps] for axis in phases]
        self.move = tuple([axis[0].move for axis in phases])
        self.counts = tuple([max([p.count for p in axis]) for axis in phases])
        self.low = tuple([min([p.first for p in axis], default=0) for axis in ends])
        self.high = tuple([max([p.last for p in axis], default=0) for axis in ends])
        need = [move * (m - 1) + high for move, m, high in zip(self.move, self.counts, self.high, strict=True)]
        self.framed = min(self.low) < 0 or any([last >= n for last, n in zip(need, size, strict=True)])
        self.origin = self.low if self.framed else (0, 0)
        self.pitch = need[1] - self.low[1] + 1 if self.framed else size[1]
        row = self.pitch * channels * itemsize
        places = self.counts[0] * self.counts[1]
        self.rows, self.many = self.counts[0], 1
        if tile.images > 1 or (places < least and images > threads):
            wanted = max(tile.images, -(-least // max(places, 1)), min(32, _CACHE // max(row * self.counts[0], 1)))
            wanted = min(wanted, -(-images // threads))
            self.many = max(tile.images, wanted // tile.images * tile.images)
        else:
            fit = max(1, (_CACHE // max(row, 1) - (self.high[0] - self.low[0])) // self.move[0])
            if most:
                fit = max(1, min(fit, most // self.counts[1]))
            # So many pieces that threads have about the same to do.
            pieces = max(-(-self.counts[0] // fit), -(-2 * threads // images) if threads > 1 else 1)
            high = -(-self.counts[0] // pieces)
            self.rows = min(self.counts[0], -(-high // tile.rows) * tile.rows)
        self.blocks = -(-self.counts[0] // self.rows)
        self.units = -(-images // self.many) if self.many > 1 else images * self.blocks

    @property
    def height(self) -> int:
        """The rows of a copy."""
        return (self.rows - 1) * self.move[0] + self.high[0] - self.low[0] + 1

    @property
    def scratch(self) -> int:
        """The numbers that a thread needs for copies."""
        return self.many * self.height * self.pitch * self.channels if self.framed else 1

    @property
    def image(self) -> int:
        """The bytes from image to image."""
        rows = self.height if self.framed else self.size[0]
        return rows * self.row

    @property
    def row(self) -> int:
        """The bytes from row to row."""
        return self.pitch * self.channels * self.itemsize

    @property
    def element(self) -> int:
        """The bytes from element to element."""
        return self.channels * self.itemsize

    def offset(self, y: Phase, x: Phase) -> int:
        """Return where the first tap of the first place is, in bytes."""
        return (y.first - self.origin[0]) * self.row + (x.first - self.origin[1]) * self.element

    def head(self, typed: str) -> list[str]:
        """Return lines that find what unit `u` reads: its first image and row, their numbers, and the address."""
        h, w = self.size
        if self.many > 1:
            lines = [f"i0 = u * {self.many}", f"many = min({self.many}, {self.images} - i0)", "r0 = 0"]
            lines.append(f"rows = {self.rows}")
        else:
            lines = [f"i0 = u // {self.blocks}", "many = 1", f"r0 = (u - i0 * {self.blocks}) * {self.rows}"]
            lines.append(f"rows = min({self.rows}, {self.counts[0]} - r0)")
        if not self.framed:
            return [*lines, f"A = address(x) + (i0 * {h} + r0 * {self.move[0]}) * {self.row}"]
        each = -(-self.scratch * self.itemsize // 64) * 64
        count = f"(rows - 1) * {self.move[0]} + {self.high[0] - self.low[0] + 1}"
        lines += [f"A = address(s) + part * {each}", "for i in range(many):"]
        copied = self.together(typed) if self.pitch == w and self.low[1] == 0 else self.by_row(typed)
        return [*lines, f"    count = {count}", f"    y0 = r0 * {self.move[0]} + {self.low[0]}", *copied]

    def together(self, typed: str) -> list[str]:
        """Return lines that copy whole rows, which follow each other in the frame as in the image."""
        width = self.pitch * self.channels
        return [
            f"    f = s[part, i * {self.height * width} : (i + 1) * {self.height * width}]",
            "    above = min(max(-y0, 0), count)",
            f"    below = max(min({self.size[0]} - y0, count), above)",
            f"    for c in range(above * {width}):",
            f"        f[c] = {typed}(0)",
            f"    e = x[((i0 + i) * {self.size[0]} + y0 + above) * {width} :]",
            f"    f = f[above * {width} :]",
            f"    for c in range((below - above) * {width}):",
            "        f[c] = e[c]",
            f"    for c in range((below - above) * {width}, (count - above) * {width}):",
            f"        f[c] = {typed}(0)",
        ]

    def by_row(self, typed: str) -> list[str]:
        """Return lines that copy row by row."""
        (h, w), c, low = self.size, self.channels, self.low[1]
        to, start = max(0, -low), max(0, low)
        length = min(w - start, self.pitch - to)
        width = self.pitch * c
        empty = [f"    for c in range({width}):", f"        f[c] = {typed}(0)"]
        copied = [f"f = s[part, (i * {self.height} + r) * {width} : (i * {self.height} + r + 1) * {width}]"]
        if length > 0:
            copied += [
                f"if (y0 + r >= 0) & (y0 + r < {h}):",
                f"    p = (((i0 + i) * {h} + y0 + r) * {w} + {start}) * {c}",
                f"    f = f[{to * c} : {(to + length) * c}]",
                f"    e = x[p : p + {length * c}]",
                f"    for c in range({length * c}):",
                "        f[c] = e[c]",
                "else:",
                *empty,
            ]
        else:
            copied += [line.removeprefix("    ") for line in empty]
        return ["    for r in range(count):", *["        " + line for line in copied]]


def geometry(value: Any) -> tuple[int, tuple[int, int], int]:
    """Return images, rows and columns, and channels of an array with one or two spatial axes."""
    shape = value.shape
    size = shape[1:-1] if len(shape) == 4 else (shape[1], 1)
    return shape[0], size, shape[-1]
