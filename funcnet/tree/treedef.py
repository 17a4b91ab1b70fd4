"""Structures: taking a tree apart into leaves and structure, and putting it together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from funcnet.errors import TreeError
from funcnet.tree.kinds import Kind, kinds, sorted_keys

__all__ = ["IsLeaf", "Spec", "TreeDef", "flatten", "flatten_with_paths", "format_path", "structure", "unflatten"]

IsLeaf = Callable[[Any], bool]

# A structure is nested tuples, which Python compares and hashes in C: (kind, what identifies the node, its children's
# structures). A leaf is None, and so is the kind of a class of leaves.
Spec = tuple[Kind, Any, tuple[Any, ...]] | None


class TreeDef:
    """The structure of a tree: everything but its leaves.

    Two structures are equal, with equal hashes, when the trees differ in their leaves only. They pickle. Made by
    :func:`flatten` and :func:`structure`.

    Attributes
    ----------
    num_leaves : int
        The number of leaves.

    Examples
    --------
    >>> from funcnet import tree
    >>> definition = tree.structure({"b": [1, 2], "a": None})
    >>> definition
    TreeDef({'a': None, 'b': [*, *]})
    >>> definition.num_leaves
    2
    >>> definition.unflatten([3, 4])
    {'a': None, 'b': [3, 4]}
    """

    __slots__ = ("_hash", "_paths", "num_leaves", "spec")

    def __init__(self, spec: Spec, num_leaves: int) -> None:
        self.spec = spec
        self.num_leaves = num_leaves
        self._hash: int | None = None
        self._paths: tuple[str, ...] | None = None

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """Put leaves into the structure; see :func:`unflatten`."""
        return unflatten(self, leaves)

    def paths(self) -> list[str]:
        """Return the path of each leaf, in the order of the leaves."""
        if self._paths is None:
            found: list[str] = []
            _collect_paths(self.spec, "", found.append)
            self._paths = tuple(found)
        return list(self._paths)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeDef):
            return NotImplemented
        return self.spec == other.spec

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.spec)
        return self._hash

    def __repr__(self) -> str:
        return f"TreeDef({_render(self.spec)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _load, (_dump(self.spec), self.num_leaves)


def _dump(spec: Spec) -> Any:
    # Kinds hold functions, which do not pickle; their classes do.
    return None if spec is None else (spec[0].cls, spec[1], [_dump(child) for child in spec[2]])


def _load(dumped: Any, num_leaves: int) -> TreeDef:
    return TreeDef(_load_spec(dumped), num_leaves)


def _load_spec(dumped: Any) -> Spec:
    if dumped is None:
        return None
    cls, meta, children = dumped
    kind = kinds[cls]
    if kind is None:
        raise TreeError(
            f"A saved structure has nodes of the class {cls.__qualname__}, which is not registered.",
            needed="the registration that was in force when it was saved",
            write=f"tree.register({cls.__qualname__}, flatten, unflatten)",
        )
    return kind, meta, tuple([_load_spec(child) for child in children])


def _render(spec: Spec) -> str:
    if spec is None:
        return "*"
    kind, meta, children = spec
    inner = [_render(child) for child in children]
    if kind.cls is type(None):
        return "None"
    if kind.cls is list:
        return f"[{', '.join(inner)}]"
    if kind.cls is tuple:
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    keys = kind.keys(meta, len(children))
    if kind.cls is dict:
        return f"{{{', '.join(f'{key!r}: {child}' for key, child in zip(keys, inner, strict=True))}}}"
    names = [key if isinstance(key, str) and key.isidentifier() else repr(key) for key in keys]
    return f"{kind.cls.__name__}({', '.join(f'{name}={child}' for name, child in zip(names, inner, strict=True))})"


_LEAF: Final = TreeDef(None, 1)


def _flatten(node: Any, kind: Kind, append: Callable[[Any], None]) -> Spec:
    # `grad` does this at every call: dicts are taken apart right here, at the price of the loop twice.
    specs: list[Spec] = []
    if kind.cls is dict:
        meta = sorted_keys(node)
        for key in meta:
            child = node[key]
            child_kind = kinds[type(child)]
            if child_kind is None:
                append(child)
                specs.append(None)
            else:
                specs.append(_flatten(child, child_kind, append))
    else:
        children, meta = kind.flatten(node)
        for child in children:
            child_kind = kinds[type(child)]
            if child_kind is None:
                append(child)
                specs.append(None)
            else:
                specs.append(_flatten(child, child_kind, append))
    return kind, meta, tuple(specs)


def _flatten_until(node: Any, append: Callable[[Any], None], is_leaf: IsLeaf) -> Spec:
    kind = kinds[type(node)]
    if kind is None or is_leaf(node):
        append(node)
        return None
    children, meta = kind.flatten(node)
    return kind, meta, tuple([_flatten_until(child, append, is_leaf) for child in children])


def flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], TreeDef]:
    """Take a tree apart into its leaves and its structure.

    Parameters
    ----------
    tree : Any
        The tree.
    is_leaf : callable, optional
        ``is_leaf(node)`` is asked of each node, the tree itself included; where true, the node is taken as a leaf.

    Returns
    -------
    leaves : list
        The leaves, a dict's in the order of its sorted keys. Keys that cannot be compared are sorted by the name of
        their type, then by their ``repr``.
    treedef : TreeDef
        The structure.

    Raises
    ------
    TreeError
        If the tree contains itself, or is nested deeper than Python's recursion limit.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.flatten({"b": (2, 3), "a": 1})
    ([1, 2, 3], TreeDef({'a': *, 'b': (*, *)}))
    >>> tree.flatten([(1, 2), (3, 4)], is_leaf=lambda node: isinstance(node, tuple))
    ([(1, 2), (3, 4)], TreeDef([*, *]))
    """
    found: list[Any] = []
    try:
        if is_leaf is not None:
            spec = _flatten_until(tree, found.append, is_leaf)
        else:
            kind = kinds[type(tree)]
            if kind is None:
                return [tree], _LEAF
            spec = _flatten(tree, kind, found.append)
    except RecursionError:
        raise TreeError(
            "A tree contains itself or is nested too deeply.",
            found=f"a {type(tree).__name__} that ran into Python's recursion limit",
            needed="containers that do not contain themselves",
        ) from None
    return found, TreeDef(spec, len(found))


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """Put leaves into a structure. The inverse of :func:`flatten`.

    Parameters
    ----------
    treedef : TreeDef
        The structure.
    leaves : iterable
        As many objects as the structure has leaves, in the order of :func:`flatten`.

    Returns
    -------
    tree : Any
        The tree.

    Raises
    ------
    TreeError
        If the number of leaves is wrong.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.unflatten(tree.structure({"a": 0, "b": [0]}), [1, 2])
    {'a': 1, 'b': [2]}
    """
    given = leaves if isinstance(leaves, list | tuple) else list(leaves)
    if len(given) != treedef.num_leaves:
        raise TreeError(
            "The number of leaves does not fit the structure.",
            found=f"{len(given)} leaves",
            needed=f"{treedef.num_leaves} leaves for {treedef!r}",
        )
    spec = treedef.spec
    return given[0] if spec is None else _build(spec, iter(given).__next__)


def _build(spec: tuple[Kind, Any, tuple[Any, ...]], take: Callable[[], Any]) -> Any:
    kind, meta, children = spec
    if kind.cls is dict:
        node: dict[Any, Any] = {}
        for key, child in zip(meta, children, strict=False):
            node[key] = take() if child is None else _build(child, take)
        return node
    items: list[Any] = []
    for child in children:
        items.append(take() if child is None else _build(child, take))
    return kind.unflatten(meta, items)


def structure(tree: Any, is_leaf: IsLeaf | None = None) -> TreeDef:
    """Return the structure of a tree; see :func:`flatten`.

    Parameters
    ----------
    tree : pytree
        The tree.
    is_leaf : callable, optional
        ``is_leaf(node) -> bool``; a node for which it holds is a leaf as a whole.

    Returns
    -------
    TreeDef
        What `unflatten` makes a tree of again; two of them are equal if the trees differ in their leaves only.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.structure({"b": 2, "a": 1}) == tree.structure({"a": 3, "b": 4})
    True
    """
    return flatten(tree, is_leaf)[1]


def flatten_with_paths(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[tuple[str, Any]], TreeDef]:
    """Take a tree apart into pairs of path and leaf, and its structure.

    Parameters
    ----------
    tree, is_leaf
        As for :func:`flatten`.

    Returns
    -------
    pairs : list of (str, Any)
        Path and leaf, in the order of :func:`flatten`.
    treedef : TreeDef
        The structure.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.flatten_with_paths({"layers": [1, 2], "a b": 3})[0]
    [("['a b']", 3), ('.layers[0]', 1), ('.layers[1]', 2)]
    """
    found, treedef = flatten(tree, is_leaf)
    return list(zip(treedef.paths(), found, strict=True)), treedef


def format_path(keys: Iterable[Any]) -> str:
    """Write the keys that lead to a place in a tree as a path.

    Parameters
    ----------
    keys : iterable
        Dict keys, field names and positions, from the outermost inwards.

    Returns
    -------
    path : str
        A string that is an identifier as ``.name``, every other key by its ``repr`` in brackets.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.format_path(["dense_0", "kernel", 0, "a b"])
    ".dense_0.kernel[0]['a b']"
    >>> tree.format_path([])
    ''
    """
    return "".join([_format_key(key) for key in keys])


def _format_key(key: Any) -> str:
    # The exact type: a subclass of str, such as an enumeration's, may be shown as something else.
    return f".{key}" if type(key) is str and key.isidentifier() else f"[{key!r}]"


def _collect_paths(spec: Spec, path: str, append: Callable[[str], None]) -> None:
    if spec is None:
        append(path)
        return
    kind, meta, children = spec
    for key, child in zip(kind.keys(meta, len(children)), children, strict=True):
        _collect_paths(child, path + _format_key(key), append)
