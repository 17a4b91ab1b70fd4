"""Recurrences along whole sequences as single operations, each with an operation for its derivative.

Both are written once, in functions of the standard: on plain arrays that is the reference implementation, on traced
ones it is what further derivatives are made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import Spec, Tracer, bind, constant, general, owner
from funcnet.transforms import custom_vjp, jvp, vjp
from funcnet.transforms.batch import composed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["logistic", "order", "sequence_operation"]


def order(steps: int, *, reverse: bool) -> range:
    """Return the steps in the order in which a sequence is gone through."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def logistic(xp: Any, x: Any) -> Any:
    """Return the logistic function in functions of the standard, which cannot overflow."""
    return 0.5 * xp.tanh(0.5 * x) + 0.5


def sequence_operation(
    name: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *,
    results: int,
    arguments: int,
    cases: tuple[Any, ...],
    slope_cases: tuple[Any, ...],
) -> Callable[..., tuple[Any, ...]]:
    """Declare the primitives of a recurrence, and return the function that is made of them.

    Parameters
    ----------
    name : str
        Name of the primitive; that of its derivative ends in ``_slopes``.
    forward : callable
        ``forward(xp, *args, reverse) -> results``, each of shape (time, ..., size). The first argument is the projected
        input, the second a kernel of ``size`` rows. An optional last argument is a mask of booleans.
    backward : callable
        ``backward(xp, *args, *results, *cotangents, reverse)`` gives the cotangents of the arguments.
    results : int
        Number of results.
    arguments : int
        Number of arguments without the mask.
    cases, slope_cases
        Of both primitives.

    Returns
    -------
    callable
        ``f(reverse, *args)``, of which one pass backward serves all arguments.
    """
    forward_of_traced, backward_of_traced = _traced(forward), _traced(backward)

    def shape(projected: Any, kernel: Any, *rest: Any, reverse: bool) -> tuple[Spec, ...]:  # noqa: ARG001
        return (Spec((*projected.shape[:-1], kernel.shape[0]), projected.dtype, owner(projected)),) * results

    def slopes_shape(*args: Any, reverse: bool) -> tuple[Spec, ...]:  # noqa: ARG001
        return tuple([Spec(x.shape, x.dtype, owner(args[0])) for x in args[:arguments]])

    sequence_p = general(
        name,
        forward,
        vjp=_rule(forward_of_traced),
        jvp=_tangents(forward_of_traced),
        shape=shape,
        batch=composed(forward_of_traced),
        multiple=True,
        dtypes="real floating",
        cases=cases,
    )
    slopes_p = general(
        f"{name}_slopes",
        backward,
        vjp=_rule(backward_of_traced),
        jvp=_tangents(backward_of_traced),
        shape=slopes_shape,
        batch=composed(backward_of_traced),
        multiple=True,
        dtypes="real floating",
        cases=slope_cases,
    )

    def sequence_kept(reverse: bool, *args: Any) -> Any:
        ys = sequence(reverse, *args)
        return ys, (args, ys)

    def sequence_backward(reverse: bool, kept: Any, gs: Any) -> Any:
        args, ys = kept
        return (*slopes(reverse, *args, *ys, *gs), *(None,) * (len(args) - arguments))

    def slopes_kept(reverse: bool, *args: Any) -> Any:
        return slopes(reverse, *args), args

    def slopes_backward(reverse: bool, args: Any, cts: Any) -> Any:
        live = [i for i, a in enumerate(args) if not _is_mask(a)]

        def of_live(*values: Any) -> Any:
            full = list(args)
            for i, v in zip(live, values, strict=True):
                full[i] = v
            return backward_of_traced(*full, reverse=reverse)

        found = iter(vjp(of_live, *[args[i] for i in live])[1](tuple(cts)))
        return tuple([next(found) if i in live else None for i in range(len(args))])

    sequence = custom_vjp(lambda reverse, *args: bind(sequence_p, *args, reverse=reverse), nondiff_argnums=0)
    sequence.defvjp(sequence_kept, sequence_backward)
    slopes = custom_vjp(lambda reverse, *args: bind(slopes_p, *args, reverse=reverse), nondiff_argnums=0)
    slopes.defvjp(slopes_kept, slopes_backward)
    return sequence


def _traced(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return an implementation as a function of traced arrays."""

    def composition(*args: Any, **params: Any) -> Any:
        # All traced: not every library lets another class of array answer for its operators.
        return f(xp, *[a if a.__class__ is Tracer else constant(a) for a in args], **params)

    return composition


def _is_mask(x: Any) -> bool:
    return xp.isdtype(x.dtype, "bool")


def _rule(composition: Callable[..., Any]) -> Callable[..., Any]:
    def maker(index: int, y: Any, *args: Any, **params: Any) -> Any:  # noqa: ARG001  # one signature for all makers
        if _is_mask(args[index]):
            return None

        def pull(gs: Any) -> Any:
            _, back = vjp(lambda a: composition(*args[:index], a, *args[index + 1 :], **params), args[index])
            return back(tuple(gs))[0]

        return pull

    return maker


def _tangents(composition: Callable[..., Any]) -> Callable[..., Any]:
    def rule(ts: Any, y: Any, *args: Any, **params: Any) -> Any:  # noqa: ARG001
        live = [i for i, t in enumerate(ts) if t is not None]

        def of_live(*values: Any) -> Any:
            full = list(args)
            for i, v in zip(live, values, strict=True):
                full[i] = v
            return composition(*full, **params)

        return jvp(of_live, [args[i] for i in live], [ts[i] for i in live])[1]

    return rule
