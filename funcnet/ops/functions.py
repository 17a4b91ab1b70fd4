"""Public functions of elementwise primitives: signature and docstring from the declaration."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import bind, elementwise
from funcnet.core.dtypes import kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["STANDARD", "binary", "unary"]

#: Where the functions are defined, unless a declaration says otherwise.
STANDARD = "Python Array API standard"


def unary(
    name: str,
    summary: str,
    *,
    partial: Any,
    derivative: str,
    example: str,
    impl: Callable[..., Any] | None = None,
    forward: Any = None,
    domain: tuple[float, float] = (-inf, inf),
    kinks: Sequence[float] = (),
    dtypes: str = "floating",
    analytic: bool = True,
    notes: str = "",
    reference: str = STANDARD,
    on_complex: Primitive | None = None,
) -> Callable[[Any], Any]:
    """Declare an elementwise primitive of one array and return the function ``name(x, /)``.

    Parameters
    ----------
    name, impl
        As in `funcnet.core.elementwise`.
    summary : str
        First sentence of the docstring.
    partial, forward
        The entry of ``partials`` and of ``forwards``.
    derivative : str
        The derivative as a formula in ``x``, for the documentation and its tests.
    example : str
        A doctest in which ``xp`` and ``np`` are imported.
    domain : tuple of float
        Interval of real arguments for which the result is real and finite.
    kinks : sequence of float
        Points where the derivative jumps or is infinite.
    dtypes : str
        ``"all"``, ``"numeric"``, ``"real"``, ``"integer"``, ``"integer or boolean"``, ``"floating"``,
        ``"real floating"``, ``"complex"`` or ``"boolean"``: the arguments that the standard allows.
    analytic : bool
        Whether the complex step applies: the function is analytic and its implementation accepts complex arrays.
    notes : str
        What happens at kinks, poles and domain edges.
    reference : str
        Where the function is defined; empty for none.
    on_complex : Primitive, optional
        Runs in place of the declared primitive on complex arrays, where only they have a derivative.
    """
    primitive = elementwise(
        name,
        impl,
        partials=(partial,),
        forwards=None if forward is None else (forward,),
        derivative=(derivative,),
        domain=(domain,),
        kinks=tuple(kinks),
        dtypes=dtypes if on_complex is None else "real",
        analytic=analytic,
    )

    if on_complex is None:

        def function(x: Any, /) -> Any:
            return bind(primitive, x)
    else:

        def function(x: Any, /) -> Any:
            return bind(
                on_complex if x.__class__ is complex or kind(getattr(x, "dtype", None)) == "c" else primitive, x
            )

    parameters = f"    x : array\n        Of {_article(dtypes)} data type, of any shape."
    return _named(function, primitive, summary, parameters, f"d/dx = {derivative}", domain, notes, reference, example)


def binary(
    name: str,
    summary: str,
    *,
    partials: tuple[Any, Any],
    derivative: tuple[str, str],
    example: str,
    impl: Callable[..., Any] | None = None,
    domain: tuple[tuple[float, float], tuple[float, float]] = ((-inf, inf), (-inf, inf)),
    kinks: Sequence[float] = (),
    dtypes: str = "numeric",
    analytic: bool = True,
    notes: str = "",
    reference: str = STANDARD,
) -> Callable[[Any, Any], Any]:
    """Declare an elementwise primitive of two arrays and return the function ``name(x1, x2, /)``.

    Parameters
    ----------
    partials, derivative, domain
        One entry per argument.
    kinks : sequence of float
        Values of ``x1 - x2`` where a derivative jumps.
    name, summary, example, impl, dtypes, analytic, notes, reference
        As in `unary`.
    """
    primitive = elementwise(
        name,
        impl,
        partials=partials,
        derivative=derivative,
        domain=domain,
        kinks=tuple(kinks),
        dtypes=dtypes,
        analytic=analytic,
    )

    def function(x1: Any, x2: Any, /) -> Any:
        return bind(primitive, x1, x2)

    parameters = (
        f"    x1, x2 : array or Python scalar\n        Of {_article(dtypes)} data type; their shapes broadcast."
    )
    formulas = f"d/dx1 = {derivative[0]}, d/dx2 = {derivative[1]}"
    return _named(function, primitive, summary, parameters, formulas, None, notes, reference, example)


def _article(dtypes: str) -> str:
    return "any" if dtypes == "all" else f"{'an' if dtypes[0] in 'aeiou' else 'a'} {dtypes}"


def _named(
    function: Any,
    primitive: Any,
    summary: str,
    parameters: str,
    formulas: str,
    domain: tuple[float, float] | None,
    notes: str,
    reference: str,
    example: str,
) -> Any:
    lines = [summary, "", f"Derivative: {formulas}."]
    if domain is not None and domain != (-inf, inf):
        lines.append(f"Real and finite for x in [{domain[0]}, {domain[1]}].")
    if notes:
        lines.append(notes)
    body = "\n    ".join("\n".join(lines).splitlines())
    shown = "\n    ".join(example.strip().splitlines())
    cited = f"    References\n    ----------\n    {reference}, ``{primitive.name}``.\n\n" if reference else ""
    function.__name__ = function.__qualname__ = primitive.name
    function.__module__ = "funcnet.xp"
    function.primitive = primitive
    function.__doc__ = f"""{body}

    Parameters
    ----------
{parameters}

    Returns
    -------
    array
        Of the broadcast shape of the arguments.

{cited}    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    {shown}
    """
    return function
