"""Calls of solvers: black boxes whose derivatives follow from the condition that their results fulfil."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Spec, bind, raw, untraced
from funcnet.core.dtypes import kind
from funcnet.core.frames import user_frame
from funcnet.errors import AbstractValueError, DtypeError, NonScalarOutputError
from funcnet.ops import negative, subtract
from funcnet.ops.linalg.solving import solve as solve_systems
from funcnet.transforms.batch import vmap
from funcnet.transforms.black_box import adopted, owned
from funcnet.transforms.call import Arguments, Opaque, call_rule, returned
from funcnet.transforms.forward import jvp
from funcnet.transforms.linear_systems import METHODS, Space
from funcnet.transforms.promised import check_promise, first_inexact, promised
from funcnet.transforms.reverse import vjp
from funcnet.transforms.solutions import check_solution

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Trace

__all__ = ["SolverCall"]


class SolverCall(Opaque):
    """A call of a solver."""

    __slots__ = ("aux", "condition", "declared", "differentiated", "has_aux", "solve", "solver", "tolerance")

    def __init__(
        self,
        solver: Any,
        condition: Any,
        solve: Any,
        has_aux: bool,
        args: tuple[Any, ...],
        tolerance: float | None = None,
        shape: Callable[..., Any] | None = None,
    ) -> None:
        self.solver = solver
        self.condition = condition
        self.solve = solve
        self.has_aux = has_aux
        self.tolerance = tolerance
        self.declared = shape
        #: Whether the result is needed for a derivative.
        self.differentiated = False
        self.aux: Any = None
        super().__init__(getattr(solver, "__name__", type(solver).__name__), Arguments(args))

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        # Copies: many solvers work in place, on what they start from or what they are given.
        args = tree.map(owned, self.arguments.filled(values))
        out = untraced(self.solver, *args)
        if self.has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise NonScalarOutputError(
                    f"The solver {self.name!r} with has_aux=True did not return a pair.",
                    found=type(out).__name__,
                    needed="(solution, auxiliary data)",
                    write="return y, result",
                )
            out, self.aux = out
        leaves = tree.leaves(args)
        ys = self.flat(tree.map(lambda leaf: adopted(leaf, leaves), out))
        for y in ys:
            if kind(y.dtype) != "f":
                raise DtypeError(
                    f"The solver {self.name!r} returned something that is not a real floating-point array.",
                    found=str(y.dtype),
                    needed="a real floating-point dtype",
                    write="has_aux=True for what is no solution; real and imaginary part as two arrays",
                )
        if self.promise is not None:
            # The solver may keep what it returns.
            ys = tuple([owned(y) for y in ys])
            check_promise(f"The solver {self.name!r}", ys, self.promise)
        if self.differentiated and self.tolerance is not None:
            y, fresh = self._solution(ys, values)
            check_solution(lambda y: self._at(y, fresh), y, self.tolerance, self.name)
        return ys

    def specs(self, args: Sequence[Any]) -> Sequence[Spec]:
        given = self.arguments.filled(args)
        if self.has_aux:
            raise AbstractValueError(
                f"The solver {self.name!r} returns auxiliary data, whose shapes are not known beforehand, in "
                f"{user_frame()}.",
                needed="real arrays, or a solver that returns the solution alone",
                write="has_aux=False under fn.jit and fn.eval_shape",
            )
        found = promised(_like_init if self.declared is None else self.declared, given)
        leaves, self.structure = tree.flatten(found)
        if not leaves or not all([isinstance(s, Spec) and kind(s.dtype) == "f" for s in leaves]):
            raise AbstractValueError(
                f"What the solver {self.name!r} returns is not known where only shapes are, in {user_frame()}.",
                found="a shape rule that gives no real floating-point arrays"
                if self.declared
                else "init, which is no pytree of real floating-point arrays",
                needed="what the solution is like",
                write="an init like the solution, or shape=lambda init, a: a.shape",
            )
        self.promise = leaves
        return leaves

    def _at(self, y: Any, args: tuple[Any, ...]) -> Any:
        """Return the condition, checked to be like the solution."""
        found = call_rule(self.condition, y, *args)
        what = f"What the condition of {self.name!r} returned"
        flat = returned(found, y, what, lambda path: f"the solution{path and f' at {path}'}")
        leaves, structure = tree.flatten(y)
        return tree.unflatten(structure, [leaf * 0 if f is None else f for f, leaf in zip(flat, leaves, strict=True)])

    def _of_operands(self, y: Any, values: Sequence[Any], active: Sequence[int]) -> Callable[..., Any]:
        """Return the condition as a function of the active operands."""

        def f(*chosen: Any) -> Any:
            full = list(values)
            for i, v in zip(active, chosen, strict=True):
                full[i] = v
            return self._at(y, self.arguments.filled(full)[1:])

        return f

    def _solution(self, ys: Sequence[Any], values: Sequence[Any]) -> tuple[Any, tuple[Any, ...]]:
        return tree.unflatten(self.structure, ys), self.arguments.filled(values)[1:]

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        ys, values = kept
        y, args = self._solution(ys, values)
        b = tree.unflatten(self.structure, [negative(g) for g in gs])
        u = _linear_solution(self._at, y, args, b, self.solve, transposed=True)
        _, pullback = vjp(self._of_operands(y, values, active), *[values[i] for i in active])
        return list(pullback(u))

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        self.differentiated = True
        return super().start(values, active)

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        self.differentiated = True
        ys = bind(self, *values)
        y, args = self._solution(ys, values)
        active = [i for i, t in enumerate(tangents) if t is not None]
        f = self._of_operands(y, values, active)
        _, change = jvp(f, [values[i] for i in active], [tangents[i] for i in active])
        t = _linear_solution(self._at, y, args, tree.map(negative, change), self.solve, transposed=False)
        return ys, tree.leaves(t)


def _like_init(init: Any, *args: Any) -> Any:
    """Return what a solution is like that is like what the solver starts from."""
    first = first_inexact(args)

    def spec(leaf: Any) -> Any:
        if isinstance(leaf, float):
            return Spec((), None if first is None else first.dtype, None if first is None else first.backend)
        return leaf

    return tree.map(spec, init)


def _like_right_side(_: None, b: Any, *others: Any) -> Any:  # noqa: ARG001  # one signature
    return b


class _Linear(SolverCall):
    """The solution of a dense linear system, which a graph computes itself."""

    __slots__ = ("products",)
    region = False
    products: Callable[..., Any]

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:  # noqa: ARG002  # one signature
        _, b, y, args = self.arguments.filled(values)
        flat, structure = tree.flatten(b)
        space = Space(flat)
        apply, _ = self.products(space, structure, y, args)
        found = solve_systems(vmap(apply, out_axes=1)(space.basis()), space.vector(flat))
        return self.flat(tree.unflatten(structure, space.parts(found)))


def _linear_solution(f: Any, y: Any, args: tuple[Any, ...], b: Any, solve: Any, *, transposed: bool) -> Any:
    """Solve with the Jacobian of ``f(y, args)`` in `y`, or its transpose; again the root of a condition."""

    def residual(u: Any, b: Any, y: Any, args: tuple[Any, ...]) -> Any:
        if transposed:
            product = vjp(lambda y: f(y, args), y)[1](u)[0]
        else:
            product = jvp(lambda y: f(y, args), (y,), (u,))[1]
        return tree.map(subtract, product, b)

    def products(space: Space, structure: Any, y: Any, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return what multiplies vectors by the matrix, and by its transpose."""
        _, pullback = vjp(lambda y: f(y, args), y)

        def back(v: Any) -> Any:
            return space.vector(tree.leaves(pullback(tree.unflatten(structure, space.parts(v)))[0]))

        def forth(v: Any) -> Any:
            return space.vector(
                tree.leaves(jvp(lambda y: f(y, args), (y,), (tree.unflatten(structure, space.parts(v)),))[1])
            )

        return (back, forth) if transposed else (forth, back)

    def linear_solver(_: None, b: Any, y: Any, args: tuple[Any, ...]) -> Any:
        flat, structure = tree.flatten(b)
        space = Space(flat)
        apply, adjoint = products(space, structure, y, args)
        vector = raw(space.vector(flat))
        if callable(solve):
            found = solve(lambda v: raw(apply(v)), vector)
        else:
            found = METHODS[solve](space, apply, adjoint, vector)
        return tree.map(raw, tree.unflatten(structure, space.parts(raw(found))))

    kind_of_call = _Linear if solve == "dense" else SolverCall
    call = kind_of_call(linear_solver, residual, solve, False, (None, b, y, args), shape=_like_right_side)
    if isinstance(call, _Linear):
        call.products = products
    return call.result()
