"""Activation functions by name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.ops.activations import relu, sigmoid
from funcnet.ops.hyperbolic import tanh
from funcnet.ops.nn.declare import ACTIVATIONS
from funcnet.ops.nn.gates import geglu, glu, reglu, swiglu
from funcnet.ops.nn.sparsemax import entmax15, softmin, sparsemax
from funcnet.ops.softmax import log_softmax, softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["FUNCTIONS", "function_of", "unknown_name"]

_OTHERS = (entmax15, geglu, glu, log_softmax, reglu, relu, sigmoid, softmax, softmin, sparsemax, swiglu, tanh)


def _identity(x: Any) -> Any:
    return x


#: Name -> function of one array.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "identity": _identity,
    **{name: facts.function for name, facts in ACTIVATIONS.items()},
    **{f.__name__: f for f in _OTHERS},
}


def function_of(activation: Any) -> Callable[[Any], Any]:
    """Return the function of one array that a name or a function means.

    Raises
    ------
    ParameterError
        If there is none of that name, or `activation` is neither name nor function.
    """
    if isinstance(activation, str):
        found = FUNCTIONS.get(activation)
        if found is None:
            raise unknown_name(activation, FUNCTIONS)
        return found
    if not callable(activation):
        raise ParameterError(
            "An activation is given by its name or as a function of one array.",
            found=f"{type(activation).__name__}",
            needed="a name, such as 'relu', or a function",
            write="activation='relu', or a layer of its own after this one",
        )
    return activation


def unknown_name(name: str, known: Iterable[str]) -> ParameterError:
    """Return the error for a name that no activation function has."""
    names = sorted(known)
    plain = {n.replace("_", ""): n for n in names}
    close = get_close_matches(name.lower().replace("_", "").replace("-", ""), plain, n=4, cutoff=0.5)
    return ParameterError(
        f"There is no activation function of the name {name!r}.",
        found=repr(name),
        needed="one of " + ", ".join([plain[c] for c in close] or names),
        write=f"nn.activation({plain[close[0]] if close else 'relu'!r})",
    )
