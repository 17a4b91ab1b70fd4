"""Where the first NaN comes from: ``debug_nans``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.compiler.capture import running_capture
from funcnet.core import Primitive, Spec, owner, raw, registry
from funcnet.core.bind import watch
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import AbstractValueError, NanError
from funcnet.transforms.rules import reverse_makers, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

__all__ = ["ChecksInsideError", "checking", "debug_nans"]

_checks: ContextVar[bool] = ContextVar("funcnet_debug_nans", default=False)
_lock = Lock()
_users = 0


class ChecksInsideError(AbstractValueError):
    """`debug_nans` was met while a graph was captured; `jit` runs such functions without one."""


def debug_nans() -> AbstractContextManager[None]:
    """Raise at the first operation or derivative that makes a NaN.

    Every result is looked at, so programs run more slowly. Inside a rule nothing is checked but its result, since rules
    may make a NaN that they then mask. Other threads and tasks are left alone. Functions under `jit` run operation by
    operation meanwhile, and so do functions under `jit` that contain such a ``with`` block, at every call.

    Raises
    ------
    AbstractValueError
        Inside of a function of which `trace` makes a graph.
    NanError
        Says which operation made the NaN, on which line of the caller's code, whether in the forward pass, the backward
        pass or forward mode, from which values, and which leaf of a differentiated argument they are.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> with fn.debug_nans():
    ...     fn.grad(lambda p: xp.sum(xp.sqrt(p["w"] - 1.0)))({"w": np.array([1.0, 4.0])})
    {'w': array([       inf, 0.28867513])}
    >>> with fn.debug_nans():
    ...     fn.grad(lambda p: xp.sum(xp.log(p["w"])))({"w": np.array([1.0, -1.0])})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    funcnet.errors.NanError: xp.log made a NaN in the forward pass, in ...
    """
    if running_capture() is not None and not checking():
        raise ChecksInsideError(
            f"fn.debug_nans looks at values where only shapes are known, in {user_frame()}.",
            found="a function of which fn.trace makes a graph",
            needed="values",
            write="with fn.debug_nans(): f(x), around the call",
        )
    return _checked()


@contextmanager
def _checked() -> Iterator[None]:
    _install(True)
    token = _checks.set(True)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _checks.reset(token)
        _install(False)


def checking() -> bool:
    """Whether `debug_nans` is on in this thread or task."""
    return _checks.get()


def _install(start: bool) -> None:
    """Replace kernels and derived rules by ones that check, as long as somebody wants it."""
    global _users
    with _lock:
        before = _users
        _users += 1 if start else -1
        if before and _users:
            return
        watch(_checked_kernel, start=start)
        for primitive in registry.values():
            if not start:
                # They are derived anew from the declaration.
                primitive.reverse = primitive.forward = None
                continue
            makers = reverse_makers(primitive)
            if isinstance(makers, tuple):
                primitive.reverse = tuple(
                    [None if m is None else _checked_maker(primitive, i, m) for i, m in enumerate(makers)]
                )
            else:
                primitive.reverse = _CheckedMakers(primitive, makers)
            if primitive.kind == "elementwise":
                rules = [scaled(primitive, p) for p in primitive.forwards or primitive.partials]
                primitive.forward = tuple(
                    [None if r is None else _checked_forward(primitive, i, r) for i, r in enumerate(rules)]
                )


def _checked_kernel(primitive: Primitive, kernel: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **params: Any) -> Any:
        out = kernel(*args, **params)
        if _checks.get():
            for y in out if primitive.multiple else (out,):
                if _has_nan(y):
                    raise _error(f"xp.{primitive.name} made a NaN in the forward pass", user_frame(), args, y)
        return out

    return call


def _checked_maker(primitive: Primitive, position: int, maker: Callable[..., Any]) -> Callable[..., Any]:
    def checked(node: Any, y: Any, args: Any, params: Any) -> Any:
        if not _checks.get():
            return maker(node, y, args, params)
        edge = _quietly(maker, node, y, args, params)
        return edge[0], _CheckedPull(primitive, position, edge[1], edge[2:], args, user_frame())

    return checked


class _CheckedMakers:
    """The makers of a primitive with any number of arguments."""

    __slots__ = ("makers", "primitive")

    def __init__(self, primitive: Primitive, makers: Callable[[int], Any]) -> None:
        self.primitive = primitive
        self.makers = makers

    def __call__(self, position: int) -> Any:
        maker = self.makers(position)
        return None if maker is None else _checked_maker(self.primitive, position, maker)


class _CheckedPull:
    """A pull that checks what it returns."""

    __slots__ = ("args", "kept", "line", "position", "primitive", "pull")

    def __init__(self, primitive: Primitive, position: int, pull: Any, kept: Any, args: Any, line: str) -> None:
        self.primitive = primitive
        self.position = position
        self.pull = pull
        self.kept = kept
        self.args = args
        self.line = line

    def __call__(self, g: Any) -> Any:
        ct = g if self.pull is None else _quietly(self.pull, g, *self.kept)
        if _checks.get() and hasattr(ct, "dtype") and _has_nan(ct) and not _any_nan(g):
            what = f"The derivative of xp.{self.primitive.name} in argument {self.position} is NaN in the backward pass"
            raise _error(what, self.line, self.args, ct)
        return ct


def _checked_forward(primitive: Primitive, position: int, rule: Callable[..., Any]) -> Callable[..., Any]:
    def checked(t: Any, y: Any, args: Any) -> Any:
        if not _checks.get():
            return rule(t, y, args)
        out = _quietly(rule, t, y, args)
        if _has_nan(out) and not _has_nan(t):
            what = f"The derivative of xp.{primitive.name} in argument {position} is NaN in forward mode"
            raise _error(what, user_frame(), args, out)
        return out

    return checked


def _quietly(f: Callable[..., Any], *args: Any) -> Any:
    token = _checks.set(False)
    try:
        return f(*args)
    finally:
        _checks.reset(token)


def _any_nan(g: Any) -> bool:
    return any(_has_nan(part) for part in g if part is not None) if isinstance(g, list) else _has_nan(g)


def _has_nan(x: Any) -> bool:
    x = raw(x)
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype.kind in "fc" and bool(np.isnan(x).any())
    if isinstance(x, (float, complex)):
        return x != x
    if not hasattr(x, "dtype") or not is_inexact(x.dtype) or isinstance(x, Spec):
        return False
    xp = owner(x).namespace
    return bool(xp.any(xp.isnan(x)))


def _error(what: str, line: str, args: Sequence[Any], out: Any) -> NanError:
    found = []
    host = _host(out)
    where = np.unravel_index(int(np.argmax(np.isnan(host))), host.shape) if host.ndim else ()
    index = tuple(int(i) for i in where)
    count = int(np.isnan(host).sum())
    found.append(f"{count} of {host.size} elements" + (f", the first at {index}" if index else ""))
    for i, a in enumerate(args):
        if not hasattr(raw(a), "dtype"):
            continue
        values = _host(a)
        text = f"argument {i} {values.dtype}{list(values.shape)}"
        if values.shape == host.shape and values.size:
            text += f" is {values[index]!s} there"
        elif _has_nan(a):
            text += " has a NaN already"
        origin = _origin(raw(a))
        found.append(text + (f" ({origin})" if origin else ""))
    return NanError(
        f"{what}, in {line}.",
        found="; ".join(found),
        needed="values in the domain of the function and of its derivative",
        write="xp.where(ok, f(xp.where(ok, x, 1.0)), 0.0), with both, so that the derivative is masked as well",
    )


def _host(x: Any) -> Any:
    value = raw(x)
    return np.asarray(owner(value).to_numpy(value))


def _origin(array: Any) -> str:
    """Return which leaf of a differentiated argument an array is, if any of those that run."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name, code = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if (name, code) in _TRANSFORMS:
            primals = frame.f_locals.get("primals", ())
            where = frame.f_locals.get("where", range(len(primals)))
            for position, primal in zip(where, primals, strict=False):
                for path, leaf in tree.flatten_with_paths(primal)[0]:
                    if raw(leaf) is array:
                        return (
                            f"argument {position}"
                            + (f", leaf {path}" if path else "")
                            + f" of fn.{_TRANSFORMS[name, code]}"
                        )
        frame = frame.f_back
    return ""


_TRANSFORMS = {
    ("funcnet.transforms.reverse", "gradient"): "grad",
    ("funcnet.transforms.reverse", "vjp"): "vjp",
    ("funcnet.transforms.forward", "jvp"): "jvp",
}
