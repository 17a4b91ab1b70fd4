r"""Products of some rows with some vectors, held in registers, as one instruction of generated loops.

``block(spec, a, b, c, bias, count)`` computes

.. math:: C_{ij} = [C_{ij}] + [bias_j] + \sum_k A_{ik} B_{kj}

at addresses. Rows of A and C lie at fixed distances from the first, the sum runs over nested loops with fixed steps in
A and B, and columns are neighbours in B and C. So whatever lies at regular distances is a matrix, the windows of an
image among them, and nothing is copied into place first. Where channels do not mix, :math:`A_{ik}` is a vector itself,
as long as a row of B, and is multiplied element by element, or added up without a B. All numbers but the addresses are
in the text `spec` and
become parts of instructions: unlike the tile of matrix products, which is compiled once for all sizes, a block is made
for one shape, so that rows may lie anywhere, short sums are written out and narrow results use narrow vectors.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.compiler.kernels.instructions import Instruction

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["INSTRUCTION", "Registers", "registers", "spec"]

# Products that one step of the innermost loop is written out to.
_UNROLLED = 64
# Sums that leave few registers for anything else.
_FULL = 24


class Registers(NamedTuple):
    """The vector registers of a processor: how many there are, and the bytes of each."""

    count: int
    bytes: int


@cache
def registers() -> Registers:
    """Return what vector registers this processor has."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return Registers(32, 64)
    if features.get("avx"):
        return Registers(16, 32)
    return Registers(32 if binding.get_default_triple().startswith(("aarch64", "arm64")) else 16, 16)


def spec(
    *,
    size: int,
    width: int,
    columns: int,
    a: Iterable[int],
    c: Iterable[int],
    loops: Iterable[tuple[int, int, int]],
    mode: str = "set",
    kind: str = "product",
    apart: int | None = None,
) -> str:
    """Return the text that describes a block.

    Parameters
    ----------
    size : int
        Bytes of a number: 4 or 8.
    width : int
        Numbers of a vector.
    columns : int
        Columns of the result; the last vector may have fewer than `width`, and nothing beyond is touched.
    a, c : iterable of int
        Where rows begin in A and in the result, in bytes.
    loops : iterable of (count, step in A, step in B)
        The sum, outermost loop first, in bytes; a count of -1 stands for the last argument of ``block``.
    mode : str
        ``"set"``, ``"add"`` to what is there, or ``"bias"``, to begin with one row for all.
    kind : str
        ``"product"`` of numbers of A and rows of B; ``"each"``, of rows of A and B, element by element; ``"sum"`` of
        rows of A; or ``"row"``, rows of A as they are, without loops.
    apart : int, optional
        Bytes between the columns of B, which are neighbours by default; others are taken one by one.
    """
    text = {
        "size": size,
        "width": width,
        "columns": columns,
        "a": list(a),
        "c": list(c),
        "loops": [list(loop) for loop in loops],
        "mode": mode,
        "kind": kind,
    }
    if apart not in (None, size):
        text["apart"] = apart
    return json.dumps(text, separators=(",", ":"))


