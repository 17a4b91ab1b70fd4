"""Values in the key of a graph: equal only where a graph that was captured for one serves the other as well."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Same"]


class Same:
    """A value in a key: compared as values are, but 1, 1.0 and True differ, NaN is NaN; never ordered.

    Parameters
    ----------
    value : hashable
        The value.
    """

    __slots__ = ("_exact", "_hash", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._exact = _exact(value)
        try:
            self._hash = hash(self._exact)
        except TypeError:
            # A part of it is not hashable, which the value knows about.
            self._exact = value.__class__, value
            self._hash = hash(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and bool(self._exact == other._exact)

    def __lt__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return repr(self.value)


def _exact(value: Any) -> Any:
    """Return something that is equal only for values that are equal and of one class."""
    cls: Any = value.__class__
    if cls is float or cls is complex:
        # 0.0 and -0.0 are equal, and NaN is not equal to itself.
        return cls, repr(value)
    if isinstance(value, np.inexact):
        return cls, value.tobytes()
    if isinstance(value, np.generic):
        # Dates are equal in other units.
        return cls, value, value.dtype.str
    if isinstance(value, (float, complex)):
        # Of a class that is made of one: as equal as the numbers are.
        number = float(value) if isinstance(value, float) else complex(value)
        return cls, repr(number), value if value == value else None
    if cls is range or cls is slice:
        # Empty ranges are equal wherever they begin.
        return cls, _exact((value.start, value.stop, value.step))
    if isinstance(value, tuple) and cls.__eq__ is tuple.__eq__:
        return cls, tuple([_exact(v) for v in value])
    if cls is frozenset:
        return cls, frozenset([_exact(v) for v in value])
    fields = getattr(cls, "__dataclass_fields__", {}).items()
    compared = [_exact(getattr(value, name)) for name, field in fields if field.compare and hasattr(value, name)]
    return (cls, value, *compared)
