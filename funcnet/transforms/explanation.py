"""What `jit` has made of a function: ``explain``."""

from __future__ import annotations

import re
from math import prod
from types import MethodType
from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.transforms.jitted import jit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from funcnet.compiler.execute import Executable
    from funcnet.compiler.graph import Graph
    from funcnet.transforms.program import Program

__all__ = ["Explanation", "explain"]

#: As many arguments are listed one by one.
_SHOWN = 12
#: As many leaves of one argument are listed one by one.
_GATHERED = 6


class Explanation:
    """What `jit` has made of a function, one version for each capture; `str` of it is for reading.

    Attributes
    ----------
    name : str
        The function.
    versions : list of dict
        As in `to_dict`.
    missing : str
        What this installation lacks for compiled loops; empty if nothing is known to be.
    """

    __slots__ = ("captures", "missing", "name", "versions")

    def __init__(self, name: str, versions: list[dict[str, Any]], captures: list[str], missing: str) -> None:
        self.name = name
        self.versions = versions
        self.captures = captures
        self.missing = missing

    def to_dict(self) -> dict[str, Any]:
        """Return it as nested dicts and lists of strings and numbers.

        Returns
        -------
        dict
            ``name``; ``missing``; ``captures``, the reasons of all captures; and ``versions``. Each of these has
            ``reason``, ``arguments``, ``donated``, ``in place``, and what every graph has: ``equations before`` and
            ``equations after`` the passes, ``runs``, ``planned bytes``, ``loops`` (each with ``operations``, ``space``,
            ``elements``, and ``product``: rows, columns and terms of the product whose rows it takes as they are
            computed, or None), ``calls``, and ``regions``, the graphs inside with their ``name``.
        """
        return {
            "name": self.name,
            "missing": self.missing,
            "captures": list(self.captures),
            "versions": [dict(v) for v in self.versions],
        }

    def __repr__(self) -> str:
        return f"<Explanation of {self.name!r}: {len(self.versions)} versions>"

    def __str__(self) -> str:
        count = len(self.captures)
        lines = [f"{self.name}: {count} capture{'s' * (count != 1)}" if count else f"{self.name}: not captured yet"]
        if self.missing:
            lines.append(f"  no compiled loops: {self.missing}")
        for i, version in enumerate(self.versions):
            lines += ["", f"version {i}: {version['reason']}"]
            arguments = version["arguments"]
            shown = arguments if len(arguments) <= _SHOWN + 1 else arguments[:_SHOWN]
            lines += [f"  argument {text}" for text in shown]
            if len(shown) < len(arguments):
                lines.append(f"  and {len(arguments) - len(shown)} more arguments")
            for what, key in (("donated", "donated"), ("written in place", "in place")):
                if version[key]:
                    lines += _wrapped(f"  {what}: ", _gathered(version[key], arguments))
            lines += _lines(version, "  ")
        return "\n".join(lines)


def explain(f: Any) -> Explanation:
    """Say why a function under `jit` was captured, and what runs in its place.

    Parameters
    ----------
    f : callable
        Made by `jit`; also a method that was.

    Returns
    -------
    Explanation
        Print it; or take its `to_dict`.

    Raises
    ------
    ParameterError
        If `f` was not made by `jit`.

    Notes
    -----
    Loops are compiled in the background from the second call on, so what runs may change until that is done. A version
    that other transformations use, as in ``grad(jit(f))``, lists the graphs that were derived from it.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> f = fn.jit(lambda x: (x + 1.0) * 2.0 + 0.0 * (x + 1.0))
    >>> _ = f(np.ones(3))
    >>> print(fn.explain(f))
    <lambda>: 1 capture
    <BLANKLINE>
    version 0: the first call
      argument [0]: float64[3]
      5 equations, 4 after the passes
      runs: plain calls; loops are compiled from the second call on
    """
    if isinstance(f, MethodType):
        f = f.__func__
    if not isinstance(f, jit):
        raise ParameterError(
            "fn.explain is about functions under fn.jit.",
            found=type(f).__name__,
            needed="what fn.jit returns",
            write="f = fn.jit(f); f(x); print(fn.explain(f))",
        )
    versions = []
    missing = ""
    for entry in list(f.entries()):
        version: dict[str, Any] = {"reason": entry.reason, "arguments": entry.arguments()}
        paths = [text.partition(":")[0] for text in entry.inputs()]
        version["donated"] = [paths[i] for i in entry.donated]
        executable = entry.executable or entry.program.executable
        reused = getattr(getattr(executable, "fused", None), "reused", {})
        version["in place"] = [f"{paths[i]} becomes result {k}" for i, k in sorted(reused.items())]
        version.update(_described(entry.program.graph, executable))
        version["regions"] += _derived(entry.program)
        versions.append(version)
        missing = missing or _missing(entry.program, executable)
    return Explanation(f.name, versions, f.captures(), missing)


