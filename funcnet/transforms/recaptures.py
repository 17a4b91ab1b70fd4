"""Why a function was captured again, and a warning where that happens at every call."""

from __future__ import annotations

import sys
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
        self._previous: list[tuple[Any, tuple[Any, ...], Any, Any]] = []
        self._causes: dict[str, int] = {}

    def reason(self, structure: Any, kinds: tuple[Any, ...], static: Any, context: Any, keyed: bool) -> tuple[str, str]:
        """Return why a capture is needed, and what to blame for it; the second is empty for the first capture."""
        if not self._previous:
            return "the first call", ""
        same = [p for p in self._previous if p[0] == structure.spec]
        if not same:
            return "the structure of the arguments is new", "the structure of the arguments"
        # The call that was most alike says what is new.
        _, before, old, around = min(
            reversed(same),
            key=lambda p: (sum(a != b for a, b in zip(p[1], kinds, strict=True)), p[2] != static, p[3] != context),
        )
        paths = structure.paths()
        changed = [i for i, (a, b) in enumerate(zip(before, kinds, strict=True)) if a != b]
        if changed:
            i = changed[0]
            where = _place(paths[i], keyed)
            return f"{where} was {_shown(before[i])} and is {_shown(kinds[i])}", where
        if old != static:
            was, now = _by_name(old), _by_name(static)
            name = next(k for k in {**was, **now} if was.get(k, _ABSENT) != now.get(k, _ABSENT))
            where = f"the static argument {name!r}"
            return f"{where} was {_value(was, name)} and is {_value(now, name)}", where
        if around != context:
            return "the backend, device or default dtype of the context is new", "the context"
        return "it uses traced arrays that are not among its arguments", "traced arrays from outside"

    def note(self, reason: tuple[str, str], structure: Any, kinds: tuple[Any, ...], static: Any, context: Any) -> None:
        """Take note of a capture; warn where one argument causes one after the other."""
        text, cause = reason
        self.reasons.append(text)
        self._previous = [*self._previous[-_MANY:], (structure.spec, kinds, static, context)]
        if not cause:
            return
        count = self._causes[cause] = self._causes.get(cause, 0) + 1
        if count == _MANY:
            warnings.warn(
                f"fn.jit captured {self.name!r} {len(self.reasons)} times, {count} of them because of {cause}.\n"
                f"  found:  {text}\n"
                "  needed: the same shapes, dtypes and numbers in most calls\n"
                "  write:  np.asarray(n) for a number that changes; arrays padded to a few sizes",
                RecaptureWarning,
                stacklevel=_outside(),
            )


_ABSENT = object()


def _outside() -> int:
    """Return how far up the first frame outside of funcnet is, as seen from the caller."""
    package = __name__.partition(".")[0]
    depth = 2
    frame: Any = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        depth += 1
        frame = frame.f_back
    return depth


def _by_name(static: Any) -> dict[str, Any]:
    return {name: (kind, same) for name, kind, same in static or ()}


def _value(statics: dict[str, Any], name: str) -> str:
    return f"the {statics[name][0]} {statics[name][1]!r}" if name in statics else "not given"


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
