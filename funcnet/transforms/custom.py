"""Functions with derivative rules of their own: ``custom_vjp`` and ``custom_jvp``."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Tracer, carries_derivative
from funcnet.errors import NotDifferentiableError, ParameterError, TreeError
from funcnet.ops import add
from funcnet.transforms.batched_call import batched_call
from funcnet.transforms.call import Arguments, Call, Zero, call_rule, place, returned, without_closure
from funcnet.transforms.leaves import positions
from funcnet.transforms.linearity import transposed
from funcnet.transforms.recorded import expanded_or_recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Trace

__all__ = ["custom_jvp", "custom_vjp"]


class _Custom:
    """What both decorators share: the call, its arguments, and those that are not differentiated."""

    kind = ""

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        if not callable(f):
            raise ParameterError(
                f"fn.{self.kind} decorates a function.",
                found=type(f).__name__,
                needed="a callable",
                write=f"@fn.{self.kind}",
            )
        # First, since it copies the attributes of `f`, which may be of this class.
        update_wrapper(self, f)  # pyright: ignore[reportArgumentType]  # the subclasses are callable
        self.f = f
        self.nondiff_argnums = nondiff_argnums
        self.name = getattr(f, "__name__", type(f).__name__)

    def __repr__(self) -> str:
        return f"<{self.kind} function {self.name}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        raise ParameterError(
            f"fn.{self.kind} decorates functions, not methods.",
            found=f"{self.name!r}, called on an instance of {type(instance).__name__}",
            needed="a function of arrays",
            write="a function outside of the class that the method calls",
        )

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        """Return all arguments by position, and which are not differentiated."""
        if kwargs:
            from inspect import signature  # slow to import, and rarely needed

            bound = signature(self.f).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
            if bound.kwargs:
                raise ParameterError(
                    f"{self.name!r} has keyword-only arguments, which rules do not get.",
                    found=", ".join(bound.kwargs),
                    needed="arguments that can be passed by position",
                    write=f"{self.name}(x, option) with nondiff_argnums for what is no array",
                )
        held = tuple(sorted(positions(self.nondiff_argnums, len(args), f"fn.{self.kind}")))
        for i in held:
            if any(carries_derivative(leaf) for leaf in tree.leaves(args[i])):
                raise NotDifferentiableError(
                    f"Argument {i} of {self.name!r} is traced, but declared as not differentiable.",
                    found=repr(args[i]),
                    needed="plain values for the arguments in nondiff_argnums",
                    write="fn.stop_gradient(x), or another nondiff_argnums",
                )
        return args, held

    def _missing(self, rule: str) -> ParameterError:
        return ParameterError(
            f"The fn.{self.kind} function {self.name!r} has no rule.",
            needed=f"a call of {self.name}.{rule} before it is differentiated",
            write=f"{self.name}.{rule}",
        )


class _CustomCall(Call):
    """A call of a function with rules."""

    __slots__ = ("all_args", "f", "held")
    batch = staticmethod(batched_call)

    def __init__(self, f: Any, args: tuple[Any, ...], held: tuple[int, ...]) -> None:
        self.f = f
        self.all_args = args
        self.held = held
        super().__init__(f.name, Arguments(tuple([a for i, a in enumerate(args) if i not in held])))

    def merged(self, free: Sequence[Any]) -> tuple[Any, ...]:
        """Return all arguments by position from those that are differentiated."""
        rest = iter(free)
        return tuple([a if i in self.held else next(rest) for i, a in enumerate(self.all_args)])

    def kept_back(self) -> tuple[Any, ...]:
        """Return the arguments that are not differentiated."""
        return tuple([self.all_args[i] for i in self.held])

    def where(self, path: str) -> str:
        """Name a place in the tuple of differentiated arguments."""
        head, _, tail = path.partition("]")
        free = [i for i in range(len(self.all_args)) if i not in self.held]
        return place(f"[{free[int(head[1:])]}]{tail}")

    def with_held(self, values: Sequence[Any]) -> _CustomCall:
        """Return the same call with other values for the traced arrays among what is not differentiated."""
        if not values:
            return self
        given = iter(values)
        args = [
            tree.map(lambda leaf: next(given) if leaf.__class__ is Tracer else leaf, a) if i in self.held else a
            for i, a in enumerate(self.all_args)
        ]
        made = type(self)(self.f, tuple(args), self.held)
        made.arguments, made.structure = self.arguments, self.structure
        return made

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        return self.flat(without_closure(self.f.f(*self.merged(self.arguments.filled(values))), repr(self.f.name)))

    def expanded(self, *values: Any) -> tuple[Any, ...]:
        """Run the function, operation by operation."""
        return self.flat(self.f.f(*self.merged(self.arguments.filled(values))))

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:
        held = [leaf for leaf in tree.leaves(self.kept_back()) if leaf.__class__ is Tracer]

        def expand(*given: Any) -> tuple[Any, ...]:
            ys = (call := self.with_held(given[len(values) :])).expanded(*given[: len(values)])
            self.structure = call.structure
            return ys

        return expanded_or_recorded(self, trace, values, held, expand)


class _VjpCall(_CustomCall):
    __slots__ = ()

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:  # noqa: ARG002
        args = self.arguments.filled(values)
        found = call_rule(self.f.fwd, *self.merged(args))
        if not (isinstance(found, tuple) and len(found) == 2):
            raise TreeError(
                f"The forward rule of {self.name!r} did not return a pair.",
                found=f"{type(found).__name__}{f' of length {len(found)}' if isinstance(found, tuple) else ''}",
                needed="(output, residuals)",
                write="return y, (x, y)",
            )
        out, residuals = found
        ys = self.flat(out)
        return ys, (residuals, args, self.structure)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        residuals, args, structure = kept
        rule = f"What the backward rule of {self.name!r} returned"
        found = call_rule(self.f.bwd, *self.kept_back(), residuals, tree.unflatten(structure, gs))
        if not (isinstance(found, tuple) and len(found) == len(args)):
            raise TreeError(
                f"{rule} is not one cotangent for each differentiable argument.",
                found=f"{type(found).__name__}{f' of length {len(found)}' if isinstance(found, tuple) else ''}",
                needed=f"a tuple of length {len(args)}",
                write="return (dx,)" if len(args) == 1 else "return dx1, dx2",
            )
        flat: list[Any] = []
        for i, (ct, arg) in enumerate(zip(found, args, strict=True)):
            what = f"The cotangent that the backward rule of {self.name!r} returned for {self.where(f'[{i}]')}"
            flat += returned(ct, arg, what, lambda path, i=i: self.where(f"[{i}]{path}"))
        return [flat[self.arguments.where[i]] for i in active]


class custom_vjp(_Custom):  # noqa: N801  # used as a function
    r"""Give a function a reverse-mode derivative rule of its own.

    Wherever the function is differentiated, `fwd` is called in its place, and `bwd` maps the cotangent of its output
    to those of its arguments. Both are ordinary code in traced operations: higher derivatives differentiate the rules.
    Forward mode is the transpose of `bwd`, and refuses one that is not linear in the cotangent.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays; returns a pytree of arrays. It must not use traced arrays from outside.
    nondiff_argnums : int or sequence of int, default ()
        Arguments that are no arrays or not differentiated; `bwd` gets them first.

    Methods
    -------
    defvjp(fwd, bwd)
        Set the rules. ``fwd(*args) -> (output, residuals)``; ``bwd(*nondiff, residuals, cotangent)`` returns a tuple
        with one cotangent for each differentiable argument, a pytree like it; None stands for zero, anywhere.

    Raises
    ------
    ParameterError
        If it is differentiated without rules.
    TreeError, ShapeError, DtypeError
        If a rule returns another structure, shape or dtype than it must; the message names rule and path.
    NotDifferentiableError
        If the function uses a traced array that is not among its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> @fn.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, g: (xp.clip(g, -1.0, 1.0),))
    >>> fn.grad(lambda x: clipped(x) * 5.0)(np.array(2.0))
    array(1.)
    """

    kind = "custom_vjp"
    fwd: Any = None
    bwd: Any = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the forward and the backward rule."""
        self.fwd, self.bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        args, held = self._arguments(args, kwargs)
        call = _VjpCall(self, args, held)
        if not call.arguments.operands:
            return without_closure(self.f(*args), repr(self.name))
        if self.bwd is None:
            raise self._missing("defvjp(fwd, bwd)")
        return call.result()


