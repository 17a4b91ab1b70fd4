"""What the transforms of this package are made of: their numbers, their arrays, and a rule for one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.core import Tracer, constant, current_trace, owner
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.transform import Transform, check_extras, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "Number",
    "Step",
    "build",
    "check_choice",
    "check_count",
    "copied",
    "missing",
    "per_leaf",
    "together",
    "wide_of",
    "zeros",
]

_INF = float("inf")


class Number(NamedTuple):
    """A hyperparameter: its value, an array or a function from the number of updates before; and its bounds.

    None stands for one that is not used.
    """

    value: Any
    low: float = 0.0
    high: float = _INF
    open_low: bool = False
    closed_high: bool = False


def zeros(leaf: Any) -> Any:
    """Return zeros like a parameter, in float32 for narrower data types, whose squares would underflow."""
    return xp.zeros_like(leaf, dtype=wide_of(leaf))


def copied(leaf: Any) -> Any:
    """Return a copy of a parameter, in float32 for narrower data types."""
    return xp.asarray(leaf, dtype=wide_of(leaf), copy=True)


def wide_of(leaf: Any) -> Any:
    """Return the data type of a leaf, float32 for narrower ones."""
    backend = owner(leaf)
    narrow = backend.dtype_name(leaf.dtype) in ("float16", "bfloat16")
    return backend.dtype("float32") if narrow else leaf.dtype


class Step:
    """One update: what it was given, taken apart.

    Attributes
    ----------
    before : int array of shape ()
        How many updates there were.
    t : float array of shape ()
        The number of this update, from 1.
    numbers, totals : list
        The hyperparameters of this update, and what the state has of shape () beside them, in the widest data type.
    grads, params : list
        Leaves; None where there is no gradient.
    columns : list of lists
        The leaves of each part of the state that is like the parameters. Rules put the new ones in place.
    inner : list
        The states of the inner transforms. Rules put the new ones in place.
    extras : dict
        The keyword arguments of the update.
    structure : TreeDef
        Of the parameters.
    """

    __slots__ = ("before", "columns", "extras", "grads", "inner", "numbers", "params", "structure", "t", "totals")

    before: Any
    t: Any
    numbers: list[Any]
    totals: list[Any]
    grads: list[Any]
    params: list[Any]
    columns: list[list[Any]]
    inner: list[Any]
    extras: dict[str, Any]
    structure: Any

    def run(self, member: Transform, state: Any, grads: list[Any], params: list[Any]) -> tuple[list[Any], Any]:
        """Return the updates, as a list, and the state after an update of an inner transform."""
        own = {name: value for name, value in self.extras.items() if name in member.extras}
        updates, state = member.update(self.tree(grads), state, self.tree(params), **own)
        return leaves.flat_like(self.structure, updates, "the updates")[0], state

    def tree(self, leaves: list[Any]) -> Any:
        """Return leaves as a tree like the parameters."""
        return tree.unflatten(self.structure, leaves)

    def each(
        self, rule: Callable[..., Any], *numbers: Any, params: bool = False, only: Sequence[bool] | None = None
    ) -> list[Any]:
        """Apply a rule to each gradient and what belongs to it.

        Parameters
        ----------
        rule : callable
            ``rule(gradient, [parameter,] *columns, *numbers) -> (update, *columns)``, on arrays of one data type.
        *numbers : arrays of shape ()
            In the widest data type; cast for each gradient.
        params : bool
            Whether the rule gets the parameter.
        only : sequence of bool, optional
            To which leaves the rule is applied; what it leaves out stays what it is.

        Returns
        -------
        list
            The updates, of the data types of the gradients, and None where there is none. The new columns replace the
            old ones.
        """
        scalars = leaves.Scalars(*numbers)
        columns = self.columns
        updates: list[Any] = []
        for i, g in enumerate(self.grads):
            if g is None or (only is not None and not only[i]):
                updates.append(g)
                continue
            old = [column[i] for column in columns]
            dtype = old[0].dtype if old else wide_of(g)
            args = [cast(g, dtype)]
            if params:
                args.append(cast(self.params[i], dtype))
            update, *new = rule(*together([*args, *old, *scalars.of(dtype)]))
            updates.append(cast(update, g.dtype))
            for column, value in zip(columns, new, strict=True):
                column[i] = value
        return updates

    def total(self, value: Callable[..., Any], *columns: list[Any], numbers: Sequence[Any] = ()) -> Any:
        """Return the sum over all leaves that have a gradient of a function of theirs, in the widest data type.

        Parameters
        ----------
        value : callable
            ``value(*leaves, *numbers)``, an array of shape ().
        *columns : lists
            Gradients, parameters, or parts of the state.
        numbers : sequence of arrays of shape ()
            In the widest data type; cast for each gradient.
        """
        scalars = leaves.Scalars(*numbers)
        result = None
        for i, g in enumerate(self.grads):
            if g is None:
                continue
            wide = wide_of(g)
            own = [cast(column[i], wide) for column in columns]
            part = cast(value(*together([*own, *scalars.of(wide)])), self.t.dtype)
            result = part if result is None else result + part
        return self.constant(0.0) if result is None else result

    def extra(self, name: str, what: str, meaning: str) -> Any:
        """Return a keyword argument of the update of optim.`name`, a number, in the widest data type."""
        value = self.extras.get(what)
        if value is None:
            raise missing(name, what, meaning)
        leaf = next(p for p in self.params if p is not None)
        shape = tuple(getattr(value, "shape", ()))
        if shape:
            raise ShapeError(
                f"The update of optim.{name} got a {what} that is no number.", found=str(shape), needed="()"
            )
        return traced([leaves.float_of(value, leaf, self.t.dtype)])[0]

    def constant(self, value: float) -> Any:
        """Return a number in the widest data type."""
        return self.t * 0 + value

    def squared_norm(self, column: list[Any]) -> Any:
        """Return the sum of the squares of all elements, in the widest data type."""
        return self.total(_sum_of_squares, column)

    def dot(self, one: list[Any], other: list[Any]) -> Any:
        """Return the sum of the products of all elements, in the widest data type."""
        return self.total(_sum_of_products, one, other)


def _sum_of_squares(x: Any) -> Any:
    return xp.sum(x * x)


def _sum_of_products(x: Any, y: Any) -> Any:
    return xp.sum(x * y)


def traced(values: Sequence[Any]) -> list[Any]:
    """Return arrays of shape () as constants of the transformation that runs, since they will meet traced arrays."""
    if current_trace() is None:
        return list(values)
    return [a if a is None or a.__class__ is Tracer else constant(a) for a in values]


def together(args: Sequence[Any]) -> Sequence[Any]:
    """Return the arguments, all of them traced if one is: not every library lets another class answer for operators."""
    for a in args:
        if a.__class__ is Tracer:
            return [constant(a) if hasattr(a, "shape") and a.__class__ is not Tracer else a for a in args]
    return args


def build(
    name: str,
    state: Callable[..., Any],
    rule: Callable[[Step], list[Any]],
    *,
    numbers: Mapping[str, Number],
    totals: Mapping[str, Any] | None = None,
    columns: Mapping[str, Callable[[Any], Any]] | None = None,
    inner: Mapping[str, Transform] | None = None,
    extras: tuple[str, ...] = (),
) -> Transform:
    """Return a transform whose state has a count, hyperparameters, totals, columns and inner states, in this order.

    Parameters
    ----------
    name : str
        The public name, for errors.
    state : type
        A NamedTuple with the fields ``count``, then those of `numbers`, `totals`, `columns` and `inner`.
    rule : callable
        ``rule(step) -> updates``; it changes ``step.totals``, ``step.columns`` and ``step.inner``.
    numbers : dict of Number
        The hyperparameters. A function of the number of updates before stands for a schedule.
    totals : dict, optional
        What else has shape (): its first value, a number or a function from the parameters (as a list) to an array.
    columns : dict, optional
        What is like the parameters: a function from a parameter to its first value.
    inner : dict of Transform, optional
        Transforms that this one makes use of.
    extras : tuple of str
        The keyword arguments that ``update`` takes, beside those of the inner ones.

    Returns
    -------
    Transform
        It leaves parameters without a gradient alone.
    """
    given = list(numbers.values())
    for what, number in zip(numbers, given, strict=True):
        if number.value is not None and not callable(number.value):
            value, low, high, open_low, closed_high = number
            leaves.check_number(name, what, value, low, high, open_low=open_low, closed_high=closed_high)
    schedules = [(i, number.value) for i, number in enumerate(given) if callable(number.value)]
    firsts = list((totals or {}).values())
    begins = list((columns or {}).values())
    members = list((inner or {}).values())
    known = frozenset(extras).union(*[member.extras for member in members])
    labels = [f"the state ({what})" for what in columns or {}]
    end = 1 + len(given)
    last = end + len(firsts)

    def init(params: Any) -> Any:
        leaf = leaves.first_leaf(params, name)
        count, dtype = leaves.count_of(leaf), leaves.wide_dtype(leaf)
        flat = tree.leaves(params)
        return state(
            count,
            *[
                None if number.value is None else leaves.first_rate(number.value, leaf, count, dtype)
                for number in given
            ],
            *[cast(first(flat), dtype) if callable(first) else leaves.float_of(first, leaf, dtype) for first in firsts],
            *[tree.map(begin, params) for begin in begins],
            *[member.init(params) for member in members],
        )

    @takes(*known)
    def update(updates: Any, before: Any, params: Any, **more: Any) -> tuple[Any, Any]:
        check_extras(name, more, known)
        step = Step()
        step.params, structure, step.grads = leaves.paired(params, updates, "the gradients")
        step.structure = structure
        step.before, *kept = before[:end]
        for i, schedule in schedules:
            kept[i] = leaves.rate_at(schedule, kept[i], step.before)
        count = xp.add(step.before, 1)
        t = cast(count, next((number.dtype for number in kept if number is not None), None) or leaves.wide_dtype(count))
        step.t, *step.numbers = traced([t, *kept])
        step.totals = traced(before[end:last])
        step.columns = []
        structures: list[Any] = []
        for part, label in zip(before[last : last + len(begins)], labels, strict=True):
            column, own = leaves.flat_like(structure, part, label)
            step.columns.append(column)
            structures.append(own)
        step.inner = list(before[last + len(begins) :])
        step.extras = more
        new = tree.unflatten(structure, rule(step))
        parts = [tree.unflatten(own, column) for own, column in zip(structures, step.columns, strict=True)]
        return new, state(count, *kept, *step.totals, *parts, *step.inner)

    return Transform(init, update)


def per_leaf(
    name: str,
    state: Callable[..., Any],
    rule: Callable[..., Any],
    *,
    numbers: Mapping[str, Number],
    columns: Mapping[str, Callable[[Any], Any]] | None = None,
    prepare: Callable[..., Sequence[Any]] | None = None,
    params: bool = False,
) -> Transform:
    """Return a transform that does the same with each array by itself.

    Parameters
    ----------
    name, state, numbers, columns
        As for `build`.
    rule : callable
        As for `Step.each`.
    prepare : callable, optional
        ``prepare(t, *numbers)`` gives the numbers that the rule gets, from those of the state; t counts from 1.
    params : bool
        Whether the rule gets the parameter after the gradient.
    """

    def whole(step: Step) -> list[Any]:
        now = step.numbers if prepare is None else prepare(step.t, *step.numbers)
        return step.each(rule, *now, params=params)

    return build(name, state, whole, numbers=numbers, columns=columns)


def missing(name: str, what: str, meaning: str) -> ParameterError:
    """Return the error for an update that lacks a keyword argument."""
    return ParameterError(
        f"The update of optim.{name} needs {what}=.",
        found="no such argument",
        needed=meaning,
        write=f"opt.update(grads, state, params, {what}={what})",
    )


def check_choice(name: str, what: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raise `ParameterError` if a value is none of those to choose from."""
    if value not in choices:
        raise ParameterError(
            f"optim.{name} got a {what} that it does not know.",
            found=repr(value),
            needed=", ".join(repr(choice) for choice in choices),
            write=f"optim.{name}(..., {what}={choices[0]!r})",
        )


def check_count(name: str, what: str, value: Any) -> None:
    """Raise `ParameterError` if a value is no positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ParameterError(
            f"optim.{name} got a {what} that it cannot use.",
            found=repr(value),
            needed="an integer of at least 1",
            write=f"optim.{name}(...) with another {what}",
        )
