"""``check_primitive``: everything that a declaration promises, against its reference implementation and its values."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.core import Refused, bind, carries_derivative, registry
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import AbstractValueError, FuncnetError, GradientCheckError, NotDifferentiableError, ParameterError
from funcnet.testing.arrays import place_of, snapshot
from funcnet.testing.backends import BackendCase, case
from funcnet.testing.batching import check_batching, two_combinations
from funcnet.testing.check_grads import MODES, check_grads
from funcnet.testing.samples import Sample, allowed_dtypes, native_params, reference, samples
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import vjp
from funcnet.transforms.shape import Spec, eval_shape
from funcnet.transforms.stop import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = [
    "Covered",
    "check_constant",
    "check_derivatives",
    "check_primitive",
    "check_shape_rule",
    "check_ties",
    "check_values",
    "check_vmap",
]

# Relative error that a kernel may have against the reference in double precision.
_VALUE_RTOL = {"float32": 2e-5, "complex64": 2e-5, "float64": 1e-12, "complex128": 1e-12}


class Covered(NamedTuple):
    """One thing that was checked of a primitive.

    Attributes
    ----------
    primitive, backend, dtype : str
        Names.
    mode : str
        ``"values"``, ``"shape"``, ``"vjp"``, ``"jvp"``, ``"order 2"``, ``"constant"``, ``"refused"``, ``"vmap"``,
        ``"ties"`` or ``"shape by value"``.
    """

    primitive: str
    backend: str
    dtype: str
    mode: str


def check_primitive(
    primitive: Primitive | str,
    backend: BackendCase | str = "numpy",
    dtypes: Sequence[str] | None = None,
    *,
    modes: Sequence[str] = MODES,
    order: int = 2,
    batched: bool = True,
    seed: int = 0,
) -> list[Covered]:
    """Check a primitive on one backend, with arguments made from its metadata.

    Values are compared with the reference implementation in double precision, the shape rule with the arrays that come
    out, derivatives with differences (`check_grads`). Results that carry no derivative must be constants under every
    transformation, and arguments that are refused must raise. A batching rule is compared with a loop.

    Parameters
    ----------
    primitive : Primitive or str
        The operation, or its name.
    backend : BackendCase or str
        Where to run it; see `funcnet.testing.backends`.
    dtypes : sequence of str, optional
        Dtypes of the arguments; by default all that both the declaration and the backend allow.
    modes, order
        As in `check_grads`.
    batched : bool, default True
        Whether to check the batching rule, with all arrays batched and with the first alone. A primitive without a
        rule, which is called for each element, has none to check, nor has one whose results' shapes depend on values.
    seed : int, default 0
        Of values and directions.

    Returns
    -------
    list of Covered
        What was checked.

    Raises
    ------
    GradientCheckError
        If something is wrong; the message names the primitive, the backend and the arguments.
    ParameterError
        If the declaration lacks the metadata.

    Examples
    --------
    >>> from funcnet.core import elementwise, registry
    >>> from funcnet.testing import check_primitive
    >>> cube = elementwise(
    ...     "docs.cube", lambda xp, x: x**3, partials=[lambda g, x: g * 3 * x * x],
    ...     domain=((-2.0, 2.0),), dtypes="floating",
    ... )
    >>> [found.mode for found in check_primitive(cube, dtypes=["float64"])]
    ['values', 'shape', 'vjp', 'jvp', 'order 2', 'vmap']
    >>> del registry["docs.cube"]
    """
    primitive = registry[primitive] if isinstance(primitive, str) else primitive
    backend = case(backend) if isinstance(backend, str) else backend
    allowed = allowed_dtypes(primitive)
    there = backend.dtypes()
    wanted = [d for d in (allowed if dtypes is None else dtypes) if d in allowed and d in there]
    covered: dict[Covered, None] = {}
    with backend.active():
        for dtype in wanted:
            drawn = samples(primitive, dtype, seed=seed)
            others = samples(primitive, dtype, seed=seed + 1) if batched and _has_batching_rule(primitive) else ()
            for sample, other in zip_longest(drawn, others):
                for mode in _check_sample(primitive, backend, dtype, sample, other, modes, order, seed):
                    covered[Covered(primitive.name, backend.name, dtype, mode)] = None
            if dtype in ("float32", "float64") and check_ties(primitive, backend, dtype):
                covered[Covered(primitive.name, backend.name, dtype, "ties")] = None
    return list(covered)


def _has_batching_rule(primitive: Primitive) -> bool:
    derived = primitive.kind == "elementwise"
    return (derived or primitive.batch is not None) and not primitive.meta.get("data_dependent")


def _check_sample(
    primitive: Primitive,
    backend: BackendCase,
    dtype: str,
    sample: Sample,
    other: Sample | None,
    modes: Sequence[str],
    order: int,
    seed: int,
) -> list[str]:
    try:
        done = ["values"]
        check_values(primitive, backend, sample)
        if primitive.kind == "elementwise" or primitive.shape is not None:
            try:
                check_shape_rule(primitive, backend, sample)
                done.append("shape")
            except AbstractValueError:
                # The rule says itself that the shape depends on the values.
                done.append("shape by value")
        elif not primitive.meta.get("data_dependent"):
            raise ParameterError(
                f"The declaration of {primitive.name!r} has no shape rule.",
                needed="a rule from the shapes of the arguments to the shape of the result",
                write="shape=lambda x, **params: x.shape in the declaration; data_dependent=True if there is none",
            )
        if dtype in _VALUE_RTOL:
            done += check_derivatives(primitive, backend, sample, modes=modes, order=order, seed=seed)
        if other is not None:
            done += check_vmap(primitive, backend, sample, other)
    except FuncnetError as error:
        raise GradientCheckError(
            f"The primitive {primitive.name!r} failed on {backend.name!r}.",
            found=f"xp.{primitive.name}({sample.describe()})",
            needed=str(error).replace("\n", "\n          "),
            write=f"check_primitive({primitive.name!r}, {backend.name!r}, [{dtype!r}], seed={seed})",
        ) from error
    except Exception as error:
        error.add_note(f"while checking xp.{primitive.name}({sample.describe()}) on {backend.name!r}")
        raise
    return done


def native(primitive: Primitive, backend: BackendCase, sample: Sample) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a sample as arrays of the backend, and its parameters with the backend's dtypes."""
    there = backend.dtypes()
    # A device without 64-bit integers has its index arrays in 32 bits.
    args = [
        backend.asarray(a, a.dtype.name if a.dtype.name in there else None) if isinstance(a, np.ndarray) else a
        for a in sample.args
    ]
    return args, native_params(primitive, backend.backend, sample.params)


