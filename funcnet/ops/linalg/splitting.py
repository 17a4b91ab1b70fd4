"""Derivatives at repeated spectra, as limits of those at matrices nearby whose values are distinct.

Where eigenvalues or singular values are equal, derivatives by values and vectors are not determined one by one, but
those of a function that does not depend on the choice of the vectors are: they are the limit of its derivatives at
``V (diag(w) + h diag(d)) V^H``, with distinct d. So `separate` puts, under the transformations that differentiate a
matrix, a trace that follows every number as a series in h. The rules are those of distinct values; at the end the
poles have to be gone, and the term without h is the result. Poles that stay mean that the derivative does not exist.
"""

from __future__ import annotations

from math import factorial, inf
from typing import TYPE_CHECKING, Any

from funcnet.core import Primitive, Spec, Trace, Tracer, bind, owner, raw
from funcnet.core.bind import run
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops.linalg.series import Series, largest, multiplied, zeros
from funcnet.ops.utility import any as any_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Handler = Callable[[Primitive, tuple[Any, ...], list[Series | None], dict[str, Any]], Any]

__all__ = ["SPLIT", "handler", "known", "order_of", "separate", "series", "smoothly", "undetermined", "wrapped"]

_handlers: dict[str, Handler] = {}
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


def handler(name: str) -> Callable[[Handler], Handler]:
    """Return a decorator for what the trace does with a primitive of that name."""

    def register(f: Handler) -> Handler:
        _handlers[name] = f
        return f

    return register


class SplitTrace(Trace):
    """Follows every value as a series in a small number; lies under all transformations."""

    __slots__ = ()
    name = "separated spectrum"

    def __init__(self) -> None:
        super().__init__()
        self.level = 0

    def carries(self, tracer: Tracer) -> bool:  # noqa: ARG002  # the same for all
        """No derivative of its own."""
        return False

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        nodes = [a.node if a.__class__ is Tracer else None for a in args]
        special = _handlers.get(primitive.name)
        if special is not None:
            return special(primitive, args, nodes, params)
        if primitive.kind == "elementwise":
            without = all(p is None for p in primitive.partials)
        else:
            without = primitive.vjp is None and primitive.kind == "general"
        if without:
            return run(primitive, [raw(a) for a in args], params)
        active = [i for i, n in enumerate(nodes) if n is not None]
        if primitive.name in _JOINT or primitive.joint:
            inside = _JOINT.get(primitive.name, tuple(range(len(args))))
            if all(i in inside for i in active):
                return _jointly(primitive, args, nodes, params, inside)
        linear = _linear_in(primitive, len(args))
        if len(active) == 1 and active[0] in linear:
            return _linearly(primitive, args, nodes, params, active[0])
        if primitive.name in ("matmul", "multiply") and len(active) == 2:
            product = multiplied(nodes[0], nodes[1], lambda a, b: run(primitive, (a, b), params))  # type: ignore[arg-type]
            return wrapped(product)
        return smoothly(primitive, args, nodes, params, linear)

    def settle(self, tracer: Tracer) -> Any:
        found: Series = tracer.node
        if found.low < 0 or found.top < 0:
            raise undetermined(found.origin, "the derivative grows without bound as they get closer")
        return found.value()


@handler("function_of")
def _first(primitive: Primitive, args: Any, nodes: Any, params: dict[str, Any]) -> Any:  # noqa: ARG001  # as all
    return args[0]


#: There is one: series of one program are series in the same number.
SPLIT = SplitTrace()


def wrapped(found: Series) -> Tracer:
    """Return a series as a traced array."""
    found = found.cleaned()
    return Tracer(SPLIT, found.value(), found)


def series(x: Any) -> Series | None:
    """Return the series at the bottom of an array, None if there is none."""
    while x.__class__ is Tracer:
        if x.trace is SPLIT:
            return x.node
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


