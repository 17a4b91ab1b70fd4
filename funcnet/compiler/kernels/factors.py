"""Linear systems, inverses and determinants of square matrices, whose factors all operations on a matrix share."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.numpy.linalg import KERNELS
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels import determinant_code, factor_code, panels, system_code
from funcnet.compiler.kernels.products import scratch
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of, type_of
from funcnet.compiler.passes import remove_dead
from funcnet.core import Spec, registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.kernels.special import Compile

__all__ = ["factored"]

#: Rows up to which vectors go across matrices (:mod:`funcnet.compiler.kernels.small_matrices`).
_SMALL = 8
#: Multiplications of a thread.
_WORK = 200_000
_NAMES = frozenset(["cholesky", "cofactor", "det", "inv", "slogdet", "solve"])


def factored(graph: Graph) -> Graph:
    """Return a graph in which a matrix is factored once for all that is asked of it.

    Systems whose matrix is a Cholesky factor, or a triangle of another matrix, are solved without factors.
    """
    if not any([e.primitive.name in _NAMES for e in graph.equations]):
        return graph
    rewriter = _Rewriter(graph)
    for e in graph.equations:
        rewriter.kept += rewriter.of(e) or [e]
    return remove_dead(graph.with_equations(rewriter.kept))


class _Rewriter:
    def __init__(self, graph: Graph) -> None:
        self.made = {v: e for e in graph.equations for v in e.outputs}
        self.constants = graph.constants
        self.kept: list[Equation] = []
        #: Matrix -> its factors, and the rows that were exchanged.
        self.factors: dict[Value, tuple[Value, Value]] = {}

    def of(self, e: Equation) -> list[Equation] | None:
        """Return what takes the place of an equation, None if it stays."""
        name, values = e.primitive.name, e.values
        if name not in _NAMES or len(values) != len(e.inputs):
            return None
        x, out = values[0], e.outputs[0]
        n, stack = x.shape[-1], x.shape[:-2]
        if {str(v.dtype) for v in (*values, *e.outputs)} not in ({"float32"}, {"float64"}):
            return None
        if n <= _SMALL or not prod(x.shape) or not prod(out.shape) or out.shape[: len(stack)] != stack:
            return None
        sizes = _Sizes(prod(stack), n, out.shape[-1] if name == "solve" else 0, np.dtype(str(x.dtype)))
        if name == "cholesky":
            return [_equation(e, "cholesky, by blocks", sizes.cholesky, (x,))]
        if name == "solve":
            return self.solve(e, sizes) if values[1].shape[:-2] == stack else None
        regular = self.regular(x) if name == "inv" else None
        x, turned = self.turned(x if regular is None else regular)
        if turned and name in ("inv", "cofactor"):
            # As quick as the transposed result is to write.
            middle = Value(out.spec)
            last = Equation(registry["matrix_transpose"], (middle,), {}, (out,), e.line, e.again)
            e = Equation(e.primitive, e.inputs, e.params, (middle,), e.line, e.again)
            return [self.after(e, sizes, x, regular is not None), last]
        return [self.after(e, sizes, x, regular is not None)]

    def after(self, e: Equation, sizes: _Sizes, x: Value, lenient: bool) -> Equation:
        """Return what needs no more than the factors of a matrix."""
        name = e.primitive.name
        given = self.factors_of(x, sizes, e)
        if name == "cofactor":
            return _equation(e, "cofactor by factors", sizes.cofactor, (*given, x))
        build: Any = {"inv": sizes.unit if lenient else sizes.inverse, "det": sizes.det, "slogdet": sizes.slogdet}[name]
        return _equation(e, f"{name} by factors", build, given)

    def solve(self, e: Equation, sizes: _Sizes) -> list[Equation]:
        x, turned = self.turned(e.values[0])
        b, other = self.turned(e.values[1])
        upper = self.triangle(x)
        if upper is not None:
            build = sizes.triangular(upper is not turned, turned, other)
            return [_equation(e, "solve, triangular", build, (x, b))]
        return [_equation(e, "solve by factors", sizes.solved(turned, other), (*self.factors_of(x, sizes, e), b))]

    def turned(self, x: Value) -> tuple[Value, bool]:
        """Return a value of which another one may be the transposed matrices, and whether it is."""
        before = self.made.get(x)
        if before is not None and before.primitive.name == "matrix_transpose":
            return before.values[0], True
        return x, False

    def triangle(self, x: Value) -> bool | None:
        """Return whether a matrix is upper triangular, None if it may have numbers on both sides."""
        before = self.made.get(x)
        if before is None:
            return None
        name, k = before.primitive.name, before.params.get("k", 0)
        if name == "cholesky" or (name == "tril" and k <= 0):
            return False
        if (name == "triu" and k >= 0) or (name == "qr" and x is before.outputs[1]):
            return True
        return None

    def regular(self, x: Value) -> Value | None:
        """Return the matrix that another one is unless it is singular, and a unit matrix then; None if it is not so."""
        chosen = self.made.get(x)
        if chosen is None or chosen.primitive.name != "where" or len(chosen.values) != 3:
            return None
        # One answer for each matrix, not for each of its rows.
        if chosen.values[0].shape not in ((), (*x.shape[:-2], 1, 1)):
            return None
        which = self.made.get(chosen.values[0])
        if which is not None and which.primitive.name == "reshape":
            which = self.made.get(which.values[0])
        if which is None or which.primitive.name != "not_equal" or which.inputs[1:] != (0,):
            return None
        sign = self.made.get(which.values[0])
        if sign is None or sign.primitive.name != "slogdet" or sign.outputs[0] is not which.values[0]:
            return None
        return chosen.values[1] if sign.values[0] is chosen.values[1] and self.unit(chosen.values[2]) else None

    def unit(self, x: Value) -> bool:
        """Return whether a constant consists of unit matrices."""
        known = np.asarray(self.constants.get(x))
        return known.ndim > 1 and bool((known == np.eye(*known.shape[-2:])).all())

    def factors_of(self, x: Value, sizes: _Sizes, e: Equation) -> tuple[Value, Value]:
        found = self.factors.get(x)
        if found is None:
            spec = x.spec
            places = Spec(x.shape[:-1], np.dtype(np.int64), spec.backend, spec._device)  # pyright: ignore[reportPrivateUsage]  # may be open
            found = self.factors[x] = (Value(spec), Value(places))
            special: Any = Special("factors, by blocks", sizes.factored)
            self.kept.append(Equation(special, (x,), {}, found, e.line, e.again))
        return found


def _equation(e: Equation, name: str, build: Callable[..., Any], inputs: tuple[Value, ...]) -> Equation:
    special: Any = Special(name, build)
    return Equation(special, inputs, {}, e.outputs, e.line, e.again)


class _Sizes:
    """Kernels of stacks of matrices: how many, their rows, right-hand sides, and what numbers they consist of."""

    def __init__(self, count: int, n: int, columns: int, dtype: np.dtype) -> None:
        self.count, self.n, self.columns, self.dtype = count, n, columns, dtype
        self.typed = type_of(dtype)
        self.scratch = panels.scratch_size()

    def factored(self, compile: Compile, threads: int) -> Steps:
        parts = self.parts(threads)
        source = factor_code.factored(self.typed, self.scratch)
        room = memory_of(parts, self.n * factor_code.BLOCK + 1, self.dtype)
        given = [self.of(0), self.of(1), self.rows(2), scratch(parts), room, self.n]
        return self.steps(compile, parts, source, "xxqwsn", given)

    def solved(self, turned: bool, right_turned: bool) -> Callable[[Compile, int], Steps]:
        source = system_code.solved(self.typed, self.scratch, turned=turned, right_turned=right_turned)
        return self.system(source, "xqxxbwsnn", [self.of(0), self.rows(1), self.right(2), self.right(3)])

    def triangular(self, upper: bool, turned: bool, right_turned: bool) -> Callable[[Compile, int], Steps]:
        source = system_code.triangular(self.typed, self.scratch, upper=upper, turned=turned, right_turned=right_turned)
        return self.system(source, "xxxbwsnn", [self.of(0), self.right(1), self.right(2)])

    def system(self, source: str, kinds: str, arrays: list[Of]) -> Callable[[Compile, int], Steps]:
        def build(compile: Compile, threads: int) -> Steps:
            parts = self.parts(threads)
            rest = [memory_of(parts, 1, self.dtype), self.n, self.columns]
            return self.checked(compile, parts, source, kinds, arrays, rest, _singular)

        return build

    def inverse(self, compile: Compile, threads: int) -> Steps:
        source = system_code.inverse(self.typed, self.scratch, lenient=False)
        return self.inverted(compile, threads, source, self.of(2), self.n, _singular)

    def unit(self, compile: Compile, threads: int) -> Steps:
        source = system_code.inverse(self.typed, self.scratch, lenient=True)
        return self.inverted(compile, threads, source, self.of(2), self.n, _singular)

    def cofactor(self, compile: Compile, threads: int) -> Steps:
        source = determinant_code.cofactor(self.typed, self.scratch)
        return self.inverted(compile, threads, source, self.of(3), self.n**2, _carefully)

    def inverted(
        self, compile: Compile, threads: int, source: str, result: Of, room: int, otherwise: Callable[..., None]
    ) -> Steps:
        parts, n = self.parts(threads), self.n
        rest = [memory_of(parts, 1, self.dtype), memory_of(parts, room, self.dtype), np.zeros(parts * n, np.int64), n]
        arrays = [self.of(0), self.rows(1), result]
        return self.checked(compile, parts, source, "xqxbwssbn", arrays, rest, otherwise)

    def det(self, compile: Compile, threads: int) -> Steps:  # noqa: ARG002  # as all are called
        given = [self.of(0), self.rows(1), Of(2, (self.count,)), self.n]
        return self.steps(compile, 1, determinant_code.det(self.typed), "xqxn", given)

    def slogdet(self, compile: Compile, threads: int) -> Steps:  # noqa: ARG002
        given = [self.of(0), self.rows(1), Of(2, (self.count,)), Of(3, (self.count,)), self.n]
        return self.steps(compile, 1, determinant_code.slogdet(self.typed), "xqxxn", given)

    def cholesky(self, compile: Compile, threads: int) -> Steps:
        parts, n = self.parts(threads), self.n
        rest = [memory_of(parts, n * n + n * factor_code.BLOCK + 2, self.dtype), n]
        source = factor_code.cholesky(self.typed, self.scratch)
        return self.checked(compile, parts, source, "xxbwsn", [self.of(0), self.of(1)], rest, _indefinite)

    def of(self, index: int) -> Of:
        return Of(index, (self.count * self.n * self.n,))

    def rows(self, index: int) -> Of:
        return Of(index, (self.count * self.n,))

    def right(self, index: int) -> Of:
        return Of(index, (self.count * self.n * self.columns,))

    def parts(self, threads: int) -> int:
        """Return how many threads share the matrices."""
        return max(1, min(threads, self.count, self.count * self.n**2 * (self.columns or self.n) // _WORK))

    def checked(
        self,
        compile: Compile,
        parts: int,
        source: str,
        kinds: str,
        arrays: list[Of],
        rest: list[Any],
        otherwise: Callable[..., None],
    ) -> Steps:
        """Return steps that say if they cannot do something, and have room for products."""
        bad = np.zeros(8 * parts, np.int64)
        return self.steps(compile, parts, source, kinds, [*arrays, bad, scratch(parts), *rest], bad, otherwise)

    def steps(
        self,
        compile: Compile,
        parts: int,
        source: str,
        kinds: str,
        given: list[Any],
        bad: np.ndarray | None = None,
        otherwise: Callable[..., None] | None = None,
    ) -> Steps:
        array = self.dtype.name
        types = {"x": f"{array}[::1]", "s": f"{array}[:,::1]", "w": "uint8[::1]", "n": "int64"}
        signature = ", ".join([types.get(k, "int64[::1]") for k in kinds])
        loop = compile(source, f"void(int64, int64, int64, {signature})")
        bounds = tuple([self.count * i // parts for i in range(parts + 1)])
        return Steps([Step(loop, bounds, given)], bad=bad, otherwise=otherwise)


def _singular(*arrays: Any) -> None:  # noqa: ARG001  # what the kernel was called with
    raise np.linalg.LinAlgError("Singular matrix")


def _indefinite(x: Any, y: Any) -> None:
    # An error, unless what is not positive is no number.
    y[...] = KERNELS["cholesky"](x)


def _carefully(factors: Any, places: Any, x: Any, y: Any) -> None:  # noqa: ARG001
    y[...] = KERNELS["cofactor"](x)