def _outputs(primitive: Primitive, result: Any) -> list[Any]:
    return list(result) if primitive.multiple else [result]


def check_values(primitive: Primitive, backend: BackendCase, sample: Sample) -> None:
    """Compare a kernel's results, and their shapes and dtypes, with the reference implementation's.

    The values come from array_api_strict in double precision, the dtypes from it in the arguments' precision. Where it
    is not installed, NumPy takes its place.
    """
    args, params = native(primitive, backend, sample)
    before = [snapshot(a) for a in args if not isinstance(a, (bool, int, float, complex))]
    found = _outputs(primitive, bind(primitive, *args, **params))
    after = [snapshot(a) for a in args if not isinstance(a, (bool, int, float, complex))]
    if before != after:
        raise GradientCheckError("The kernel wrote to an argument.", found="other bytes than before")
    with np.errstate(all="ignore"):
        typed = reference(primitive, sample.args, sample.params)
        wide = reference(primitive, [_widened(a) for a in sample.args], sample.params)
    if len(found) != len(typed):
        raise GradientCheckError(
            "The kernel returns another number of arrays.", found=str(len(found)), needed=str(len(typed))
        )
    for position, (y, like, value) in enumerate(zip(found, typed, wide, strict=True)):
        label = f"output {position}" if primitive.multiple else "the result"
        place = place_of(y)
        _equal("shape", label, tuple(y.shape), like.shape)
        needed = _dtype_there(like.dtype.name, backend)
        # PyTorch can hardly compute with unsigned integers, and sums them in signed ones.
        if not (backend.backend_name == "torch" and needed in ("uint32", "uint64") and place.dtype_name(y) == "int64"):
            _equal("dtype", label, place.dtype_name(y), needed)
        _equal("device", label, place.device, place.backend.device_name(backend.device))
        if "invariant" not in primitive.meta:
            _close(place.to_host(y), value, label)
    if "invariant" in primitive.meta:
        wanted = primitive.meta["invariant"](*wide)
        for position, (y, value) in enumerate(zip(primitive.meta["invariant"](*found), wanted, strict=True)):
            _close(place_of(y).to_host(y), value, f"invariant {position}")


