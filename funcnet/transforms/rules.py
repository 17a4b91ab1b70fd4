"""Reverse and forward rules, derived from the declaration of a primitive on first use."""

from __future__ import annotations

from operator import neg
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import Refused
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError, ParameterError
from funcnet.ops import cast, sum_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

    Maker = Callable[..., Any]

__all__ = ["keeps", "reverse_makers", "scaled"]

# NumPy's numbers: two of one class have one shape and dtype, which take long to ask for.
_NUMBERS = frozenset([np.float16, np.float32, np.float64, np.complex64, np.complex128])


def reverse_makers(primitive: Primitive) -> tuple[Maker | None, ...] | Callable[[int], Maker]:
    """Return one ``maker(node, y, args, params) -> edge`` per argument, or a function from the position to it."""
    if primitive.reverse is None:
        if primitive.kind == "elementwise":
            single = len(primitive.partials) == 1
            rule: Any = tuple(_elementwise_maker(primitive, i, p, single) for i, p in enumerate(primitive.partials))
        elif primitive.vjp is None:
            rule = ()
        elif callable(primitive.vjp):
            rule = _Variadic(primitive)
        else:
            rule = tuple(_general_maker(primitive, i, v) for i, v in enumerate(primitive.vjp))
        primitive.reverse = rule
    return primitive.reverse


def keeps(maker: Any, position: int) -> bool:
    """Whether what a maker records holds the argument at a position."""
    kept = getattr(maker, "kept", None)
    return kept is None or position in kept


def scaled(primitive: Primitive, partial: Any) -> Callable[..., Any] | None:
    """Return ``apply(g, y, args)`` for one entry of `partials`, or None where the derivative is zero."""
    if partial is None:
        return None
    if partial.__class__ is Refused:
        refuse = _refusal(primitive, primitive.partials.index(partial), partial)
        return lambda g, y, args: refuse(None, y, args, {})  # noqa: ARG005  # one signature
    if partial.__class__ is int:
        return (lambda g, y, args: g) if partial == 1 else (lambda g, y, args: -g)  # noqa: ARG005  # one signature
    f, sources = partial, _sources(primitive, partial)
    return lambda g, y, args: f(g, *[y if k < 0 else args[k] for k in sources])


def _sources(primitive: Primitive, partial: Any) -> list[int]:
    """Return what a partial needs beside ``g``: -1 for the result, else the argument's position."""
    code = partial.__code__
    sources = []
    for name in code.co_varnames[1 : code.co_argcount]:
        if name == "y":
            sources.append(-1)
        elif name == "x":
            sources.append(0)
        elif name[0] == "x" and name[1:].isdigit() and 0 < int(name[1:]) <= len(primitive.partials):
            sources.append(int(name[1:]) - 1)
        else:
            raise ParameterError(
                f"A partial derivative of {primitive.name!r} has an unknown parameter.",
                found=name,
                needed="g first, then any of y, x (one argument) or x1, x2, ... (several)",
                write="partials=[lambda g, x: g * xp.cos(x)]",
            )
    return sources


def _elementwise_maker(primitive: Primitive, position: int, partial: Any, single: bool) -> Maker | None:
    """Return ``maker(node, y, args, params) -> edge`` that keeps only what the partial derivative needs.

    One maker per number of kept values and no closures, because this is what every recorded operation pays for.
    """
    if partial is None:
        return None
    if partial.__class__ is Refused:
        return _refusal(primitive, position, partial)
    sources = _sources(primitive, partial) if callable(partial) else []
    if not sources:
        constant = partial if callable(partial) else None if partial == 1 else neg

        def none_kept(node: Any, y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001  # elementwise: no parameters
            x = args[position]
            cls = y.__class__
            if (cls is x.__class__ and cls in _NUMBERS) or (y.dtype is x.dtype and (single or y.shape == x.shape)):
                return node, constant
            return node, _Fitted(constant, (), x)

        none_kept.kept = ()  # type: ignore[attr-defined]
        return none_kept
    first = sources[0]
    if len(sources) == 1:

        def one_kept(node: Any, y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001
            x = args[position]
            v = y if first < 0 else args[first]
            cls = y.__class__
            if (cls is x.__class__ and cls in _NUMBERS) or (y.dtype is x.dtype and (single or y.shape == x.shape)):
                return node, partial, v
            return node, _Fitted(partial, (v,), x)

        one_kept.kept = sources  # type: ignore[attr-defined]
        return one_kept

    def several_kept(node: Any, y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001
        x = args[position]
        values = [y if k < 0 else args[k] for k in sources]
        if y.dtype is x.dtype and (single or y.shape == x.shape):
            return node, partial, *values
        return node, _Fitted(partial, values, x)

    several_kept.kept = sources  # type: ignore[attr-defined]
    return several_kept


class _Fitted:
    """A partial derivative, then the sum over broadcast dimensions and the cast to the argument's dtype."""

    __slots__ = ("dtype", "function", "shape", "values")

    def __init__(self, function: Any, values: Sequence[Any], x: Any) -> None:
        self.function = function
        self.values = values
        self.shape = x.shape
        self.dtype = x.dtype

    def __call__(self, g: Any) -> Any:
        ct = g if self.function is None else self.function(g, *self.values)
        if ct.shape != self.shape:
            # A partial that does not depend on the other arguments leaves the shape of g.
            ct = sum_to(ct, self.shape)
        return ct if ct.dtype == self.dtype else cast(ct, self.dtype)


def _general_maker(primitive: Primitive, position: int, rule: Any) -> Maker | None:
    if rule is None:
        return None
    if rule.__class__ is Refused:
        return _refusal(primitive, position, rule)
    multiple = primitive.multiple

    def maker(node: Any, y: Any, args: Any, params: Any) -> Any:
        pull = rule(y, *args, **params)
        dtype = args[position].dtype
        return node, _cast_to(pull, dtype) if multiple or y.dtype != dtype else pull

    return maker


def _cast_to(pull: Any, dtype: Any) -> Any:
    def cast_pull(g: Any) -> Any:
        ct = g if pull is None else pull(g)
        return ct if ct is None or ct.dtype == dtype else cast(ct, dtype)

    return cast_pull


def _refusal(primitive: Primitive, position: int, rule: Refused) -> Maker:
    def maker(node: Any, y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001  # one signature for all makers
        raise NotDifferentiableError(
            f"xp.{primitive.name} is not differentiable with respect to argument {position}, in {user_frame()}.",
            found=rule.reason,
            needed="an argument that carries no derivative",
            write=rule.write or f"fn.stop_gradient(x) around argument {position}",
        )

    return maker


class _Variadic:
    """Makers of a primitive with any number of arguments."""

    __slots__ = ("primitive",)

    def __init__(self, primitive: Primitive) -> None:
        self.primitive = primitive

    def __call__(self, position: int) -> Maker:
        vjp: Any = self.primitive.vjp
        return _general_maker(self.primitive, position, lambda y, *args, **params: vjp(position, y, *args, **params))  # type: ignore[return-value]
