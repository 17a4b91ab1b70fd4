"""Why a function was captured again, and a warning where that happens at every call."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["RecaptureWarning", "Recaptures"]

_MANY = 8


class RecaptureWarning(UserWarning):
    """A function under `fn.jit` is captured again and again."""


class Recaptures:
    """The captures of one function.

    Attributes
    ----------
    reasons : list of str
        Why each capture happened.
    """

    __slots__ = ("_causes", "_previous", "name", "reasons")

    def __init__(self, name: str) -> None:
        self.name = name
        self.reasons: list[str] = []
        self._previous: list[tuple[Any, list[Any], Any]] = []
        self._causes: dict[str, int] = {}

    def note(self, structure: Any, kinds: list[Any], static: Any, keyed: bool) -> None:
        """Take note of a capture; warn where one argument causes one after the other."""
        reason, cause = self._reason(structure, kinds, static, keyed)
        self.reasons.append(reason)
        self._previous = [*self._previous[-_MANY:], (structure.spec, kinds, static)]
        if not cause:
            return
        count = self._causes[cause] = self._causes.get(cause, 0) + 1
        if count == _MANY:
            warnings.warn(
                f"fn.jit captured {self.name!r} {len(self.reasons)} times, {count} of them because of {cause}.\n"
                f"  found:  {reason}\n"
                "  needed: the same shapes, dtypes and numbers in most calls\n"
                "  write:  np.asarray(n) for a number that changes; arrays padded to a few sizes",
                RecaptureWarning,
                stacklevel=5,
            )

    def _reason(self, structure: Any, kinds: list[Any], static: Any, keyed: bool) -> tuple[str, str]:
        if not self._previous:
            return "the first call", ""
        same = [p for p in self._previous if p[0] == structure.spec]
        if not same:
            return "the structure of the arguments is new", "the structure of the arguments"
        # The call that was most alike says what is new.
        _, before, old = min(same, key=lambda p: sum(a != b for a, b in zip(p[1], kinds, strict=True)))
        paths = structure.paths()
        changed = [i for i, (a, b) in enumerate(zip(before, kinds, strict=True)) if a != b]
        if changed:
            i = changed[0]
            where = _place(paths[i], keyed)
            return f"{where} was {_shown(before[i])} and is {_shown(kinds[i])}", where
        if old != static:
            names = ", ".join(repr(a[0]) for a in static or ())
            return f"a static argument is new: {names}", f"the static arguments {names}"
        return "the backend, device or default dtype of the context is new", "the context"


def _place(path: str, keyed: bool) -> str:
    if keyed:
        _, _, path = path.partition("]")
    head, _, tail = path.partition("]")
    return (f"argument {head[1:]}" if head.startswith("[") else f"argument {path[1:]}") + (
        f", leaf {tail}" if tail else ""
    )


def _shown(kind: Any) -> str:
    if isinstance(kind[0], tuple):
        return f"{kind[1]}{list(kind[0])}"
    return f"the {kind[0].__name__} {kind[1]!r}"
