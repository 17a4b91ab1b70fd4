"""How operands of matrix products are transposed and copied, as LLVM's intermediate language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.kernels.tile_code import Writer

__all__ = ["copy", "spread", "turn"]


_COPY = ("rows", "columns", "x", "x_row", "y", "y_row")
_TURN = ("columns", "depth", "x", "x_column", "y", "y_step")
_SPREAD = ("rows", "groups", "columns", "x", "x_row", "y", "y_row", "y_group")
#: Bytes of the vectors of which a part is loaded and stored as fast as all: a processor of narrower ones takes as long
#: for a part as for a dozen vectors, or has no such instruction.
_MASKED = 64


def turn(writer: Writer, name: str) -> None:
    """Write the function that transposes, by squares of vectors."""
    names = _TURN
    made = writer.function(name, names)
    columns, depth, x, x_column, y, y_step = made.args
    width, step = writer.int(writer.shape.width), writer.shape.width * writer.size
    square, edge = _square(writer, False), _square(writer, True)
    names = ("entry", "right", "down", "many", "whole", "part", "next", "further", "end")
    entry, right, down, many, whole, part, next_, further, end = [made.append_basic_block(n) for n in names]
    b = writer.ir.IRBuilder(entry)
    b.branch(right)
    b.position_at_end(right)
    across, x_j, y_j = b.phi(writer.i64), b.phi(writer.i64), b.phi(writer.i64)
    b.cbranch(b.icmp_signed(">", across, writer.int(0)), down, end)
    b.position_at_end(down)
    left, x_k, y_k = b.phi(writer.i64), b.phi(writer.i64), b.phi(writer.i64)
    b.cbranch(b.icmp_signed(">", left, writer.int(0)), many, further)
    b.position_at_end(many)
    both = b.and_(b.icmp_signed(">=", left, width), b.icmp_signed(">=", across, width))
    b.cbranch(both, whole, part)
    b.position_at_end(whole)
    b.call(square, [across, left, x_k, x_column, y_k, y_step])
    b.branch(next_)
    b.position_at_end(part)
    b.call(edge, [across, left, x_k, x_column, y_k, y_step])
    b.branch(next_)
    b.position_at_end(next_)
    for phi, first, then in (
        (left, depth, b.sub(left, width)),
        (x_k, x_j, b.add(x_k, writer.int(step))),
        (y_k, y_j, b.add(y_k, b.mul(y_step, width))),
    ):
        phi.add_incoming(first, right)
        phi.add_incoming(then, next_)
    b.branch(down)
    b.position_at_end(further)
    for phi, first, then in (
        (across, columns, b.sub(across, width)),
        (x_j, x, b.add(x_j, b.mul(x_column, width))),
        (y_j, y, b.add(y_j, writer.int(step))),
    ):
        phi.add_incoming(first, entry)
        phi.add_incoming(then, further)
    b.branch(right)
    b.position_at_end(end)
    b.ret_void()


def _square(writer: Writer, masked: bool) -> Any:
    """Write the function for one square, of which fewer columns and rows may be there."""
    names = _TURN
    made = writer.function(f"turn_{'edge' if masked else 'square'}", names, internal=True)
    columns, depth, x, x_column, y, y_step = made.args
    b = writer.ir.IRBuilder(made.append_basic_block("entry"))
    width = writer.shape.width

    def place(start: Any, step: Any, i: int) -> Any:
        return b.add(start, b.mul(step, writer.int(i)))

    def mask(i: int, along: Any, across: Any) -> Any:
        if not masked:
            return None
        there = b.icmp_signed(">", across, writer.int(i))
        within = b.select(b.icmp_signed("<", along, writer.int(width)), along, writer.int(width))
        return writer.first(b, b.select(there, within, writer.int(0)))

    rows = [writer.load(b, place(x, x_column, j), mask(j, depth, columns)) for j in range(width)]
    d = 1
    while d < width:
        lanes = range(width)
        low = [m if not m & d else width + m - d for m in lanes]
        high = [m + d if not m & d else width + m for m in lanes]
        integers = writer.ir.VectorType(writer.i32, width)
        for i in range(width):
            if not i & d:
                p, q = rows[i], rows[i + d]
                rows[i] = b.shuffle_vector(p, q, writer.ir.Constant(integers, low))
                rows[i + d] = b.shuffle_vector(p, q, writer.ir.Constant(integers, high))
        d *= 2
    for k in range(width):
        writer.store(b, rows[k], place(y, y_step, k), mask(k, columns, depth))
    b.ret_void()
    return made


def copy(writer: Writer, name: str) -> None:
    """Write the function that copies rows, by vectors and what is left of a row."""
    made = writer.function(name, _COPY)
    rows, columns, x, x_row, y, y_row = made.args
    entry, down, start, right, whole, next_, end = [
        made.append_basic_block(n) for n in ("entry", "down", "start", "right", "whole", "next", "end")
    ]
    b = writer.ir.IRBuilder(entry)
    width, step = writer.int(writer.shape.width), writer.int(writer.shape.width * writer.size)
    rest = b.srem(columns, width)
    full = b.sub(columns, rest)
    mask = writer.first(b, rest) if writer.shape.width * writer.size == _MASKED else None
    b.branch(down)
    b.position_at_end(down)
    left, x_i, y_i = b.phi(writer.i64), b.phi(writer.i64), b.phi(writer.i64)
    b.cbranch(b.icmp_signed(">", left, writer.int(0)), start, end)
    b.position_at_end(start)
    b.branch(right)
    b.position_at_end(right)
    across, x_j, y_j = b.phi(writer.i64), b.phi(writer.i64), b.phi(writer.i64)
    partly = made.append_basic_block("partly")
    b.cbranch(b.icmp_signed(">", across, writer.int(0)), whole, partly)
    b.position_at_end(whole)
    writer.store(b, writer.load(b, x_j), y_j)
    for phi, first, later in (
        (across, full, b.sub(across, width)),
        (x_j, x_i, b.add(x_j, step)),
        (y_j, y_i, b.add(y_j, step)),
    ):
        phi.add_incoming(first, start)
        phi.add_incoming(later, whole)
    b.branch(right)
    b.position_at_end(partly)
    if mask is None:
        _pieces(writer, made, b, rest, x_j, y_j, next_)
    else:
        part = made.append_basic_block("part")
        b.cbranch(b.icmp_signed(">", rest, writer.int(0)), part, next_)
        b.position_at_end(part)
        writer.store(b, writer.load(b, x_j, mask), y_j, mask)
        b.branch(next_)
    b.position_at_end(next_)
    for phi, first, later in (
        (left, rows, b.sub(left, writer.int(1))),
        (x_i, x, b.add(x_i, x_row)),
        (y_i, y, b.add(y_i, y_row)),
    ):
        phi.add_incoming(first, entry)
        phi.add_incoming(later, next_)
    b.branch(down)
    b.position_at_end(end)
    b.ret_void()


def _pieces(writer: Writer, made: Any, b: Any, rest: Any, x: Any, y: Any, end: Any) -> None:
    """Write how fewer numbers than a vector has are copied: half a vector if it is as many, then a quarter."""
    count = writer.shape.width // 2
    while count:
        there, after = made.append_basic_block(f"of{count}"), made.append_basic_block(f"after{count}")
        before = b.block
        b.cbranch(b.icmp_signed("!=", b.and_(rest, writer.int(count)), writer.int(0)), there, after)
        b.position_at_end(there)
        pointer = writer.ir.VectorType(writer.number, count).as_pointer()
        loaded = b.load(b.inttoptr(x, pointer))
        loaded.align = writer.size
        b.store(loaded, b.inttoptr(y, pointer)).align = writer.size
        further = [b.add(place, writer.int(count * writer.size)) for place in (x, y)]
        b.branch(after)
        b.position_at_end(after)
        merged = []
        for place, moved in zip((x, y), further, strict=True):
            phi = b.phi(writer.i64)
            phi.add_incoming(place, before)
            phi.add_incoming(moved, there)
            merged.append(phi)
        x, y = merged
        count //= 2
    b.branch(end)


def spread(writer: Writer, name: str) -> None:
    """Write the function that takes rows apart into groups, by whole vectors."""
    made = writer.function(name, _SPREAD)
    rows, groups, columns, x, x_row, y, y_row, y_group = made.args
    step = writer.int(writer.shape.width * writer.size)
    b = writer.ir.IRBuilder(made.append_basic_block("entry"))
    x_group = b.mul(columns, writer.int(writer.size))

    def row(x: Any, y: Any) -> None:
        def vectors(x: Any, y: Any) -> None:
            _times(writer, b, groups, 1, (x, x_group), (y, y_group), lambda x, y: writer.store(b, writer.load(b, x), y))

        _times(writer, b, columns, writer.shape.width, (x, step), (y, step), vectors)

    _times(writer, b, rows, 1, (x, x_row), (y, y_row), row)
    b.ret_void()


def _times(writer: Writer, b: Any, count: Any, each: int, source: Any, target: Any, body: Callable[..., None]) -> None:
    """Write a loop that counts down, and what it does with two places that move on."""
    start = b.block
    head, inside, end = [b.append_basic_block(n) for n in ("head", "inside", "end")]
    b.branch(head)
    b.position_at_end(head)
    left, x, y = b.phi(writer.i64), b.phi(writer.i64), b.phi(writer.i64)
    b.cbranch(b.icmp_signed(">", left, writer.int(0)), inside, end)
    b.position_at_end(inside)
    body(x, y)
    for phi, first, later in (
        (left, count, b.sub(left, writer.int(each))),
        (x, source[0], b.add(x, source[1])),
        (y, target[0], b.add(y, target[1])),
    ):
        phi.add_incoming(first, start)
        phi.add_incoming(later, b.block)
    b.branch(head)
    b.position_at_end(end)
