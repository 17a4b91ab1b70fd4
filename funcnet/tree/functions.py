"""Functions of whole trees."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any, Final

from funcnet.errors import TreeError
from funcnet.tree.compare import describe, flatten_like
from funcnet.tree.treedef import IsLeaf, Spec, TreeDef, flatten, structure, unflatten

__all__ = ["all", "leaves", "map", "map_with_path", "paths", "reduce", "transpose"]


def leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """Return the leaves of a tree; see :func:`flatten`.

    Parameters
    ----------
    tree : pytree
        The tree.
    is_leaf : callable, optional
        ``is_leaf(node) -> bool``; a node for which it holds is a leaf as a whole.

    Returns
    -------
    list
        The leaves, in the order of the structure.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.leaves({"b": 2, "a": (1, None)})
    [1, 2]
    """
    return flatten(tree, is_leaf)[0]


def paths(tree: Any, is_leaf: IsLeaf | None = None) -> list[str]:
    """Return the path of each leaf, in the order of :func:`flatten`.

    Parameters
    ----------
    tree : pytree
        The tree.
    is_leaf : callable, optional
        ``is_leaf(node) -> bool``; a node for which it holds is a leaf as a whole.

    Returns
    -------
    list of str
        Paths as Python would write them after the tree's name.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.paths({"dense_0": {"kernel": 1, "bias": 2}})
    ['.dense_0.bias', '.dense_0.kernel']
    """
    return structure(tree, is_leaf).paths()


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """Apply a function to each leaf.

    Parameters
    ----------
    f : callable
        Called with a leaf of ``tree`` and the leaves of ``rest`` at the same place.
    tree : Any
        The tree.
    *rest : Any
        Trees of the same structure.
    is_leaf : callable, optional
        See :func:`flatten`. It is asked about the nodes of every tree.

    Returns
    -------
    tree : Any
        The results, in the structure of ``tree``.

    Raises
    ------
    TreeError
        If a tree of ``rest`` has another structure; the message names the first path at which it differs.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.map(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
    {'x': 11, 'y': [22]}
    """
    first, treedef = flatten(tree, is_leaf)
    others = [_flatten_rest(treedef, rest, i, is_leaf) for i in range(len(rest))]
    return unflatten(treedef, list(builtins.map(f, first, *others)))


def map_with_path(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """Apply a function to each leaf and its path.

    Parameters
    ----------
    f : callable
        Called with the path of a leaf as a string, the leaf, and the leaves of ``rest`` at the same place.
    tree, *rest, is_leaf
        As for :func:`map`.

    Returns
    -------
    tree : Any
        The results, in the structure of ``tree``.

    Raises
    ------
    TreeError
        If a tree of ``rest`` has another structure.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.map_with_path(lambda path, leaf: path.endswith(".bias"), {"bias": 1, "kernel": 2})
    {'bias': True, 'kernel': False}
    """
    first, treedef = flatten(tree, is_leaf)
    others = [_flatten_rest(treedef, rest, i, is_leaf) for i in range(len(rest))]
    return unflatten(treedef, list(builtins.map(f, treedef.paths(), first, *others)))


def _flatten_rest(treedef: TreeDef, rest: tuple[Any, ...], index: int, is_leaf: IsLeaf | None) -> list[Any]:
    given, found = flatten(rest[index], is_leaf)
    if found.spec != treedef.spec:
        return flatten_like(treedef, rest[index], is_leaf, name=f"tree {index + 2}")
    return given


def transpose(outer: TreeDef, inner: TreeDef, tree: Any) -> Any:
    """Turn a tree of trees inside out.

    Parameters
    ----------
    outer, inner : TreeDef
        The structures: ``tree`` is like ``outer``, each leaf being like ``inner``.
    tree : Any
        The tree.

    Returns
    -------
    tree : Any
        A tree like ``inner``, each leaf being like ``outer``.

    Raises
    ------
    TreeError
        If ``tree`` has another structure.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.transpose(tree.structure({"a": 0, "b": 0}), tree.structure((0, 0)), {"a": (1, 2), "b": (3, 4)})
    ({'a': 1, 'b': 3}, {'a': 2, 'b': 4})
    """
    count = inner.num_leaves
    nested = TreeDef(_substitute(outer.spec, inner.spec), outer.num_leaves * count)
    flat = flatten_like(nested, tree)
    return unflatten(inner, [unflatten(outer, flat[i::count]) for i in range(count)])


def _substitute(outer: Spec, inner: Spec) -> Spec:
    return inner if outer is None else (outer[0], outer[1], tuple([_substitute(child, inner) for child in outer[2]]))


_NOTHING: Final[Any] = object()


def reduce(f: Callable[[Any, Any], Any], tree: Any, initial: Any = _NOTHING, is_leaf: IsLeaf | None = None) -> Any:
    """Combine the leaves from the first to the last.

    Parameters
    ----------
    f : callable
        Called with the result so far and the next leaf.
    tree : Any
        The tree.
    initial : Any, optional
        What to begin with; otherwise the first leaf.
    is_leaf : callable, optional
        See :func:`flatten`.

    Returns
    -------
    result : Any
        The last result.

    Raises
    ------
    TreeError
        If the tree has no leaf and there is nothing to begin with.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.reduce(lambda total, leaf: total + leaf, {"a": 1, "b": [2, 3]})
    6
    """
    found = leaves(tree, is_leaf)
    if initial is not _NOTHING:
        return functools.reduce(f, found, initial)
    if not found:
        raise TreeError(
            "A tree without leaves has nothing to reduce.",
            found=describe(structure(tree, is_leaf).spec),
            needed="at least one leaf, or a value to begin with",
            write="tree.reduce(f, tree, initial)",
        )
    return functools.reduce(f, found)


def all(tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    """Whether every leaf is true.

    Parameters
    ----------
    tree : pytree
        The tree.
    is_leaf : callable, optional
        ``is_leaf(node) -> bool``; a node for which it holds is a leaf as a whole.

    Returns
    -------
    bool
        True for a tree without leaves.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.all({"a": True, "b": [True, False]})
    False
    """
    return builtins.all(leaves(tree, is_leaf))
