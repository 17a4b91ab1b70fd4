"""One declaration per operation, from which every transformation takes what it needs.

`elementwise`, `linear` and `general` declare a primitive and enter it in `registry`. Arrays are positional, parameters
keyword-only and hashable. `impl(xp, *arrays, **params)` is pure Array API code and runs on every backend; without one
the function of the same name in the backend's namespace is used. A backend may override it by a kernel under the
primitive's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Primitive", "Refused", "elementwise", "general", "linear", "registry"]

#: Every primitive by name.
registry: dict[str, Primitive] = {}


class Refused:
    """Stands where a rule would, for an argument that must not be differentiated; says why and what to write."""

    __slots__ = ("reason", "write")

    def __init__(self, reason: str, write: str = "") -> None:
        self.reason = reason
        self.write = write


class Primitive:
    """An operation and all that transformations know of it.

    Attributes
    ----------
    name : str
        Unique name; a backend's kernels are found under it.
    kind : str
        ``"elementwise"``, ``"linear"`` or ``"general"``.
    impl : callable or None
        ``impl(xp, *arrays, **params)`` in the Array API standard; None means the function ``xp.<name>``.
    partials : tuple
        Elementwise only, one entry per argument: ``lambda g, ...: g * partial``, whose further parameters name what it
        needs (``x``, or ``x1``, ``x2``, ...; ``y`` for the result); 1 or -1; or None where the derivative is zero
        almost everywhere.
    forwards : tuple
        Elementwise only: the same for the forward direction, where it differs (functions that are not holomorphic).
    vjp : tuple or callable
        Linear and general: one maker per argument, ``maker(y, *args, **params) -> (g -> cotangent)``, or None, or
        `Refused`. For any number of arguments a callable ``vjp(index, y, *args, **params)``.
    jvp : callable or None
        General only: ``jvp(tangents, y, *args, **params) -> tangent``; tangents that are zero are None.
        Without one the reverse rule is transposed.
    shape : callable or None
        ``shape(*specs, **params)``, the shape or spec of the result; elementwise primitives broadcast.
    batch : callable or None
        Linear and general: ``batch(primitive, size, batched, *args, **params)``. The arguments for which `batched` is
        true have a new first dimension of that size; so has the result, or each of several. Without one, `vmap` calls
        the primitive for each element and stacks. Ready-made rules are in `funcnet.ops.batching`.
    multiple : bool
        Whether the result is a tuple of arrays.
    meta : mapping
        Facts for tests and documentation: ``domain``, ``kinks``, ``analytic``, ``dtypes``, ``derivative``, ``cases``;
        ``invariant(*results)``, what is determined of results that are not, such as eigenvectors.
    """

    __slots__ = (
        "batch",
        "forward",
        "forwards",
        "impl",
        "joint",
        "jvp",
        "kind",
        "meta",
        "multiple",
        "name",
        "partials",
        "reverse",
        "shape",
        "table",
        "vjp",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        impl: Callable[..., Any] | None,
        *,
        partials: tuple[Any, ...] = (),
        forwards: tuple[Any, ...] | None = None,
        vjp: Sequence[Any] | Callable[..., Any] | None = None,
        jvp: Callable[..., Any] | None = None,
        joint: bool = False,
        shape: Callable[..., Any] | None = None,
        batch: Callable[..., Any] | None = None,
        multiple: bool = False,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        if name in registry:
            raise ParameterError(
                f"A primitive named {name!r} is registered already.",
                needed="a name that no other primitive has",
                write=f"a name with your package's, such as 'mypackage.{name}'",
            )
        self.name = name
        self.kind = kind
        self.impl = impl
        self.partials = partials
        self.forwards = forwards
        self.vjp = vjp
        self.jvp = jvp
        self.joint = joint
        self.shape = shape
        self.batch = batch
        self.multiple = multiple
        self.meta = meta or {}
        #: Types of the arguments -> the function to call on them.
        self.table: dict[Any, Callable[..., Any]] = {}
        #: Rules that transformations derive on first use.
        self.reverse: Any = None
        self.forward: Any = None
        registry[name] = self

    def __repr__(self) -> str:
        return f"Primitive({self.name!r}, {self.kind!r})"


def elementwise(
    name: str,
    impl: Callable[..., Any] | None = None,
    *,
    partials: Sequence[Any],
    forwards: Sequence[Any] | None = None,
    **meta: Any,
) -> Primitive:
    """Declare an operation that acts on each element by itself, with broadcasting.

    The reverse rule (multiply, sum over what was broadcast, cast), the forward rule, the shape rule and the batching
    rule follow from the partial derivatives.

    Examples
    --------
    >>> from funcnet.core.primitive import elementwise, registry
    >>> cube = elementwise("docs.cube", lambda xp, x: x**3, partials=[lambda g, x: g * 3 * x**2])
    >>> cube
    Primitive('docs.cube', 'elementwise')
    >>> del registry["docs.cube"]
    """
    return Primitive(
        name,
        "elementwise",
        impl,
        partials=tuple(partials),
        forwards=None if forwards is None else tuple(forwards),
        meta=meta,
    )


def linear(
    name: str,
    impl: Callable[..., Any] | None = None,
    *,
    transpose: Sequence[Any] | Callable[..., Any],
    joint: bool = False,
    shape: Callable[..., Any] | None = None,
    batch: Callable[..., Any] | None = None,
    multiple: bool = False,
    **meta: Any,
) -> Primitive:
    """Declare an operation that is linear in each argument that has a transpose.

    The forward rule is the operation itself on the tangent; the reverse rule is the transpose. With ``joint=True`` it
    is linear in all arguments together (concatenation), otherwise in each one while the others are held (a matrix
    product).
    """
    return Primitive(
        name,
        "linear",
        impl,
        vjp=_makers(transpose),
        joint=joint,
        shape=shape,
        batch=batch,
        multiple=multiple,
        meta=meta,
    )


def general(
    name: str,
    impl: Callable[..., Any] | None = None,
    *,
    vjp: Sequence[Any] | Callable[..., Any] | None,
    jvp: Callable[..., Any] | None = None,
    shape: Callable[..., Any] | None = None,
    batch: Callable[..., Any] | None = None,
    multiple: bool = False,
    **meta: Any,
) -> Primitive:
    """Declare any other operation by its reverse rule; ``vjp=None`` says that the result carries no derivative."""
    makers = None if vjp is None else _makers(vjp)
    return Primitive(name, "general", impl, vjp=makers, jvp=jvp, shape=shape, batch=batch, multiple=multiple, meta=meta)


def _makers(rules: Sequence[Any] | Callable[..., Any]) -> tuple[Any, ...] | Callable[..., Any]:
    return rules if callable(rules) else tuple(rules)
