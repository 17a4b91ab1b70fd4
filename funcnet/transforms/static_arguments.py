"""Static arguments of functions under ``jit``: part of the key of a graph, and known while it is captured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.transforms.named_arguments import positions_of
from funcnet.transforms.same import Same

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StaticArguments"]


class StaticArguments:
    """The arguments of a function that are passed on as they are.

    Parameters
    ----------
    f : callable
        The function.
    names : tuple of str
        Which arguments.
    name : str
        What messages call the function.
    """

    __slots__ = ("_name", "_positions", "names")

    def __init__(self, f: Callable[..., Any], names: tuple[str, ...], name: str) -> None:
        self.names = frozenset(names)
        self._positions = positions_of(f, names, "static_argnames") if names else {}
        self._name = name

    def take_out(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Take the static arguments out, and return them as something hashable."""
        taken = {}
        rest = list(args)
        for name in self.names:
            i = self._positions.get(name)
            if i is not None and i < len(rest):
                taken[name] = rest[i]
                rest[i] = None
        if any([k in self.names for k in kwargs]):
            twice = [n for n in self.names if n in kwargs and n in self._positions and self._positions[n] < len(rest)]
            if twice:
                # As Python says it: the place of the one given by name would take another's.
                raise TypeError(f"{self._name}() got multiple values for argument {twice[0]!r}")
            taken.update({k: v for k, v in kwargs.items() if k in self.names})
            kwargs = {k: v for k, v in kwargs.items() if k not in self.names}
        for name, value in taken.items():
            try:
                hash(value)
            except TypeError:
                raise ParameterError(
                    f"The static argument {name!r} of {self._name!r} is not hashable.",
                    found=f"{type(value).__name__}: {value!r}",
                    needed="a hashable value, by which the graph is found again",
                    write=f"{name}=tuple(...), or no static_argnames for it if it is an array",
                ) from None
        # The class too: 1, 1.0 and True are equal.
        return tuple(rest), kwargs, tuple(sorted((k, v.__class__.__name__, Same(v)) for k, v in taken.items()))

    def put_back(self, args: tuple[Any, ...], kwargs: dict[str, Any], static: Any) -> tuple[Any, Any]:
        """Return all arguments, given what :meth:`take_out` has returned."""
        rest = list(args)
        more = dict(kwargs)
        for name, _, same in static:
            i = self._positions.get(name)
            if i is not None and i < len(rest):
                rest[i] = same.value
            else:
                more[name] = same.value
        return tuple(rest), more