def _described(graph: Graph, executable: Executable | None) -> dict[str, Any]:
    """Return what is known of a graph and of what runs it."""
    found: dict[str, Any] = {
        "equations before": len(graph),
        "equations after": None if executable is None else len(executable.graph),
        "runs": "nothing yet" if executable is None else executable.status,
        "planned bytes": 0,
        "loops": [],
        "calls": [],
    }
    plan = None if executable is None else executable.fused
    if executable is not None and executable.missing:
        # Said once for all versions.
        found["runs"] = "plain calls"
    if plan is not None:
        found["planned bytes"] = plan.planned
        found["calls"] = list(plan.calls)
        for loop in plan.loops:
            group = loop.group
            found["loops"].append(
                {
                    "operations": [e.primitive.name for e in group.equations],
                    "space": list(group.shape) if loop.flat else [group.rows, group.columns],
                    "elements": prod(group.shape),
                    "product": None if loop.product is None else list(loop.product),
                }
            )
    graph = plan.graph if plan is not None else executable.graph if executable is not None else graph
    found["regions"] = [
        {"name": name, **_described(program.graph, program.executable)} for name, program in _programs(graph)
    ]
    return found


def _programs(graph: Graph) -> Iterator[tuple[str, Program]]:
    """Yield the programs inside of the loops and branches of a graph."""
    for e in graph.equations:
        programs = getattr(e.primitive, "programs", ())
        for i, program in enumerate(programs):
            yield e.primitive.name + (f", part {i}" if len(programs) > 1 else ""), program


_DERIVED = {"vjp": ("forward pass", "backward pass"), "jvp": ("forward mode",), "vmap": ("batch",)}


def _derived(program: Program) -> list[dict[str, Any]]:
    """Return the descriptions of the programs that transformations have made of one."""
    found = []
    for kind, made in program.all_derived():
        for name, one in zip(_DERIVED.get(kind, ()), made if isinstance(made, tuple) else (made,), strict=False):
            found.append({"name": name, **_described(one.graph, one.executable)})
            found[-1]["regions"] += _derived(one)
    return found


def _missing(program: Program, executable: Executable | None) -> str:
    if executable is not None and executable.missing:
        return executable.missing
    inner = [p for _, p in _programs(program.graph if executable is None else executable.graph)]
    for _, made in program.all_derived():
        inner += made if isinstance(made, tuple) else (made,)
    for p in inner:
        found = _missing(p, p.executable) if hasattr(p, "executable") else ""
        if found:
            return found
    return ""


def _gathered(texts: list[str], arguments: list[str]) -> list[str]:
    """Return texts that begin with paths; in the place of many of one argument, how many of its leaves they are."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(_head(text), []).append(text)
    found: list[str] = []
    for head, group in groups.items():
        of = sum([_head(text) == head for text in arguments])
        if len(group) <= _GATHERED:
            found += group
        else:
            found.append(f"{head} ({'all' if len(group) == of else f'{len(group)} of'} {of} leaves)")
    return found


def _head(path: str) -> str:
    """Return the argument that a path begins with."""
    end = path.find("]") + 1 if path[0] == "[" else min([i for i in map(path.find, ".[: ") if i >= 0] or [len(path)])
    return path[:end]


def _wrapped(label: str, parts: list[str]) -> list[str]:
    """Return parts, with commas in between, in lines of a width that can be read."""
    from textwrap import wrap  # slow to import, and rarely needed

    more = " " * (len(label) - len(label.lstrip()) + 4)
    text = ", ".join(parts)
    return wrap(text, 110, initial_indent=label, subsequent_indent=more, break_long_words=False, break_on_hyphens=False)


def _singular(text: str) -> str:
    return re.sub(r"\b1 (compiled loop|call)s\b", r"1 \1", text)


def _size(count: int) -> str:
    """Return a number of bytes, for large ones in larger units as well."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count} bytes, {count / scale:.1f} {unit}"
    return f"{count} bytes"


def _lines(part: dict[str, Any], pad: str) -> list[str]:
    before, after = part["equations before"], part["equations after"]
    count = f"{before} equation{'s' * (before != 1)}"
    lines = [
        f"{pad}{count}" + ("" if after is None else f", {after} after the passes"),
        f"{pad}runs: {_singular(part['runs'])}",
    ]
    if part["planned bytes"]:
        lines.append(f"{pad}planned: {_size(part['planned bytes'])}")
    for i, loop in enumerate(part["loops"]):
        space = " x ".join(map(str, loop["space"])) or "1"
        if loop["product"] is not None:
            rows, columns, terms = loop["product"]
            space += f", with a product {rows} x {terms} x {columns} panel by panel"
        lines += _wrapped(f"{pad}loop {i} over {space}: ", _counted(loop["operations"]))
    if part["calls"]:
        lines += _wrapped(f"{pad}calls: ", _counted(part["calls"], ordered=False))
    for region in part["regions"]:
        lines.append(f"{pad}{region['name']}:")
        lines += _lines(region, pad + "  ")
    return lines


def _counted(names: list[str], *, ordered: bool = True) -> list[str]:
    """Return names with repetitions as numbers: of what comes one after the other, or of all."""
    parts: list[tuple[str, int]] = []
    for name in names if ordered else sorted(names):
        if parts and parts[-1][0] == name:
            parts[-1] = name, parts[-1][1] + 1
        else:
            parts.append((name, 1))
    return [name if count == 1 else f"{count} {name}" for name, count in parts]
