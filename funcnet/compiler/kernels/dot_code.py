"""Scalar products of a few rows with a few others, as LLVM's intermediate language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funcnet.compiler.kernels.tile_code import Shape, Writer

__all__ = ["DOT", "dot", "dot_shape"]

#: What the function takes.
DOT = ("rows", "columns", "depth", "x", "x_row", "v", "v_row", "y", "y_row", "y_column", "more")


def dot_shape(shape: Shape) -> tuple[int, int]:
    """Return with how many rows how many others are multiplied at once, on a processor with tiles of a shape."""
    return 4, 4 if shape.rows >= 8 else 2


def dot(writer: Writer, name: str) -> None:
    """Write the function, which chooses among those for fixed numbers of rows."""
    rows, columns = dot_shape(writer.shape)
    made = writer.function(name, DOT)
    b = writer.ir.IRBuilder(made.append_basic_block("entry"))
    end = made.append_basic_block("end")
    chosen = b.switch(b.add(b.mul(made.args[0], writer.int(columns + 1)), made.args[1]), end)
    for r in range(1, rows + 1):
        for c in range(1, columns + 1):
            variant = _variant(writer, r, c)
            block = made.append_basic_block(f"r{r}c{c}")
            b.position_at_end(block)
            b.call(variant, made.args[2:])
            b.branch(end)
            chosen.add_case(writer.int(r * (columns + 1) + c), block)
    b.position_at_end(end)
    b.ret_void()


def _variant(writer: Writer, rows: int, columns: int) -> Any:
    """Write the function for fixed numbers of rows: a sum in each part of a vector, which are added in the end."""
    ir = writer.ir
    made = writer.function(f"dot_{rows}_{columns}", DOT[2:], internal=True)
    depth, x, x_row, v, v_row, y, y_row, y_column, more = made.args
    entry, head, body, tail, plain, added, end = [
        made.append_basic_block(n) for n in ("entry", "head", "body", "tail", "plain", "added", "end")
    ]
    width, step = writer.shape.width, writer.shape.width * writer.size
    zeros = ir.Constant(writer.vector, [0.0] * width)
    b = ir.IRBuilder(entry)
    rest = b.srem(depth, writer.int(width))
    mask = writer.first(b, rest)
    full = b.mul(b.sub(depth, rest), writer.int(writer.size))
    xs = [b.add(x, b.mul(x_row, writer.int(i))) for i in range(rows)]
    vs = [b.add(v, b.mul(v_row, writer.int(j))) for j in range(columns)]
    b.branch(head)
    b.position_at_end(head)
    at = b.phi(writer.i64)
    sums = [b.phi(writer.vector) for _ in range(rows * columns)]
    b.cbranch(b.icmp_signed("<", at, full), body, tail)

    def next_sums(masked: Any) -> list[Any]:
        right = [writer.load(b, b.add(place, at), masked) for place in vs]
        left = [writer.load(b, b.add(place, at), masked) for place in xs]
        pairs = [(p, q) for p in left for q in right]
        return [b.call(writer.fma, [p, q, s]) for (p, q), s in zip(pairs, sums, strict=True)]

    b.position_at_end(body)
    new = next_sums(None)
    for phi, first, then in [
        (at, writer.int(0), b.add(at, writer.int(step))),
        *[(p, zeros, n) for p, n in zip(sums, new, strict=True)],
    ]:
        phi.add_incoming(first, entry)
        phi.add_incoming(then, body)
    b.branch(head)
    b.position_at_end(tail)
    # Halves are added to halves: the parts of a vector in the same order on all processors.
    results = [_added(writer, b, s) for s in next_sums(mask)]
    places = [
        b.inttoptr(
            b.add(b.add(y, b.mul(y_row, writer.int(i))), b.mul(y_column, writer.int(j))), writer.number.as_pointer()
        )
        for i in range(rows)
        for j in range(columns)
    ]
    b.cbranch(b.icmp_signed("==", more, writer.int(0)), plain, added)
    b.position_at_end(plain)
    for value, place in zip(results, places, strict=True):
        b.store(value, place)
    b.branch(end)
    b.position_at_end(added)
    for value, place in zip(results, places, strict=True):
        b.store(b.fadd(b.load(place), value), place)
    b.branch(end)
    b.position_at_end(end)
    b.ret_void()
    return made


def _added(writer: Writer, b: Any, vector: Any) -> Any:
    """Return the sum of the parts of a vector."""
    ir, width = writer.ir, writer.shape.width
    empty = ir.Constant(writer.vector, ir.Undefined)
    while width > 1:
        width //= 2
        lanes = [i + width if i < width else i for i in range(writer.shape.width)]
        order = ir.Constant(ir.VectorType(writer.i32, writer.shape.width), lanes)
        vector = b.fadd(vector, b.shuffle_vector(vector, empty, order))
    return b.extract_element(vector, ir.Constant(writer.i32, 0))
