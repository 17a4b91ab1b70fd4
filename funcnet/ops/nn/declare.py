"""Activation functions: signature, checks and docstring from one declaration."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import backends
from funcnet.core import Arg, case, elementwise
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError
from funcnet.ops.broadcasting import cast
from funcnet.ops.fresh import backend_like, foreign_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from funcnet.core import Primitive

__all__ = ["ACTIVATIONS", "Facts", "activation", "floating", "greater", "parametrised", "simple"]


class Facts(NamedTuple):
    """What the table in the documentation tells of an activation function.

    Attributes
    ----------
    function : callable
        The public function.
    derivative : str
        Its derivative as a formula.
    kinks : mapping
        Points where the derivative jumps, each with the derivative that is taken there, for the default parameters.
    """

    function: Any
    derivative: str
    kinks: Mapping[float, float]


#: Facts by name, in the order of declaration.
ACTIVATIONS: dict[str, Facts] = {}


def floating(name: str, x: Any) -> Any:
    """Return `x`, of a real floating-point data type; integers and booleans are converted to the default one.

    Raises
    ------
    DtypeError
        If `x` is complex or no array.
    """
    cls = x.__class__
    if cls is float or cls is int:
        return float(x)
    found = kind(getattr(x, "dtype", None))
    if found == "f":
        return x
    if found in "iub":
        return cast(x, foreign_dtype(backend_like(x), backends.default_dtype()))
    raise DtypeError(
        f"nn.functional.{name} takes real numbers.",
        found=f"an array of dtype {x.dtype}" if hasattr(x, "dtype") else f"{cls.__name__}: {x!r}",
        needed="an array of a real data type",
        write="xp.real(x), or xp.asarray(x)",
    )


def greater(name: str, parameter: str, value: Any, low: float = 0.0) -> None:
    """Raise `ParameterError` if a parameter is a Python number that is not greater than `low`."""
    if isinstance(value, (int, float)) and not value > low:
        raise _out_of_range(name, parameter, value, f"a number greater than {low:g}", max(1.0, low + 1.0))


def not_negative(name: str, parameter: str, value: Any) -> None:
    """Raise `ParameterError` if a parameter is a Python number below 0."""
    if isinstance(value, (int, float)) and not value >= 0:
        raise _out_of_range(name, parameter, value, "a number of at least 0", 1.0)


def _out_of_range(name: str, parameter: str, value: Any, needed: str, instead: float) -> ParameterError:
    return ParameterError(
        f"nn.functional.{name} got a parameter that is out of range.",
        found=f"{parameter}={value!r}",
        needed=needed,
        write=f"{parameter}={instead:g}",
    )


def simple(
    name: str, impl: Callable[..., Any], partial: Any, derivative: str, kinks: Sequence[float] = ()
) -> Primitive:
    """Declare an elementwise primitive of one real array, defined everywhere."""
    return elementwise(
        name,
        impl,
        partials=(partial,),
        derivative=(derivative,),
        domain=((-inf, inf),),
        kinks=tuple(kinks),
        dtypes="real floating",
        analytic=False,
    )


def parametrised(
    name: str,
    impl: Callable[..., Any],
    partials: Sequence[Any],
    derivative: Sequence[str],
    *,
    pieces: Sequence[tuple[float, float]] = ((-2.0, 2.0),),
    around: Sequence[tuple[float, float]] = ((0.5, 1.5),),
) -> Primitive:
    """Declare an elementwise primitive of an array and parameters, which may be arrays as well.

    Parameters
    ----------
    name, impl, partials, derivative
        As in `funcnet.core.elementwise`.
    pieces : sequence of pairs
        Intervals of ``x`` without kinks, from which tests draw.
    around : sequence of pairs
        For each parameter the interval from which tests draw it.
    """
    drawn = [Arg((), low=low, high=high) for low, high in around]
    wide = [Arg((3,), low=low, high=high) for low, high in around]
    return elementwise(
        name,
        impl,
        partials=tuple(partials),
        derivative=tuple(derivative),
        dtypes="real floating",
        analytic=False,
        cases=(
            *(case(Arg((2, 3), low=low, high=high), *drawn) for low, high in pieces),
            case(Arg((2, 1), low=pieces[0][0], high=pieces[0][1]), *wide),
            case((0, 2), *drawn),
        ),
    )


def activation(
    derivative: str,
    example: tuple[str, str],
    *,
    kinks: Mapping[float, float] | None = None,
    parameters: Mapping[str, str] | None = None,
    notes: str = "",
    reference: str = "",
    raises: bool = False,
) -> Callable[[Callable[..., Any]], Any]:
    """Complete the docstring of an activation function, and enter it in `ACTIVATIONS`.

    Parameters
    ----------
    derivative : str
        Formula of the derivative.
    example : tuple of str
        Values of the argument in a call, with parameters if need be, and what is printed.
    kinks : mapping, optional
        As in `Facts`.
    parameters : mapping, optional
        Name to description.
    notes, reference : str
        More text, and where the function was proposed.
    raises : bool, default False
        Whether numbers out of range are refused.
    """
    kinks = {} if kinks is None else kinks

    def decorate(function: Any) -> Any:
        name = function.__name__
        lines = [function.__doc__.strip(), "", f"Derivative: {derivative}."]
        if kinks:
            points = ", ".join(f"{slope:g} at {point:g}" for point, slope in kinks.items())
            lines.append(f"At its kinks{' (for the default parameters)' if parameters else ''} it is {points}.")
        if notes:
            lines += ["", notes]
        lines += [
            "",
            "Parameters",
            "----------",
            "x : array",
            "    Of a real data type; integers become floating-point.",
        ]
        for parameter, text in (parameters or {}).items():
            lines += [f"{parameter} : float or array", f"    {text}"]
        lines += ["", "Returns", "-------", "array", "    Of the shape of `x`."]
        lines += ["", "Raises", "------", "DtypeError", "    If `x` is complex or no array."]
        if raises:
            lines += ["ParameterError", "    If a parameter is a number out of range."]
        if reference:
            lines += ["", "References", "----------", f".. [1] {reference}"]
        values, comma, more = example[0].partition("; ")
        call = f"nn.functional.{name}(np.array({values}){', ' + more if comma else ''})"
        lines += ["", "Examples", "--------", ">>> import numpy as np", ">>> from funcnet import nn"]
        lines += [f">>> {call}", *example[1].splitlines()]
        first, *rest = lines
        function.__doc__ = "\n".join([first, *(f"    {line}" if line else "" for line in rest), "    "])
        function.__module__ = "funcnet.nn.functional"
        ACTIVATIONS[name] = Facts(function, derivative, kinks)
        return function

    return decorate
