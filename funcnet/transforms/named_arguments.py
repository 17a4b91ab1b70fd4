"""Arguments of functions by name and position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["parameters_of", "positions_of", "unknown_option"]


def parameters_of(f: Callable[..., Any]) -> Any:
    """Return the parameters of a function by their names, as `inspect` describes them."""
    from inspect import signature  # slow to import, and rarely needed

    return signature(f).parameters


def positions_of(f: Callable[..., Any], names: tuple[str, ...], option: str) -> dict[str, int]:
    """Return the positions of those among some arguments that have one; `option` is what messages say named them."""
    from inspect import Parameter

    parameters = parameters_of(f)
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    for name in names:
        if name not in parameters and not open_ended:
            raise ParameterError(
                f"{getattr(f, '__name__', f)!r} has no argument that is called {name!r}.",
                found=f"{option}={names!r}",
                needed="names among " + ", ".join(parameters),
                write=f"{option}={next(iter(parameters), 'n')!r}",
            )
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return {name: i for i, (name, p) in enumerate(parameters.items()) if p.kind in kinds and name in names}


def unknown_option(what: str, name: str, options: Mapping[str, tuple[str, ...]], f: Any) -> ParameterError:
    """Return the error for an option that a transformation does not have; `options` has other names of each."""
    meant = next((own for own, others in options.items() if name in others), next(iter(options)))
    try:
        first = next(iter(parameters_of(f)), "n")
    except (TypeError, ValueError):
        # Functions in C may not tell their arguments.
        first = "n"
    return ParameterError(
        f"{what} has no option that is called {name!r}.",
        found=name,
        needed=" or ".join(f"{own}=" for own in options) + ", with names of arguments",
        write=f"{what}(f, {meant}={first!r})",
    )
