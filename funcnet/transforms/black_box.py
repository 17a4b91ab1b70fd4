"""Black boxes: functions of NumPy arrays that cannot be traced, with derivatives by a rule."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.core import Spec, Tracer, owner, raw, untraced
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import AbstractValueError, NotDifferentiableError, ParameterError, TreeError
from funcnet.transforms.call import Arguments, Opaque, call_rule, place, returned
from funcnet.transforms.promised import check_promise, promised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


__all__ = ["adopted", "external", "owned"]


def adopted(leaf: Any, leaves: Sequence[Any]) -> Any:
    """Return what a black box gave as an array of the library and on the device of `leaves`, the arguments'."""
    # An array that the function took from outside, where it is the same for all that the transformation follows.
    while leaf.__class__ is Tracer and leaf.node is None:
        leaf = leaf.value
    arrays = [raw(a) for a in leaves if hasattr(a, "dtype") and backends.backend_of_type(raw(a).__class__) is not None]
    if backends.backend_of_type(leaf.__class__) is None and not isinstance(
        leaf, (bool, int, float, complex, np.generic)
    ):
        return leaf
    backend = owner(arrays[0]) if arrays else backends.current().backend
    device = backend.device_of(arrays[0]) if arrays else None
    if isinstance(leaf, (bool, int, float, complex)) and not isinstance(leaf, np.generic):
        dtype = next((a.dtype for a in arrays if is_inexact(a.dtype)), None) if isinstance(leaf, float) else None
        return backend.asarray(leaf, dtype=dtype, device=device)
    if owner(leaf) is backend:
        return leaf
    return backend.from_numpy(owner(leaf).to_numpy(leaf), device=device)


def owned(leaf: Any) -> Any:
    """Return a copy of a plain array, which code that is not traced may write into; anything else as it is."""
    backend = backends.backend_of_type(leaf.__class__)
    return leaf if backend is None or isinstance(leaf, np.generic) else backend.asarray(leaf, copy=True)


def _on_host(leaf: Any) -> Any:
    """Return a NumPy array that the function may keep, return or write into."""
    backend = backends.backend_of_type(leaf.__class__)
    if backend is None or isinstance(leaf, np.generic):
        return leaf
    return np.array(backend.to_numpy(leaf))


class external:  # noqa: N801  # used as a function
    """Make a function of NumPy arrays, which cannot be traced, part of a differentiable program.

    The function is called with plain NumPy arrays, whatever library and transformation the arguments belong to; its
    result goes back to their library and device. Derivatives come from the rules, which are ordinary code in traced
    operations and get arrays of the arguments' library. A rule that is a black box itself is an `external` in turn.

    Parameters
    ----------
    f : callable
        Function of pytrees of NumPy arrays, copies of the arguments; returns a pytree of arrays or numbers.
    vjp : callable, optional
        ``vjp(g, y, *args)`` returns a tuple with the cotangent of each argument, None for zero. Forward mode is its
        transpose where there is no `jvp`.
    jvp : callable, optional
        ``jvp(tangents, y, *args)`` returns the tangent of the result.
    shape : callable, optional
        ``shape(*args)`` of `Spec` leaves returns the result's pytree of `Spec`, or the shape alone if it is one array
        of the first floating-point argument's dtype. Needed where only shapes are known; checked where values are.

    Returns
    -------
    callable
        With the arguments of `f`.

    Raises
    ------
    ParameterError
        If the function or a rule is none.
    NotDifferentiableError
        If it is differentiated without a rule, or in forward mode by the transpose of one that is not linear.
    TreeError, ShapeError, DtypeError
        If a rule returns another structure, shape or dtype than it must, or `f` what `shape` does not say.
    AbstractValueError
        If only shapes are known and there is no `shape`.

    Examples
    --------
    >>> import math
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> erf = fn.external(
    ...     np.vectorize(math.erf),
    ...     vjp=lambda g, y, x: (g * 2 / math.sqrt(math.pi) * xp.exp(-x * x),),
    ...     shape=lambda x: x.shape,
    ... )
    >>> fn.grad(erf)(np.array(0.0))
    array(1.12837917)
    """

    def __init__(
        self,
        f: Callable[..., Any],
        *,
        vjp: Callable[..., Any] | None = None,
        jvp: Callable[..., Any] | None = None,
        shape: Callable[..., Any] | None = None,
    ) -> None:
        if not callable(f):
            raise ParameterError(
                "fn.external takes a function.",
                found=type(f).__name__,
                needed="a callable on NumPy arrays",
                write="fn.external(f, vjp=...)",
            )
        for option, rule in (("vjp", vjp), ("jvp", jvp), ("shape", shape)):
            if rule is not None and not callable(rule):
                raise ParameterError(
                    f"fn.external takes {option} as a function.",
                    found=type(rule).__name__,
                    needed="a callable, or None for no rule",
                    write={
                        "vjp": "vjp=lambda g, y, x: (g * y,)",
                        "jvp": "jvp=lambda tangents, y, x: tangents[0] * y",
                    }.get(option, "shape=lambda x: x.shape"),
                )
        # First, since it copies the attributes of `f`, which may be of this class.
        update_wrapper(self, f)
        self.f, self.vjp, self.jvp, self.shape = f, vjp, jvp, shape
        self.name = getattr(f, "__name__", type(f).__name__)

    def __repr__(self) -> str:
        return f"<external function {self.name}>"

    def __call__(self, *args: Any) -> Any:
        """Call the function."""
        call = _ExternalCall(self, args)
        return call.result()