class _Block:
    """Writes the instructions of one block."""

    def __init__(self, builder: Any, text: str) -> None:
        from llvmlite import ir

        p = json.loads(text)
        self.ir, self.b = ir, builder
        self.size, self.width = p["size"], p["width"]
        self.a, self.c, self.loops, self.mode, self.kind = p["a"], p["c"], p["loops"], p["mode"], p["kind"]
        self.i64, self.i32 = ir.IntType(64), ir.IntType(32)
        self.number = ir.FloatType() if self.size == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.width)
        self.columns, self.apart = p["columns"], p.get("apart")
        self.vectors = -(-p["columns"] // self.width)
        rest = p["columns"] % self.width
        bit = ir.IntType(1)
        self.mask = ir.Constant(ir.VectorType(bit, self.width), [int(i < rest) for i in range(self.width)])
        self.masked = self.vectors - 1 if rest else -1
        self.zeros = ir.Constant(self.vector, [0.0] * self.width)
        self.letters = f"v{self.width}f{8 * self.size}"
        self.fma = self.declared(f"llvm.fma.{self.letters}", self.vector, [self.vector] * 3)

    def declared(self, name: str, result: Any, arguments: list[Any]) -> Any:
        found = self.b.module.globals.get(name)
        return found or self.ir.Function(self.b.module, self.ir.FunctionType(result, arguments), name)

    def int(self, n: int) -> Any:
        return self.ir.Constant(self.i64, n)

    def shifted(self, place: Any, offset: int) -> Any:
        return self.b.add(place, self.int(offset)) if offset else place

    def pointer(self, place: Any, kind: Any) -> Any:
        return self.b.inttoptr(place, kind.as_pointer())

    def suffix(self) -> str:
        opaque = str(self.vector.as_pointer()) == "ptr"
        return f"{self.letters}.p0" if opaque else f"{self.letters}.p0{self.letters}"

    def load(self, place: Any, j: int) -> Any:
        """Return vector `j` of a row."""
        at = self.pointer(self.shifted(place, j * self.width * self.size), self.vector)
        if j == self.masked:
            arguments = [at.type, self.i32, self.mask.type, self.vector]
            function = self.declared(f"llvm.masked.load.{self.suffix()}", self.vector, arguments)
            return self.b.call(function, [at, self.ir.Constant(self.i32, self.size), self.mask, self.zeros])
        loaded = self.b.load(at)
        loaded.align = self.size
        return loaded

    def store(self, value: Any, place: Any, j: int) -> None:
        at = self.pointer(self.shifted(place, j * self.width * self.size), self.vector)
        if j == self.masked:
            arguments = [self.vector, at.type, self.i32, self.mask.type]
            function = self.declared(f"llvm.masked.store.{self.suffix()}", self.ir.VoidType(), arguments)
            self.b.call(function, [value, at, self.ir.Constant(self.i32, self.size), self.mask])
        else:
            self.b.store(value, at).align = self.size

    def taken(self, place: Any, j: int) -> Any:
        """Return vector `j` of a row whose numbers are no neighbours."""
        vector = self.zeros
        for i in range(min(self.width, self.columns - j * self.width)):
            number = self.b.load(self.pointer(self.shifted(place, (j * self.width + i) * self.apart), self.number))
            number.align = self.size
            vector = self.b.insert_element(vector, number, self.ir.Constant(self.i32, i))
        return vector

    def everywhere(self, place: Any) -> Any:
        """Return a vector of one number."""
        number = self.b.load(self.pointer(place, self.number))
        number.align = self.size
        empty = self.ir.Constant(self.vector, self.ir.Undefined)
        first = self.b.insert_element(empty, number, self.ir.Constant(self.i32, 0))
        zeros = self.ir.Constant(self.ir.VectorType(self.i32, self.width), [0] * self.width)
        return self.b.shuffle_vector(first, empty, zeros)

    def write(self, a: Any, b: Any, c: Any, bias: Any, count: Any) -> None:
        rows, vectors = len(self.a), range(self.vectors)
        first = [self.load(bias, j) if self.mode == "bias" else self.zeros for j in vectors]
        sums = self.nest(0, a, b, count, [first[j] for _ in range(rows) for j in vectors])
        for i, offset in enumerate(self.c):
            place = self.shifted(c, offset)
            for j in vectors:
                value = sums[i * self.vectors + j]
                if self.mode == "add":
                    value = self.b.fadd(self.load(place, j), value)
                self.store(value, place, j)

    def nest(self, level: int, a: Any, b: Any, runtime: Any, sums: list[Any]) -> list[Any]:
        """Write the loops from a level inwards; return the sums after them."""
        if level == len(self.loops):
            return self.step(a, b, sums)
        count, a_step, b_step = self.loops[level]
        many = self.written_out(level)
        if count == many:
            for k in range(many):
                sums = self.nest(level + 1, self.shifted(a, k * a_step), self.shifted(b, k * b_step), runtime, sums)
            return sums
        before = self.b.block
        body = self.b.append_basic_block("block.body")
        after = self.b.append_basic_block("block.after")
        self.b.branch(body)
        self.b.position_at_end(body)
        left, place, row = self.b.phi(self.i64), self.b.phi(self.i64), self.b.phi(self.i64)
        held = [self.b.phi(self.vector) for _ in sums]
        new: list[Any] = list(held)
        for k in range(many):
            new = self.nest(level + 1, self.shifted(place, k * a_step), self.shifted(row, k * b_step), runtime, new)
        less = self.b.sub(left, self.int(1))
        ends = [less, self.b.add(place, self.int(many * a_step)), self.b.add(row, self.int(many * b_step)), *new]
        starts = [runtime if count < 0 else self.int(count // many), a, b, *sums]
        last = self.b.block
        for phi, start, end in zip([left, place, row, *held], starts, ends, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(end, last)
        self.b.cbranch(self.b.icmp_signed(">", less, self.int(0)), body, after)
        self.b.position_at_end(after)
        return new

    def written_out(self, level: int) -> int:
        """Return how many steps of a loop stand one after the other."""
        inner = len(self.a) * self.vectors
        for count, _, _ in self.loops[level + 1 :]:
            inner *= max(count, 1 if count > 0 else _UNROLLED)
        count = self.loops[level][0]
        if count < 0:
            return 1
        most = max(1, _UNROLLED // inner)
        # A short loop disappears; others lose steps that are not worth a branch.
        if count <= 2 * most:
            return count
        # With all registers in use, loads that move ahead to the step before would push sums out of them.
        most = 1 if inner >= _FULL else most
        return max([k for k in range(1, most + 1) if count % k == 0])

    def step(self, a: Any, b: Any, sums: list[Any]) -> list[Any]:
        vectors = range(self.vectors)
        read = self.load if self.apart is None else self.taken
        row = [read(b, j) for j in vectors] if self.kind not in ("sum", "row") else []
        new = []
        for i, offset in enumerate(self.a):
            place = self.shifted(a, offset)
            before = sums[i * self.vectors : (i + 1) * self.vectors]
            if self.kind == "row":
                # No zero is added, which would make 0 of -0.
                new += [self.load(place, j) for j in vectors]
                continue
            if self.kind == "sum":
                new += [self.b.fadd(before[j], self.load(place, j)) for j in vectors]
                continue
            if self.kind == "each":
                numbers = [self.load(place, j) for j in vectors]
            else:
                numbers = [self.everywhere(place)] * self.vectors
            new += [self.b.call(self.fma, [numbers[j], row[j], before[j]]) for j in vectors]
        return new


def _written(builder: Any, text: str, *places: Any) -> None:
    _Block(builder, text).write(*places)


INSTRUCTION = Instruction("block", __file__, _written)