class _JvpCall(_CustomCall):
    __slots__ = ()

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        from_rule: list[Any] = []

        def linear(*ts: Any) -> tuple[list[Any], Any]:
            tangents: list[Any] = [None] * len(values)
            for i, t in zip(active, ts, strict=True):
                tangents[i] = t
            ys, out = self.push(values, tangents)
            from_rule.append(self.structure)
            return [t for t in out if t is not None], (list(ys), [t is not None for t in out])

        _, transpose, (ys, live) = transposed(
            linear,
            [Zero(values[i]) for i in active],
            f"The jvp rule of {self.name!r}, which reverse mode transposes,",
            "fn.custom_vjp for a rule of reverse mode, or fn.jvp, which takes the rule as it is",
        )
        self.structure = from_rule[0]
        return tuple(ys), (transpose, live)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:  # noqa: ARG002
        transpose, live = kept
        return transpose([g for g, alive in zip(gs, live, strict=True) if alive])

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        args = self.arguments.filled(values)
        found = call_rule(self.f.jvp, *self.kept_back(), args, self.arguments.directions(values, tangents))
        if not (isinstance(found, tuple) and len(found) == 2):
            raise TreeError(
                f"The jvp rule of {self.name!r} did not return a pair.",
                found=f"{type(found).__name__}{f' of length {len(found)}' if isinstance(found, tuple) else ''}",
                needed="(output, tangent of the output)",
                write="return y, dy",
            )
        out, t = found
        ys = self.flat(out)
        what = f"The tangent that the jvp rule of {self.name!r} returned"
        return ys, returned(
            t, tree.unflatten(self.structure, ys), what, lambda path: f"the output{path and f' at {path}'}"
        )