class _ExternalCall(Opaque):
    __slots__ = ("f",)

    def __init__(self, f: external, args: tuple[Any, ...]) -> None:
        self.f = f
        super().__init__(f.name, Arguments(args))

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        args = self.arguments.filled(values)
        leaves = tree.leaves(args)
        out = untraced(self.f.f, *tree.map(_on_host, args))
        ys = self.flat(tree.map(lambda leaf: adopted(leaf, leaves), out))
        if self.promise is not None:
            # The function may keep what it returns, and plans take arrays that are no views for their own.
            ys = tuple([owned(y) for y in ys])
        if self.f.shape is not None:
            check_promise(f"The external function {self.name!r}", ys, self._declared(args))
        return ys

    def specs(self, args: Sequence[Any]) -> list[Any]:
        if self.f.shape is None:
            raise AbstractValueError(
                f"The external function {self.name!r} needs values where only shapes are known, in {user_frame()}.",
                needed="a rule for the shape of its result",
                write=f"fn.external({self.name}, shape=lambda x: x.shape)",
            )
        self.promise = self._declared(self.arguments.filled(args))
        return self.promise

    def _declared(self, args: tuple[Any, ...]) -> list[Spec]:
        """Return the specs that `shape` promises, and remember their structure."""
        assert self.f.shape is not None
        leaves, self.structure = tree.flatten(promised(self.f.shape, args))
        return leaves

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        ys, values = kept
        assert self.f.vjp is not None
        args = self.arguments.filled(values)
        g, y = (tree.unflatten(self.structure, leaves) for leaves in (gs, ys))
        found = call_rule(self.f.vjp, g, y, *args)
        if not (isinstance(found, tuple) and len(found) == len(args)):
            raise TreeError(
                f"The vjp rule of {self.name!r} did not return one cotangent for each argument.",
                found=f"{type(found).__name__}{f' of length {len(found)}' if isinstance(found, tuple) else ''}",
                needed=f"a tuple of length {len(args)}",
                write="return (dx,)" if len(args) == 1 else "return dx1, dx2",
            )
        flat: list[Any] = []
        for i, (ct, arg) in enumerate(zip(found, args, strict=True)):
            what = f"The cotangent that the vjp rule of {self.name!r} returned for argument {i}"
            flat += returned(ct, arg, what, lambda path, i=i: place(f"[{i}]{path}"))
        return [flat[self.arguments.where[i]] for i in active]

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        if self.f.vjp is None:
            raise self._no_rule()
        return super().start(values, active)

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        if self.f.jvp is None:
            return super().push(values, tangents)
        ys, _ = super().start(values, ())
        y = tree.unflatten(self.structure, ys)
        found = call_rule(self.f.jvp, self.arguments.directions(values, tangents), y, *self.arguments.filled(values))
        what = f"The tangent that the jvp rule of {self.name!r} returned"
        return ys, returned(found, y, what, lambda path: f"the output{path and f' at {path}'}")

    def _no_rule(self) -> NotDifferentiableError:
        return NotDifferentiableError(
            f"The external function {self.name!r} is differentiated, but has no rule, in {user_frame()}.",
            found="a black box: its operations cannot be traced",
            needed="a rule for its derivative, or a constant argument",
            write=f"fn.external({self.name}, vjp=rule); fn.stop_gradient(x) if no derivative is wanted",
        )
