r"""Attention in blocks: the primitives, and the derivatives of their derivatives.

`attention_p` returns the attention :math:`O = P V` with :math:`P = \mathrm{softmax}(S)`, :math:`S = s Q K^T + B`, and
the logarithms :math:`\ell` of the sums of exponentials, both 0 for a query that sees no key. Its reverse rule is
`slopes_p`, which makes the probabilities again as :math:`P = e^{S - \ell}`, block by block:

.. math:: \bar S = P \circ (\bar O V^T - \delta), \quad \bar Q = s \bar S K, \quad \bar K = s \bar S^T Q,
    \quad \bar V = P^T \bar O, \quad \delta_i = \bar O_i \cdot O_i - \bar\ell_i

The rule of that one is `curvature`, written in traced operations on one block of queries at a time.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.backends.attention import Rule, attend, seen_by_position, separated, slopes, spans, standard
from funcnet.core import Arg, Spec, bind, case, general, owner
from funcnet.ops.arithmetic import add, multiply, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.broadcasting import reshaped, sum_over, sum_to
from funcnet.ops.comparison import where
from funcnet.ops.exponential import exp
from funcnet.ops.fresh import array_like, integers_like, zeros_raw
from funcnet.ops.joining import concat
from funcnet.ops.linear_algebra import matmul, matrix_transpose

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["attention_p", "curvature", "delta_of", "hidden", "slopes_p"]


class _Given(NamedTuple):
    """The arguments of a primitive: bias and mask are None where there is none."""

    q: Any
    k: Any
    v: Any
    bias: Any
    mask: Any
    rest: tuple[Any, ...]


def _given(args: tuple[Any, ...], biased: bool, masked: bool) -> _Given:
    q, k, v, *extras = args
    return _Given(q, k, v, *separated(tuple(extras), biased, masked))


def _attention_impl(xp: Any, *args: Any, biased: bool, masked: bool, **how: Any) -> tuple[Any, Any]:
    a = _given(args, biased, masked)
    return attend(xp, standard(xp), Rule(**how), a.q, a.k, a.v, a.bias, a.mask)


def _slopes_impl(xp: Any, *args: Any, biased: bool, masked: bool, **how: Any) -> tuple[Any, ...]:
    a = _given(args, biased, masked)
    return slopes(xp, standard(xp), Rule(**how), a.q, a.k, a.v, a.bias, a.mask, *a.rest)


def delta_of(out: Any, g: Any, g_log: Any) -> Any:
    """Return what `slopes_p` takes for the cotangents of attention and logarithms, one of which may be None."""
    if g is None:
        return -g_log
    delta = sum_over(multiply(g, out), (len(out.shape) - 1,))
    return delta if g_log is None else subtract(delta, g_log)


def _attention_vjp(index: int, y: Any, *args: Any, biased: bool, masked: bool, **how: Any) -> Pull | None:
    if masked and index == 3 + biased:
        return None
    out, log = y

    def pull(gs: Any) -> Any:
        g = _zeros(out) if gs[0] is None else gs[0]
        delta = delta_of(out, gs[0], gs[1])
        return bind(slopes_p, *args, log, delta, g, biased=biased, masked=masked, **how)[index]

    return pull


def _attention_shape(*args: Any, biased: bool, masked: bool, **how: Any) -> tuple[Spec, Spec]:  # noqa: ARG001
    q, v = args[0], args[2]
    return _spec((*q.shape[:-1], v.shape[-1]), q), _spec(q.shape[:-1], q)


def _slopes_vjp(index: int, y: Any, *args: Any, biased: bool, masked: bool, **how: Any) -> Pull | None:  # noqa: ARG001
    if masked and index == 3 + biased:
        return None
    a = _given(args, biased, masked)
    place = index if index < 3 else index - masked if not biased or index > 3 else 3

    def pull(gs: Any) -> Any:
        full = [
            zeros_raw(x, tuple(x.shape)) if g is None else g for g, x in zip(gs, (a.q, a.k, a.v, a.bias), strict=False)
        ]
        found = curvature(Rule(**how), *a[:5], *a.rest, *full)
        return [f for f in found if f is not None][place]

    return pull


def _slopes_shape(*args: Any, biased: bool, masked: bool, **how: Any) -> tuple[Spec, ...]:  # noqa: ARG001
    return tuple([_spec(x.shape, x) for x in args[: 3 + biased]])


def _spec(shape: tuple[int, ...], like: Any) -> Spec:
    return Spec(shape, like.dtype, owner(like))


def hidden(rule: Rule, scores: Any, mask: Any, start: int = 0) -> Any:
    """Return scores, -inf where a query does not see the key; the first row is that of the query number `start`."""
    *_, rows, columns = scores.shape
    never = array_like(scores, -inf, scores.dtype)
    if rule.causal or rule.window:
        i = reshaped(integers_like(scores, "arange", start, start + rows), (rows, 1))
        j = reshaped(integers_like(scores, "arange", columns), (1, columns))
        scores = where(seen_by_position(rule, i, j), scores, never)
    return scores if mask is None else where(mask, scores, never)


def _part(x: Any, start: int, stop: int, axis: int = -2) -> Any:
    """Return the rows of a block of queries; those of a bias or mask that all queries share as they are."""
    if x is None or x.shape[axis] == 1:
        return x
    return x[..., start:stop, :] if axis == -2 else x[..., start:stop]


def curvature(
    rule: Rule,
    q: Any,
    k: Any,
    v: Any,
    bias: Any,
    mask: Any,
    log: Any,
    delta: Any,
    g: Any,
    cq: Any,
    ck: Any,
    cv: Any,
    cb: Any = None,
) -> tuple[Any, ...]:
    r"""Return the cotangents of the arguments of `slopes_p` for those of its results.

    With :math:`T = s (c_Q K^T + Q c_K^T) + c_B` and :math:`H = \bar O c_V^T`, the sum of the results times their
    cotangents is :math:`\sum P \circ (D \circ T + H)` with :math:`D = \bar O V^T - \delta`; so the cotangent of S is
    :math:`E = P \circ (D \circ T + H)`, and that of D is :math:`U = P \circ T`.

    Returns
    -------
    tuple
        Of q, k, v, bias (None if there is none), the logarithms, delta and g.
    """
    kt, vt, ckt, cvt = (matrix_transpose(x[..., None, :, :]) for x in (k, v, ck, cv))
    # Functions in place of operators: not every library lets a traced array answer for those of its own.
    k, v, ck, cv = (x[..., None, :, :] for x in (k, v, ck, cv))
    log = log[..., None]
    delta = delta[..., None]
    parts: list[list[Any]] = [[], [], [], []]
    dk = dv = db = None
    db_parts: list[Any] = []
    groups = len(q.shape) - 3
    for start, stop in spans(q.shape[-2], rule.chunk):
        qi, gi, cqi = (_part(x, start, stop) if q.shape[-2] != 1 else x for x in (q, g, cq))
        li, di = (x[..., start:stop, :] for x in (log, delta))
        s = multiply(matmul(qi, kt), rule.scale)
        if bias is not None:
            s = add(s, _part(bias, start, stop))
        p = exp(subtract(hidden(rule, s, _part(mask, start, stop), start), li))
        d = subtract(matmul(gi, vt), di)
        t = multiply(add(matmul(cqi, kt), matmul(qi, ckt)), rule.scale)
        if cb is not None:
            t = add(t, _part(cb, start, stop))
        ds, u = multiply(p, d), multiply(p, t)
        e = multiply(p, add(multiply(d, t), matmul(gi, cvt)))
        parts[0].append(multiply(add(matmul(e, k), matmul(ds, ck)), rule.scale))
        parts[1].append(-sum_over(e, (len(e.shape) - 1,)))
        parts[2].append(-sum_over(u, (len(u.shape) - 1,)))
        parts[3].append(add(matmul(u, v), matmul(p, cv)))
        more = multiply(add(matmul(matrix_transpose(e), qi), matmul(matrix_transpose(ds), cqi)), rule.scale)
        dk = _plus(dk, sum_over(more, (groups,)))
        dv = _plus(dv, sum_over(matmul(matrix_transpose(u), gi), (groups,)))
        if bias is not None:
            part = sum_to(e, tuple([n if n == 1 else m for n, m in zip(bias.shape, e.shape, strict=True)]))
            if bias.shape[-2] == 1:
                db = _plus(db, part)
            else:
                db_parts.append(part)
    if not parts[0]:
        return tuple(
            [
                None if x is None else zeros_raw(x, tuple(x.shape))
                for x in (q, k[..., 0, :, :], v[..., 0, :, :], bias, log[..., 0], delta[..., 0], g)
            ]
        )
    if db_parts:
        db = _joined(db_parts, -2)
    return _joined(parts[0], -2), dk, dv, db, _joined(parts[1], -1), _joined(parts[2], -1), _joined(parts[3], -2)


def _zeros(x: Any) -> Any:
    return zeros_raw(x, tuple(x.shape))


def _plus(total: Any, part: Any) -> Any:
    return part if total is None else add(total, part)


def _joined(parts: list[Any], axis: int) -> Any:
    return parts[0] if len(parts) == 1 else concat(parts, axis=axis)


def _cases(*extra: tuple[int, ...]) -> tuple[Any, ...]:
    """Return cases for both primitives; those of the second have further arrays of the shapes of queries."""

    def one(q: Any, k: Any, v: Any, bias: Any = None, mask: Any = None, **how: Any) -> Any:
        args = [q, k, v, *([] if bias is None else [bias]), *([] if mask is None else [Arg(mask, "bool")])]
        if extra:
            # Logarithms that make the probabilities less than 1, deltas, and a cotangent.
            args += [Arg(q[:-1], low=1.0, high=2.0), q[:-1], (*q[:-1], v[-1])]
        rule = {"causal": False, "window": 0, "scale": 0.5, "chunk": 2} | how
        return case(*args, biased=bias is not None, masked=mask is not None, **rule)

    return (
        one((2, 3, 2), (3, 2), (3, 1), causal=True, window=2),
        one((1, 1, 3, 1), (1, 3, 1), (1, 3, 1), (1, 1, 3, 1), (1, 1, 1, 3)),
        one((1, 2, 1), (3, 1), (3, 1), (1, 1, 3), chunk=8),
        one((1, 0, 2), (3, 2), (3, 2)),
    )


attention_p = general(
    "attention",
    _attention_impl,
    vjp=_attention_vjp,
    shape=_attention_shape,
    batch=as_it_is,
    multiple=True,
    dtypes="real floating",
    cases=_cases(),
)

slopes_p = general(
    "attention_slopes",
    _slopes_impl,
    vjp=_slopes_vjp,
    shape=_slopes_shape,
    batch=as_it_is,
    multiple=True,
    dtypes="real floating",
    cases=_cases(()),
)
