"""``check_grads``: derivatives of a function against evaluation only, in random directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError, GradientCheckError, ParameterError, ShapeError
from funcnet.testing.arrays import place_of, share_memory, snapshot
from funcnet.testing.flattened import Derived, Flattened, random_values
from funcnet.testing.numerical import COMPLEX_STEP, FIRST_STEP, Slope, complex_slope, scale_of, slope
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import vjp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MODES", "check_grads"]

#: The modes of differentiation, in the order in which they are checked.
MODES = ("vjp", "jvp")

# dtype -> error allowed relative to the derivative, and relative to the function's value over its argument's size.
_TOLERANCES = {
    "float64": (1e-7, 1e-10),
    "float32": (5e-5, 5e-6),
    "float16": (2e-2, 2e-3),
    "bfloat16": (1e-1, 1e-2),
}
# <Jv, w> = <v, J'w> needs no difference, so it holds to rounding.
_ADJOINT = {"float64": 1e-11, "float32": 2e-5, "float16": 1e-2, "bfloat16": 5e-2}
_TINY = 1e-14


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    order: int = 2,
    modes: Sequence[str] = MODES,
    analytic: bool = False,
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    repeats: int = 1,
) -> None:
    r"""Check the derivatives of a function against its values.

    For random directions :math:`v` and weights :math:`w` of every leaf,

    .. math:: \langle w, J v \rangle = \langle J^T w, v \rangle = \frac{d}{dt} \langle w, f(x + t v) \rangle

    is required of forward mode, of reverse mode and of the differences, so the cost does not grow with the number of
    elements. Order 2 requires the same of the functions :math:`(x, w) \mapsto J^T w` and :math:`(x, v) \mapsto J v`, in
    both modes, and so on. Besides, gradients must have shape, dtype and device of their arguments, tangents those of
    the outputs; arguments must not be written to, and no gradient may share memory with an argument or another one.

    Derivatives are differenced in float64 whatever the dtype of the arguments, on the same backend (on NumPy for a
    device without float64). Differences are extrapolated to step zero; where they do not settle to the tolerance, near
    a jump for example, that is an error too. Tolerances do not depend on sizes.

    Parameters
    ----------
    f : callable
        Any function of pytrees of arrays to a pytree of arrays. It must be smooth around `args`.
    args : sequence of pytrees of arrays
        Where to check. Integer and boolean leaves are held constant. Complex leaves follow the convention of the plain
        transpose; `f` need not be holomorphic.
    order : int, default 2
        The highest order of derivative.
    modes : sequence of str, default ("vjp", "jvp")
        The modes of differentiation, and of each further order.
    analytic : bool, default False
        Whether `f` is analytic and works on complex arrays: then the complex step takes the place of the differences.
    eps : float, optional
        First step of the differences relative to the largest element of each leaf, 1/64 by default. It is halved until
        the result settles; at the first step `f` may leave its domain, giving NaN.
    rtol : float, optional
        Allowed error relative to the derivative: by default 1e-7 in float64, 5e-5 in float32.
    atol : float, optional
        Allowed absolute error of the derivative, averaged over the outputs: by default 1e-10 (float64) or 5e-6
        (float32) of the function's value over the size of its argument.
    seed : int, default 0
        Seed of the directions; error messages name it.
    repeats : int, default 1
        Number of independent sets of directions.

    Raises
    ------
    GradientCheckError
        An `AssertionError` that names the argument, the leaf's path, mode, order, what was expected and found.
    ParameterError
        If there is nothing to check, or a mode is unknown.

    References
    ----------
    A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM (2008), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.testing import check_grads
    >>> check_grads(lambda p: np.tanh(p["w"] @ p["x"]), [{"w": np.eye(3), "x": np.ones(3)}])
    >>> from funcnet.transforms.stop import stop_gradient
    >>> check_grads(lambda x: x * stop_gradient(x), [np.array(3.0)])
    Traceback (most recent call last):
        ...
    funcnet.errors.GradientCheckError: The derivative is wrong: vjp of argument 0, order 1.
      found:  -1.2..., relative error 0.5
      needed: -2.5... by central differences from step 0.0469 down, to within 2.56e-07
      write:  check_grads(f, args, order=1, modes=('vjp',), seed=0) to see it again
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not modes or order < 1:
        raise ParameterError(
            "check_grads checks vjp and jvp, of order 1 or more.",
            found=f"modes={tuple(modes)!r}, order={order}",
            needed="modes among ('vjp', 'jvp') and a positive order",
            write="check_grads(f, args, order=2, modes=('vjp', 'jvp'))",
        )
    function = Flattened(f, args)
    settings = _Settings(tuple(modes), analytic, FIRST_STEP if eps is None else eps, rtol, atol, seed)
    before = [snapshot(leaf) for leaf in function.all_leaves]
    for repeat in range(repeats):
        rng = np.random.default_rng((seed, repeat))
        _check(function, function.live, function.names, order, (), settings, rng)
    for leaf, was, name in zip(function.all_leaves, before, function.all_names, strict=True):
        if snapshot(leaf) != was:
            raise GradientCheckError(
                f"The function or its derivative wrote to {name}.",
                found="other bytes than before",
                needed="arguments that stay as they are",
                write="y = x + 1 in place of x += 1, in the function or in a rule",
            )


