"""Images, or copies of them with zeros around, as kernels for convolutions read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from funcnet.compiler.kernels.windows import Phase, Tile

__all__ = ["Frame", "Planes"]

# Bytes of the copy of an image, or of a few, that stay in the cache beside the weights.
_CACHE = 160_000


class Planes(NamedTuple):
    """The planes that images of a volume consist of: those that places along its first axis meet.

    Attributes
    ----------
    places : Phase
        The places; image `i` is place ``i % count`` of volume ``i // count``.
    size : int
        Planes of a volume.
    """

    places: Phase
    size: int


class Frame:
    """What units of work read of images: the images themselves, or copies with zeros around.

    Parameters
    ----------
    images : int
        How many there are.
    size : (int, int)
        Rows and columns of each.
    channels, itemsize : int
        Numbers of each element, as it is read, and bytes of a number.
    phases : (list of Phase, list of Phase)
        Along both axes.
    tile : Tile
        Units hold a whole number of these.
    threads : int
        How many threads share the work.
    least, most : int
        Places that a unit has at least, if that is possible, and at most; 0 for any number.
    planes : Planes, optional
        What images are made of where there are three spatial axes: `images` counts the places along the first.
    times : int
        How often copies repeat each channel.
    turned : bool
        Whether channels are exchanged instead: the last `times` numbers of a group lie in blocks of their own.
    cache : int
        Bytes that copies for a unit may have; 0 for what stays there beside weights.

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
        planes: Planes | None = None,
        times: int = 1,
        turned: bool = False,
        cache: int = 0,
    ) -> None:
        self.images, self.size, self.channels, self.itemsize = images, size, channels, itemsize
        self.planes, self.times, self.turned = planes, times, turned
        self.stack = planes.places.taps if planes is not None else 1
        ends = [[p for p in axis if p.taps] for axis in phases]
        self.move = tuple([axis[0].move for axis in phases])
        self.counts = tuple([max([p.count for p in axis]) for axis in phases])
        self.low = tuple([min([p.first for p in axis], default=0) for axis in ends])
        self.high = tuple([max([p.last for p in axis], default=0) for axis in ends])
        need = [move * (m - 1) + high for move, m, high in zip(self.move, self.counts, self.high, strict=True)]
        beyond = min(self.low) < 0 or any([last >= n for last, n in zip(need, size, strict=True)])
        self.framed = beyond or planes is not None or times > 1
        self.origin = self.low if self.framed else (0, 0)
        self.pitch = need[1] - self.low[1] + 1 if self.framed else size[1]
        row = self.pitch * channels * itemsize * self.stack
        cache = cache or _CACHE
        places = self.counts[0] * self.counts[1]
        self.rows, self.many = self.counts[0], 1
        if tile.images > 1 or (places < least and images > threads):
            wanted = max(tile.images, -(-least // max(places, 1)), min(32, cache // max(row * self.counts[0], 1)))
            wanted = min(wanted, -(-images // threads))
            self.many = max(tile.images, wanted // tile.images * tile.images)
        else:
            # Rows that the next unit needs, too, are copied again: at most as many as this one has for itself.
            span = self.high[0] - self.low[0]
            fit = max(1, span // self.move[0], (cache // max(row, 1) - span) // self.move[0])
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
        return self.many * self.stack * self.height * self.pitch * self.channels if self.framed else 1

    @property
    def image(self) -> int:
        """The bytes from image to image."""
        return self.stack * self.plane

    @property
    def plane(self) -> int:
        """The bytes from plane to plane of an image."""
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
        lines += [f"A = address(s) + part * {each}", "for i in range(many):"]
        rows = self.together(typed) if self.pitch == w and self.low[1] == 0 else self.by_row(typed)
        copied = [
            f"count = (rows - 1) * {self.move[0]} + {self.high[0] - self.low[0] + 1}",
            f"y0 = r0 * {self.move[0]} + {self.low[0]}",
        ]
        if self.planes is None:
            copied += ["n = i0 + i", "to = i", *rows]
        else:
            p, size = self.planes
            copied += [
                f"for tap in range({p.taps}):",
                f"    n = (i0 + i) // {p.count}",
                f"    z = (i0 + i - n * {p.count}) * {p.move} + {p.first} + tap * {p.apart}",
                f"    inside = (z >= 0) & (z < {size})",
                f"    n = n * {size} + z if inside else 0",
                # A plane beyond the volume is like rows below an image.
                f"    y1 = y0 if inside else {h}",
                f"    to = i * {p.taps} + tap",
                *["    " + line.replace("y0", "y1") for line in rows],
            ]
        return [*lines, *["    " + line for line in copied]]

    def together(self, typed: str) -> list[str]:
        """Return lines that copy whole rows, which follow each other in the frame as in the image."""
        (h, w), width = self.size, self.pitch * self.channels
        return [
            f"f = s[part, to * {self.height * width} : (to + 1) * {self.height * width}]",
            "above = min(max(-y0, 0), count)",
            f"below = max(min({h} - y0, count), above)",
            f"for c in range(above * {width}):",
            f"    f[c] = {typed}(0)",
            f"e = x[(n * {h} + y0 + above) * {w * self.given} :]",
            f"f = f[above * {width} :]",
            *self.copied(f"(below - above) * {w}"),
            f"for c in range((below - above) * {width}, (count - above) * {width}):",
            f"    f[c] = {typed}(0)",
        ]

    def by_row(self, typed: str) -> list[str]:
        """Return lines that copy row by row."""
        (h, w), c, low = self.size, self.channels, self.low[1]
        to, start = max(0, -low), max(0, low)
        length = min(w - start, self.pitch - to)
        width = self.pitch * c
        empty = [f"for c in range({width}):", f"    f[c] = {typed}(0)"]
        copied = [f"f = s[part, (to * {self.height} + r) * {width} : (to * {self.height} + r + 1) * {width}]"]
        if length > 0:
            copied += [
                f"if (y0 + r >= 0) & (y0 + r < {h}):",
                f"    p = ((n * {h} + y0 + r) * {w} + {start}) * {self.given}",
                f"    f = f[{to * c} : {(to + length) * c}]",
                f"    e = x[p : p + {length * self.given}]",
                *["    " + line for line in self.copied(str(length))],
                "else:",
                *["    " + line for line in empty],
            ]
        else:
            copied += empty
        return ["for r in range(count):", *["    " + line for line in copied]]

    @property
    def given(self) -> int:
        """The numbers of each element that copies are made of."""
        return self.channels if self.turned else self.channels // self.times

    def copied(self, count: str) -> list[str]:
        """Return lines that copy so many elements from `e` to `f`."""
        c, each = self.channels, self.channels // self.times
        if self.times == 1:
            return [f"for c in range({f'{count} * {c}' if '(' in count else int(count) * c}):", "    f[c] = e[c]"]
        block, group = f"o * {each} + c", f"c * {self.times} + o"
        place, source = (block, f"j * {c} + {group}") if self.turned else (group, f"j * {each} + c")
        return [
            f"for j in range({count}):",
            f"    for o in range({self.times}):",
            f"        for c in range({each}):",
            f"            f[j * {c} + {place}] = e[{source}]",
        ]
