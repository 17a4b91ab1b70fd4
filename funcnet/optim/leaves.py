"""What every optimizer does with the leaves of its trees: pair them, check them, put numbers beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree, xp
from funcnet.core import Tracer, constant, owner, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError, TreeError
from funcnet.ops import cast

if TYPE_CHECKING:
    pass

__all__ = [
    "Rate",
    "Scalars",
    "check_number",
    "check_rate",
    "count_of",
    "first_leaf",
    "flat_like",
    "float_of",
    "moments",
    "paired",
    "rate_at",
    "wide_dtype",
]

#: A learning rate: a number, an array of shape (), or a function from the number of updates before to one of them.
Rate = Any


def is_none(node: Any) -> bool:
    """Return whether a node is None: what makes it a leaf."""
    return node is None


def paired(like: Any, given: Any, name: str) -> tuple[list[Any], Any, list[Any]]:
    """Take two trees apart whose leaves belong together.

    Parameters
    ----------
    like : pytree of arrays
        The parameters, or state that is like them.
    given : pytree of arrays
        Of the same structure; None may stand in place of an array.
    name : str
        What errors call `given`.

    Returns
    -------
    leaves : list
        Of `like`.
    structure : TreeDef
        Of `like`.
    others : list
        Of `given`, None where it has none.

    Raises
    ------
    TreeError
        If the structures differ.
    ShapeError
        If the shapes of two leaves differ.
    DtypeError
        If a leaf of `given` is of integers, or complex beside a real one: what is made of it would be cut off.
    """
    leaves, structure = tree.flatten(like)
    others, found = tree.flatten(given)
    if found != structure:
        # Once more, with None as a leaf, since it may stand for a missing gradient.
        leaves, structure = tree.flatten(like, is_leaf=is_none)
        others = tree.flatten_like(structure, given, is_leaf=is_none, name=name)
    for i, (p, g) in enumerate(zip(leaves, others, strict=True)):
        if g is None:
            continue
        fits = p is not None and hasattr(g, "dtype") and (g.dtype == p.dtype or _may_meet(g.dtype, p.dtype))
        if p is not None and fits and g.shape == p.shape:
            continue
        path = structure.paths()[i] or "the root"
        if p is None:
            raise TreeError(f"The structure of {name} differs at {path}", found="an array", needed="None")
        if not fits:
            raise DtypeError(
                f"The data type of {name} does not fit at {path}.",
                found=f"dtype {g.dtype}" if hasattr(g, "dtype") else type(g).__name__,
                needed=f"a floating-point array, as what it belongs to has dtype {p.dtype}",
                write="xp.astype(g, p.dtype)",
            )
        raise ShapeError(
            f"The shape of {name} differs at {path}",
            found=str(tuple(g.shape)),
            needed=str(tuple(p.shape)),
        )
    return leaves, structure, others


def _may_meet(given: Any, like: Any) -> bool:
    """Whether something of one data type may be added to something of another one: integers and booleans may not."""
    return kind(given) == "f" and kind(like) in "fc"


def flat_like(structure: Any, state: Any, name: str) -> tuple[list[Any], Any]:
    """Return the leaves of a part of the state that is like the parameters, and its structure."""
    found, own = tree.flatten(state)
    if own == structure:
        return found, own
    # Gradients with None in place of some arrays were taken apart with None as a leaf.
    own = tree.structure(state, is_leaf=is_none)
    return tree.flatten_like(structure, state, is_leaf=is_none, name=name), own


def check_number(
    name: str,
    what: str,
    value: Any,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    closed_high: bool = False,
) -> None:
    """Raise `ParameterError` if a hyperparameter is neither an array nor a number from `low` to below `high`.

    With `open_low` it has to be above `low`; with `closed_high` it may be `high`.
    """
    if hasattr(value, "shape") and not tuple(value.shape):
        return
    fits = not isinstance(value, bool) and isinstance(value, (int, float))
    fits = fits and (value > low if open_low else value >= low) and (value <= high if closed_high else value < high)
    if not fits:
        if high < float("inf"):
            most = f"{'at most' if closed_high else 'below'} {high:g}"
            bounds = f"above {low:g} and {most}" if open_low else f"from {low:g} to {most}"
        elif low > float("-inf"):
            bounds = f"above {low:g}" if open_low else f"of at least {low:g}"
        else:
            bounds = "that is finite"
        raise ParameterError(
            f"optim.{name} got a {what} that it cannot use.",
            found=repr(value),
            needed=f"a number {bounds}, or an array of shape ()",
            write=f"optim.{name}(...) with another {what}",
        )


def check_rate(name: str, rate: Rate) -> None:
    """Raise `ParameterError` if a learning rate is no number, array of shape () or function."""
    if not callable(rate):
        check_number(name, "learning rate", rate, float("-inf"), float("inf"))


def first_leaf(params: Any, name: str) -> Any:
    """Return a leaf that says where the state goes, after a check of all of them."""
    pairs = tree.flatten_with_paths(params)[0]
    for path, leaf in pairs:
        if not hasattr(leaf, "dtype") or kind(leaf.dtype) != "f":
            raise DtypeError(
                f"optim.{name} cannot update the parameter at {path or 'the root'}.",
                found=f"dtype {leaf.dtype}" if hasattr(leaf, "dtype") else type(leaf).__name__,
                needed="a real floating-point array",
                write="parameters apart from what is not trained, which belongs to the state of a model",
            )
    if not pairs:
        raise TreeError(
            f"optim.{name} got no parameters.",
            found="a tree without leaves",
            needed="at least one array",
            write="params, state = layer.init(key, x.shape)",
        )
    return pairs[0][1]


def wide_dtype(leaf: Any) -> Any:
    """Return float64 on devices that have it, else float32: the data type of hyperparameters beside `leaf`."""
    backend = owner(leaf)
    names = backend.dtypes(backend.device_of(raw(leaf)))
    return backend.dtype("float64" if "float64" in names else "float32")


def float_of(value: Any, leaf: Any, dtype: Any) -> Any:
    """Return a hyperparameter as an array of shape () beside `leaf`; a traced one keeps its derivative."""
    if value.__class__ is Tracer:
        return cast(value, dtype)
    backend = owner(leaf)
    array = raw(leaf)
    return constant(backend.asarray(value, dtype=dtype, device=backend.device_of(array)))


def count_of(leaf: Any) -> Any:
    """Return the number 0 as an array of integers of shape () beside `leaf`."""
    backend = owner(leaf)
    device = backend.device_of(raw(leaf))
    return constant(backend.asarray(0, dtype=backend.default_int(device), device=device))


def first_rate(rate: Rate, leaf: Any, count: Any, dtype: Any) -> Any:
    """Return the learning rate of the first step, beside `leaf`."""
    return float_of(rate(cast(count, dtype)) if callable(rate) else rate, leaf, dtype)


def rate_at(rate: Rate, stored: Any, count: Any) -> Any:
    """Return the learning rate of a step: the stored one, or what the schedule `rate` says."""
    if not callable(rate):
        return stored
    value = rate(cast(count, stored.dtype))
    if hasattr(value, "shape"):
        return cast(value, stored.dtype)
    return float_of(value, stored, stored.dtype)


class Scalars:
    """Numbers of a step, in the data type of each array that they meet."""

    __slots__ = ("_cast", "_values")

    def __init__(self, *values: Any) -> None:
        self._values = values
        self._cast: dict[Any, list[Any]] = {}

    def of(self, dtype: Any) -> list[Any]:
        """Return the numbers as arrays of that data type."""
        found = self._cast.get(dtype)
        if found is None:
            found = self._cast[dtype] = [cast(v, dtype) for v in self._values]
        return found


def moments(params: Any) -> Any:
    """Return zeros like the parameters, in float32 for narrower data types, whose squares would underflow."""
    return tree.map(_moment, params)


def _moment(leaf: Any) -> Any:
    backend = owner(leaf)
    narrow = backend.dtype_name(leaf.dtype) in ("float16", "bfloat16")
    return xp.zeros_like(leaf, dtype=backend.dtype("float32")) if narrow else xp.zeros_like(leaf)