class _Settings(NamedTuple):
    modes: tuple[str, ...]
    analytic: bool
    eps: float
    rtol: float | None
    atol: float | None
    seed: int


class _Context(NamedTuple):
    """One level of one check: what messages need to say where it happened."""

    names: list[str]
    trail: tuple[str, ...]
    settings: _Settings
    precision: str

    def label(self, mode: str, name: str) -> str:
        via = "".join(f"{m} of " for m in (mode, *reversed(self.trail)))
        return f"{via}{name}, order {len(self.trail) + 1}"

    def group(self, group: list[int]) -> str:
        return self.names[group[0]] if len(group) == 1 else "all arguments together"

    def again(self, mode: str) -> str:
        modes = tuple(dict.fromkeys((*self.trail, mode)))
        order = len(self.trail) + 1
        return f"check_grads(f, args, order={order}, modes={modes!r}, seed={self.settings.seed}) to see it again"


class _Point(NamedTuple):
    """A function and where it is checked: arrays of the backend, and their copies on the host."""

    f: Flattened | Derived
    leaves: list[Any]
    outputs: list[Any]
    directions: list[Any]
    weights: list[Any]
    hosts: list[np.ndarray]
    out_hosts: list[np.ndarray]


class _Measured(NamedTuple):
    """A derivative found by evaluation, and the size of the argument that its step is relative to."""

    slope: Slope
    size: float


def _check(
    f: Flattened | Derived,
    leaves: list[Any],
    names: list[str],
    order: int,
    trail: tuple[str, ...],
    settings: _Settings,
    rng: np.random.Generator,
) -> None:
    """Check `f` at `leaves` to `order`; `trail` are the modes that made `f` out of the user's function."""
    outputs = f(*leaves)
    places = [place_of(leaf) for leaf in leaves]
    out_places = [place_of(y) for y in outputs]
    hosts = [p.to_host(leaf) for p, leaf in zip(places, leaves, strict=True)]
    out_hosts = [p.to_host(y) for p, y in zip(out_places, outputs, strict=True)]
    # Directions of all leaves together are made of steps that are relative to each leaf's size.
    sizes = [scale_of(x) if trail else 1.0 for x in hosts]
    directions = [
        p.array(random_values(rng, x) * size, x.dtype.name) for p, x, size in zip(places, hosts, sizes, strict=True)
    ]
    total = max(1, sum(y.size for y in out_hosts))
    weights = [p.array(random_values(rng, y) / total, y.dtype.name) for p, y in zip(out_places, out_hosts, strict=True)]
    point = _Point(f, leaves, outputs, directions, weights, hosts, out_hosts)
    where = _Context(names, trail, settings, _precision([*hosts, *out_hosts]))
    # At first order each leaf is checked by itself. Later the leaves are many, and go by themselves only to find out
    # which of them is wrong.
    singles = [[i] for i in range(len(leaves))]
    if trail and len(leaves) > 1:
        try:
            _check_modes(point, [list(range(len(leaves)))], where)
        except GradientCheckError:
            _check_modes(point, singles, where)
            raise
    else:
        _check_modes(point, singles, where)
    if order == 1:
        return
    for mode in settings.modes:
        if mode == "vjp":
            extra, label = weights, "the cotangent"
        else:
            extra, label = directions, "the tangent"
        more = [f"{label} of {name}" for name in (f.out_names if mode == "vjp" else names)]
        _check(f.derived(mode), [*leaves, *extra], [*names, *more], order - 1, (*trail, mode), settings, rng)


