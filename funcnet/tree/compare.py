"""Comparing structures: where they first differ, and what is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from funcnet.errors import TreeError
from funcnet.tree.kinds import sorted_keys
from funcnet.tree.treedef import IsLeaf, Spec, TreeDef, flatten, format_path, structure

__all__ = ["Difference", "broadcast_prefix", "describe", "first_difference", "flatten_like"]


class Difference(NamedTuple):
    """The first place at which two structures differ, and what each has there in words."""

    path: str
    found: str
    needed: str


def first_difference(needed: TreeDef, found: TreeDef) -> Difference | None:
    """Find the first place at which two structures differ.

    Parameters
    ----------
    needed, found : TreeDef
        The structures.

    Returns
    -------
    difference : Difference or None
        The path, and what each structure has there in words; None if the structures are equal.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.first_difference(tree.structure([1, (2, 3)]), tree.structure([1, (2, 3, 4)]))
    Difference(path='[1]', found='a tuple of length 3', needed='a tuple of length 2')
    """
    return _compare(needed.spec, found.spec, "", False)


def _compare(needed: Spec, found: Spec, path: str, prefix: bool) -> Difference | None:
    if found is None and (prefix or needed is None):
        return None
    if needed is None or found is None:
        return Difference(path, describe(found), describe(needed))
    kind, meta, children = needed
    if found[0] is not kind:
        texts = describe(found), describe(needed)
        if texts[0] == texts[1]:
            texts = f"{texts[0]} of {found[0].cls.__module__}", f"{texts[1]} of {kind.cls.__module__}"
        return Difference(path, *texts)
    if kind.cls in (list, tuple) and len(children) != len(found[2]):
        return Difference(path, describe(found), describe(needed))
    wanted = dict(zip(kind.keys(meta, len(children)), children, strict=True))
    present = dict(zip(kind.keys(found[1], len(found[2])), found[2], strict=True))
    for key in wanted if wanted.keys() == present.keys() else sorted_keys(wanted | present):
        place = path + format_path((key,))
        if key not in present:
            return Difference(place, "no such key", describe(wanted[key]))
        if key not in wanted:
            return Difference(place, describe(present[key]), "no such key")
        difference = _compare(wanted[key], present[key], place, prefix)
        if difference is not None:
            return difference
    # In tuples, so that an object equals itself even where it says otherwise, as in the comparison of structures.
    if (found[1],) != (meta,):
        texts = describe(found), describe(needed)
        if texts[0] == texts[1]:
            texts = f"{texts[0]} with {found[1]!r}", f"{texts[1]} with {meta!r}"
        return Difference(path, *texts)
    return None


def describe(spec: Spec) -> str:
    if spec is None:
        return "a leaf"
    kind, meta, children = spec
    cls = kind.cls
    if cls is type(None):
        return "None"
    article = "an" if cls.__name__[0] in "AEIOUaeiou" else "a"
    if cls in (list, tuple):
        return f"{article} {cls.__name__} of length {len(children)}"
    if not issubclass(cls, dict):
        return f"{article} {cls.__qualname__}"
    keys = [repr(key) for key in kind.keys(meta, len(children))]
    if not keys:
        return f"{article} {cls.__name__} without keys"
    shown = ", ".join(keys if len(keys) <= 8 else [*keys[:8], f"... ({len(keys)} in all)"])
    return f"{article} {cls.__name__} with the keys {shown}"


def _mismatch(name: str, difference: Difference, treedef: TreeDef, given: Sequence[Any]) -> TreeError:
    found = difference.found
    if found == "a leaf":
        at = dict(zip(treedef.paths(), given, strict=True))
        found = f"a leaf of type {type(at[difference.path]).__name__}"
    where = difference.path or "the root"
    return TreeError(f"The structure of {name} differs at {where}", found=found, needed=difference.needed)


def flatten_like(treedef: TreeDef, tree: Any, is_leaf: IsLeaf | None = None, *, name: str = "the tree") -> list[Any]:
    """Take a tree apart that must have a given structure.

    Parameters
    ----------
    treedef : TreeDef
        The structure that is needed.
    tree, is_leaf
        As for :func:`flatten`.
    name : str, optional
        What the error message calls the tree.

    Returns
    -------
    leaves : list
        The leaves of the tree.

    Raises
    ------
    TreeError
        If the tree has another structure; the message names the first path at which it differs.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.flatten_like(tree.structure({"a": 0, "b": 0}), {"b": 2}, name="the gradient")
    Traceback (most recent call last):
    funcnet.errors.TreeError: The structure of the gradient differs at .a
      found:  no such key
      needed: a leaf
    """
    given, other = flatten(tree, is_leaf)
    if other != treedef:
        difference = first_difference(treedef, other)
        if difference is not None:
            raise _mismatch(name, difference, other, given)
    return given


def broadcast_prefix(prefix: Any, tree: Any, is_leaf: IsLeaf | None = None, *, name: str = "the prefix") -> list[Any]:
    """Repeat each leaf of a prefix for all the leaves that it stands for.

    Parameters
    ----------
    prefix : Any
        A tree that is like ``tree`` from the root on, and may have a leaf where ``tree`` has a node.
    tree : Any
        The whole tree.
    is_leaf : callable, optional
        See :func:`flatten`. It is asked about the nodes of the prefix only: ``lambda node: node is None`` lets None
        stand for a subtree.
    name : str, optional
        What the error message calls the prefix.

    Returns
    -------
    leaves : list
        As many leaves of the prefix as ``tree`` has leaves, in their order.

    Raises
    ------
    TreeError
        If the prefix is none of ``tree``; the message names the first path at which it differs.

    Examples
    --------
    >>> from funcnet import tree
    >>> tree.broadcast_prefix({"x": 0, "y": 1}, {"x": [5, 6], "y": 7})
    [0, 0, 1]
    """
    given, short = flatten(prefix, is_leaf)
    whole = structure(tree)
    difference = _compare(whole.spec, short.spec, "", True)
    if difference is not None:
        raise _mismatch(name, difference, short, given)
    repeated: list[Any] = []
    _spread(short.spec, whole.spec, iter(given).__next__, repeated.extend)
    return repeated


def _spread(short: Spec, whole: Spec, take: Callable[[], Any], extend: Callable[[list[Any]], None]) -> None:
    if short is None:
        extend([take()] * _count(whole))
    elif whole is not None:
        for below, child in zip(short[2], whole[2], strict=True):
            _spread(below, child, take, extend)


def _count(spec: Spec) -> int:
    return 1 if spec is None else sum([_count(child) for child in spec[2]])