class custom_jvp(_Custom):  # noqa: N801  # used as a function
    """Give a function a forward-mode derivative rule of its own.

    The rule is linear in the tangents; reverse mode is its transpose, and refuses one that is not. A constant that is
    added to the tangents is noticed by its value, which ``jit`` does not have. The rule is ordinary code in traced
    operations: higher derivatives differentiate it.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays; returns a pytree of arrays. It must not use traced arrays from outside.
    nondiff_argnums : int or sequence of int, default ()
        Arguments that are no arrays or not differentiated; the rule gets them first.

    Methods
    -------
    defjvp(jvp)
        Set the rule ``jvp(*nondiff, primals, tangents) -> (output, tangent of the output)``. Primals and tangents are
        tuples; a tangent is zeros where there is no derivative, None for leaves that are not floating-point.
    defjvps(*jvps)
        Set one rule per argument, ``jvp(tangent, output, *primals) -> tangent of the output``, or None for zero.

    Raises
    ------
    ParameterError
        If it is differentiated without a rule.
    TreeError, ShapeError, DtypeError
        If the rule returns another structure, shape or dtype than it must; the message names rule and path.
    NotDifferentiableError
        If the function uses a traced array that is not among its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> @fn.custom_jvp
    ... def log1pexp(x):
    ...     return xp.log1p(xp.exp(x))
    >>> log1pexp.defjvps(lambda t, y, x: t / (1 + xp.exp(-x)))
    >>> fn.grad(log1pexp)(np.array(0.0)), fn.jvp(log1pexp, (np.array(0.0),), (np.array(2.0),))[1]
    (array(0.5), np.float64(1.0))
    """

    kind = "custom_jvp"
    jvp: Any = None

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule; may be used as a decorator."""
        self.jvp = jvp
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set one rule per differentiable argument."""

        def jvp(*args: Any) -> tuple[Any, Any]:
            *held, primals, tangents = args
            if len(jvps) != len(primals):
                raise ParameterError(
                    f"{self.name!r} was given one rule per argument, but not as many as arguments.",
                    found=f"{len(jvps)} rules, {len(primals)} arguments",
                    needed="one rule, or None, for each differentiable argument",
                    write=f"{self.name}.defjvps(rule, None)",
                )
            rest = iter(primals)
            which = {i % (len(held) + len(primals)) for i in _as_tuple(self.nondiff_argnums)}
            kept = iter(held)
            merged = [next(kept) if i in which else next(rest) for i in range(len(held) + len(primals))]
            y = self(*merged)
            total = None
            for rule, t in zip(jvps, tangents, strict=True):
                if rule is None or t is None:
                    continue
                term = rule(t, y, *merged)
                total = term if total is None else tree.map(add, total, term)
            return y, total

        self.jvp = jvp

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        args, held = self._arguments(args, kwargs)
        call = _JvpCall(self, args, held)
        if not call.arguments.operands:
            return without_closure(self.f(*args), repr(self.name))
        if self.jvp is None:
            raise self._missing("defjvp(jvp)")
        return call.result()


def _as_tuple(argnums: int | Sequence[int]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)