def _check_modes(point: _Point, groups: list[list[int]], where: _Context) -> None:
    """Check both modes at one point, in a direction for each group of leaves."""
    vs = [_wide(place_of(v).to_host(v)) for v in point.directions]
    ws = _flat([_wide(place_of(w).to_host(w)) for w in point.weights])
    slopes = [_slope(point, group, vs, ws, where) for group in groups]
    reverse = forward = None
    if "vjp" in where.settings.modes:
        reverse = _reverse(point, groups, vs, ws, slopes, where)
    if "jvp" in where.settings.modes:
        forward = _forward(point, groups, ws, slopes, where)
    if reverse is not None and forward is not None:
        size = max(reverse[1], forward[1])
        gap = abs(reverse[0] - forward[0])
        allowed = _ADJOINT[where.precision] * size + _TINY
        if not gap <= allowed:
            raise GradientCheckError(
                f"Forward and reverse mode disagree: <w, J v> is not <J'w, v>, at order {len(where.trail) + 1}.",
                found=f"{reverse[0]!r} by vjp, relative error {_relative(gap, size)}",
                needed=f"{forward[0]!r} by jvp, to within {allowed:.3g}",
                write=where.again("vjp"),
            )


def _slope(point: _Point, group: list[int], vs: list[np.ndarray], ws: np.ndarray, where: _Context) -> _Measured:
    """Return the derivative of all outputs, flat, in the direction of a group of leaves."""
    weights = np.abs(ws)
    settings = where.settings
    size = scale_of(point.hosts[group[0]]) if len(group) == 1 and not where.trail else 1.0
    if not any(point.hosts[i].size for i in group):
        return _Measured(Slope(np.zeros(weights.shape), 0.0, 0.0), size)
    rtol, natural = _TOLERANCES[where.precision]
    rtol = rtol if settings.rtol is None else settings.rtol
    base = [_wide(h) for h in point.hosts]

    def along(t: complex) -> np.ndarray:
        moved = [b + t * vs[k] if k in group else b for k, b in enumerate(base)]
        if isinstance(t, complex):
            moved = [m.astype(np.complex128) for m in moved]
        return _flat(point.f.reference(moved))

    if settings.analytic and not any(kind(h.dtype) == "c" for h in (*point.hosts, *point.out_hosts)):
        return _Measured(complex_slope(along, weights, step=COMPLEX_STEP * size), size)

    def average(value: np.ndarray) -> float:
        return float(np.sum(weights * np.abs(value)))

    one = slope(along, weights, step=settings.eps * size, enough=lambda value: 1e-3 * rtol * average(value))
    allowed = rtol * average(one.value) + _floor(where, one.size, size, natural)
    if not one.error <= allowed:
        raise GradientCheckError(
            f"The differences do not settle for {where.group(group)}, order {len(where.trail) + 1}"
            + (f" (of {' of '.join(reversed(where.trail))})." if where.trail else "."),
            found=f"an estimated error of {one.error:.3g} in derivatives of average size {average(one.value):.3g}",
            needed=f"at most {allowed:.3g}: a function that is smooth around the arguments and computed in the "
            "precision of its arguments",
            write="arguments away from kinks and poles; a smaller eps; or a larger rtol",
        )
    return _Measured(one, size)


def _floor(where: _Context, value: float, size: float, natural: float) -> float:
    return natural * value / size + _TINY if where.settings.atol is None else where.settings.atol


def _reverse(
    point: _Point,
    groups: list[list[int]],
    vs: list[np.ndarray],
    ws: np.ndarray,
    slopes: list[_Measured],
    where: _Context,
) -> tuple[float, float]:
    """Check reverse mode; return <J'w, v> and the sum of its terms' absolute values."""
    before = [snapshot(w) for w in point.weights]
    values, pullback = vjp(point.f, *point.leaves)
    _same_values(values, point.outputs, "vjp", where)
    cotangents = list(pullback(point.weights))
    if [snapshot(w) for w in point.weights] != before:
        raise GradientCheckError(
            f"A reverse rule wrote to the cotangent it was given, order {len(where.trail) + 1}.",
            found="other bytes than before",
            needed="cotangents that stay as they are",
        )
    for i, (ct, leaf) in enumerate(zip(cotangents, point.leaves, strict=True)):
        _same_kind(ct, leaf, where.label("vjp", where.names[i]), "gradient", "argument")
        if any(share_memory(ct, other) for other in (*point.leaves, *cotangents[:i])):
            raise GradientCheckError(
                f"The gradient shares memory: {where.label('vjp', where.names[i])}.",
                found="an array that overlaps an argument or another gradient",
                needed="gradients in memory of their own",
            )
    total = terms = 0.0
    for group, measured in zip(groups, slopes, strict=True):
        products = [np.real(_wide(place_of(cotangents[i]).to_host(cotangents[i])) * vs[i]) for i in group]
        found, size = float(sum(p.sum() for p in products)), float(sum(np.abs(p).sum() for p in products))
        _compare(found, size, measured, ws, where.group(group), "vjp", where)
        total, terms = total + found, terms + size
    return total, terms


