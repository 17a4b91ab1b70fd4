"""Public functions of special functions: signature, kernel and docstring from one declaration."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.backends.special import hosted
from funcnet.core import Tracer, bind, constant, elementwise
from funcnet.core.dtypes import is_inexact
from funcnet.ops.broadcasting import cast
from funcnet.ops.fresh import weak_like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from funcnet.core import Primitive

__all__ = ["ALL", "POSITIVE", "UNIT", "declare", "documented", "lifted"]

Interval = tuple[float, float]
ALL: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)
UNIT: Interval = (0.0, 1.0)


class _Lifted:
    """A partial derivative that is given arrays of floating-point numbers only, all of them traced if one is.

    Made of functions, it would compute with Python numbers in the default precision, and with small integers in half
    precision or beyond their range; and not every library's arrays let a traced array on their right have its say.
    """

    __slots__ = ("function", "kept")

    def __init__(self, function: Callable[..., Any], kept: Sequence[int]) -> None:
        code = function.__code__  # type: ignore[attr-defined]
        names = code.co_varnames[1 : code.co_argcount]
        self.function = function
        self.kept = [name in [f"x{i + 1}" for i in kept] for name in names]

    @property
    def __code__(self) -> CodeType:
        return self.function.__code__  # type: ignore[attr-defined]

    def __call__(self, g: Any, *values: Any) -> Any:
        args = [v if kept else _floating(g, v) for v, kept in zip(values, self.kept, strict=True)]
        if g.__class__ is Tracer or any(v.__class__ is Tracer for v in args):
            g, *args = (constant(v) if v.__class__ is not Tracer and hasattr(v, "dtype") else v for v in (g, *args))
        return self.function(g, *args)


def _floating(g: Any, v: Any) -> Any:
    """Return a Python number or an array as an array of floating-point numbers; `g` has their data type."""
    if v.__class__ in (float, int, bool):
        return weak_like(g, v)
    return v if is_inexact(v.dtype) else cast(v, g.dtype)


def lifted(partials: Sequence[Any], kept: Sequence[int] = ()) -> tuple[Any, ...]:
    """Return the partial derivatives so that they get arrays in place of Python numbers.

    Parameters
    ----------
    partials : sequence
        As in `funcnet.core.elementwise`.
    kept : sequence of int
        Positions of the arguments that stay Python numbers: orders.
    """
    return tuple(_Lifted(p, kept) if callable(p) else p for p in partials)


def declare(
    name: str,
    arguments: str,
    summary: str,
    *,
    partials: Sequence[Any],
    derivative: Sequence[str],
    domain: Sequence[Interval],
    example: tuple[str, str],
    reference: str,
    impl: Callable[..., Any] | None = None,
    kinks: Sequence[float] = (),
    scalars: dict[int, tuple[Any, ...]] | None = None,
    notes: str = "",
) -> Callable[..., Any]:
    """Declare an elementwise primitive and return its public function.

    Parameters
    ----------
    name, arguments : str
        SciPy's name, and the names of its arguments, separated by spaces.
    summary : str
        First sentence of the docstring.
    partials, derivative, domain
        One entry per argument; a derivative that is no elementary formula is described in the notes and empty here.
    example : tuple of str
        Arguments of a call, and what it prints.
    reference : str
        Where function and derivative are defined.
    impl : callable, optional
        In the Array API standard; SciPy's function without it.
    kinks, scalars
        As in the metadata of other primitives.
    notes : str
        What happens at poles and ends of the domain.
    """
    meta: dict[str, Any] = {} if scalars is None else {"scalars": scalars}
    primitive = elementwise(
        name,
        hosted(name) if impl is None else impl,
        partials=lifted(partials, tuple(scalars or ())),
        derivative=tuple(derivative),
        domain=tuple(domain),
        kinks=tuple(kinks),
        dtypes="real floating",
        analytic=False,
        hosted=impl is None,
        **meta,
    )
    names = arguments.split()
    function = _taking(primitive, len(names))
    function.primitive = primitive
    # The signature names the arguments as the docstring does; they are positional only, so that nothing else changes.
    function.__code__ = function.__code__.replace(co_varnames=tuple(names))
    function.__annotations__ = {**dict.fromkeys(names, "Any"), "return": "Any"}
    symbols = ["x"] if len(names) == 1 else [f"x{i + 1}" for i in range(len(names))]
    formulas = []
    for symbol, formula in zip(symbols, derivative, strict=True):
        if formula:
            for own, other in zip(symbols, names, strict=True):
                formula = formula.replace(own, other) if own != other else formula
            formulas.append(f"d/d{names[symbols.index(symbol)]} = {formula}")
    return documented(function, name, names, summary, ", ".join(formulas), notes, reference, example)


def _taking(primitive: Primitive, count: int) -> Any:
    """Return a function of that many arrays."""

    def one(x: Any, /) -> Any:
        return bind(primitive, x)

    def two(x1: Any, x2: Any, /) -> Any:
        return bind(primitive, x1, x2)

    def three(x1: Any, x2: Any, x3: Any, /) -> Any:
        return bind(primitive, x1, x2, x3)

    def four(x1: Any, x2: Any, x3: Any, x4: Any, /) -> Any:
        return bind(primitive, x1, x2, x3, x4)

    return (one, two, three, four)[count - 1]


def documented(
    function: Any,
    name: str,
    names: Sequence[str],
    summary: str,
    formulas: str,
    notes: str,
    reference: str,
    example: tuple[str, str],
) -> Any:
    """Give a public function its name and its docstring."""
    derived = f"Derivative: {formulas}.\n    " if formulas else ""
    call, shown = example
    if "np." not in call:
        # Of Python numbers alone the result would be in the default data type.
        head, comma, last = call.rpartition(", ")
        call = f"{head}{comma}np.array({last})"
    function.__name__ = function.__qualname__ = name
    function.__module__ = "funcnet.xp.special"
    function.__doc__ = f"""{summary}

    {derived}{notes}

    Parameters
    ----------
    {", ".join(names)} : array or Python scalar
        Of a real floating-point data type{"; their shapes broadcast" if len(names) > 1 else ", of any shape"}.

    Returns
    -------
    array
        Of the broadcast shape of the arguments.

    Raises
    ------
    MissingExtraError
        If SciPy is needed for it and not installed.

    References
    ----------
    {reference}

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> print(f"{{xp.special.{name}({call}):.10g}}")
    {shown}
    """
    return function
