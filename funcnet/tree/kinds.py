"""The classes of nodes: how each is taken apart, put together and described in paths."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, cast

from funcnet.errors import ParameterError, TreeError

__all__ = ["Kind", "kinds", "register", "register_leaf", "sorted_keys"]

Flatten = Callable[[Any], tuple[Iterable[Any], Any]]
Unflatten = Callable[[Any, list[Any]], Any]
Keys = Callable[[Any, int], Sequence[Any]]


class Kind:
    """What one class of nodes does: its children, its rebuilding and the keys of its children."""

    __slots__ = ("cls", "flatten", "keys", "unflatten")

    def __init__(self, cls: type, flatten: Flatten, unflatten: Unflatten, keys: Keys) -> None:
        self.cls = cls
        self.flatten = flatten
        self.unflatten = unflatten
        self.keys = keys


def sorted_keys(node: Mapping[Any, Any]) -> tuple[Any, ...]:
    try:
        keys = tuple(sorted(node))
        # Strings have one order. Other keys may have an order in part only (sets, NaN), and then its result would
        # depend on the order of insertion.
        if not keys or type(keys[0]) is str or all(a < b for a, b in pairwise(keys)):
            return keys
    except TypeError:
        pass
    return tuple(sorted(node, key=lambda key: (type(key).__name__, repr(key))))


def _flatten_dict(node: dict[Any, Any]) -> tuple[list[Any], tuple[Any, ...]]:
    keys = sorted_keys(node)
    return [node[key] for key in keys], keys


def _flatten_defaultdict(node: defaultdict[Any, Any]) -> tuple[list[Any], tuple[Any, tuple[Any, ...]]]:
    keys = sorted_keys(node)
    return [node[key] for key in keys], (node.default_factory, keys)


def _indices(_: Any, count: int) -> range:
    return range(count)


def _no_children(_: None) -> tuple[tuple[()], None]:
    return (), None


_BUILTIN: Final = (
    Kind(dict, _flatten_dict, lambda keys, items: dict(zip(keys, items, strict=True)), lambda keys, _: keys),
    Kind(list, lambda node: (node, None), lambda _, items: items, _indices),
    Kind(tuple, lambda node: (node, None), lambda _, items: tuple(items), _indices),
    Kind(type(None), _no_children, lambda _, __: None, _indices),
    Kind(
        OrderedDict,
        lambda node: (node.values(), tuple(node)),
        lambda keys, items: OrderedDict(zip(keys, items, strict=True)),
        lambda keys, _: keys,
    ),
    Kind(
        defaultdict,
        _flatten_defaultdict,
        lambda meta, items: defaultdict(meta[0], zip(meta[1], items, strict=True)),
        lambda meta, _: meta[1],
    ),
)


def _named_tuple_kind(cls: Any) -> Kind:
    return Kind(cls, lambda node: (node, None), lambda _, items: cls._make(items), lambda _, __: cls._fields)


def _dataclass_kind(cls: Any) -> Kind:
    # Here and not above: whoever made the class has paid for this import.
    from dataclasses import fields

    names = tuple(field.name for field in fields(cls) if not field.metadata.get("static", False))
    static = tuple(field.name for field in fields(cls) if field.metadata.get("static", False))

    def unflatten(meta: tuple[Any, ...], items: list[Any]) -> Any:
        # Not through __init__: it need not take every field, and may check values that a leaf need not have.
        node = object.__new__(cls)
        for name, value in zip(names + static, (*items, *meta), strict=True):
            object.__setattr__(node, name, value)
        return node

    def flatten(node: Any) -> tuple[list[Any], tuple[Any, ...]]:
        return [getattr(node, name) for name in names], tuple([getattr(node, name) for name in static])

    return Kind(cls, flatten, unflatten, lambda _, __: names)


def _resolve(cls: Any) -> Kind | None:
    if tuple in cls.__mro__ and isinstance(getattr(cls, "_fields", None), tuple):
        return _named_tuple_kind(cls)
    if isinstance(getattr(cls, "__dataclass_fields__", None), dict):
        return _dataclass_kind(cls)
    return None


class _Kinds(dict[type, "Kind | None"]):
    """From class to kind; a class is looked at when the first object of it is met."""

    def __missing__(self, cls: type) -> Kind | None:
        # What another thread has registered meanwhile stays.
        return self.setdefault(cls, _resolve(cls))


kinds: Final = _Kinds({kind.cls: kind for kind in _BUILTIN})
_registered: Final[dict[type, object]] = {kind.cls: kind for kind in _BUILTIN}


def _enter(cls: type, kind: Kind | None) -> None:
    if not isinstance(cls, type):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError("Only a class can be registered.", found=repr(cls), needed="a class")
    # One atomic step decides between threads, so that no lock is needed.
    claim = object()
    if _registered.setdefault(cls, claim) is not claim:
        raise TreeError(
            f"The class {cls.__qualname__} is registered already.",
            found="a second registration",
            needed="one registration for each class",
        )
    kinds[cls] = kind


def register(
    cls: type,
    flatten: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten: Callable[[Any, list[Any]], Any],
    names: Sequence[str] | Callable[[Any], Sequence[Any]] | None = None,
) -> None:
    """Make the instances of a class nodes. Subclasses are not included.

    Parameters
    ----------
    cls : type
        The class.
    flatten : callable
        ``flatten(node)`` returns ``(children, aux)``: the children in a fixed order, and whatever else the node
        consists of. ``aux`` is part of the structure: hashable and comparable.
    unflatten : callable
        ``unflatten(aux, children)`` makes the node again. The children are a list of any objects.
    names : sequence of str or callable, optional
        The children's keys in paths: the same for every node, or ``names(aux)``. Otherwise ``[0]``, ``[1]``, ...

    Raises
    ------
    ParameterError
        If ``cls`` is no class.
    TreeError
        If the class is registered already.

    Examples
    --------
    >>> from funcnet import tree
    >>> class Interval:
    ...     def __init__(self, low, high):
    ...         self.low, self.high = low, high
    >>> tree.register(Interval, lambda v: ((v.low, v.high), None), lambda _, c: Interval(*c), names=("low", "high"))
    >>> tree.flatten_with_paths({"x": Interval(1, 2)})[0]
    [('.x.low', 1), ('.x.high', 2)]
    """
    label = getattr(cls, "__qualname__", repr(cls))

    def checked(node: Any) -> tuple[Iterable[Any], Any]:
        result: Any = flatten(node)
        if not (isinstance(result, tuple) and len(cast("tuple[Any, ...]", result)) == 2):
            raise TreeError(
                f"The registered flatten function of {label} is wrong.",
                found=repr(cast("object", result)),
                needed="a tuple (children, aux)",
            )
        return cast("tuple[Iterable[Any], Any]", result)

    def keys(aux: Any, count: int) -> Sequence[Any]:
        given = range(count) if names is None else names(aux) if callable(names) else names
        if len(given) != count:
            raise TreeError(
                f"The registered names of {label} do not fit its children.",
                found=f"{len(given)} names",
                needed=f"{count} names",
            )
        return given

    _enter(cls, Kind(cls, checked, unflatten, keys))


def register_leaf(cls: type) -> None:
    """Make the instances of a dataclass or named tuple leaves.

    Parameters
    ----------
    cls : type
        The class.

    Raises
    ------
    ParameterError
        If ``cls`` is no class.
    TreeError
        If the class is registered already.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from funcnet import tree
    >>> class Unit(NamedTuple):
    ...     name: str
    >>> tree.register_leaf(Unit)
    >>> tree.leaves([Unit("m")])
    [Unit(name='m')]
    """
    _enter(cls, None)
