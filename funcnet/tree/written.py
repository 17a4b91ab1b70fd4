"""Functions written for one structure: they take trees apart and put them together in a fraction of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcnet.tree.kinds import kinds
from funcnet.tree.treedef import Spec, TreeDef

__all__ = ["putter", "taker"]


def taker(treedef: TreeDef) -> Callable[[Any], list[Any] | None]:
    """Return a function of a tree that returns its leaves, or None if the structure is another.

    It does not look at the leaves, which may be nodes.
    """
    source = _Source()
    leaves: list[str] = []

    def write(spec: Spec, name: str) -> None:
        if spec is None:
            leaves.append(name)
            return
        kind, meta, children = spec
        parts = [source.name() for _ in children]
        left = f"[{', '.join(parts)}]"
        # The kind of a class may change: it may be registered later.
        source.lines.append(f"if kinds[type({name})] is not {source.constant(kind)}: return None")
        if kind.cls is dict and _texts(meta):
            source.lines.append(f"if len({name}) != {len(meta)}: return None")
            source.lines += [f"{part} = {name}[{key!r}]" for part, key in zip(parts, meta, strict=True)]
        elif kind.cls in (list, tuple):
            source.lines.append(f"{left} = {name}")
        else:
            source.lines.append(f"{left}, found = {source.constant(kind.flatten)}({name})")
            # In tuples, as structures are compared.
            source.lines.append(f"if (found,) != {source.constant((meta,))}: return None")
        for part, child in zip(parts, children, strict=True):
            write(child, part)

    write(treedef.spec, "tree")
    body = "\n        ".join([*source.lines, f"return [{', '.join(leaves)}]"])
    # Another number of children, or other keys.
    return source.function(f"tree):\n    try:\n        {body}\n    except (KeyError, ValueError):\n        return None")


def putter(treedef: TreeDef) -> Callable[[Sequence[Any]], Any]:
    """Return a function of as many leaves as a structure has, which puts them into it."""
    source = _Source()
    leaves: list[str] = []

    def write(spec: Spec) -> str:
        name = source.name()
        if spec is None:
            leaves.append(name)
            return name
        kind, meta, children = spec
        parts = [write(child) for child in children]
        if kind.cls is dict and _texts(meta):
            made = f"{{{', '.join([f'{key!r}: {part}' for key, part in zip(meta, parts, strict=True)])}}}"
        elif kind.cls is tuple:
            made = f"({''.join([part + ', ' for part in parts])})"
        else:
            made = f"{source.constant(kind.unflatten)}({source.constant(meta)}, [{', '.join(parts)}])"
        source.lines.append(f"{name} = {made}")
        return name

    result = write(treedef.spec)
    body = "\n    ".join([f"[{', '.join(leaves)}] = leaves", *source.lines, f"return {result}"])
    return source.function(f"leaves):\n    {body}")


def _texts(keys: Any) -> bool:
    return all([type(key) is str for key in keys])


class _Source:
    """Lines of a function, and the objects that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, Any] = {"kinds": kinds}
        self._count = 0

    def name(self) -> str:
        """Return a new variable."""
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: Any) -> str:
        """Return the name of an object."""
        name = f"c{len(self._names)}"
        self._names[name] = value
        return name

    def function(self, rest: str) -> Callable[[Any], Any]:
        """Return the function of its arguments and body."""
        exec(compile(f"def function({rest}", "<funcnet tree>", "exec"), self._names)
        return self._names["function"]
