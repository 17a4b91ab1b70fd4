"""The tile of a matrix product, as LLVM's intermediate language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.compiler.kernels.dot_code import dot
from funcnet.compiler.kernels.move_code import copy, spread, turn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Shape", "Writer", "module_of"]


_TILE = (
    *("rows", "columns", "outer", "inner", "a", "a_row", "a_outer", "a_step"),
    *("b", "b_outer", "b_step", "c", "c_row", "s", "s_row", "relu"),
)


class Shape(NamedTuple):
    """How large a tile is: rows, vectors side by side, and numbers of a vector."""

    rows: int
    vectors: int
    width: int

    @property
    def columns(self) -> int:
        """The largest number of columns."""
        return self.vectors * self.width


def module_of(size: int, shape: Shape, names: Sequence[str]) -> str:
    """Return the text of a module: tile, transposition, copy, groups of columns, scalar products, by these names."""
    writer = Writer(size, shape)
    writer.tile(names[0])
    turn(writer, names[1])
    copy(writer, names[2])
    spread(writer, names[3])
    dot(writer, names[4])
    return str(writer.module)


class Writer:
    """What the functions of a module are written with."""

    def __init__(self, size: int, shape: Shape) -> None:
        from llvmlite import ir

        self.ir = ir
        self.size = size
        self.shape = shape
        self.i64, self.i32 = ir.IntType(64), ir.IntType(32)
        self.number = ir.FloatType() if size == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, shape.width)
        self.mask = ir.VectorType(ir.IntType(1), shape.width)
        self.module = ir.Module(name="funcnet_tile")
        self.letters = f"v{shape.width}f{8 * size}"
        # One instruction where the processor has it; the function of the C library would be called for `fma` elsewhere.
        self.fma = self.declared(f"llvm.fmuladd.{self.letters}", self.vector, [self.vector] * 3)
        pointer = self.vector.as_pointer()
        suffix = f"{self.letters}.p0" if str(pointer) == "ptr" else f"{self.letters}.p0{self.letters}"
        self.masked_load = self.declared(
            f"llvm.masked.load.{suffix}", self.vector, [pointer, self.i32, self.mask, self.vector]
        )
        self.masked_store = self.declared(
            f"llvm.masked.store.{suffix}", ir.VoidType(), [self.vector, pointer, self.i32, self.mask]
        )

    def declared(self, name: str, result: Any, arguments: list[Any]) -> Any:
        return self.ir.Function(self.module, self.ir.FunctionType(result, arguments), name)

    def function(self, name: str, arguments: Sequence[str], *, internal: bool = False) -> Any:
        made = self.declared(name, self.ir.VoidType(), [self.i64] * len(arguments))
        made.linkage = "internal" if internal else "external"
        for argument, text in zip(made.args, arguments, strict=True):
            argument.name = text
        return made

    def int(self, n: int) -> Any:
        return self.ir.Constant(self.i64, n)

    def load(self, b: Any, place: Any, mask: Any = None) -> Any:
        pointer = b.inttoptr(place, self.vector.as_pointer())
        if mask is not None:
            zeros = self.ir.Constant(self.vector, [0.0] * self.shape.width)
            return b.call(self.masked_load, [pointer, self.ir.Constant(self.i32, self.size), mask, zeros])
        loaded = b.load(pointer)
        loaded.align = self.size
        return loaded

    def store(self, b: Any, value: Any, place: Any, mask: Any = None) -> None:
        pointer = b.inttoptr(place, self.vector.as_pointer())
        if mask is not None:
            b.call(self.masked_store, [value, pointer, self.ir.Constant(self.i32, self.size), mask])
        else:
            b.store(value, pointer).align = self.size

    def splat(self, b: Any, value: Any, vector: Any) -> Any:
        empty = self.ir.Constant(vector, self.ir.Undefined)
        one = b.insert_element(empty, value, self.ir.Constant(self.i32, 0))
        zeros = self.ir.Constant(self.ir.VectorType(self.i32, self.shape.width), [0] * self.shape.width)
        return b.shuffle_vector(one, empty, zeros)

    def first(self, b: Any, count: Any) -> Any:
        """Return a mask of the first numbers of a vector."""
        width = self.shape.width
        integers = self.ir.VectorType(self.i32, width)
        numbers = self.ir.Constant(integers, list(range(width)))
        return b.icmp_signed("<", numbers, self.splat(b, b.trunc(count, self.i32), integers))

    def tile(self, name: str) -> Any:
        """Write the function that goes through columns, and through rows in blocks of about the same height."""
        rows, vectors, width = self.shape
        names = _TILE
        made = self.function(name, names)
        given = dict(zip(names, made.args, strict=True))
        entry, right, wide, down, choose, then, next_, end = [
            made.append_basic_block(n) for n in ("entry", "right", "wide", "down", "choose", "then", "next", "end")
        ]
        b = self.ir.IRBuilder(entry)
        blocks = b.sdiv(b.add(given["rows"], self.int(rows - 1)), self.int(rows))
        # An S of zeros, which is no memory, stays where it is.
        none = b.icmp_signed("==", given["s"], self.int(0))
        s_step = b.select(none, self.int(0), self.int(vectors * width * self.size))
        s_row = b.select(none, self.int(0), given["s_row"])
        b.branch(right)
        b.position_at_end(right)
        across = b.phi(self.i64)
        panel = {name: b.phi(self.i64) for name in "bcs"}
        b.cbranch(b.icmp_signed(">", across, self.int(0)), wide, end)
        b.position_at_end(wide)
        narrow = b.icmp_signed("<", across, self.int(vectors * width))
        columns = b.select(narrow, across, self.int(vectors * width))
        rest = b.srem(columns, self.int(width))
        whole = b.zext(b.icmp_signed("==", rest, self.int(0)), self.i64)
        count = b.sdiv(b.add(columns, self.int(width - 1)), self.int(width))
        kind = b.sub(b.mul(count, self.int(2)), whole)
        b.branch(down)
        b.position_at_end(down)
        left = b.phi(self.i64)
        now = {name: b.phi(self.i64) for name in ("rows", "a", "c", "s")}
        b.cbranch(b.icmp_signed(">", left, self.int(0)), choose, next_)
        b.position_at_end(choose)
        height = b.sdiv(b.add(now["rows"], b.sub(left, self.int(1))), left)
        passed = [rest, given["outer"], given["inner"], now["a"], *[given[n] for n in ("a_row", "a_outer", "a_step")]]
        passed += [panel["b"], given["b_outer"], given["b_step"]]
        passed += [now["c"], given["c_row"], now["s"], given["s_row"], given["relu"]]
        chosen = b.switch(b.add(b.mul(height, self.int(2 * vectors + 1)), kind), then)
        for r in range(1, rows + 1):
            for v in range(1, vectors + 1):
                for masked in (True, False):
                    variant = self.variant(r, v, masked)
                    block = made.append_basic_block(f"r{r}v{v}{'m' if masked else ''}")
                    b.position_at_end(block)
                    b.call(variant, passed)
                    b.branch(then)
                    chosen.add_case(self.int(r * (2 * vectors + 1) + 2 * v - (not masked)), block)
        b.position_at_end(then)
        for phi, first, later in (
            (left, blocks, b.sub(left, self.int(1))),
            (now["rows"], given["rows"], b.sub(now["rows"], height)),
            (now["a"], given["a"], b.add(now["a"], b.mul(height, given["a_row"]))),
            (now["c"], panel["c"], b.add(now["c"], b.mul(height, given["c_row"]))),
            (now["s"], panel["s"], b.add(now["s"], b.mul(height, s_row))),
        ):
            phi.add_incoming(first, wide)
            phi.add_incoming(later, then)
        b.branch(down)
        b.position_at_end(next_)
        step = self.int(vectors * width * self.size)
        for phi, first, later in (
            (across, given["columns"], b.sub(across, self.int(vectors * width))),
            (panel["b"], given["b"], b.add(panel["b"], step)),
            (panel["c"], given["c"], b.add(panel["c"], step)),
            (panel["s"], given["s"], b.add(panel["s"], s_step)),
        ):
            phi.add_incoming(first, entry)
            phi.add_incoming(later, next_)
        b.branch(right)
        b.position_at_end(end)
        b.ret_void()
        return made

    def variant(self, rows: int, vectors: int, masked: bool) -> Any:
        """Write the function for a fixed number of rows and vectors, the last of which may have fewer columns."""
        names = ("rest", *_TILE[2:])
        made = self.function(f"tile_{rows}_{vectors}{'_masked' if masked else ''}", names, internal=True)
        rest, outer, inner, a, a_row, a_outer, a_step, b0, b_outer, b_step, c, c_row, s, s_row, relu = made.args
        b = self.ir.IRBuilder(made.append_basic_block("entry"))
        mask = self.first(b, rest) if masked else None
        zeros = self.ir.Constant(self.vector, [0.0] * self.shape.width)
        count = rows * vectors
        empty = b.or_(b.icmp_signed("<=", outer, self.int(0)), b.icmp_signed("<=", inner, self.int(0)))
        entry = b.block
        around, head, body, next_, done = [
            made.append_basic_block(n) for n in ("around", "head", "body", "next", "done")
        ]
        b.cbranch(empty, done, around)
        # Each group of three rows has a pointer of its own: the others are within reach of an addressing mode.
        starts = range(0, rows, 3)
        b.position_at_end(around)
        o, a_o, b_o = b.phi(self.i64), b.phi(self.i64), b.phi(self.i64)
        outside = [b.phi(self.vector) for _ in range(count)]
        points = [b.add(a_o, b.mul(a_row, self.int(i))) for i in starts]
        b.branch(head)
        b.position_at_end(body)
        k, b_k = b.phi(self.i64), b.phi(self.i64)
        a_k = [b.phi(self.i64) for _ in starts]
        sums = [b.phi(self.vector) for _ in range(count)]
        row = [self.load(b, self.shifted(b, b_k, j), mask if j == vectors - 1 else None) for j in range(vectors)]
        new = []
        for i in range(rows):
            place = a_k[i // 3]
            if i % 3:
                place = b.add(place, a_row if i % 3 == 1 else b.shl(a_row, self.int(1)))
            number = self.splat(b, b.load(b.inttoptr(place, self.number.as_pointer())), self.vector)
            new += [b.call(self.fma, [number, row[j], sums[i * vectors + j]]) for j in range(vectors)]
        k_new = b.sub(k, self.int(1))
        b_new = b.add(b_k, b_step)
        a_new = [b.add(place, a_step) for place in a_k]
        b.cbranch(b.icmp_signed(">", k_new, self.int(0)), body, next_)
        for phi, first, then in [
            (k, inner, k_new),
            (b_k, b_o, b_new),
            *zip(a_k, points, a_new, strict=True),
            *zip(sums, outside, new, strict=True),
        ]:
            phi.add_incoming(first, head)
            phi.add_incoming(then, body)
        b.position_at_end(head)
        b.branch(body)
        b.position_at_end(next_)
        o_new = b.sub(o, self.int(1))
        for phi, first, then in [
            (o, outer, o_new),
            (a_o, a, b.add(a_o, a_outer)),
            (b_o, b0, b.add(b_o, b_outer)),
            *[(p, zeros, n) for p, n in zip(outside, new, strict=True)],
        ]:
            phi.add_incoming(first, entry)
            phi.add_incoming(then, next_)
        b.cbranch(b.icmp_signed(">", o_new, self.int(0)), around, done)
        b.position_at_end(done)
        results = [b.phi(self.vector) for _ in range(count)]
        for phi, n in zip(results, new, strict=True):
            phi.add_incoming(zeros, entry)
            phi.add_incoming(n, next_)
        self.finish(made, b, results, (c, c_row, s, s_row, relu), vectors, mask)
        return made

    def finish(self, made: Any, b: Any, results: list[Any], places: Any, vectors: int, mask: Any) -> None:
        """Add S, rectify and store."""
        c, c_row, s, s_row, relu = places
        rows = len(results) // vectors
        zeros = self.ir.Constant(self.vector, [0.0] * self.shape.width)
        plain, more, rectify, end = [made.append_basic_block(n) for n in ("plain", "more", "rectify", "end")]

        def stored(values: list[Any]) -> None:
            for i in range(rows):
                start = b.add(c, b.mul(c_row, self.int(i)))
                for j in range(vectors):
                    last = mask if j == vectors - 1 else None
                    self.store(b, values[i * vectors + j], self.shifted(b, start, j), last)
            b.branch(end)

        b.cbranch(b.icmp_signed("==", b.or_(s, relu), self.int(0)), plain, more)
        b.position_at_end(plain)
        stored(results)
        # With S, or with the rectifier: a tile of zeros in place of S would need memory.
        b.position_at_end(more)
        with_s, merged = made.append_basic_block("with_s"), made.append_basic_block("merged")
        b.cbranch(b.icmp_signed("==", s, self.int(0)), merged, with_s)
        b.position_at_end(with_s)
        added = []
        for i in range(rows):
            start = b.add(s, b.mul(s_row, self.int(i)))
            for j in range(vectors):
                old = self.load(b, self.shifted(b, start, j), mask if j == vectors - 1 else None)
                added.append(b.fadd(old, results[i * vectors + j]))
        b.branch(merged)
        b.position_at_end(merged)
        values = [b.phi(self.vector) for _ in results]
        for phi, before, after in zip(values, results, added, strict=True):
            phi.add_incoming(before, more)
            phi.add_incoming(after, with_s)
        unchanged = made.append_basic_block("unchanged")
        b.cbranch(b.icmp_signed("==", relu, self.int(0)), unchanged, rectify)
        b.position_at_end(unchanged)
        stored(values)
        b.position_at_end(rectify)
        stored([b.select(b.fcmp_ordered("<", v, zeros), zeros, v) for v in values])
        b.position_at_end(end)
        b.ret_void()

    def shifted(self, b: Any, place: Any, vectors: int) -> Any:
        return b.add(place, self.int(vectors * self.shape.width * self.size)) if vectors else place
