"""Loops and branches while a graph is captured: one equation each, whatever the number of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.compiler.capture import capture, effects, interpret
from funcnet.compiler.graph import Graph, Value, spec_of
from funcnet.control.mapped import as_array
from funcnet.core import bind
from funcnet.core.bind import scalar_array
from funcnet.ops import cast
from funcnet.transforms.branch_call import BranchCall
from funcnet.transforms.scan_call import ScanCall
from funcnet.transforms.while_call import WhileCall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["captured_branch", "captured_prefixes", "repeat", "scan_steps"]


#: Operations on arrays that fail for some values.
_FAIL = frozenset(
    (
        *("gather", "take_along_axis", "add_along_axis", "index_add", "index_set", "index_multiply", "index_min"),
        *("index_max", "pow", "inv", "solve", "cholesky", "svd", "svdvals", "eigh", "eigvalsh", "eig", "eigvals"),
        *("pinv", "matrix_rank", "sqrtm", "logm"),
    )
)


def _all(primitive: Primitive) -> bool:  # noqa: ARG001  # whatever it is
    """What a branch does, which may not be chosen."""
    return True


def _failing(primitive: Primitive) -> bool:
    """What the step of a loop that may not run at all must not do before: fail, go on for ever, print."""
    return primitive.kind == "call" or primitive.name in _FAIL


class _Body:
    """A function of pytrees, captured: its graph, what it uses beside its arguments, and what it returns."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], keeps: Callable[[Primitive], bool] | None = None
    ) -> None:
        leaves, structure = tree.flatten(args)
        self.where = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype")]
        self.operands = [leaves[i] for i in self.where]
        #: What it returns, and the structure of that: known once it has run.
        self.out: Any = None
        self.structure: Any = None

        def flat(*tracers: Any) -> list[Any]:
            given = list(leaves)
            for i, t in zip(self.where, tracers, strict=True):
                given[i] = t
            self.out = f(*tree.unflatten(structure, given))
            found, self.structure = tree.flatten(self.out)
            return [as_array(v) for v in found]

        self.graph, self.free = capture(flat, [spec_of(v) for v in self.operands], keeps)


def _closed(bodies: Sequence[_Body]) -> tuple[list[Graph], list[Any]]:
    """Return the graphs with one list of inputs for all: what they use from outside, and the arguments."""
    free = list({id(t): t for body in bodies for t in body.free}.values())
    graphs = []
    for body in bodies:
        count = len(body.operands)
        own = {id(t): v for t, v in zip(body.free, body.graph.inputs[count:], strict=True)}
        held = [own.get(id(t)) or Value(spec_of(t)) for t in free]
        graphs.append(
            Graph([*held, *body.graph.inputs[:count]], body.graph.equations, body.graph.outputs, body.graph.constants)
        )
    return graphs, free


def captured_branch(
    index: Any, functions: Sequence[Callable[..., Any]], operands: tuple[Any, ...], compare: Any
) -> Any:
    """Return the result of one of the functions; `compare` checks that all return the same kind of thing."""
    bodies = [_Body(f, operands, _all) for f in functions]
    compare([body.out for body in bodies])
    graphs, free = _closed(bodies)
    # A Python number in one branch is an array in another.
    specs = [v.spec for v in graphs[0].outputs]
    aligned = [_cast_outputs(g, specs) for g in graphs]
    found = bind(BranchCall(aligned), index, *free, *bodies[0].operands)
    return tree.unflatten(bodies[0].structure, found)


def captured_prefixes(
    pairs: Callable[[list[Any]], list[Any]], loop: Callable[[list[Any]], list[Any]], xs: list[Any]
) -> list[Any]:
    """Return the prefixes of an associative operation by either of two functions, of which plans choose one."""
    graphs, free = _closed([_Body(f, (xs,)) for f in (pairs, loop)])
    return list(bind(BranchCall(graphs, "associative_scan"), 0, *free, *xs))


def _cast_outputs(graph: Graph, specs: Sequence[Any]) -> Graph:
    if all([v.__class__ is Value and v.dtype == s.dtype for v, s in zip(graph.outputs, specs, strict=True)]):
        return graph
    return capture(
        lambda *xs: [
            v if v.dtype == s.dtype else cast(v, s.dtype) for v, s in zip(interpret(graph, xs), specs, strict=True)
        ],
        [v.spec for v in graph.inputs],
    )[0]


def scan_steps(
    step: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, length: int, *, reverse: bool, again: bool
) -> tuple[Any, Any]:
    """Return what `scan` returns: the carry, and the stacked results."""
    element = tree.map(lambda leaf: _first(leaf), xs)
    init = _like_result(lambda carry, x: step(carry, x)[0], init, element)
    body = _Body(step, (init, element), effects)
    (graph,), free = _closed([body])
    carry, shape = tree.flatten(init)
    carried = len(carry)
    call = ScanCall(graph, held=len(free), carried=carried, length=length, reverse=reverse, again=again)
    found = bind(call, *free, *carry, *tree.leaves(xs))
    ys = tree.structure(body.out[1])
    return tree.unflatten(shape, found[:carried]), tree.unflatten(ys, found[carried:])


def repeat(condition: Callable[[Any], Any], step: Callable[[Any], Any], init: Any) -> Any:
    """Return what `while_loop` returns."""
    init = _like_result(step, init)
    bodies = [_Body(condition, (init,), effects), _Body(step, (init,), _failing)]
    (before, after), free = _closed(bodies)
    carry, shape = tree.flatten(init)
    found = bind(WhileCall(before, after, held=len(free)), *free, *carry)
    return tree.unflatten(shape, found)


def _first(leaf: Any) -> Any:
    """Return what stands for one element along the first dimension."""
    spec = spec_of(leaf)
    return type(spec)(spec.shape[1:], spec.dtype, spec.backend, spec._device)  # the device may be left open


def _like_result(step: Callable[..., Any], init: Any, *rest: Any) -> Any:
    """Return the first carry with arrays in place of Python numbers, of the dtypes that a step makes of them."""
    leaves, structure = tree.flatten(init)
    if all([hasattr(leaf, "dtype") for leaf in leaves]):
        return init
    arrays = [leaf if hasattr(leaf, "dtype") else scalar_array(leaf) for leaf in leaves]
    # Nothing of this run is to stay, prints neither.
    found = tree.leaves(_Body(step, (init, *rest), _all).out)
    return tree.unflatten(
        structure,
        [
            a if hasattr(leaf, "dtype") or not hasattr(y, "dtype") else cast(a, y.dtype)
            for leaf, a, y in zip(leaves, arrays, found, strict=True)
        ],
    )
