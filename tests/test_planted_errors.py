"""Wrong rules, planted one at a time: the checks of the suite of primitives must find them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest

from funcnet import backends, xp
from funcnet.core import Primitive, raw, registry
from funcnet.errors import GradientCheckError
from funcnet.ops import cast
from funcnet.testing import check_primitive
from funcnet.testing.coverage import primitive_names

primitive_names()
DTYPES = ("float64", "float32", "complex128")
REQUIRED = 0.98


class Planted(NamedTuple):
    """One error: where, what kind, and the entries of the declaration that it changes."""

    kind: str
    name: str
    changes: Callable[[Primitive], dict[str, Any]]


@contextmanager
def planted(primitive: Primitive, changes: dict[str, Any]) -> Iterator[None]:
    """Change entries of a declaration, and forget what was derived from them, within the ``with`` block."""
    numpy = backends.get("numpy")
    derived = {"reverse": None, "forward": None, "table": {}}
    kernel = changes.pop("kernel", None)
    before = {name: getattr(primitive, name) for name in (*changes, *derived)}
    own_kernel = numpy.kernels.get(primitive.name)
    try:
        for name, value in (derived | changes).items():
            setattr(primitive, name, value)
        if kernel is not None:
            numpy.kernels[primitive.name] = kernel
        yield
    finally:
        for name, value in before.items():
            setattr(primitive, name, value)
        if kernel is not None:
            if own_kernel is None:
                del numpy.kernels[primitive.name]
            else:
                numpy.kernels[primitive.name] = own_kernel


def partials(*entries: Any) -> Callable[[Primitive], dict[str, Any]]:
    """Replace partial derivatives; ``...`` keeps one."""
    return lambda p: {
        "partials": tuple(old if new is ... else new for new, old in zip(entries, p.partials, strict=True))
    }


def forwards(*entries: Any) -> Callable[[Primitive], dict[str, Any]]:
    return lambda _: {"forwards": entries}


def after(change: Callable[..., Any], index: int = 0) -> Callable[[Primitive], dict[str, Any]]:
    """Change what one reverse rule returns: ``change(cotangent, y, *args, **params)``."""

    def changes(p: Primitive) -> dict[str, Any]:
        def wrapped(rule: Any) -> Any:
            def maker(y: Any, *args: Any, **params: Any) -> Any:
                pull = rule(y, *args, **params)
                return lambda g: change(g if pull is None else _dense(pull(g)), y, *args, **params)

            return maker

        if callable(p.vjp):
            rules: Any = p.vjp

            def variadic(i: int, y: Any, *args: Any, **params: Any) -> Any:
                pull = rules(i, y, *args, **params)
                return (lambda g: change(_dense(pull(g)), y, *args, **params)) if i == index else pull

            return {"vjp": variadic}
        assert p.vjp is not None
        return {"vjp": tuple(wrapped(rule) if i == index else rule for i, rule in enumerate(p.vjp))}

    return changes


def _dense(ct: Any) -> Any:
    """Return an array for a cotangent that the tape keeps in sparse form."""
    return ct.dense() if hasattr(ct, "dense") else ct


def rule(make: Callable[..., Any], index: int = 0) -> Callable[[Primitive], dict[str, Any]]:
    """Replace one reverse rule of a linear or general primitive."""
    return lambda p: {"vjp": tuple(make if i == index else old for i, old in enumerate(p.vjp))}  # type: ignore[arg-type]


def tangent(change: Callable[..., Any]) -> Callable[[Primitive], dict[str, Any]]:
    """Change what the forward rule of a general primitive returns."""

    def changes(p: Primitive) -> dict[str, Any]:
        jvp = p.jvp
        assert jvp is not None, f"{p.name} has no forward rule to plant an error in"
        return {"jvp": lambda ts, y, *args, **params: change(jvp(ts, y, *args, **params))}

    return changes


def _edge(f: Any) -> Any:
    return lambda node, y, args, params: (node, lambda g: f(g, y, args))


def makers(*entries: Any) -> Callable[[Primitive], dict[str, Any]]:
    """Replace the derived reverse rules, with what they sum and cast: ``entry(g, y, args)``."""
    return lambda _: {"reverse": tuple(_edge(e) for e in entries)}


def attribute(**changes: Any) -> Callable[[Primitive], dict[str, Any]]:
    return lambda _: dict(changes)


def _double(x: Any) -> Any:
    return 2.0 * x


def _in_place(g: Any) -> Any:
    value = raw(g)
    if isinstance(value, np.ndarray):
        value *= -1.0
        return g
    return -g


def _spoiled(x1: np.ndarray, x2: np.ndarray) -> Any:
    y = np.add(x1, x2)
    if isinstance(x1, np.ndarray) and x1.size:
        x1.flat[0] += 1.0
    return y


def _first_of_ties(y: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    kept = tuple(1 if i in axis else n for i, n in enumerate(x.shape))
    return lambda g: xp.where(x == xp.reshape(y, kept), xp.reshape(g, kept), 0.0)


def _whole(x: Any, y: Any, factor: float) -> Any:
    return cast(xp.broadcast_to(xp.mean(x), y.shape) * factor, x.dtype)


F = 1.001
PLANTED = [
    # signs
    Planted("sign", "sin", partials(lambda g, x: -g * xp.cos(x))),
    Planted("sign", "cos", partials(lambda g, x: g * xp.sin(x))),
    Planted("sign", "subtract", partials(1, 1)),
    Planted("sign", "negative", partials(1)),
    Planted("sign", "divide", partials(..., lambda g, x2, y: g * y / x2)),
    Planted("sign", "acos", partials(lambda g, x: g / xp.sqrt(1.0 - x * x))),
    Planted("sign", "cumulative_sum", after(lambda ct, *_, **__: -ct)),
    # factors of 1.001
    Planted("factor", "exp", partials(lambda g, y: F * g * y)),
    Planted("factor", "tanh", partials(lambda g, y: F * g * (1.0 - y * y))),
    Planted("factor", "sqrt", partials(lambda g, y: F * g / (2.0 * y))),
    Planted("factor", "square", partials(lambda g, x: g * (2.0 * F) * x)),
    Planted("factor", "log1p", partials(lambda g, x: F * g / (1.0 + x))),
    Planted("factor", "multiply", partials(..., lambda g, x1: F * g * x1)),
    Planted("factor", "add", partials(..., lambda g: F * g)),
    Planted("factor", "matmul", after(lambda ct, *_, **__: F * ct, 1)),
    Planted("factor", "mean", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "sum", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "softmax", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "logsumexp", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "gather", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "var", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "prod", after(lambda ct, *_, **__: F * ct)),
    Planted("factor", "index_set", after(lambda ct, *_, **__: F * ct, 1)),
    # one element of many
    Planted("factor of one element", "permute_dims", after(lambda ct, *_, **__: _one_scaled(ct))),
    Planted("factor of one element", "tril", after(lambda ct, *_, **__: _one_scaled(ct))),
    # axes
    Planted("axis", "flip", rule(lambda y, x, **_: lambda g: g)),
    Planted("axis", "roll", after(lambda ct, *_, **__: xp.roll(ct, 1))),
    Planted("axis", "cumulative_sum", after(lambda ct, *_, **__: xp.flip(ct))),
    Planted("axis", "mean", after(lambda ct, y, x, **_: _whole(ct, x, 1.0))),
    Planted("axis", "sum", after(lambda ct, y, x, **_: _whole(ct, x, 1.0))),
    Planted("axis", "concat", after(lambda ct, *_, **__: xp.flip(ct))),
    Planted("axis", "stack", after(lambda ct, *_, **__: xp.flip(ct))),
    Planted("axis", "softmax", rule(lambda y, x, *, axis: lambda g: y * (g - xp.sum(g * y)))),
    # transposes
    Planted("transpose", "matmul", rule(lambda y, a, b: lambda g: xp.matmul(g, b) if b.ndim > 1 else None)),
    Planted("transpose", "matrix_transpose", rule(lambda y, x: lambda g: xp.reshape(g, x.shape))),
    Planted("transpose", "permute_dims", rule(lambda y, x, *, axes: lambda g: xp.reshape(g, x.shape))),
    Planted("transpose", "reshape", after(lambda ct, *_, **__: xp.flip(ct))),
    Planted("transpose", "triu", after(lambda ct, *_, **__: xp.flip(ct))),
    # broadcasting
    Planted("broadcast", "multiply", makers(lambda g, y, a: g * a[1], lambda g, y, a: g * a[0])),
    Planted("broadcast", "add", makers(lambda g, y, a: g, lambda g, y, a: g)),
    Planted(
        "broadcast", "subtract", makers(lambda g, y, a: _whole(g, a[0], 1.0), lambda g, y, a: -_whole(g, a[1], 1.0))
    ),
    Planted("broadcast", "broadcast_to", after(lambda ct, y, x, **_: ct * (x.size / max(y.size, 1)))),
    Planted("broadcast", "maximum", makers(lambda g, y, a: g * (a[0] > a[1]), lambda g, y, a: g * (a[1] > a[0]))),
    # ties and kinks
    Planted(
        "tie",
        "maximum",
        partials(lambda g, x1, x2: xp.where(x1 >= x2, g, 0.0), lambda g, x1, x2: xp.where(x2 >= x1, g, 0.0)),
    ),
    Planted(
        "tie",
        "minimum",
        partials(lambda g, x1, x2: xp.where(x1 <= x2, g, 0.0), lambda g, x1, x2: xp.where(x2 < x1, g, 0.0)),
    ),
    Planted("tie", "max", rule(_first_of_ties)),
    Planted("tie", "min", rule(_first_of_ties)),
    Planted("tie", "abs", partials(lambda g, x: xp.where(xp.real(x) >= 0, g, -g))),
    # dtypes
    Planted("dtype", "sum", after(lambda ct, *_, **__: cast(ct, np.dtype("float64")))),
    Planted("dtype", "permute_dims", after(lambda ct, *_, **__: cast(ct, np.dtype("float32")))),
    Planted("dtype", "flip", after(lambda ct, *_, **__: cast(cast(ct, np.dtype("float32")), ct.dtype))),
    Planted("dtype", "add", makers(lambda g, y, a: cast(g, np.dtype("float64")), lambda g, y, a: g)),
    Planted(
        "dtype",
        "sinh",
        attribute(kernel=lambda x: np.sinh(x.astype("complex128" if x.dtype.kind == "c" else "float64"))),
    ),
    Planted(
        "dtype",
        "mean",
        attribute(kernel=lambda x, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims, dtype="float64")),
    ),
    Planted(
        "dtype",
        "exp",
        attribute(kernel=lambda x: np.exp(x.astype("complex64" if x.dtype.kind == "c" else "float32")).astype(x.dtype)),
    ),
    # dropped terms
    Planted("dropped term", "softmax", rule(lambda y, x, *, axis: lambda g: g * y)),
    Planted("dropped term", "log_softmax", rule(lambda y, x, *, axis: lambda g: g)),
    Planted("dropped term", "sigmoid", partials(lambda g, y: g * y)),
    Planted("dropped term", "tanh", partials(lambda g, y: g)),
    Planted("dropped term", "logaddexp", partials(1, ...)),
    Planted("dropped term", "atan", partials(lambda g, x: g / (x * x))),
    Planted("dropped term", "remainder", partials(..., None)),
    # one argument without derivative
    Planted("zero", "pow", partials(..., None)),
    Planted("zero", "divide", partials(..., None)),
    Planted("zero", "matmul", lambda p: {"vjp": (p.vjp[0], None)}),
    Planted("zero", "where", partials(None, ..., None)),
    Planted("zero", "hypot", partials(None, ...)),
    # arguments exchanged
    Planted("exchanged", "multiply", partials(lambda g, x1: g * x1, lambda g, x2: g * x2)),
    Planted("exchanged", "atan2", lambda p: {"partials": p.partials[::-1]}),
    Planted("exchanged", "subtract", partials(-1, 1)),
    Planted("exchanged", "where", lambda p: {"partials": (None, p.partials[2], p.partials[1])}),
    Planted("exchanged", "vecdot", lambda p: {"vjp": p.vjp[::-1]}),
    # complex conjugation
    Planted("conjugate", "multiply", partials(lambda g, x2: g * xp.conj(x2), ...)),
    Planted("conjugate", "exp", partials(lambda g, y: g * xp.conj(y))),
    Planted("conjugate", "conj", partials(lambda g: g)),
    Planted("conjugate", "imag", partials(lambda g, x: cast(g, x.dtype) * 1j)),
    Planted("conjugate", "matmul", after(lambda ct, *_, **__: xp.conj(ct))),
    Planted("conjugate", "square", partials(lambda g, x: 2.0 * g * xp.conj(x))),
    # positions
    Planted("off by one", "getitem", after(lambda ct, *_, **__: xp.roll(ct, 1))),
    Planted("off by one", "gather", after(lambda ct, *_, **__: xp.roll(ct, 1))),
    Planted("off by one", "take_along_axis", after(lambda ct, *_, **__: xp.roll(ct, 1))),
    Planted("off by one", "sort", rule(lambda y, x, **_: lambda g: g)),
    Planted("off by one", "cumulative_prod", after(lambda ct, *_, **__: xp.roll(ct, 1))),
    Planted("off by one", "index_set", after(lambda ct, *_, **__: xp.roll(ct, 1), 1)),
    # derivatives where there are none
    Planted("not zero", "floor", partials(1)),
    Planted("not zero", "round", partials(1)),
    Planted("not zero", "clip", partials(1, ..., ...)),
    Planted("not zero", "relu", partials(1)),
    # right at first order only
    Planted("second order", "sin", partials(lambda g, x: g * np.cos(raw(x)))),
    Planted("second order", "exp", partials(lambda g, y: g * raw(y))),
    Planted("second order", "multiply", partials(lambda g, x2: g * raw(x2), ...)),
    Planted("second order", "square", partials(lambda g, x: 2.0 * g * raw(x))),
    Planted("second order", "tanh", partials(lambda g, y: g * (1.0 - raw(y) * raw(y)))),
    Planted("second order", "divide", partials(..., lambda g, x2, y: -g * raw(y) / x2)),
    Planted(
        "second order",
        "softmax",
        rule(lambda y, x, *, axis: lambda g: (g - xp.sum(g * raw(y), axis=axis, keepdims=True)) * raw(y)),
    ),
    Planted(
        "second order",
        "logsumexp",
        rule(
            lambda y, x, *, axis, keepdims: (
                lambda g: (
                    (g if keepdims else xp.reshape(g, tuple(1 if i in axis else n for i, n in enumerate(x.shape))))
                    * xp.softmax(raw(x), axis=axis)
                    if axis
                    else g
                )
            )
        ),
    ),
    # forward and reverse mode apart
    Planted("modes", "sin", forwards(lambda g, x: F * g * xp.cos(x))),
    Planted("modes", "multiply", forwards(lambda g, x2: g * x2, lambda g, x1: -g * x1)),
    Planted("modes", "conj", forwards(lambda g: g)),
    Planted("modes", "abs", forwards(lambda g, x: g)),
    Planted("modes", "max", tangent(lambda t: F * t)),
    Planted("modes", "prod", tangent(lambda t: -t)),
    Planted("modes", "sort", tangent(lambda t: xp.flip(t))),
    Planted("modes", "log_softmax", tangent(lambda t: F * t)),
    # shapes, memory, values
    Planted(
        "shape",
        "sum",
        attribute(shape=lambda x, *, axis, keepdims, dtype: tuple(n for i, n in enumerate(x.shape) if i not in axis)),
    ),
    Planted("shape", "concat", attribute(shape=lambda *xs, axis: xs[0].shape)),
    Planted("memory", "negative", partials(lambda g: _in_place(g))),
    Planted("memory", "add", attribute(kernel=_spoiled)),
    Planted("value", "log1p", attribute(kernel=lambda x: np.log(1.0 + 1.00001 * x))),
    Planted("value", "reciprocal", attribute(kernel=lambda x: _double(np.reciprocal(x)) / 2.0001)),
]


def _one_scaled(ct: Any) -> Any:
    """Return `ct` with its first element 0.1 % too large."""
    if not ct.size:
        return ct
    factor = np.ones(ct.shape)
    factor.flat[0] = F
    return cast(ct * factor, ct.dtype)


def caught(one: Planted) -> str | None:
    """Return how the checks of the suite fail with an error planted, or None if they pass."""
    primitive = registry[one.name]
    with planted(primitive, one.changes(primitive)), np.errstate(all="ignore"):
        try:
            check_primitive(one.name, "numpy", DTYPES)
        except GradientCheckError as error:
            return str(error)
    return None


def test_at_least_98_percent_of_the_planted_errors_are_caught(record_property: Any) -> None:
    missed = [f"{one.kind} of {one.name}" for one in PLANTED if caught(one) is None]
    found = len(PLANTED) - len(missed)
    kinds = len({one.kind for one in PLANTED})
    record_property(
        "summary",
        f"planted errors: {found} of {len(PLANTED)} wrong rules, of {kinds} kinds, caught"
        f" ({100 * found / len(PLANTED):.1f} %)" + (f"; missed: {', '.join(missed)}" if missed else ""),
    )
    assert len(PLANTED) >= 50
    assert found >= REQUIRED * len(PLANTED), f"missed: {missed}"


@pytest.mark.parametrize("name", sorted({one.name for one in PLANTED}))
def test_the_right_rules_raise_no_alarm(name: str) -> None:
    for seed in (0, 1):
        check_primitive(name, "numpy", DTYPES, seed=seed)


def test_planting_leaves_nothing_behind() -> None:
    primitive = registry["sin"]
    before = (primitive.partials, primitive.reverse, primitive.forward, primitive.table)
    kernel = backends.get("numpy").kernels["add"]
    caught(PLANTED[0])
    assert (primitive.partials, primitive.reverse, primitive.forward, primitive.table) == before
    caught(next(one for one in PLANTED if (one.kind, one.name) == ("memory", "add")))
    assert backends.get("numpy").kernels["add"] is kernel
    # Changes that are no error at all must not count as caught.
    with planted(primitive, {"partials": (lambda g, x: xp.cos(x) * g,)}):
        check_primitive("sin", "numpy", ["float64"])
