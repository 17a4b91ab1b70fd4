"""Reverse and forward rules, derived from the declaration of a primitive on first use."""

from __future__ import annotations

from operator import neg
from typing import TYPE_CHECKING, Any

from funcnet.core import Refused
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError, ParameterError
from funcnet.ops import cast, sum_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.core import Primitive

    Maker = Callable[..., Any]

__all__ = ["reverse_makers", "scaled"]


def reverse_makers(primitive: Primitive) -> tuple[Maker | None, ...] | Callable[[int], Maker]:
    """Return one ``maker(y, args, params) -> pull`` per argument, or a function from the position to it."""
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


def scaled(primitive: Primitive, partial: Any) -> Callable[..., Any] | None:
    """Return ``apply(g, y, args)`` for one entry of `partials`, or None where the derivative is zero."""
    if partial is None:
        return None
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
    """Return ``maker(y, args, params) -> pull`` that keeps only what the partial derivative needs.

    One maker per number of kept values, because this is what every recorded operation pays for.
    """
    if partial is None:
        return None
    sources = _sources(primitive, partial) if callable(partial) else []
    if not sources:
        constant = partial if callable(partial) else None if partial == 1 else neg

        def none_kept(y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001  # elementwise primitives have no parameters
            x = args[position]
            if y.dtype is x.dtype and (single or y.shape == x.shape):
                return constant
            return _fitted(constant, x.shape, x.dtype)

        return none_kept
    first = sources[0]
    if len(sources) == 1:

        def one_kept(y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001
            x = args[position]
            v = y if first < 0 else args[first]
            if y.dtype is x.dtype and (single or y.shape == x.shape):
                return lambda g: partial(g, v)
            return _fitted(lambda g: partial(g, v), x.shape, x.dtype)

        return one_kept

    def several_kept(y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001
        x = args[position]
        values = [y if k < 0 else args[k] for k in sources]
        if y.dtype is x.dtype and (single or y.shape == x.shape):
            return lambda g: partial(g, *values)
        return _fitted(lambda g: partial(g, *values), x.shape, x.dtype)

    return several_kept


def _fitted(pull: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return `pull` followed by the sum over broadcast dimensions and the cast to the argument's dtype."""

    def fit(g: Any) -> Any:
        ct = g if pull is None else pull(g)
        if ct.shape != shape:
            # A partial that does not depend on the other arguments leaves the shape of g.
            ct = sum_to(ct, shape)
        return ct if ct.dtype == dtype else cast(ct, dtype)

    return fit


def _general_maker(primitive: Primitive, position: int, rule: Any) -> Maker | None:
    if rule is None:
        return None
    if rule.__class__ is Refused:
        return _refusal(primitive, position, rule)
    multiple = primitive.multiple

    def maker(y: Any, args: Any, params: Any) -> Any:
        pull = rule(y, *args, **params)
        dtype = args[position].dtype
        return _cast_to(pull, dtype) if multiple or y.dtype != dtype else pull

    return maker


def _cast_to(pull: Any, dtype: Any) -> Any:
    def cast_pull(g: Any) -> Any:
        ct = g if pull is None else pull(g)
        return ct if ct is None or ct.dtype == dtype else cast(ct, dtype)

    return cast_pull


def _refusal(primitive: Primitive, position: int, rule: Refused) -> Maker:
    def maker(y: Any, args: Any, params: Any) -> Any:  # noqa: ARG001  # one signature for all makers
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