def _forward(
    point: _Point, groups: list[list[int]], ws: np.ndarray, slopes: list[_Measured], where: _Context
) -> tuple[float, float]:
    """Check forward mode, one group at a time and all together; return <w, J v> and its terms' absolute values."""
    before = [snapshot(v) for v in point.directions]
    jobs = [(group, measured, where.group(group)) for group, measured in zip(groups, slopes, strict=True)]
    if len(groups) > 1:
        joint = Slope(sum(m.slope.value for m in slopes), 0.0, max(m.slope.size / m.size for m in slopes))  # type: ignore[arg-type]
        jobs.append((list(range(len(point.leaves))), _Measured(joint, 1.0), "all arguments together"))
    total = terms = 0.0
    for group, measured, name in jobs:
        tangents = [v if k in group else None for k, v in enumerate(point.directions)]
        try:
            values, found = jvp(point.f, point.leaves, tangents)
        except (DtypeError, ShapeError) as error:
            # The transpose of a reverse rule takes cotangents of its arguments only.
            raise GradientCheckError(
                f"A rule makes a derivative of another dtype than its argument, or of another shape: "
                f"{where.label('jvp', name)}.",
                found=str(error).splitlines()[0],
                needed="a cotangent with the shape and the dtype of its argument",
                write="xp.astype(g, x.dtype)",
            ) from error
        _same_values(values, point.outputs, "jvp", where)
        for t, y, out in zip(found, point.outputs, point.f.out_names, strict=True):
            _same_kind(t, y, f"{where.label('jvp', name)}, {out}", "tangent", "output")
        products = np.real(ws * _flat([_wide(place_of(t).to_host(t)) for t in found]))
        total, terms = float(products.sum()), float(np.abs(products).sum())
        _compare(total, terms, measured, ws, name, "jvp", where)
    if [snapshot(v) for v in point.directions] != before:
        raise GradientCheckError(
            f"A forward rule wrote to the tangent it was given, order {len(where.trail) + 1}.",
            found="other bytes than before",
            needed="tangents that stay as they are",
        )
    return total, terms


def _compare(
    found: float, terms: float, measured: _Measured, ws: np.ndarray, name: str, mode: str, where: _Context
) -> None:
    wanted = np.real(ws * measured.slope.value)
    expected = float(wanted.sum())
    rtol, natural = _TOLERANCES[where.precision]
    rtol = rtol if where.settings.rtol is None else where.settings.rtol
    # Relative to the terms of the sum: random directions make the sum itself small now and then.
    allowed = rtol * max(terms, float(np.abs(wanted).sum())) + _floor(
        where, measured.slope.size, measured.size, natural
    )
    gap = abs(found - expected)
    if gap <= allowed:
        return
    step = where.settings.eps * measured.size
    how = "the complex step" if where.settings.analytic else f"central differences from step {step:.3g} down"
    raise GradientCheckError(
        f"The derivative is wrong: {where.label(mode, name)}.",
        found=f"{found!r}, relative error {_relative(gap, abs(expected))}",
        needed=f"{expected!r} by {how}, to within {allowed:.3g}",
        write=where.again(mode),
    )


def _relative(gap: float, size: float) -> str:
    return f"{gap / size:.3g}" if size else "infinite"


def _same_values(values: list[Any], outputs: list[Any], mode: str, where: _Context) -> None:
    for value, y in zip(values, outputs, strict=True):
        if snapshot(value) != snapshot(y):
            raise GradientCheckError(
                f"Under {mode} the function has another value than without, order {len(where.trail) + 1}.",
                found=repr(value),
                needed=repr(y),
                write="a function whose result depends on its arguments only",
            )


def _same_kind(array: Any, like: Any, label: str, what: str, of: str) -> None:
    """Check that a derivative has shape, dtype, library and device of what it belongs to."""
    place, wanted = place_of(array), place_of(like)
    pairs = (
        ("shape", tuple(array.shape), tuple(np.shape(like) if not hasattr(like, "shape") else like.shape)),
        ("dtype", place.dtype_name(array), wanted.dtype_name(like)),
        ("backend", place.backend.name, wanted.backend.name),
        ("device", place.device, wanted.device),
    )
    for name, found, needed in pairs:
        if found != needed:
            raise GradientCheckError(
                f"The {what} has another {name} than its {of}: {label}.", found=str(found), needed=str(needed)
            )


def _precision(hosts: list[np.ndarray]) -> str:
    names = {"complex64": "float32", "complex128": "float64"}
    found = {names.get(h.dtype.name, h.dtype.name) for h in hosts if is_inexact(h.dtype)}
    return next(name for name in ("bfloat16", "float16", "float32", "float64") if name in found)


def _wide(values: np.ndarray) -> np.ndarray:
    return values.astype(np.complex128 if kind(values.dtype) == "c" else np.float64)


def _flat(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(v) for v in values]) if values else np.zeros(0)
