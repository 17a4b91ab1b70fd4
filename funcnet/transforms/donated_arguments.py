"""Donated arguments of functions under ``jit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.errors import ParameterError
from funcnet.transforms.named_arguments import parameters_of, positions_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["donated_names", "given_away"]


def donated_names(f: Callable[..., Any], given: tuple[str | int, ...], static: tuple[str, ...]) -> frozenset[str | int]:
    """Return the donated arguments, each by its name, and by its position where it has one."""
    names = tuple([n for n in given if isinstance(n, str)])
    positions = positions_of(f, names, "donate") if names else {}
    found: set[str | int] = {*given, *positions.values()}
    parameters = parameters_of(f)
    kept = [p for i, p in enumerate(parameters) if p in static and (i in found or p in found)]
    count = len(parameters) if not any([p.kind.name == "VAR_POSITIONAL" for p in parameters.values()]) else None
    wrong = [i for i in found if isinstance(i, int) and (i < 0 or (count is not None and i >= count))]
    if kept or wrong or any([n.__class__ not in (int, str) for n in given]):
        raise ParameterError(
            f"fn.jit cannot donate {kept[0] if kept else wrong[0] if wrong else given!r} of "
            f"{getattr(f, '__name__', f)!r}.",
            found="a static argument" if kept else f"donate={given!r}",
            needed="names or positions of arguments that hold arrays, among " + ", ".join(parameters),
            write=f"donate={next(iter(parameters), 'params')!r}",
        )
    by_position = dict(enumerate(parameters))
    return frozenset({*found, *[by_position[i] for i in found if i.__class__ is int and i in by_position]})


def given_away(names: frozenset[str | int], leaves: list[Any], structure: Any, keyed: bool) -> tuple[int, ...]:
    """Return which of the arrays among the leaves are donated."""
    if not names:
        return ()
    places: list[Any] = []
    args, kwargs = tree.unflatten(structure, leaves) if keyed else (tree.unflatten(structure, leaves), {})
    for i, arg in enumerate(args):
        places += [i] * tree.structure(arg).num_leaves
    for key in sorted(kwargs):
        places += [key] * tree.structure(kwargs[key]).num_leaves
    arrays = [p for p, leaf in zip(places, leaves, strict=True) if hasattr(leaf, "dtype")]
    return tuple([i for i, place in enumerate(arrays) if place in names])