def separate(primitive: Primitive, x: Any, equal: Callable[[Any], Any], **params: Any) -> Any:
    """Decompose a matrix; followed to a matrix nearby if derivatives are wanted and the values are not distinct.

    ``equal(y)`` says of the raw results which values are.
    """
    depth = order_of(x)
    if not depth or series(x) is not None or isinstance(raw(x), Spec):
        return bind(primitive, x, **params)
    try:
        y = bind(primitive, x, **params)
    except NotDifferentiableError:
        # Forward mode divides at once, which is refused where values are equal.
        return bind(primitive, _followed(x, depth), **params)
    found = tuple([raw(part) for part in y]) if primitive.multiple else raw(y)
    if not known(equal(found)):
        return y
    return bind(primitive, _followed(x, depth), **params)


def _followed(x: Any, order: int) -> Any:
    if x.__class__ is Tracer:
        return Tracer(x.trace, _followed(x.value, order), x.node)
    return Tracer(SPLIT, x, Series({0: x}, inf, order, ("", x), largest(x)))


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
        return wrapped(Series(terms, top, order, like.origin, scale))

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
            parts = _taylor(f, [moved[i] for i in active], count)
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
        return wrapped(moved_back)

    if not primitive.multiple:
        return one(parts)
    return tuple([one({k: ys[i] for k, ys in parts.items()}) for i in range(len(parts[0]))])


def _size(a: Series) -> float:
    return max(largest(c) for c in a.terms.values())


def _taylor(f: Callable[..., Any], nodes: list[Series], count: int) -> dict[int, Any]:
    """Return the Taylor coefficients of ``f`` along a curve, from derivatives of derivatives along it."""
    slopes = [[n.term(k) * factorial(k) if k > 1 else n.term(k) for n in nodes] for k in range(count + 1)]

    def deeper(g: Callable[..., Any], k: int) -> Callable[..., Any]:
        return lambda *points: Trace.along(g, points[:k], points[1:])

    def g(values: Any) -> Any:
        return f(*values)

    for k in range(1, count + 1):
        g = deeper(g, k)
    found = g(*slopes)
    parts = {}
    for k in range(count, -1, -1):
        y = found
        for level in range(count, 0, -1):
            y = y[1] if level <= k else y[0]
        parts[k] = _scaled(y, factorial(k))
    return parts


def _scaled(y: Any, by: int) -> Any:
    if isinstance(y, (tuple, list)):
        return tuple([_scaled(v, by) for v in y])
    # Zeros come as constants of the transformation that runs.
    y = raw(y)
    return y / by if by > 1 and is_inexact(y.dtype) else y


def undetermined(origin: tuple[str, Any], why: str) -> NotDifferentiableError:
    """Return the error for a derivative that equal values leave undetermined."""
    name, values = origin
    singular = name == "svd"
    what = "singular values" if singular else "eigenvalues"
    rows = owner(values).to_numpy(raw(values)).reshape(-1, values.shape[-1])
    # Of a batch, the first that has any.
    shown = next((row for row in rows if _shows(row.tolist(), zero=singular)), rows[0])
    return NotDifferentiableError(
        f"The derivative through the {what} or vectors of xp.linalg.{name} is not determined, in {user_frame()}.",
        found=f"{what} that are repeated{' or zero' if singular else ''}: {shown}; {why}",
        needed="distinct values, or a function that is smooth there and does not depend on the choice of the vectors",
        write="what takes equal values together, such as (v * xp.exp(w)) @ v.T, xp.sum(w) or v[:, :2] @ v[:, :2].T "
        "if the first two are equal; or a slightly perturbed matrix",
    )


def _shows(row: list[Any], *, zero: bool) -> bool:
    small = 1e-4 * max(map(abs, row), default=0.0)
    near = any(abs(a - b) <= small for i, a in enumerate(row) for b in row[:i])
    return near or (zero and any(abs(a) <= small for a in row))
