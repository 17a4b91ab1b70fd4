"""Derivatives at repeated spectra, as limits of those at matrices nearby whose values are distinct.

Where eigenvalues or singular values are equal, derivatives by values and vectors are not determined one by one, but
those of a function that does not depend on the choice of the vectors are: they are the limit of its derivatives at
``V (diag(w) + h diag(d)) V^H``, with distinct d. So `separate` puts, under the transformations that differentiate a
matrix, a trace that follows every number as a series in h. The rules are those of distinct values; at the end the
poles have to be gone, and the term without h is the result. Poles that stay mean that the derivative does not exist.

Poles can cancel by chance in what does depend on the choice of the vectors. So everything is followed twice, for two
choices of V and d that have nothing in common (`gauge`): a derivative that is not the same for both does not exist.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import Primitive, Spec, Trace, Tracer, bind, case, linear, raw
from funcnet.core.bind import run
from funcnet.core.dtypes import is_inexact
from funcnet.errors import NotDifferentiableError
from funcnet.ops.batching import as_it_is
from funcnet.ops.linalg.series import Series, largest, multiplied, zeros
from funcnet.ops.linalg.taylor import taylor
from funcnet.ops.linalg.undetermined import undetermined
from funcnet.ops.utility import any as any_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Handler = Callable[[Primitive, Sequence[Any], Sequence[Series | None], dict[str, Any], int], Any]

__all__ = ["SPLIT", "closed", "entered", "handler", "known", "of_values", "order_of", "separate", "series", "smoothly"]

#: What a number was computed from: of the values alone; of the vectors; of derivatives of the vectors.
_VALUES, _VECTORS, _DERIVATIVES = range(3)

_handlers: dict[str, Handler] = {}
#: Of each decomposition, which of its values, given its plain results, are equal or zero.
closed: dict[str, Callable[[Any], Any]] = {}
#: Positions of arguments in which a primitive is linear that does not say so, each while the others are held.
_LINEAR = {
    "conj": (0,),
    "divide": (0,),
    "divide_or_zero": (0,),
    "imag": (0,),
    "masked": (0,),
    "multiply": (0, 1),
    "negative": (0,),
    "real": (0,),
    "solve": (1,),
    "strong_divide": (0,),
    "strong_divide_sqrt": (0,),
    "strong_multiply": (0, 1),
    "strong_power": (0,),
    "strong_product": (0, 1),
    "winning": (0,),
}
_PRODUCTS = ("matmul", "multiply", "strong_multiply", "strong_product")
_QUOTIENTS = ("divide", "divide_or_zero", "strong_divide", "strong_divide_sqrt", "strong_power", "solve")
#: The same for those that are linear in several arguments together.
_JOINT = {"add": (0, 1), "index_add": (0, 1), "index_set": (0, 1), "subtract": (0, 1), "where": (1, 2)}


def entered(x: Any, order: int) -> Tracer:
    """Return a plain matrix as one that is followed as a series, up to derivatives of that order."""
    found = Series({0: x}, inf, order, ("", x), largest(x))
    return Tracer(SPLIT, x, Choices((found, found), _VALUES))


def handler(name: str) -> Callable[[Handler], Handler]:
    """Return a decorator for what the trace does with a primitive of that name, for the first choice or the second."""

    def register(f: Handler) -> Handler:
        _handlers[name] = f
        return f

    return register


class Choices:
    """What is known of one array: a series, or a plain array, for each of two choices of the vectors.

    Attributes
    ----------
    both : tuple
        The two.
    source : int
        What they were computed from: the more, the less may they differ.
    """

    __slots__ = ("both", "source")

    def __init__(self, both: tuple[Any, Any], source: int) -> None:
        self.both = both
        self.source = source


class SplitTrace(Trace):
    """Follows every value as a series in a small number, for two choices of vectors; lies under all transformations."""

    __slots__ = ()
    name = "separated spectrum"

    def __init__(self) -> None:
        super().__init__()
        self.level = 0

    def carries(self, tracer: Tracer) -> bool:  # noqa: ARG002  # the same for all
        """No derivative of its own."""
        return False

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if primitive.name == "function_of":
            return args[0]
        nodes = [a.node if a.__class__ is Tracer else None for a in args]
        source = max(n.source for n in nodes if n is not None)
        found = []
        for choice in (0, 1):
            known = [a if n is None else n.both[choice] for a, n in zip(args, nodes, strict=True)]
            followed = [k if k.__class__ is Series else None for k in known]
            values = [k.value() if k.__class__ is Series else k for k in known]
            found.append(_followed(primitive, values, followed, params, choice))
        sources = _SOURCES.get(primitive.name)
        if not primitive.multiple:
            return _joined(found[0], found[1], sources[0](source) if sources else source, nodes)
        return tuple(
            [
                _joined(a, b, sources[i](source) if sources else source, nodes)
                for i, (a, b) in enumerate(zip(*found, strict=True))
            ]
        )

    def settle(self, tracer: Tracer) -> Any:
        found = tracer.node
        # A value may be what the user wants to see of one choice, and a kink has a derivative on each side.
        self._check(found, strict=found.source > _VECTORS)
        first = found.both[0]
        return first.value() if first.__class__ is Series else first

    def derived(self, tracer: Tracer) -> None:
        if tracer.node.source == _VECTORS:
            tracer.node = Choices(tracer.node.both, _DERIVATIVES)

    def determine(self, tracer: Tracer) -> None:
        self._check(tracer.node, strict=tracer.node.source > _VALUES)

    @staticmethod
    def _check(found: Choices, *, strict: bool) -> None:
        first, second = found.both
        if first.__class__ is not Series:
            return
        for one in found.both:
            if one.low < 0 or one.top < 0:
                raise undetermined(one.origin, "the derivative grows without bound as they get closer")
        if strict and not first.agrees(second):
            raise undetermined(first.origin, "the result depends on the choice of the vectors")


def _followed(
    primitive: Primitive, args: list[Any], nodes: list[Series | None], params: dict[str, Any], choice: int
) -> Any:
    active = [i for i, n in enumerate(nodes) if n is not None]
    special = _handlers.get(primitive.name)
    if special is not None and active:
        return special(primitive, args, nodes, params, choice)
    if primitive.kind == "elementwise":
        without = all(p is None for p in primitive.partials)
    else:
        without = primitive.vjp is None and primitive.kind == "general"
    if without or not active:
        return run(primitive, args, params)
    if primitive.name in _JOINT or primitive.joint:
        inside = _JOINT.get(primitive.name, tuple(range(len(args))))
        if all(i in inside for i in active):
            return _jointly(primitive, args, nodes, params, inside)
    linear = _linear_in(primitive, len(args))
    if len(active) == 1 and active[0] in linear:
        return _linearly(primitive, args, nodes, params, active[0])
    if primitive.name in ("matmul", "multiply") and len(active) == 2:
        return multiplied(nodes[0], nodes[1], lambda a, b: run(primitive, (a, b), params)).cleaned()  # type: ignore[arg-type]
    return smoothly(primitive, args, nodes, params, linear)


def _joined(first: Any, second: Any, source: int, nodes: Sequence[Choices | None]) -> Any:
    """Return what was found for the two choices as one traced array, or as a plain one if they do not differ."""
    if first.__class__ is Series:
        return Tracer(SPLIT, first.value(), Choices((first, second), source))
    if first is second:
        return first
    if tuple(first.shape) != tuple(second.shape):
        origin = next(o.origin for n in nodes if n is not None for o in n.both if o.__class__ is Series)
        raise undetermined(origin, "the shape of a result depends on the choice of the vectors")
    # Results without a derivative: comparisons, positions. NaN in both is the same.
    if not known((first != second) & ((first == first) | (second == second))):
        return first
    return Tracer(SPLIT, first, Choices((first, second), source))


def of_values(x: Any) -> Any:
    """Return an array as it is, to be counted as computed of the values, in the rules for these."""
    return bind(of_values_p, x) if series(x) is not None else x


of_values_p = linear(
    "of_values",
    lambda xp, x: x,  # noqa: ARG005
    transpose=(lambda y, x: of_values,),  # noqa: ARG005
    shape=lambda x: x.shape,
    batch=as_it_is,
    dtypes="floating",
    internal=True,
    cases=(case((2, 3)),),
)

#: What the results of a primitive are computed from, given what its arguments are.
_SOURCES: dict[str, tuple[Callable[[int], int], ...]] = {
    "by_gaps": (lambda source: _DERIVATIVES,),  # noqa: ARG005
    "of_values": (lambda source: _VALUES if source == _VECTORS else source,),
    "eigh": (lambda source: source, lambda source: max(source, _VECTORS)),
    "eig": (lambda source: source, lambda source: max(source, _VECTORS)),
    "svd": (lambda source: max(source, _VECTORS), lambda source: source, lambda source: max(source, _VECTORS)),
}


#: There is one: series of one program are series in the same number.
SPLIT = SplitTrace()


def series(x: Any) -> Series | None:
    """Return the series at the bottom of an array, None if there is none."""
    while x.__class__ is Tracer:
        if x.trace is SPLIT:
            found = x.node.both[0]
            return found if found.__class__ is Series else None
        x = x.value
    return None


def order_of(x: Any) -> int:
    """Return how many times an array is being differentiated."""
    count = 0
    while x.__class__ is Tracer:
        count += x.trace.carries(x)
        x = x.value
    return count


def known(condition: Any) -> bool:
    """Whether a condition is true anywhere, for any element of a batch; False where values are not known."""
    found = raw(condition)
    return not isinstance(found, Spec) and 0 not in found.shape and bool(any_of(found))


def separate(primitive: Primitive, x: Any, **params: Any) -> Any:
    """Decompose a matrix; followed to a matrix nearby if derivatives are wanted and the values are not distinct."""
    depth = order_of(x)
    if not depth or series(x) is not None or isinstance(raw(x), Spec):
        return bind(primitive, x, **params)
    try:
        y = bind(primitive, x, **params)
    except NotDifferentiableError:
        # Forward mode divides at once, which is refused where values are equal.
        return bind(primitive, _entered(x, depth), **params)
    found = tuple([raw(part) for part in y]) if primitive.multiple else raw(y)
    if not known(closed[primitive.name](found)):
        return y
    return bind(primitive, _entered(x, depth), **params)


def _entered(x: Any, order: int) -> Any:
    if x.__class__ is Tracer:
        return Tracer(x.trace, _entered(x.value, order), x.node)
    return entered(x, order)


def _linear_in(primitive: Primitive, count: int) -> Sequence[int]:
    if primitive.kind != "linear":
        return _LINEAR.get(primitive.name, ())
    if callable(primitive.vjp):
        return range(count)
    return [i for i, rule in enumerate(primitive.vjp or ()) if rule is not None]


def _origin(nodes: Sequence[Series | None]) -> Series:
    """Return the series that says where a result comes from: one whose decomposition is known, if any."""
    found = [n for n in nodes if n is not None]
    return next((n for n in found if n.origin[0]), found[0])


def _limits(nodes: Sequence[Series | None]) -> tuple[float, int, float]:
    found = [n for n in nodes if n is not None]
    return min(n.top for n in found), max(n.order for n in found), max(n.scale for n in found)


def _collected(primitive: Primitive, parts: dict[int, Any], like: Series, top: float, order: int, scale: float) -> Any:
    def one(terms: dict[int, Any]) -> Any:
        if not is_inexact(next(iter(terms.values())).dtype):
            return terms[0]
        return Series(terms, top, order, like.origin, scale).cleaned()

    if not primitive.multiple:
        return one(parts)
    count = len(next(iter(parts.values())))
    return tuple([one({k: ys[i] for k, ys in parts.items()}) for i in range(count)])


def _linearly(primitive: Primitive, args: Any, nodes: list[Series | None], params: dict[str, Any], i: int) -> Any:
    node: Any = nodes[i]
    parts = {k: run(primitive, [*args[:i], c, *args[i + 1 :]], params) for k, c in node.terms.items()}
    scale = node.scale
    if primitive.name in _PRODUCTS:
        for j, a in enumerate(args):
            if j != i:
                scale *= largest(a) if hasattr(a, "shape") else abs(a)
    elif primitive.name in _QUOTIENTS:
        scale = max(scale, *map(largest, parts.values()))
    return _collected(primitive, parts, node, node.top, node.order, scale)


def _jointly(primitive: Primitive, args: Any, nodes: Any, params: dict[str, Any], inside: Sequence[int]) -> Any:
    powers = {0}.union(*[n.terms for n in nodes if n is not None])
    parts = {}
    for k in powers:
        terms = []
        for i, (a, n) in enumerate(zip(args, nodes, strict=True)):
            if n is not None:
                terms.append(n.term(k))
            elif k == 0 or i not in inside:
                terms.append(a)
            else:
                terms.append(zeros(a) if hasattr(a, "dtype") else 0.0)
        parts[k] = run(primitive, terms, params)
    top, order, scale = _limits(nodes)
    for i in inside:
        if nodes[i] is None and hasattr(args[i], "dtype"):
            scale = max(scale, largest(args[i]))
    return _collected(primitive, parts, _origin(nodes), top, order, scale)


def smoothly(primitive: Primitive, args: Any, nodes: Any, params: dict[str, Any], linear: Sequence[int]) -> Any:
    """Return the Taylor series of any differentiable function; poles may stand where it is linear."""
    shift = 0
    moved: list[Any] = list(nodes)
    for i, n in enumerate(moved):
        if n is not None and n.low < 0:
            if i not in linear:
                raise undetermined(n.origin, f"xp.{primitive.name} of something that has no limit there")
            shift += n.low
            moved[i] = n.shifted(-n.low)
    top, order, _ = _limits(moved)
    active = [i for i, n in enumerate(moved) if n is not None]
    count = int(min(top, order - shift))

    def f(*values: Any) -> Any:
        full = list(args)
        for i, v in zip(active, values, strict=True):
            full[i] = v
        return bind(primitive, *full, **params)

    if count < 0:
        raise undetermined(_origin(nodes).origin, "more derivatives than are followed there")
    while True:
        try:
            parts = taylor(f, [moved[i] for i in active], count)
            break
        except NotDifferentiableError:
            # Perhaps only of an order that is not needed.
            if not count:
                raise
            count -= 1
    origin = _origin(nodes)
    # Where a function is linear, what was a rounding error before it is one after it.
    slack = max([1.0, *[n.scale / max(_size(n), 1e-300) for i, n in enumerate(moved) if n is not None and i in linear]])

    def one(terms: dict[int, Any]) -> Any:
        if not is_inexact(terms[0].dtype):
            return terms[0]
        found = Series(terms, count, order - shift, origin.origin, slack * max(map(largest, terms.values())))
        moved_back = found.shifted(shift)
        moved_back.order = order
        return moved_back.cleaned()

    if not primitive.multiple:
        return one(parts)
    return tuple([one({k: ys[i] for k, ys in parts.items()}) for i in range(len(parts[0]))])


def _size(a: Series) -> float:
    return max(largest(c) for c in a.terms.values())
