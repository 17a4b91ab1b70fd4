"""Names of leaves in a file: their paths, written so that they can be read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.errors import SerializationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["names_of", "nest"]

# The name of a tree that is one array. No key is written like this.
_ROOT = "."


def names_of(structure: tree.TreeDef) -> list[str]:
    """Return the name of each leaf of a structure: its keys with dots between them.

    A dot in a key is written as ``%2E``, a percent sign as ``%25``, an empty key as ``%``.

    Raises
    ------
    SerializationError
        If two leaves would have one name, as those at the keys 0 and "0" of one dict.

    Examples
    --------
    >>> from funcnet import tree
    >>> from funcnet.serialize.names import names_of
    >>> names_of(tree.structure({"dense_0": {"kernel": 0}, "layers": [0, 0], "a.b": 0}))
    ['a%2Eb', 'dense_0.kernel', 'layers.0', 'layers.1']
    """
    names: list[str] = []
    _collect(structure.spec, [], names)
    if len(set(names)) != len(names):
        double = next(name for i, name in enumerate(names) if name in names[:i])
        paths = [path for path, name in zip(structure.paths(), names, strict=True) if name == double]
        raise SerializationError(
            f"Two leaves would both be called {double!r} in the file.",
            found=" and ".join(paths),
            needed="keys that differ when they are written as text",
            write="another key for one of them",
        )
    return names


def _collect(spec: Any, keys: list[Any], names: list[str]) -> None:
    if spec is None:
        names.append(".".join(map(_escaped, keys)) if keys else _ROOT)
        # A name of the file format itself.
        if names[-1] == "__metadata__":
            names[-1] = "%5F_metadata__"
        return
    kind, meta, children = spec
    for key, child in zip(kind.keys(meta, len(children)), children, strict=True):
        _collect(child, [*keys, key], names)


def _escaped(key: Any) -> str:
    text = key if isinstance(key, str) else repr(key)
    return text.replace("%", "%25").replace(".", "%2E") or "%"


def _unescaped(part: str) -> str:
    return "" if part == "%" else part.replace("%5F", "_").replace("%2E", ".").replace("%25", "%")


def nest(named: Iterable[tuple[str, Any]], path: str) -> Any:
    """Return the nested dicts that names and their leaves stand for, with strings as keys.

    Raises
    ------
    SerializationError
        If a name is that of an array and of a dict at once.

    Examples
    --------
    >>> from funcnet.serialize.names import nest
    >>> nest([("dense_0.kernel", 1), ("dense_0.bias", 2)], "a file")
    {'dense_0': {'kernel': 1, 'bias': 2}}
    """
    result: dict[str, Any] = {}
    nodes: dict[tuple[str, ...], dict[str, Any]] = {(): result}
    leaves: set[tuple[str, ...]] = set()
    for name, leaf in named:
        if name == _ROOT:
            return leaf
        keys = tuple(map(_unescaped, name.split(".")))
        for depth in range(1, len(keys)):
            if keys[:depth] not in nodes:
                nodes[keys[:depth]] = nodes[keys[: depth - 1]].setdefault(keys[depth - 1], {})
            if keys[:depth] in leaves:
                break
        else:
            if keys not in nodes and keys not in leaves:
                leaves.add(keys)
                nodes[keys[:-1]][keys[-1]] = leaf
                continue
        raise SerializationError(
            f"The names in {path} do not form a tree.",
            found=f"{name!r} beside a name that begins or continues it",
            needed="names of which none is the beginning of another",
            write="load(path, like=params)",
        )
    return result
