r"""Linear algebra of many small matrices, one in each lane of vectors, as one instruction of generated loops.

``lanes(spec, a, b, c, flag, count)`` takes `count` matrices that lie one after the other at the address `a`, at most
as many as a vector has numbers, and right-hand sides at `b`, and writes what is computed of them to `c`. Every number
of a matrix is a vector over the matrices, so that nothing is left over where matrices are small. The address `flag` has
an int64 that becomes 1 where a matrix has no result. All operations are written out for one size:

solve
    The X with :math:`A X = B`, by elimination with partial pivoting. Rows that only some of the matrices exchange are
    chosen between. A pivot of 0 is flagged.
inv
    The same with the unit matrix.
det
    The product of the pivots, with their sign: 0 if one of them is 0.
cholesky
    The lower triangular L with :math:`L L^T = (A + A^T) / 2`. A pivot that is not positive is flagged.
cofactor
    The derivative of the determinant: the determinants of what is left without a row and a column, by expansion, which
    is as accurate for singular matrices.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels.instructions import Instruction

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INSTRUCTION", "spec"]

Matrix = list[list[Any]]


def spec(operation: str, *, size: int, width: int, order: int, columns: int = 0, turned: bool = False) -> str:
    """Return the text that describes an instruction.

    Parameters
    ----------
    operation : str
        What is computed.
    size : int
        Bytes of a number: 4 or 8.
    width : int
        Numbers of a vector.
    order : int
        Rows of a matrix.
    columns : int
        Columns of right-hand sides.
    turned : bool
        Whether the matrices at `a` are transposed.
    """
    return json.dumps([operation, size, width, order, columns, turned])


class _Lanes:
    """Writes the instructions."""

    def __init__(self, builder: Any, text: str, flag: Any, count: Any) -> None:
        from llvmlite import ir

        self.ir, self.b, self.flag = ir, builder, flag
        self.operation, self.size, self.width, self.n, self.columns, self.turned = json.loads(text)
        self.i64, self.i32, self.bit = ir.IntType(64), ir.IntType(32), ir.IntType(1)
        self.number = ir.FloatType() if self.size == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.width)
        self.whole = ir.VectorType(self.i64, self.width)
        self.places = ir.Constant(self.whole, list(range(self.width)))
        self.zero, self.one = [ir.Constant(self.vector, [x] * self.width) for x in (0.0, 1.0)]
        self.half = ir.Constant(self.vector, [0.5] * self.width)
        self.mask = builder.icmp_signed("<", self.places, self.everywhere(count))
        letters = f"v{self.width}f{8 * self.size}"
        self.letters = letters
        self.fma = self.declared(f"llvm.fma.{letters}", self.vector, [self.vector] * 3)
        self.abs = self.declared(f"llvm.fabs.{letters}", self.vector, [self.vector])
        self.root = self.declared(f"llvm.sqrt.{letters}", self.vector, [self.vector])

    def declared(self, name: str, result: Any, arguments: list[Any]) -> Any:
        found = self.b.module.globals.get(name)
        return found or self.ir.Function(self.b.module, self.ir.FunctionType(result, arguments), name)

    def everywhere(self, number: Any) -> Any:
        empty = self.ir.Constant(self.whole, self.ir.Undefined)
        first = self.b.insert_element(empty, number, self.ir.Constant(self.i32, 0))
        return self.b.shuffle_vector(first, empty, self.ir.Constant(self.ir.VectorType(self.i32, self.width), None))

    # ------------------------------------------------------------------ memory

    def pointers(self, place: Any, apart: int, offset: int) -> Any:
        """Return the addresses of number `offset` of each matrix, given the numbers that each has."""
        steps = self.ir.Constant(self.whole, [(i * apart + offset) * self.size for i in range(self.width)])
        return self.b.inttoptr(
            self.b.add(self.everywhere(place), steps), self.ir.VectorType(self.number.as_pointer(), self.width)
        )

    def moved(self, kind: str, result: Any, arguments: list[Any]) -> Any:
        opaque = str(self.number.as_pointer()) == "ptr"
        of = f"v{self.width}p0" if opaque else f"v{self.width}p0f{8 * self.size}"
        name = f"llvm.masked.{kind}.{self.letters}.{of}"
        return self.b.call(self.declared(name, result, [x.type for x in arguments]), arguments)

    def read(self, place: Any, rows: int, columns: int, *, turned: bool = False) -> Matrix:
        """Return matrices; those that are not there are unit matrices."""
        align = self.ir.Constant(self.i32, self.size)
        found: Matrix = []
        for i in range(rows):
            row = []
            for j in range(columns):
                pointers = self.pointers(place, rows * columns, j * rows + i if turned else i * columns + j)
                other = self.one if i == j else self.zero
                row.append(self.moved("gather", self.vector, [pointers, align, self.mask, other]))
            found.append(row)
        return found

    def write(self, place: Any, values: Matrix) -> None:
        align = self.ir.Constant(self.i32, self.size)
        rows, columns = len(values), len(values[0])
        for i in range(rows):
            for j in range(columns):
                pointers = self.pointers(place, rows * columns, i * columns + j)
                arguments = [values[i][j], pointers, align, self.mask]
                self.moved("scatter", self.ir.VoidType(), arguments)

    # ------------------------------------------------------------------ arithmetic

    def less(self, x: Any, y: Any, z: Any) -> Any:
        """Return ``x - y z``."""
        return self.b.call(self.fma, [self.b.fneg(y), z, x])

    def flagged(self, bad: Any) -> None:
        """Remember if anything is true in any lane."""
        name = f"llvm.vector.reduce.or.v{self.width}i1"
        found = self.b.call(self.declared(name, self.bit, [bad.type]), [bad])
        at = self.b.inttoptr(self.flag, self.i64.as_pointer())
        self.b.store(self.b.or_(self.b.load(at), self.b.zext(found, self.i64)), at)

    def eliminated(self, a: Matrix, b: Matrix) -> tuple[Any, Any]:
        """Make A upper triangular, and do the same to B; return the determinant's sign, and where a pivot is 0."""
        n, sign, bad = self.n, self.one, None
        for k in range(n):
            for i in range(k + 1, n):
                larger = self.b.fcmp_ordered(">", self.b.call(self.abs, [a[i][k]]), self.b.call(self.abs, [a[k][k]]))
                sign = self.b.select(larger, self.b.fneg(sign), sign)
                for m, start in ((a, k), (b, 0)):
                    for j in range(start, len(m[k])):
                        one, two = m[k][j], m[i][j]
                        m[k][j], m[i][j] = self.b.select(larger, two, one), self.b.select(larger, one, two)
            none = self.b.fcmp_ordered("==", a[k][k], self.zero)
            bad = none if bad is None else self.b.or_(bad, none)
            # Below a pivot of 0 all is 0.
            pivot = self.b.select(none, self.one, a[k][k])
            for i in range(k + 1, n):
                factor = self.b.fdiv(a[i][k], pivot)
                for m, start in ((a, k + 1), (b, 0)):
                    for j in range(start, len(m[k])):
                        m[i][j] = self.less(m[i][j], factor, m[k][j])
        return sign, bad

    def solved(self, a: Matrix, b: Matrix) -> Matrix:
        _, bad = self.eliminated(a, b)
        self.flagged(bad)
        for i in range(self.n - 1, -1, -1):
            for j in range(len(b[i])):
                for k in range(i + 1, self.n):
                    b[i][j] = self.less(b[i][j], a[i][k], b[k][j])
                b[i][j] = self.b.fdiv(b[i][j], a[i][i])
        return b

    def determinant(self, a: Matrix) -> Any:
        product, _ = self.eliminated(a, [[] for _ in a])
        for i in range(self.n):
            product = self.b.fmul(product, a[i][i])
        return product

    def factored(self, a: Matrix) -> Matrix:
        """Return the factor of Cholesky."""
        n, bad = self.n, None
        found = [[self.zero] * n for _ in range(n)]
        for j in range(n):
            for i in range(j, n):
                x = self.b.fmul(self.b.fadd(a[i][j], a[j][i]), self.half)
                for k in range(j):
                    x = self.less(x, found[i][k], found[j][k])
                if i == j:
                    # Not larger, or no number.
                    none = self.b.not_(self.b.fcmp_ordered(">", x, self.zero))
                    bad = none if bad is None else self.b.or_(bad, none)
                    found[i][j] = self.b.call(self.root, [x])
                else:
                    found[i][j] = self.b.fdiv(x, found[j][j])
        self.flagged(bad)
        return found

    def minor(self, a: Matrix, rows: tuple[int, ...], columns: tuple[int, ...], known: dict[Any, Any]) -> Any:
        """Return the determinant of some rows and columns."""
        if not rows:
            return self.one
        key = rows, columns
        if key not in known:
            total: Any = None
            for k, column in enumerate(columns):
                rest = self.minor(a, rows[1:], columns[:k] + columns[k + 1 :], known)
                x = a[rows[0]][column]
                if total is None:
                    total = self.b.fmul(x, rest)
                else:
                    total = self.less(total, x, rest) if k % 2 else self.b.call(self.fma, [x, rest, total])
            known[key] = total
        return known[key]

    def cofactors(self, a: Matrix) -> Matrix:
        known: dict[Any, Any] = {}
        everything = range(self.n)
        found = []
        for i in everything:
            rows, row = tuple([k for k in everything if k != i]), []
            for j in everything:
                x = self.minor(a, rows, tuple([k for k in everything if k != j]), known)
                row.append(self.b.fneg(x) if (i + j) % 2 else x)
            found.append(row)
        return found

    def all(self, a: Any, b: Any, c: Any) -> None:
        """Write everything."""
        n = self.n
        matrix = self.read(a, n, n, turned=self.turned)
        if self.operation == "solve":
            result = self.solved(matrix, self.read(b, n, self.columns))
        elif self.operation == "inv":
            result = self.solved(matrix, [[self.one if i == j else self.zero for j in range(n)] for i in range(n)])
        else:
            operations: dict[str, Callable[[Matrix], Matrix]] = {
                "det": lambda m: [[self.determinant(m)]],
                "cholesky": self.factored,
                "cofactor": self.cofactors,
            }
            result = operations[self.operation](matrix)
        self.write(c, result)


def _written(builder: Any, text: str, a: Any, b: Any, c: Any, flag: Any, count: Any) -> None:
    _Lanes(builder, text, flag, count).all(a, b, c)


INSTRUCTION = Instruction("lanes", __file__, _written)
