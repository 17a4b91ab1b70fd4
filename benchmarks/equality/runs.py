"""One random program, run in every way in which funcnet runs programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.passes import PASSES
from funcnet.compiler.plain import plain_plan
from funcnet.testing.families import FAMILIES, OWN_FAMILIES
from funcnet.testing.programs import Program, namespace, random_family_program, random_program
from funcnet.transforms.program import split_vjp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Graph

__all__ = ["FORMS", "KINDS", "WAYS", "Found", "drawn", "examined"]

#: What programs are made of; the first is of the standard's functions.
KINDS = ("standard", *FAMILIES, *OWN_FAMILIES)
#: What is made of a program, by turns.
FORMS = ("value and gradient", "gradient of a graph", "in single precision", "batch", "inputs donated", "second order")
#: Each is compared with eager execution.
WAYS = ("interpreted", "planned", "fused")

Compile = Any


class Found(NamedTuple):
    """What the runs of a program have shown.

    Attributes
    ----------
    errors : dict of str to float
        Way of running -> its largest difference from eager execution, relative to the largest number of the result.
    equations : int
        The length of the graph.
    loops : int
        The number of fused loops.
    """

    errors: dict[str, float]
    equations: int
    loops: int


def drawn(number: int) -> tuple[str, str, Program]:
    """Return the kind, the form and the program of a number; the same for the same number."""
    kind = KINDS[number % len(KINDS)]
    seed = 100_000 + number // len(KINDS)
    form = FORMS[(number // len(KINDS)) % len(FORMS)]
    steps = 2 + seed % 3
    program = (
        random_program(seed, steps=steps) if kind == "standard" else random_family_program(kind, seed, steps=steps)
    )
    return kind, form, program


def examined(program: Program, form: str, compile: Compile) -> Found:
    """Run a program in every way; values, shapes and dtypes are compared, and graphs verified after each pass."""
    arguments = [np.array(a) for a in tree.leaves(program.arguments)]
    f, arguments = _formed(program, form, arguments)
    before = [a.copy() for a in arguments]
    with np.errstate(all="ignore"):
        wanted = tree.leaves(f(*arguments))
        graphs = _graphs(program, form, f, arguments)
        errors = {"interpreted": _error(_chained(graphs, interpret, arguments), wanted)}
        graphs = [_optimised(g) for g in graphs]
        errors["planned"] = _error(_chained(graphs, lambda g, v: plain_plan(g)(*v), arguments), wanted)
        donated = form == "inputs donated"
        plans = [FusedPlan(g, compile, donated=range(len(g.inputs)) if donated else ()) for g in graphs]
        made = dict(zip(graphs, plans, strict=True))
        errors["fused"] = 0.0
        # The second call finds the memory of the first.
        for _ in range(2):
            given = [a.copy() for a in arguments] if donated else arguments
            found = _chained(graphs, lambda g, v: made[g](*v), given)
            errors["fused"] = max(errors["fused"], _error(found, wanted))
    for a, b in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="an argument was written to")
    return Found(errors, sum(len(g) for g in graphs), sum(len(p.loops) for p in plans))


def _formed(program: Program, form: str, arguments: list[Any]) -> tuple[Callable[..., Any], list[Any]]:
    structure = tree.structure(program.arguments)

    def call(*leaves: Any) -> Any:
        return program(_NAMESPACE, tree.unflatten(structure, leaves))

    f = fn.value_and_grad(call, tuple(range(len(arguments))))
    if form == "in single precision":
        return f, [a.astype("complex64" if a.dtype.kind == "c" else "float32") for a in arguments]
    if form == "batch":
        return fn.vmap(f), [np.stack([a, a * 1.01]) for a in arguments]
    if form == "second order":
        directions = [np.cos(np.arange(a.size)).reshape(a.shape).astype(a.dtype) for a in arguments]
        return lambda *leaves: fn.jvp(f, leaves, tuple(directions)), arguments
    return f, arguments


def _graphs(program: Program, form: str, f: Callable[..., Any], arguments: Sequence[Any]) -> list[Graph]:
    if form != "gradient of a graph":
        return [fn.trace(f, *arguments)]
    structure = tree.structure(program.arguments)
    whole = fn.trace(lambda *leaves: program(_NAMESPACE, tree.unflatten(structure, leaves)), *arguments)
    return list(split_vjp(whole, range(len(arguments))))


def _chained(graphs: Sequence[Graph], run: Callable[..., Sequence[Any]], arguments: Sequence[Any]) -> list[Any]:
    """Run one graph; or the two of a derivative, one after the other, as `grad` of a function under `jit` does."""
    found = list(run(graphs[0], arguments))
    if len(graphs) == 1:
        return found
    value, residuals = found[0], found[1:]
    return [value, *run(graphs[1], [*residuals, xp.ones_like(value)])]


def _optimised(graph: Graph) -> Graph:
    graph.verify()
    for change in PASSES:
        graph = change(graph)
        graph.verify()
    return graph


def _error(found: Sequence[Any], wanted: Sequence[Any]) -> float:
    assert len(found) == len(wanted), f"{len(found)} results in place of {len(wanted)}"
    finite = [np.abs(np.where(np.isfinite(w), w, 0.0)) for w in wanted]
    scale = max([1e-3, *[float(np.max(w, initial=0.0)) for w in finite]])
    worst = 0.0
    for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
        assert np.shape(a) == np.shape(b), f"result {i} has shape {np.shape(a)} in place of {np.shape(b)}"
        assert a.dtype == b.dtype, f"result {i} is of {a.dtype} in place of {b.dtype}"
        a, b = np.asarray(a), np.asarray(b)
        same = np.isfinite(a) & np.isfinite(b)
        np.testing.assert_array_equal(a[~same], b[~same], err_msg=f"result {i}, where it is not finite")
        worst = max(worst, float(np.max(np.abs(a[same] - b[same]), initial=0.0)) / scale)
    return worst


_NAMESPACE = namespace()
