"""What runs in one loop, and what its values are there.

A loop goes over the rows of an index space: some leading dimensions are rows, the others columns. A value in a loop is
``full`` (an element for each row and column), ``row`` (one for each row), ``column``, or ``scalar``. Sums and extremes
along the columns give row values, which later stages of the same row use; sums along the rows, and of everything, are
results of the loop only.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Equation, Value
from funcnet.compiler.loops.templates import FUNCTIONS, LIMITS, POWERS, type_name, whole_power
from funcnet.compiler.loops.windows import MOVED, columns_of, window_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CYCLE",
    "EACH",
    "JOINED",
    "REDUCTIONS",
    "REPEAT",
    "REPEAT_ROW",
    "RUN_SUM",
    "SHAPES",
    "TURN_SUM",
    "WIDE",
    "Group",
    "function_of",
    "name_of",
    "power_of",
    "repetition",
]

#: Sums and extremes, and what only changes shapes.
REDUCTIONS = frozenset(["sum", "mean", "max", "min", "any", "all"])
SHAPES = frozenset(["reshape", "broadcast_to", "expand_dims", "squeeze"])
_SUMS = ("sum", "mean")
#: What primitives are where their first argument is a certain number.
_FIRST = {"pow": (2, "exp2"), "polygamma": (1, "trigamma")}
#: Equations in one loop: the time that a compiler takes grows faster than their number.
_LONGEST = 400
#: Sines and cosines in one loop: each is written into it with what it does far from 0, and compiled twice.
_SINES = 16
#: Arrays that one loop reads and writes, about: a compiler compares each of them with all others.
_ARRAYS = 48

#: What a value from outside is of which the loop reads some columns, and one that it writes in parts.
WIDE, JOINED = "wide", "joined"
#: What a value from outside is whose rows come again and again, one of which each serves several rows of the loop, and
#: one that has a number for several rows; and the number of rows that it serves.
CYCLE, REPEAT, REPEAT_ROW, EACH = "cycle", "repeat", "repeated row", "each"
#: Results that add up neighbouring rows, and rows at the same place of each turn: in loops over few columns only.
RUN_SUM, TURN_SUM = "sum of a run", "sum over turns"
#: Columns, rows, and expressions up to, from and up to which a loop is written with its columns side by side.
_NARROW, _MANY, _EXPRESSIONS = 16, 64, 600
#: Rows that an inner loop has at least, and where it computes no functions, of which a vector takes long.
_RUN, _FEW = 16, 4

Shape = tuple[int, ...]


class Group:
    """Equations that run in one loop.

    Attributes
    ----------
    shape : tuple of int
        The index space.
    split : int or None
        How many of its dimensions are rows; None as long as it does not matter.
    roles : dict of Value to str
        What each value is in the loop.
    made : set of Value
        The values that the loop computes.
    ends : set of Value
        Those of them that nothing in it reads.
    period : int or None
        How many neighbouring rows are added up, or after how many rows sums of rows begin again.
    windows : dict of Value to Value
        Parts of arrays that are read where they lie, and what they are parts of. Of that the loop may read all as well.
    """

    __slots__ = ("ends", "equations", "made", "period", "roles", "shape", "split", "windows")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.split: int | None = None
        self.period: int | None = None
        self.equations: list[Equation] = []
        self.roles: dict[Value, str] = {}
        self.made: set[Value] = set()
        self.ends: set[Value] = set()
        self.windows: dict[Value, Value] = {}

    def copy(self) -> Group:
        """Return a group of the same equations, which may take in others."""
        new = Group(self.shape)
        new.split, new.period, new.equations = self.split, self.period, list(self.equations)
        new.roles, new.made, new.ends = dict(self.roles), set(self.made), set(self.ends)
        new.windows = dict(self.windows)
        return new

    @property
    def rows(self) -> int:
        """The number of rows."""
        return prod(self.shape[: self.split or 0])

    @property
    def columns(self) -> int:
        """The number of columns."""
        return prod(self.shape[self.split or 0 :])

    @property
    def narrow(self) -> bool:
        """Whether there are many rows of few columns."""
        if self.windows or self.split is None or self.columns > _NARROW or self.rows < max(_MANY, 4 * self.columns):
            return False
        # Where elements are looked at again, rows are kept from stage to stage.
        if any([function_of(e) in LIMITS for e in self.equations]):
            return False
        return self.columns * len(self.equations) <= _EXPRESSIONS

    @property
    def sines(self) -> int:
        """How many functions there are that are computed again far from 0."""
        return sum([function_of(e) in LIMITS for e in self.equations])

    def too_long_with(self, other: Group) -> bool:
        """Whether one loop of both would take a compiler too long."""
        return len(self.equations) + len(other.equations) > _LONGEST or self.sines + other.sines > _SINES

    def join(self, e: Equation) -> bool:
        """Take an equation in, if it fits."""
        if len(self.equations) >= _LONGEST or (function_of(e) in LIMITS and self.sines >= _SINES):
            return False
        if self.period is not None:
            if function_of(e) in LIMITS or self.columns * (len(self.equations) + 1) > _EXPRESSIONS:
                return False
        split, roles, period = self.split, self.roles, self.period
        new = [v for v in e.values if v not in roles]
        window = e.primitive.name in MOVED and columns_of(e) is None
        out = self._window(e) if window else self._role(e, self.made, roles)
        if out is not None:
            read = sum([v in self.ends for v in {*e.values}])
            if len(self.ends) - read + len(roles) - len(self.made) + len(self.windows) >= _ARRAYS and self.equations:
                out = None
        if out is None:
            # What was noted of the inputs is forgotten; a copy of all roles would take longer and longer.
            self.split, self.period = split, period
            for v in new:
                roles.pop(v, None)
            return False
        roles[e.outputs[0]] = out
        if window:
            self.windows[e.outputs[0]] = e.inputs[0]
        self.made.update(e.outputs)
        self.ends.difference_update(e.values)
        self.ends.update(e.outputs)
        self.equations.append(e)
        return True

    def _role(self, e: Equation, made: set[Value], roles: dict[Value, str]) -> str | None:
        name = e.primitive.name
        first = e.inputs[0]
        for v in e.values:
            if v in made and roles[v] in ("column sum", "total", JOINED, RUN_SUM, TURN_SUM):
                return None
        if name == "getitem":
            return self._columns(e, made, roles)
        if name == "concat":
            return self._joined(e, made, roles)
        if name in REDUCTIONS:
            return self._reduction(e, made, roles)
        if name in SHAPES:
            if name == "broadcast_to" and e.outputs[0].shape == self.shape and first.__class__ is Value:
                return self._stretched(first, made, roles)
            if first.__class__ is not Value or (first in made and roles[first] not in ("row", "scalar")):
                return None
            role = roles[first] if first in made else self._outside(first, roles)
            if role is None:
                return None
            if role != "row" or self.split is None:
                return None
            lead, shape = self.shape[: self.split], e.outputs[0].shape
            # With as many dimensions as the loop, other places for them would be aligned with its columns.
            moved = len(shape) == len(self.shape) and shape[: self.split] != lead
            return "row" if _squeezed(shape) == _squeezed(lead) and not moved else None
        for v in e.values:
            if v not in made and self._outside(v, roles) is None:
                return None
        kinds = [roles[v] for v in e.values]
        if e.outputs[0].shape == self.shape:
            # A row value that has lost its last dimensions would be aligned with the columns.
            if any(
                [
                    k == "row" and v in made and len(v.shape) != len(self.shape)
                    for k, v in zip(kinds, e.values, strict=True)
                ]
            ):
                return None
            return "full"
        # What repeats is aligned with the loop, so that the result has to be, too.
        rows = ("row", "scalar", REPEAT_ROW if len(e.outputs[0].shape) == len(self.shape) else "row")
        if self.split is not None and all([k in rows for k in kinds]) and "row" in kinds:
            lead = _squeezed(self.shape[: self.split])
            return "row" if _squeezed(e.outputs[0].shape) == lead else None
        return None

    def _stretched(self, v: Value, made: set[Value], roles: dict[Value, str]) -> str | None:
        if v not in made:
            return None if self._outside(v, roles) is None else "full"
        return "full" if roles[v] == "full" or (roles[v] == "row" and len(v.shape) == len(self.shape)) else None

    def _reduction(self, e: Equation, made: set[Value], roles: dict[Value, str]) -> str | None:
        first, n = e.inputs[0], len(self.shape)
        if first.shape != self.shape or not n or prod(self.shape) == 0:
            return None
        if first in made:
            if roles[first] != "full":
                return None
        elif self._outside(first, roles) != "full":
            return None
        axis = e.params["axis"]
        axis = (axis,) if isinstance(axis, int) else tuple(axis)
        wanted = ("bool",) if e.primitive.name in ("any", "all") else ("float32", "float64")
        if name_of(first.dtype) not in wanted or e.outputs[0].dtype != first.dtype or not axis:
            return None
        if axis == tuple(range(n)):
            return "total" if e.primitive.name in _SUMS else None
        k = n - len(axis)
        if axis == tuple(range(k, n)):
            return "row" if self._split_at(k) else None
        if e.primitive.name not in _SUMS:
            return None
        if axis == tuple(range(len(axis))) and self.split in (None, len(axis)):
            return "column sum" if self._split_at(len(axis)) else None
        if axis == tuple(range(axis[0], axis[-1] + 1)):
            return self._partly(axis)
        return None

    def _partly(self, axis: tuple[int, ...]) -> str | None:
        """Take in a sum over some of the dimensions of the rows."""
        first, stop = axis[0], axis[-1] + 1
        if first and not self._split_at(stop):
            return None
        split = self.split or 0
        if stop > split or not self.narrow:
            return None
        period = prod(self.shape[first:split] if first else self.shape[stop:split])
        turns = [self.turns(v) for v, role in self.roles.items() if role in (CYCLE, REPEAT, REPEAT_ROW)]
        if period < _RUN or self.period not in (None, period) or not all([t % period == 0 for t in turns]):
            return None
        self.period = period
        return RUN_SUM if first else TURN_SUM

    def turns(self, v: Value) -> int:
        """Return for how many rows a value stays the same, or after how many it begins again if it never does."""
        found = repetition(v.shape, self.shape, self.split or 0)
        assert found is not None
        each, count = found
        return count if each == 1 else each

    @property
    def run(self) -> int | None:
        """How many rows an inner loop goes over, in which values change or stay; None if there is no such loop."""
        found = [self.turns(v) for v, role in self.roles.items() if role in (CYCLE, REPEAT, REPEAT_ROW)]
        if self.period is not None:
            return self.period
        if not found:
            return self.rows
        least = min(found)
        enough = _RUN if any([(function_of(e), "float32") in FUNCTIONS for e in self.equations]) else _FEW
        return least if least >= enough and all([t % least == 0 for t in found]) else None

    def _columns(self, e: Equation, made: set[Value], roles: dict[Value, str]) -> str | None:
        """Take in some columns of a matrix from outside."""
        base = e.inputs[0]
        if base in made or columns_of(e) is None or roles.get(base, WIDE) != WIDE:
            return None
        if e.outputs[0].shape != self.shape or not self._split_at(len(self.shape) - 1):
            return None
        roles[base] = WIDE
        return "full"

    def _window(self, e: Equation) -> str | None:
        """Take in a part of an array from outside, which is read where it lies."""
        if e.inputs[0] in self.made or e.outputs[0].shape != self.shape or self.period is not None:
            return None
        if len(self.shape) > 1 and self.shape[-1] <= _NARROW and prod(self.shape[:-1]) >= _MANY:
            # Loops along rows, which are faster then, read whole arrays.
            return None
        found = window_of(e, self.split)
        if found is None:
            return None
        self.split = found[1]
        return "full"

    def _joined(self, e: Equation, made: set[Value], roles: dict[Value, str]) -> str | None:
        """Write several values side by side."""
        if e.params.get("axis") != len(self.shape) - 1 or not self.shape:
            return None
        fits = all([v.__class__ is Value and v in made and roles[v] == "full" for v in e.inputs])
        same = all([v.dtype == e.outputs[0].dtype for v in e.values])
        return JOINED if fits and same and self._split_at(len(self.shape) - 1) else None

    def _split_at(self, k: int) -> bool:
        if self.split is None:
            self.split = k
        return self.split == k

    def _outside(self, v: Value, roles: dict[Value, str]) -> str | None:
        """Return what a value from outside is in the loop, None if it does not fit."""
        if type_name(name_of(v.dtype)) is None:
            return None
        n = len(self.shape)
        shape = v.shape
        if shape == self.shape or (1,) * (n - len(shape)) + shape == self.shape:
            role = "full"
        elif all([d == 1 for d in shape]):
            role = "scalar"
        elif len(shape) > n:
            return None
        else:
            padded = (1,) * (n - len(shape)) + shape
            lead = next(i for i, d in enumerate(padded) if d != 1)
            last = n - next(i for i, d in enumerate(reversed(padded)) if d != 1)
            if self.split is None and lead < n - 1 and padded[lead:] == self.shape[lead:]:
                # Rows that come again leave it open along which dimensions is summed later.
                self.split = n - 1
            if padded[lead:] == self.shape[lead:] and self._fits(lead):
                role = "column"
            elif padded[:last] == self.shape[:last] and self._fits(last):
                role = "row"
            elif self.split is not None and self._cycles(padded, lead):
                role = CYCLE
            elif (repeated := self._repeats(padded)) is not None:
                role = repeated
            else:
                return None
        if v in roles and roles[v] != role:
            return None
        if self.period is not None and role in (CYCLE, REPEAT, REPEAT_ROW) and self.turns(v) % self.period:
            return None
        roles[v] = role
        return role

    def _cycles(self, padded: Shape, lead: int) -> bool:
        """Whether a value has all columns, and its rows are those of the last dimensions of the rows."""
        split = self.split or 0
        return lead < split and padded[lead:] == self.shape[lead:]

    def _repeats(self, padded: Shape) -> str | None:
        """Return what a value is of which one row, or number, serves several rows of the loop."""
        n = len(self.shape)
        split = self.split
        if split is None:
            apart = [k for k in range(n) if padded[k] != self.shape[k]]
            split = n - 1 if apart[-1] == n - 1 else apart[-1] + 1
        whole = padded[split:] == self.shape[split:]
        if (not whole and any([d != 1 for d in padded[split:]])) or repetition(padded, self.shape, split) is None:
            return None
        self.split = split
        return REPEAT if whole else REPEAT_ROW

    def _fits(self, k: int) -> bool:
        """Whether the split may lie where the dimensions of a broadcast value begin or end."""
        if self.split is None:
            self.split = k
            return True
        # Dimensions of size 1 belong to either side.
        low, high = min(k, self.split), max(k, self.split)
        return all([d == 1 for d in self.shape[low:high]])


def repetition(shape: Shape, space: Shape, split: int) -> tuple[int, int] | None:
    """Return how many rows of a loop share a row of a value, and after how many of its rows it begins again."""
    padded = (1,) * (len(space) - len(shape)) + shape
    kept = [k for k in range(split) if padded[k] != 1]
    if not kept:
        return None
    first, last = kept[0], kept[-1] + 1
    if padded[first:last] != space[first:last]:
        return None
    return prod(space[last:split]), prod(space[first:last])


def power_of(e: Equation) -> str | None:
    """Return the expression of a power with a simple exponent."""
    exponent: Any = e.inputs[1]
    if exponent.__class__ not in (int, float):
        return None
    return POWERS.get(exponent) or whole_power(exponent, name_of(e.outputs[0].dtype))


def function_of(e: Equation) -> str:
    """Return the name of the function of its last argument that an equation is, which may be that of its primitive."""
    name = e.primitive.name
    other = _FIRST.get(name)
    if other is None or e.inputs[1].__class__ is not Value:
        return name
    first: Any = e.inputs[0]
    return other[1] if first.__class__ in (int, float) and first == other[0] else name


@lru_cache
def name_of(dtype: Any) -> str:
    """Return the name of a data type, which NumPy puts together each time."""
    return str(dtype)


def _squeezed(shape: Iterable[int]) -> Shape:
    return tuple([d for d in shape if d != 1])
