r"""Maxima of a window, and the way back, on vectors of channels, as one instruction of generated loops.

``pooled(spec, a, y, places, 0, 0)`` goes through the channels of one window whose elements lie at fixed distances from
the address `a`. For the kinds

max
    It writes their maximum to `y`; the first NaN stays.
places
    It also writes to `places`, a byte each, which element that is: the first one of several.
spread
    It sets the elements to what is at `y` where `places` names them, and to 0 elsewhere.
add
    The same, added to what is there.

A loop over channels would be left without vectors where they are few: arrays of numbers and of bytes may overlap for
all that LLVM knows, and to look at that takes longer than a window. All numbers but the addresses are in the text
`spec` and become parts of instructions. What is left of the channels beside long vectors goes to shorter ones, down to
a single number, so that nothing beyond is touched.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels.block import registers
from funcnet.compiler.kernels.instructions import Instruction

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["INSTRUCTION", "spec"]

# Vectors side by side, which fill vectors of bytes better, and pieces that are written one after the other.
_SIDE, _PIECES = 2, 4


def spec(kind: str, *, size: int, channels: int, taps: Iterable[int]) -> str:
    """Return the text that describes a window.

    Parameters
    ----------
    kind : str
        ``"max"``, ``"places"``, ``"spread"`` or ``"add"``.
    size : int
        Bytes of a number: 4 or 8.
    channels : int
        How many numbers each element has, which are neighbours.
    taps : iterable of int
        Where the elements begin, in bytes.
    """
    return json.dumps([kind, size, channels, _SIDE * registers().bytes // size, list(taps)], separators=(",", ":"))


class _Window:
    """Writes the instructions of one window."""

    def __init__(self, builder: Any, text: str) -> None:
        from llvmlite import ir

        self.ir, self.b = ir, builder
        self.kind, self.size, self.channels, self.width, self.taps = json.loads(text)
        self.i64, self.byte, self.integer = ir.IntType(64), ir.IntType(8), ir.IntType(8 * self.size)
        self.number = ir.FloatType() if self.size == 4 else ir.DoubleType()

    def write(self, a: Any, y: Any, places: Any) -> None:
        """Write all pieces; many of the longest become a loop."""
        first, width = 0, self.width
        many = self.channels // width
        if many > _PIECES:
            self.repeated(many, width, a, y, places)
            first = many * width
        while first < self.channels:
            while first + width > self.channels:
                width //= 2
            self.piece(self.vectors(width), *self.moved(self.ir.Constant(self.i64, first), a, y, places))
            first += width

    def vectors(self, width: int) -> tuple[Any, Any, Any]:
        """Return types for numbers, integers as large as these, and bytes."""
        kinds = self.number, self.integer, self.byte
        number, integer, byte = [self.ir.VectorType(kind, width) for kind in kinds]
        return number, integer, byte

    def moved(self, channel: Any, a: Any, y: Any, places: Any) -> tuple[Any, Any, Any]:
        offset = self.b.mul(channel, self.ir.Constant(self.i64, self.size))
        return self.b.add(a, offset), self.b.add(y, offset), self.b.add(places, channel)

    def repeated(self, many: int, width: int, a: Any, y: Any, places: Any) -> None:
        before = self.b.block
        body, after = self.b.append_basic_block("pooled.body"), self.b.append_basic_block("pooled.after")
        self.b.branch(body)
        self.b.position_at_end(body)
        channel = self.b.phi(self.i64)
        self.piece(self.vectors(width), *self.moved(channel, a, y, places))
        more = self.b.add(channel, self.ir.Constant(self.i64, width))
        channel.add_incoming(self.ir.Constant(self.i64, 0), before)
        channel.add_incoming(more, body)
        end = self.ir.Constant(self.i64, many * width)
        self.b.cbranch(self.b.icmp_signed("<", more, end), body, after)
        self.b.position_at_end(after)

    def piece(self, kinds: tuple[Any, Any, Any], a: Any, y: Any, places: Any) -> None:
        """Write what is done with a vector of channels."""
        vector, integers, bytes_ = kinds
        # Elements that lie in memory one after the other are read in this order.
        at = [self.b.add(a, self.ir.Constant(self.i64, tap)) for tap in self.taps]
        if self.kind in ("max", "places"):
            best, place = self.load(at[0], vector), self.all(integers, 0)
            for i, tap in enumerate(at[1:], 1):
                new = self.load(tap, vector)
                # Larger or NaN, unless there is a NaN already.
                better = self.b.fcmp_unordered(">", new, best)
                better = self.b.and_(better, self.b.fcmp_ordered("ord", best, best))
                best = self.b.select(better, new, best)
                place = self.b.select(better, self.all(integers, i), place)
            self.store(best, y)
            if self.kind == "places":
                self.store(self.b.trunc(place, bytes_), places, 1)
            return
        given, place = self.load(y, vector), self.b.zext(self.load(places, bytes_, 1), integers)
        for i, tap in enumerate(at):
            part = self.b.select(self.b.icmp_signed("==", place, self.all(integers, i)), given, self.all(vector, 0.0))
            self.store(part if self.kind == "spread" else self.b.fadd(self.load(tap, vector), part), tap)

    def all(self, kind: Any, value: float) -> Any:
        return self.ir.Constant(kind, [value] * kind.count)

    def load(self, place: Any, kind: Any, size: int | None = None) -> Any:
        loaded = self.b.load(self.b.inttoptr(place, kind.as_pointer()))
        loaded.align = size or self.size
        return loaded

    def store(self, value: Any, place: Any, size: int | None = None) -> None:
        self.b.store(value, self.b.inttoptr(place, value.type.as_pointer())).align = size or self.size


def _written(builder: Any, text: str, a: Any, y: Any, places: Any, *_: Any) -> None:
    _Window(builder, text).write(a, y, places)


INSTRUCTION = Instruction("pooled", __file__, _written)