def _widened(value: Any) -> Any:
    if isinstance(value, np.ndarray) and is_inexact(value.dtype):
        return value.astype(np.complex128 if kind(value.dtype) == "c" else np.float64)
    return value


def _dtype_there(name: str, backend: BackendCase) -> str:
    """Return the dtype that stands for a wider one on a device that lacks it."""
    narrow = {"float64": "float32", "complex128": "complex64", "int64": "int32", "uint64": "uint32"}
    return name if name in backend.dtypes() else narrow.get(name, name)


def _equal(what: str, label: str, found: Any, needed: Any) -> None:
    if found != needed:
        raise GradientCheckError(f"The {what} of {label} is wrong.", found=str(found), needed=str(needed))


def _close(found: np.ndarray, wanted: np.ndarray, label: str) -> None:
    if found.dtype.name not in _VALUE_RTOL:
        same = np.array_equal(found, wanted.astype(found.dtype))
        gap = "other values"
    else:
        rtol = _VALUE_RTOL[found.dtype.name]
        wide = found.astype(wanted.dtype if is_inexact(wanted.dtype) else np.float64)
        scale = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=0.0)
        with np.errstate(invalid="ignore"):
            error = np.abs(wide - wanted)
        # Sums cancel, so an element's error is relative to the largest one.
        good = (error <= rtol * (np.abs(wanted) + 0.1 * scale)) | (wide == wanted) | (np.isnan(wide) & np.isnan(wanted))
        same = bool(np.all(good))
        gap = f"{found!r}, largest error {np.max(error[~good], initial=0.0):.3g}"
    if not same:
        raise GradientCheckError(f"The values of {label} are wrong.", found=gap, needed=repr(wanted))


def check_shape_rule(primitive: Primitive, backend: BackendCase, sample: Sample) -> None:
    """Compare the shapes and dtypes that the shape rule gives with those of the arrays that come out."""
    args, params = native(primitive, backend, sample)
    found = eval_shape(lambda *a: bind(primitive, *a, **params), *args)
    real = bind(primitive, *args, **params)
    for position, (spec, y) in enumerate(zip(_outputs(primitive, found), _outputs(primitive, real), strict=True)):
        label = f"output {position} by the shape rule" if primitive.multiple else "the result by the shape rule"
        assert isinstance(spec, Spec)
        _equal("shape", label, spec.shape, tuple(y.shape))
        _equal("dtype", label, backend.backend.dtype_name(spec.dtype), place_of(y).dtype_name(y))


def check_vmap(primitive: Primitive, backend: BackendCase, sample: Sample, other: Sample) -> list[str]:
    """Compare the batching rule with a loop over two samples of one shape; return the name of the mode if it applied.

    A sample without arrays has nothing to map over.
    """
    first, params = native(primitive, backend, sample)
    second, _ = native(primitive, backend, other)
    count = sum(hasattr(a, "shape") for a in first)
    if not count:
        return []
    with np.errstate(all="ignore"):
        check_batching(primitive, [first, second], params, two_combinations(count))
    return ["vmap"]


def check_derivatives(
    primitive: Primitive,
    backend: BackendCase,
    sample: Sample,
    *,
    modes: Sequence[str] = MODES,
    order: int = 2,
    seed: int = 0,
) -> list[str]:
    """Check the rules of a primitive at one sample; return the names of the modes that applied.

    Arguments that the declaration refuses must raise, and are held constant for the rest. A primitive without reverse
    rule must give constants.
    """
    args, params = native(primitive, backend, sample)
    live = [i for i, a in enumerate(args) if hasattr(a, "dtype") and is_inexact(a.dtype)]
    if not live:
        return []
    refused = _refused(primitive)
    done = []
    if refused & set(live):
        _check_refused(primitive, args, params, sorted(refused & set(live)))
        done.append("refused")
        live = [i for i in live if i not in refused]
    if not live:
        return done

    def call(*arrays: Any) -> Any:
        held = [stop_gradient(a) if i in refused else a for i, a in enumerate(arrays)]
        results = bind(primitive, *held, **params)
        return primitive.meta["invariant"](*results) if "invariant" in primitive.meta else results

    outputs = _outputs(primitive, call(*args))
    constant = primitive.kind != "elementwise" and primitive.vjp is None
    if constant or not any(is_inexact(y.dtype) for y in outputs):
        check_constant(call, args, live)
        return [*done, "constant"]
    scalars = {i: a for i, a in enumerate(args) if isinstance(a, (bool, int, float, complex))}
    arrays = {str(i): a for i, a in enumerate(args) if i not in scalars and i not in refused}
    held = {i: a for i, a in enumerate(args) if i in refused}

    def of_arrays(given: dict[str, Any]) -> Any:
        full = scalars | held | {int(i): a for i, a in given.items()}
        return call(*[full[i] for i in range(len(args))])

    real = all(kind(a.dtype) != "c" for a in [*arrays.values(), *outputs])
    # The complex step is exact; NumPy's complex functions are accurate next to the real axis.
    analytic = bool(primitive.meta.get("analytic")) and backend.backend_name == "numpy" and real
    check_grads(of_arrays, [arrays], order=order, modes=modes, analytic=analytic, seed=seed)
    return [*done, *modes, *(f"order {k}" for k in range(2, order + 1))]


def check_constant(f: Callable[..., Any], args: Sequence[Any], live: Sequence[int]) -> None:
    """Check that the results of a function carry no derivative in either mode."""

    def flagged(*arrays: Any) -> Any:
        full = list(args)
        for i, a in zip(live, arrays, strict=True):
            full[i] = a
        result = f(*full)
        return (), [carries_derivative(y) for y in (result if isinstance(result, tuple) else [result])]

    primals = [args[i] for i in live]
    for mode, carried in (
        ("vjp", vjp(flagged, *primals, has_aux=True)[2]),
        ("jvp", jvp(flagged, primals, primals, has_aux=True)[2]),
    ):
        if any(carried):
            raise GradientCheckError(
                f"A result that has no derivative carries one under {mode}.",
                found=f"outputs {[i for i, c in enumerate(carried) if c]} carry a derivative",
                needed="constants",
            )


def _refused(primitive: Primitive) -> set[int]:
    rules = primitive.partials if primitive.kind == "elementwise" else primitive.vjp
    return {i for i, rule in enumerate(rules) if rule.__class__ is Refused} if isinstance(rules, tuple) else set()


def _check_refused(primitive: Primitive, args: list[Any], params: dict[str, Any], positions: list[int]) -> None:
    for position in positions:

        def of_one(x: Any, at: int = position) -> Any:
            return bind(primitive, *args[:at], x, *args[at + 1 :], **params)

        for mode, run in (
            ("vjp", lambda f, x: vjp(f, x)),
            ("jvp", lambda f, x: jvp(f, (x,), (x,))),
        ):
            try:
                run(of_one, args[position])
            except NotDifferentiableError:
                continue
            raise GradientCheckError(
                f"{mode} with respect to argument {position} gives a derivative, though the declaration refuses it.",
                needed="NotDifferentiableError",
            )


# Where a function has a kink, its derivative is the mean of the one-sided ones, which central differences give too.
_TIES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "abs": (([-1.5, 0.0, 2.0],), {}),
    "maximum": (([1.0, 2.0, 0.5], [1.0, 3.0, 0.25]), {}),
    "minimum": (([1.0, 2.0, 0.5], [1.0, 3.0, 0.25]), {}),
    "max": (([[1.0, 1.0, 0.25], [0.5, 2.0, 2.0]],), {"axis": (1,), "keepdims": False}),
    "min": (([[1.0, 1.0, 1.25], [2.5, 2.0, 2.0]],), {"axis": (1,), "keepdims": False}),
}


def check_ties(primitive: Primitive, backend: BackendCase, dtype: str) -> bool:
    """Check that ties are split evenly where `primitive` is one whose kinks are symmetric; return whether it is."""
    if registry.get(primitive.name) is not primitive or primitive.name not in _TIES:
        return False
    values, params = _TIES[primitive.name]
    sample = Sample(tuple(np.asarray(v, dtype=dtype) for v in values), params)
    try:
        check_derivatives(primitive, backend, sample, order=1)
    except FuncnetError as error:
        raise GradientCheckError(
            f"The primitive {primitive.name!r} does not split a tie evenly on {backend.name!r}.",
            found=f"xp.{primitive.name}({', '.join(map(repr, values))})",
            needed=str(error).replace("\n", "\n          "),
        ) from error
    return True
