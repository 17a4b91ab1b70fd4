"""``funcnet.xp`` against the Array API standard, with array_api_strict as the oracle.

Whatever array_api_strict accepts, the standard defines: signatures, dtypes, shapes and values have to be equal, for
plain NumPy arrays as for traced ones. What it refuses is left open.
"""

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from math import inf, nan, pi
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.core import Tracer
from funcnet.errors import FuncnetError, ShapeError
from funcnet.testing.arrays import place_of

strict = pytest.importorskip("array_api_strict", reason="array_api_strict is the oracle")
compat = pytest.importorskip("array_api_compat.numpy", reason="array_api_compat.numpy is the measure")

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)
PAIRS = list(itertools.product(DTYPES, DTYPES))

# ---------------------------------------------------------------------- signatures

SPACES = {"": strict, "linalg": strict.linalg, "fft": strict.fft}
NAMES = [
    f"{space}.{name}".lstrip(".")
    for space, module in SPACES.items()
    for name in sorted(module.__all__)
    if inspect.isroutine(getattr(module, name)) and not name.endswith("_flags")
]


def function(namespace: Any, name: str) -> Callable[..., Any]:
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


def signature(f: Callable[..., Any]) -> list[tuple[Any, ...]]:
    """Return what the standard fixes: names of parameters that can be given by name, kinds and defaults."""
    return [
        # array_api_strict marks a device that is not given by an object of its own.
        (p.name, p.kind, None if type(p.default).__name__ == "Undef" else p.default)
        for p in inspect.signature(f).parameters.values()
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_that_of_the_standard(name: str) -> None:
    assert signature(function(xp, name)) == signature(function(strict, name))


def test_the_constants_and_dtypes_are_there() -> None:
    for name in strict.__all__:
        if name not in ("Device", "ArrayAPIStrictFlags", "__version__") and not name.endswith("_flags"):
            assert hasattr(xp, name), name
    assert xp.__array_api_version__ == strict.__array_api_version__


# ---------------------------------------------------------------------- arguments


def values(dtype: str) -> dict[str, np.ndarray]:
    """Return the arrays of one dtype."""
    kind = np.dtype(dtype).kind
    x = np.asarray(
        {
            "b": [1, 0, 1, 1, 0, 0],
            "u": [3, 1, 2, 5, 4, 1],
            "i": [3, -1, 2, -5, 4, 1],
            "f": [0.75, -0.5, 0.25, 1.5, -2.25, 0.25],
            "c": [0.75 + 0.5j, -0.5 + 0.25j, 0.25 - 1j, 1.5 + 0.5j, -2.25 - 0.5j, 0.25 - 1j],
        }[kind]
    ).astype(dtype)
    # Hermitian and positive definite, but for booleans.
    matrix = np.asarray([[4, 1, 0], [1, 3, 1], [0, 1, 2]]).astype(dtype)
    if kind == "c":
        matrix[0, 1], matrix[1, 0] = 1 + 0.5j, 1 - 0.5j
    return {
        "x": x.reshape(2, 3),
        "v": x,
        "small": np.abs(x[:3]).astype(dtype),
        "sorted": np.sort(x[:3]),
        "matrix": matrix,
        "stack": np.stack([matrix, matrix + matrix]),
        "zero": x[0, ...],
        "empty": x[:0].reshape(0, 3),
    }


VALUES = {dtype: values(dtype) for dtype in DTYPES}


class Kit:
    """Arrays of one dtype in one namespace, and what makes others from NumPy's."""

    x: Any
    v: Any
    small: Any
    sorted: Any
    matrix: Any
    stack: Any
    zero: Any
    empty: Any

    def __init__(self, namespace: Any, dtype: str, arrays: dict[str, Any], make: Callable[[np.ndarray], Any]) -> None:
        self.ns, self.make, self.dtype = namespace, make, getattr(namespace, dtype)
        self.scalar = VALUES[dtype]["zero"].item()
        self.__dict__.update(arrays)

    def ints(self, *values: Any) -> Any:
        return self.make(np.asarray(values, dtype="int64"))


Call = Callable[[Any, Kit], Any]

UNARY = (
    "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf isnan "
    "log log1p log2 log10 logical_not negative positive real reciprocal round sign signbit sin sinh square sqrt tan "
    "tanh trunc"
).split()
BINARY = (
    "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal "
    "floor_divide greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum "
    "minimum multiply nextafter not_equal pow remainder subtract"
).split()

REDUCE: list[Call] = [
    lambda f, k: f(k.x),
    lambda f, k: f(k.x, axis=0),
    lambda f, k: f(k.x, axis=-1, keepdims=True),
    lambda f, k: f(k.stack, axis=(0, 2)),
    lambda f, k: f(k.x, axis=()),
    lambda f, k: f(k.empty, axis=1),
    lambda f, k: f(k.zero),
]
ARG: list[Call] = [lambda f, k: f(k.x), lambda f, k: f(k.x, axis=1), lambda f, k: f(k.x, axis=0, keepdims=True)]
SUM: list[Call] = [
    *REDUCE,
    lambda f, k: f(k.empty),
    *[lambda f, k, d=d: f(k.x, axis=0, dtype=getattr(k.ns, d)) for d in ("float32", "int64", "complex128", "uint8")],
]
CUMULATIVE: list[Call] = [
    lambda f, k: f(k.v),
    lambda f, k: f(k.x, axis=1, include_initial=True),
    lambda f, k: f(k.x, axis=0, dtype=k.ns.float64),
]
SORT: list[Call] = [
    lambda f, k: f(k.v),
    lambda f, k: f(k.x, axis=0, descending=True),
    lambda f, k: f(k.x, descending=True, stable=True),
]
LIKE: list[Call] = [lambda f, k: f(k.x), lambda f, k: f(k.x, dtype=k.ns.float32), lambda f, k: f(k.empty)]
MAKE: list[Call] = [
    lambda f, k: f((2, 3), dtype=k.dtype),
    lambda f, k: f(4, dtype=k.dtype),
    lambda f, k: f((), dtype=k.dtype),
]
TRIANGLE: list[Call] = [lambda f, k: f(k.x), lambda f, k: f(k.stack, k=1), lambda f, k: f(k.x, k=-1)]
MOMENT: list[Call] = [*REDUCE[:4], lambda f, k: f(k.x, axis=1, correction=1.0)]
TRANSFORM: list[Call] = [
    lambda f, k: f(k.x),
    lambda f, k: f(k.x, n=4, axis=0, norm="ortho"),
    lambda f, k: f(k.x, n=2, norm="forward"),
]
TRANSFORM_N: list[Call] = [
    lambda f, k: f(k.x),
    lambda f, k: f(k.stack, axes=(0, 1), norm="ortho"),
    lambda f, k: f(k.x, s=(4,), axes=(1,)),
]
SHIFT: list[Call] = [lambda f, k: f(k.x), lambda f, k: f(k.x, axes=1)]
PLAIN: list[Call] = [lambda f, k: f(k.stack)]

# Every other function that depends on one dtype.
CALLS: dict[str, list[Call]] = {
    **{name: [lambda f, k: f(k.x), lambda f, k: f(k.zero), lambda f, k: f(k.empty)] for name in UNARY},
    "acosh": [lambda f, k: f(k.x)],
    **{name: REDUCE for name in ("all", "any", "max", "mean", "min")},
    **{name: SUM for name in ("sum", "prod")},
    **{name: MOMENT for name in ("std", "var")},
    **{name: ARG for name in ("argmax", "argmin")},
    **{name: SORT for name in ("argsort", "sort")},
    **{name: CUMULATIVE for name in ("cumulative_sum", "cumulative_prod")},
    **{name: LIKE for name in ("empty_like", "ones_like", "zeros_like")},
    **{name: MAKE for name in ("empty", "ones", "zeros")},
    **{name: TRIANGLE for name in ("tril", "triu")},
    "count_nonzero": [lambda f, k: f(k.x), lambda f, k: f(k.x, axis=0), lambda f, k: f(k.x, axis=1, keepdims=True)],
    "arange": [lambda f, k: f(5, dtype=k.dtype), lambda f, k: f(1, 9, 3, dtype=k.dtype)],
    "asarray": [
        lambda f, k: f(k.x),
        lambda f, k: f(k.x, copy=True),
        lambda f, k: f([k.scalar, k.scalar], dtype=k.dtype),
    ],
    "astype": [
        *[lambda f, k, d=d: f(k.small, getattr(k.ns, d)) for d in DTYPES],
        lambda f, k: f(k.x, k.dtype, copy=False),
    ],
    "broadcast_to": [lambda f, k: f(k.x, (4, 2, 3)), lambda f, k: f(k.zero, (0, 2))],
    "clip": [
        lambda f, k: f(k.x),
        lambda f, k: f(k.x, 0, 2),
        lambda f, k: f(k.x, 1),
        lambda f, k: f(k.x, max=2),
        lambda f, k: f(k.x, k.small),
        lambda f, k: f(k.x, 0.25, 0.75),
    ],
    "diff": [
        lambda f, k: f(k.v),
        lambda f, k: f(k.x, axis=0),
        lambda f, k: f(k.v, n=2, prepend=k.small, append=k.small),
    ],
    "expand_dims": [lambda f, k: f(k.x, axis=1), lambda f, k: f(k.x, axis=(0, -1))],
    "eye": [lambda f, k: f(3, dtype=k.dtype), lambda f, k: f(2, 4, k=1, dtype=k.dtype)],
    "flip": [lambda f, k: f(k.x), lambda f, k: f(k.x, axis=1), lambda f, k: f(k.stack, axis=(0, -1))],
    "full": [lambda f, k: f((2,), k.scalar, dtype=k.dtype), lambda f, k: f((2,), True)],
    "full_like": [lambda f, k: f(k.x, k.scalar), lambda f, k: f(k.x, 1, dtype=k.ns.int16)],
    "from_dlpack": [lambda f, k: f(k.x)],
    "linspace": [
        lambda f, k: f(0, 3, 4, dtype=k.dtype),
        lambda f, k: f(0.0, 1.0, num=5, endpoint=False, dtype=k.dtype),
    ],
    "matrix_transpose": [lambda f, k: f(k.x), lambda f, k: f(k.stack)],
    "moveaxis": [lambda f, k: f(k.stack, 0, -1), lambda f, k: f(k.stack, (0, 1), (2, 0))],
    "nonzero": [lambda f, k: f(k.x)],
    "permute_dims": [lambda f, k: f(k.stack, (2, 0, 1))],
    "repeat": [
        lambda f, k: f(k.x, 2),
        lambda f, k: f(k.x, 2, axis=0),
        lambda f, k: f(k.x, k.ints(1, 0, 2), axis=1),
    ],
    "reshape": [lambda f, k: f(k.x, (3, 2)), lambda f, k: f(k.x, (-1,)), lambda f, k: f(k.x, (6, 1), copy=True)],
    "roll": [lambda f, k: f(k.x, 1), lambda f, k: f(k.x, (1, -1), axis=(0, 1))],
    "squeeze": [
        lambda f, k: f(k.ns.reshape(k.x, (1, 6, 1)), axis=0),
        lambda f, k: f(k.ns.reshape(k.x, (1, 6, 1)), axis=(0, 2)),
    ],
    "take": [
        lambda f, k: f(k.v, k.ints(0, 5, 1)),
        lambda f, k: f(k.x, k.ints(1, 0, 1), axis=1),
    ],
    "take_along_axis": [lambda f, k: f(k.x, k.ints([0, 1], [2, 2])), lambda f, k: f(k.x, k.ints([0, 1, 1]), axis=0)],
    "tile": [lambda f, k: f(k.x, (2, 1)), lambda f, k: f(k.x, (2, 1, 2))],
    "unique_all": [lambda f, k: f(k.x)],
    "unique_counts": [lambda f, k: f(k.x)],
    "unique_inverse": [lambda f, k: f(k.x)],
    "unique_values": [lambda f, k: f(k.x)],
    "unstack": [lambda f, k: f(k.x), lambda f, k: f(k.x, axis=1)],
    "finfo": [lambda f, k: f(k.dtype), lambda f, k: f(k.x)],
    "iinfo": [lambda f, k: f(k.dtype), lambda f, k: f(k.x)],
    "isdtype": [
        *[
            lambda f, k, kind=kind: f(k.dtype, kind)
            for kind in ("bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating")
        ],
        lambda f, k: f(k.dtype, "numeric"),
        lambda f, k: f(k.dtype, ("integral", "bool")),
        lambda f, k: f(k.dtype, k.ns.float32),
        lambda f, k: f(k.dtype, (k.ns.float64, "bool")),
    ],
    "linalg.cholesky": [lambda f, k: f(k.matrix), lambda f, k: f(k.stack, upper=True)],
    "linalg.diagonal": [lambda f, k: f(k.x), lambda f, k: f(k.stack, offset=1), lambda f, k: f(k.stack, offset=-1)],
    "linalg.matrix_norm": [
        *[lambda f, k, o=o: f(k.stack, ord=o) for o in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)],
        lambda f, k: f(k.stack, keepdims=True),
    ],
    "linalg.matrix_power": [lambda f, k, n=n: f(k.stack, n) for n in (0, 1, 3, -2)],
    "linalg.matrix_rank": [lambda f, k: f(k.stack), lambda f, k: f(k.matrix, rtol=0.9)],
    "linalg.matrix_transpose": [lambda f, k: f(k.x)],
    "linalg.pinv": [lambda f, k: f(k.stack), lambda f, k: f(k.x, rtol=0.5)],
    "linalg.qr": [lambda f, k: f(k.stack), lambda f, k: f(k.x, mode="complete")],
    "linalg.svd": [lambda f, k: f(k.x), lambda f, k: f(k.x, full_matrices=False)],
    "linalg.trace": [
        lambda f, k: f(k.stack),
        lambda f, k: f(k.x, offset=1),
        lambda f, k: f(k.x, dtype=k.ns.float64),
    ],
    "linalg.vector_norm": [
        *[lambda f, k, o=o: f(k.x, ord=o, axis=1) for o in (0, 1, 2, 3, -1, inf, -inf)],
        lambda f, k: f(k.x),
        lambda f, k: f(k.stack, axis=(0, 2), keepdims=True),
    ],
    **{f"linalg.{n}": PLAIN for n in ("det", "eigh", "eigvalsh", "inv", "slogdet", "svdvals")},
    **{f"fft.{n}": TRANSFORM for n in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{f"fft.{n}": TRANSFORM_N for n in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{f"fft.{n}": SHIFT for n in ("fftshift", "ifftshift")},
    **{
        f"fft.{n}": [lambda f, k: f(5, dtype=k.dtype), lambda f, k: f(4, d=0.5, dtype=k.dtype)]
        for n in ("fftfreq", "rfftfreq")
    },
}  # fmt: skip

PRODUCT: list[Callable[..., Any]] = [lambda f, a, b: f(a.matrix, b.matrix), lambda f, a, b: f(a.stack, b.small)]
ROWS: list[Callable[..., Any]] = [lambda f, a, b: f(a.x, b.small), lambda f, a, b: f(a.x, b.x, axis=-2)]
TENSOR: list[Callable[..., Any]] = [
    lambda f, a, b: f(a.stack, b.matrix, axes=1),
    lambda f, a, b: f(a.stack, b.stack, axes=((0, 2), (0, 1))),
]
# Functions of two arrays, whose dtypes are promoted.
PAIRED: dict[str, list[Callable[..., Any]]] = {
    **{name: [lambda f, a, b: f(a.x, b.small), lambda f, a, b: f(a.zero, b.zero)] for name in BINARY},
    **{name: [lambda f, a, b: f(a.x, b.small)] for name in ("bitwise_left_shift", "bitwise_right_shift")},
    "broadcast_arrays": [lambda f, a, b: f(a.x, b.zero)],
    "can_cast": [lambda f, a, b: f(a.dtype, b.dtype), lambda f, a, b: f(a.x, b.dtype)],
    "concat": [lambda f, a, b: f([a.x, b.x]), lambda f, a, b: f((a.x, b.v), axis=None)],
    "isin": [lambda f, a, b: f(a.x, b.small), lambda f, a, b: f(a.x, b.v, invert=True)],
    "matmul": PRODUCT,
    "meshgrid": [lambda f, a, b: f(a.v, b.small), lambda f, a, b: f(a.small, b.v, indexing="ij")],
    "result_type": [
        lambda f, a, b: f(a.dtype, b.dtype),
        lambda f, a, b: f(a.x, b.dtype),
        lambda f, a, b: f(a.x, b.scalar),
    ],
    "searchsorted": [
        lambda f, a, b: f(a.sorted, b.x),
        lambda f, a, b: f(a.v, b.v, side="right", sorter=a.ns.argsort(a.v)),
    ],
    "stack": [lambda f, a, b: f([a.x, b.x]), lambda f, a, b: f((a.x, b.x), axis=-1)],
    "tensordot": TENSOR,
    "vecdot": ROWS,
    "where": [
        lambda f, a, b: f(a.make(np.asarray([True, False, True])), a.x, b.x),
        lambda f, a, b: f(a.make(np.asarray([True, False, True])), a.x, b.scalar),
    ],
    "linalg.cross": [lambda f, a, b: f(a.x, b.small), lambda f, a, b: f(a.matrix, b.matrix, axis=0)],
    "linalg.matmul": PRODUCT,
    "linalg.outer": [lambda f, a, b: f(a.v, b.small)],
    "linalg.solve": [lambda f, a, b: f(a.stack, b.small), lambda f, a, b: f(a.matrix, b.matrix)],
    "linalg.tensordot": TENSOR,
    "linalg.vecdot": ROWS,
}
# Python scalars take the dtype of the array.
SCALARS = (True, 2, 0.5, 0.5 + 0.25j)
WITH_SCALARS: list[Callable[..., Any]] = [lambda f, k, s: f(k.x, s), lambda f, k, s: f(s, k.small)]
# Nothing of these depends on a dtype.
OTHER = ("broadcast_shapes", "__array_namespace_info__")

# ---------------------------------------------------------------------- outcomes


TOLERANCE = {"float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}
THEIRS = {getattr(strict, d): d for d in DTYPES}
NUMPYS = {dtype: d for d in DTYPES for dtype in (np.dtype(d), np.dtype(d).type)}


def dtype_name(dtype: Any) -> str | None:
    """Return the name of a dtype of NumPy or array_api_strict, or None if it is none."""
    return (THEIRS if type(dtype) is type(strict.float32) else NUMPYS).get(dtype)


class Array:
    """What is compared of an array; the values of a traced one are known when the trace has ended."""

    def __init__(self, y: Any) -> None:
        self.traced = isinstance(y, Tracer)
        self.shape, self.dtype, self.y = tuple(y.shape), dtype_name(y.dtype), y

    def agrees(self, other: Any, loose: bool) -> bool:
        if not isinstance(other, Array) or (self.shape, self.dtype) != (other.shape, other.dtype):
            return False
        found, wanted = place_of(self.y).to_host(self.y), place_of(other.y).to_host(other.y)
        if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            return False
        rtol = TOLERANCE.get(found.dtype.name, 0.0)
        return loose or np.allclose(found, wanted, rtol=rtol, atol=rtol, equal_nan=True)

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.shape)} {place_of(self.y).to_host(self.y).tolist()}"


def described(y: Any, seen: list[Array]) -> Any:
    """Return what is compared of a result: arrays, names of dtypes, tuples of such, and the rest as it is."""
    if isinstance(y, (bool, int, float, complex)) and not isinstance(y, np.generic):
        return y
    if hasattr(y, "bits"):
        names = ("bits", "eps", "max", "min", "smallest_normal", "dtype")
        return tuple(described(getattr(y, n), seen) for n in names if hasattr(y, n))
    if isinstance(y, (tuple, list)):
        return (getattr(y, "_fields", "sequence"), *[described(v, seen) for v in y])
    if hasattr(y, "shape") and hasattr(y, "dtype"):
        seen.append(Array(y))
        return seen[-1]
    return dtype_name(y) or y


class Raised:
    """What is compared of a call that raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"raises {type(self.error).__name__}: {str(self.error).splitlines()[0]}"


def calls(name: str, kits: dict[str, Kit]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yield what is called of a function: a label, and the call."""
    for i, one in enumerate(CALLS.get(name, ())):
        for dtype in DTYPES:
            yield f"{i} {dtype}", lambda f, one=one, k=kits[dtype]: one(f, k)
    for i, two in enumerate(PAIRED.get(name, ())):
        for a, b in PAIRS:
            yield f"{i} {a} {b}", lambda f, two=two, a=kits[a], b=kits[b]: two(f, a, b)
    if name in BINARY:
        for (i, mixed), dtype, scalar in itertools.product(enumerate(WITH_SCALARS), DTYPES, SCALARS):
            yield f"scalar {i} {dtype} {scalar}", lambda f, m=mixed, k=kits[dtype], s=scalar: m(f, k, s)


def outcomes(
    name: str, namespace: Any, kits: dict[str, Kit], only: set[str] | None = None
) -> tuple[dict[str, Any], list[Array]]:
    """Return what each call of a function gives, and the arrays among that."""
    f, seen, found = function(namespace, name), [], {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The standard forbids to convert complex numbers to real ones; NumPy, below array_api_strict, only warns.
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for label, call in calls(name, kits):
            if only is None or label in only:
                try:
                    found[label] = described(call(f), seen)
                except Exception as error:
                    found[label] = Raised(error)
    return found, seen


def plain(name: str, namespace: Any, make: Callable[[np.ndarray], Any], only: set[str] | None = None) -> dict[str, Any]:
    kits = {d: Kit(namespace, d, {n: make(a) for n, a in VALUES[d].items()}, make) for d in DTYPES}
    return outcomes(name, namespace, kits, only)[0]


def traced(name: str, only: set[str], *, own: bool = False) -> dict[str, Any]:
    """Return what calls give within the trace of a gradient, with respect to all arrays that can have one.

    With `own`, the functions are those of the traced arrays' own namespace.
    """
    kept: list[Any] = []

    def loss(given: dict[str, Any], t: Any) -> Any:
        arrays = {d: given.get(d) or {n: fn.lift(a) for n, a in VALUES[d].items()} for d in DTYPES}
        space = arrays["float64"]["x"].__array_namespace__() if own else xp
        found, seen = outcomes(name, space, {d: Kit(space, d, arrays[d], fn.lift) for d in DTYPES}, only)
        kept.extend((found, seen))
        return t, [one.y for one in seen]

    inexact = {d: VALUES[d] for d in DTYPES if np.dtype(d).kind in "fc"}
    _, arrays = fn.grad(loss, (0, 1), has_aux=True)(inexact, np.asarray(1.0))
    for one, y in zip(kept[1], arrays, strict=True):
        one.y = y
    return kept[0]


def agree(found: Any, wanted: Any, loose: bool) -> bool:
    if isinstance(wanted, Array):
        return wanted.agrees(found, loose)
    if isinstance(wanted, tuple):
        same = isinstance(found, tuple) and len(found) == len(wanted)
        return same and all(agree(f, w, loose) for f, w in zip(found, wanted, strict=True))
    return type(found) is type(wanted) and found == wanted


def deviations(name: str, found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, str]:
    loose = name in ("empty", "empty_like")
    return {label: f"{found[label]!r}, not {w!r}" for label, w in wanted.items() if not agree(found[label], w, loose)}


def asked(name: str) -> dict[str, Any]:
    """Return what array_api_strict gives, where it gives anything."""
    found = plain(name, strict, lambda a: strict.asarray(a, copy=True))
    return {label: y for label, y in found.items() if not isinstance(y, Raised)}


#: Where funcnet differs from array_api_strict, and why; array_api_compat's NumPy differs at the same calls.
KNOWN = {
    "can_cast": "NumPy's rules, which go from one kind to another: from booleans to numbers, from integers to floats",
    "isin": "array_api_strict ignores invert=True",
}
#: Calls that array_api_strict answers though the standard asks for other dtypes; funcnet refuses them.
REFUSED = {"linalg.matrix_rank": "the standard has it for floating-point dtypes only"}
#: Where functions refuse traced arrays, and why.
REFUSED_IN_A_TRACE = {"from_dlpack": "what is exported has no derivative"}

TABLED = [name for name in NAMES if name not in OTHER]


@pytest.mark.parametrize("name", TABLED)
def test_results_are_those_of_the_standard(name: str) -> None:
    wanted = asked(name)
    assert wanted, "array_api_strict takes none of the calls"
    raw = plain(name, xp, np.array)
    found = deviations(name, raw, wanted)
    within = deviations(name, traced(name, set(wanted)), wanted)
    if name in REFUSED:
        assert found, f"{name} no longer refuses"
        for label in found:
            assert np.dtype(label.split()[1]).kind in "biu"
            assert isinstance(raw[label], Raised)
            assert isinstance(raw[label].error, FuncnetError)
        assert set(within) == set(found)
    elif name in KNOWN:
        theirs = deviations(name, plain(name, compat, np.array, set(wanted)), wanted)
        assert found, f"{name} no longer differs"
        assert set(found) <= set(theirs), found
        assert set(within) <= set(theirs), within
    else:
        assert not found, found
        if name in REFUSED_IN_A_TRACE:
            assert within, f"{name} no longer refuses"
            assert all(np.dtype(label.split()[1]).kind in "fc" for label in within), within
        else:
            assert not within, within


@pytest.mark.parametrize("name", [name for name in TABLED if name not in REFUSED_IN_A_TRACE])
def test_the_namespace_of_a_traced_array_gives_the_same(name: str) -> None:
    found = plain(name, xp, np.array)
    wanted = {label: y for label, y in found.items() if not isinstance(y, Raised)}
    within = traced(name, set(wanted), own=True)
    if name in ("mean", "std", "var"):
        # Of integers in the precision in which the library itself computes them, for code that was written for it.
        wanted = plain(name, compat, np.array, set(wanted))
    assert not deviations(name, within, wanted)


def test_every_function_is_in_a_table() -> None:
    assert {name for name in NAMES if name not in CALLS and name not in PAIRED} == set(OTHER)
    assert {*CALLS, *PAIRED} <= set(NAMES)


def test_arrays_are_traced_where_they_can_be() -> None:
    found = traced("exp", {"0 float32", "1 complex128"})
    assert all(one.traced for one in found.values())
    assert not any(one.traced for one in plain("exp", xp, np.array, set(found)).values())


def test_functions_of_no_dtype() -> None:
    for shapes in [((2, 1), (3,)), ((), (4,)), ((5, 1, 0), (2, 1))]:
        assert xp.broadcast_shapes(*shapes) == strict.broadcast_shapes(*shapes)
    with pytest.raises(ShapeError):
        xp.broadcast_shapes((2,), (3,))
    ours, theirs = xp.__array_namespace_info__(), strict.__array_namespace_info__()
    assert set(ours.capabilities()) == set(theirs.capabilities())
    assert set(ours.default_dtypes()) == set(theirs.default_dtypes())
    for kind in (None, "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating"):
        assert set(ours.dtypes(kind=kind)) == set(theirs.dtypes(kind=kind))


def test_defaults_are_those_that_the_namespace_tells() -> None:
    defaults = xp.__array_namespace_info__().default_dtypes()
    real = [xp.zeros(2), xp.ones(2), xp.empty(2), xp.eye(2), xp.full(2, 1.5), xp.linspace(0, 1, 2), xp.asarray(1.5)]
    real += [xp.arange(2.0), xp.fft.fftfreq(4), xp.fft.rfftfreq(4), xp.asarray([1.5])]
    integral = [xp.asarray(1), xp.full(2, 1), xp.arange(2), xp.asarray([1])]
    assert all(x.dtype == defaults["real floating"] for x in real)
    assert all(x.dtype == defaults["integral"] for x in integral)
    assert all(x.dtype == defaults["complex floating"] for x in (xp.asarray(1j), xp.full(2, 1j)))
    assert all(x.dtype == xp.bool for x in (xp.asarray(True), xp.full(2, True)))
    assert xp.nonzero(xp.ones(2))[0].dtype == xp.argmax(xp.ones(2)).dtype == defaults["indexing"]


# ---------------------------------------------------------------------- special cases

# From the lists of the standard: arguments, and the result; the sign of a zero matters.
SPECIAL: dict[str, list[tuple[Any, ...]]] = {
    "abs": [(-0.0, 0.0), (-inf, inf), (nan, nan)],
    "acos": [(1.0, 0.0), (1.5, nan), (-1.5, nan), (nan, nan)],
    "acosh": [(1.0, 0.0), (0.5, nan), (inf, inf), (nan, nan)],
    "add": [
        *[(inf, -inf, nan), (-inf, inf, nan), (inf, inf, inf), (inf, 1.0, inf), (1.0, -inf, -inf), (nan, 1.0, nan)],
        *[(-0.0, -0.0, -0.0), (-0.0, 0.0, 0.0), (0.0, -0.0, 0.0), (2.0, -2.0, 0.0), (-0.0, 3.0, 3.0)],
    ],
    "asin": [(0.0, 0.0), (-0.0, -0.0), (1.5, nan), (-1.5, nan), (nan, nan)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (nan, nan)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (inf, pi / 2), (-inf, -pi / 2), (nan, nan)],
    "atan2": [
        *[(1.0, 0.0, pi / 2), (1.0, -0.0, pi / 2), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (0.0, -0.0, pi), (0.0, -1.0, pi)],
        *[(-0.0, 1.0, -0.0), (-0.0, 0.0, -0.0), (-0.0, -0.0, -pi), (-0.0, -1.0, -pi), (-1.0, 0.0, -pi / 2)],
        *[(1.0, inf, 0.0), (1.0, -inf, pi), (-1.0, inf, -0.0), (-1.0, -inf, -pi), (inf, 1.0, pi / 2)],
        *[(-inf, 1.0, -pi / 2), (inf, inf, pi / 4), (inf, -inf, 3 * pi / 4), (-inf, inf, -pi / 4), (nan, 1.0, nan)],
    ],
    "atanh": [(0.0, 0.0), (-0.0, -0.0), (1.0, inf), (-1.0, -inf), (1.5, nan), (nan, nan)],
    "ceil": [(0.0, 0.0), (-0.0, -0.0), (-0.5, -0.0), (inf, inf), (-inf, -inf), (nan, nan)],
    "clip": [(nan, nan), (inf, inf), (-0.0, -0.0)],
    "copysign": [(1.0, -0.0, -1.0), (-1.0, 0.0, 1.0), (0.0, -1.0, -0.0), (inf, -inf, -inf), (nan, 1.0, nan)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (inf, nan), (-inf, nan), (nan, nan)],
    "cosh": [(0.0, 1.0), (-0.0, 1.0), (inf, inf), (-inf, inf), (nan, nan)],
    "divide": [
        *[(inf, inf, nan), (inf, -inf, nan), (0.0, 0.0, nan), (-0.0, 0.0, nan), (1.0, 0.0, inf), (1.0, -0.0, -inf)],
        *[(-1.0, 0.0, -inf), (-1.0, -0.0, inf), (1.0, inf, 0.0), (-1.0, inf, -0.0), (inf, -2.0, -inf)],
        *[(0.0, 1.0, 0.0), (0.0, -1.0, -0.0), (-0.0, 1.0, -0.0), (-0.0, -1.0, 0.0), (nan, 1.0, nan)],
    ],
    "equal": [(nan, nan, False), (0.0, -0.0, True), (inf, inf, True), (inf, -inf, False), (nan, 1.0, False)],
    "exp": [(0.0, 1.0), (-0.0, 1.0), (inf, inf), (-inf, 0.0), (nan, nan)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -1.0), (nan, nan)],
    "floor": [(0.0, 0.0), (-0.0, -0.0), (0.5, 0.0), (inf, inf), (-inf, -inf), (nan, nan)],
    "floor_divide": [
        *[(inf, inf, nan), (0.0, 0.0, nan), (1.0, 0.0, inf), (-1.0, 0.0, -inf), (0.0, 1.0, 0.0), (-0.0, 1.0, -0.0)],
        *[(1.0, inf, 0.0), (-1.0, -inf, 0.0), (nan, 1.0, nan), (1.0, nan, nan)],
    ],
    "greater": [(nan, 1.0, False), (1.0, nan, False), (0.0, -0.0, False), (inf, -inf, True)],
    "greater_equal": [(nan, nan, False), (0.0, -0.0, True), (-0.0, 0.0, True), (inf, inf, True)],
    "hypot": [(inf, nan, inf), (nan, -inf, inf), (-inf, 1.0, inf), (nan, 1.0, nan), (-0.0, 0.0, 0.0)],
    "isfinite": [(inf, False), (-inf, False), (nan, False), (1.0, True), (-0.0, True)],
    "isinf": [(inf, True), (-inf, True), (nan, False), (1.0, False)],
    "isnan": [(nan, True), (inf, False), (0.0, False)],
    "less": [(nan, 1.0, False), (1.0, nan, False), (-0.0, 0.0, False), (-inf, inf, True)],
    "less_equal": [(nan, nan, False), (0.0, -0.0, True), (-inf, -inf, True)],
    "log": [(0.0, -inf), (-0.0, -inf), (1.0, 0.0), (-1.0, nan), (inf, inf), (nan, nan)],
    "log1p": [(-1.0, -inf), (0.0, 0.0), (-0.0, -0.0), (-2.0, nan), (inf, inf), (nan, nan)],
    "log2": [(0.0, -inf), (-0.0, -inf), (1.0, 0.0), (-1.0, nan), (inf, inf), (nan, nan)],
    "log10": [(0.0, -inf), (-0.0, -inf), (1.0, 0.0), (-1.0, nan), (inf, inf), (nan, nan)],
    "logaddexp": [(inf, -inf, inf), (-inf, -inf, -inf), (inf, inf, inf), (nan, 1.0, nan), (1.0, nan, nan)],
    "maximum": [(nan, 1.0, nan), (1.0, nan, nan), (inf, -inf, inf)],
    "minimum": [(nan, 1.0, nan), (1.0, nan, nan), (inf, -inf, -inf)],
    "multiply": [
        *[(inf, 0.0, nan), (-inf, -0.0, nan), (inf, -inf, -inf), (-inf, -inf, inf), (inf, -2.0, -inf), (nan, 1.0, nan)],
        *[(0.0, -1.0, -0.0), (-0.0, -1.0, 0.0), (-0.0, 1.0, -0.0), (-0.0, -0.0, 0.0)],
    ],
    "negative": [(0.0, -0.0), (-0.0, 0.0), (inf, -inf), (nan, nan)],
    "nextafter": [(nan, 1.0, nan), (1.0, nan, nan), (-0.0, 0.0, 0.0), (0.0, -0.0, -0.0), (inf, inf, inf)],
    "not_equal": [(nan, nan, True), (0.0, -0.0, False), (inf, inf, False)],
    "pow": [
        *[(nan, 0.0, 1.0), (nan, -0.0, 1.0), (inf, 0.0, 1.0), (nan, 1.0, nan), (2.0, nan, nan), (0.0, 0.0, 1.0)],
        *[(2.0, inf, inf), (2.0, -inf, 0.0), (1.0, inf, 1.0), (-1.0, -inf, 1.0), (0.5, inf, 0.0), (0.5, -inf, inf)],
        *[(inf, 1.0, inf), (inf, -1.0, 0.0), (-inf, 3.0, -inf), (-inf, 2.0, inf), (-inf, 1.5, inf), (-inf, -3.0, -0.0)],
        *[
            (-inf, -2.0, 0.0),
            (0.0, 1.0, 0.0),
            (0.0, -1.0, inf),
            (-0.0, 3.0, -0.0),
            (-0.0, 2.0, 0.0),
            (-0.0, -3.0, -inf),
        ],
        *[(-0.0, -2.0, inf), (-1.5, 0.5, nan)],
    ],
    "remainder": [
        *[(inf, 2.0, nan), (-inf, 2.0, nan), (0.0, 0.0, nan), (1.0, 0.0, nan), (-1.0, -0.0, nan), (nan, 1.0, nan)],
        *[
            (0.0, 1.0, 0.0),
            (-0.0, 1.0, 0.0),
            (0.0, -1.0, -0.0),
            (-0.0, -1.0, -0.0),
            (1.0, inf, 1.0),
            (-1.0, -inf, -1.0),
        ],
        *[(1.0, -inf, -inf), (-1.0, inf, inf)],
    ],
    "round": [(0.0, 0.0), (-0.0, -0.0), (0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, -0.0), (inf, inf), (nan, nan)],
    "sign": [(0.0, 0.0), (-0.0, 0.0), (inf, 1.0), (-inf, -1.0), (nan, nan)],
    "signbit": [(0.0, False), (-0.0, True), (inf, False), (-inf, True)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (nan, nan)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (nan, nan)],
    "sqrt": [(0.0, 0.0), (-0.0, -0.0), (-1.0, nan), (inf, inf), (nan, nan)],
    "square": [(-0.0, 0.0), (-inf, inf), (nan, nan)],
    "subtract": [
        *[(inf, inf, nan), (-inf, -inf, nan), (inf, -inf, inf), (1.0, inf, -inf), (nan, 1.0, nan)],
        *[(0.0, 0.0, 0.0), (-0.0, 0.0, -0.0), (0.0, -0.0, 0.0), (-0.0, -0.0, 0.0), (2.0, 2.0, 0.0)],
    ],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (nan, nan)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (inf, 1.0), (-inf, -1.0), (nan, nan)],
    "trunc": [(0.0, 0.0), (-0.0, -0.0), (0.5, 0.0), (-0.5, -0.0), (inf, inf), (-inf, -inf), (nan, nan)],
}
# Of whole arrays: the values, and the result.
SPECIAL_WHOLE: dict[str, list[tuple[list[float], Any]]] = {
    "all": [([nan, inf], True), ([], True), ([-0.0], False)],
    "any": [([nan], True), ([-inf, 0.0], True), ([], False)],
    "count_nonzero": [([nan, -0.0, inf], 2), ([], 0)],
    "max": [([1.0, nan, 2.0], nan), ([-inf, -1.0], -1.0)],
    "mean": [([1.0, nan], nan), ([], nan), ([inf, 1.0], inf), ([inf, -inf], nan)],
    "min": [([1.0, nan, 2.0], nan), ([-inf, -1.0], -inf)],
    "prod": [([], 1.0), ([nan, 0.0], nan), ([inf, 0.0], nan)],
    "std": [([1.0, nan], nan), ([], nan)],
    "sum": [([], 0.0), ([inf, -inf], nan), ([nan, 1.0], nan)],
    "unique_values": [([nan, nan], [nan, nan])],
    "var": [([1.0, nan], nan), ([], nan)],
}


def exactly(found: Any, wanted: np.ndarray) -> np.ndarray:
    """Return where values are equal, with the signs of zeros; multiples of pi are rounded."""
    close = np.isclose(found, wanted, rtol=1e-6, atol=0.0, equal_nan=True)
    return close if wanted.dtype == bool else close & ((np.signbit(found) == np.signbit(wanted)) | np.isnan(wanted))


def by_trace(f: Callable[..., Any], *args: Any) -> np.ndarray:
    """Call a function within the trace of a gradient."""
    numbers = tuple(range(len(args) + 1))
    return fn.grad(lambda t, *a: (t, [f(*a)]), numbers, has_aux=True)(np.asarray(1.0), *args)[1][0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_cases(name: str, dtype: str) -> None:
    *args, wanted = (np.asarray(column) for column in zip(*SPECIAL[name], strict=True))
    args = [a.astype(dtype) for a in args]
    ours, theirs = getattr(xp, name), getattr(compat, name)
    assert np.all(exactly(theirs(*args), wanted)), "no case of array_api_compat's NumPy"
    for label, found in (("plain", ours(*args)), ("traced", by_trace(ours, *args))):
        good = exactly(found, wanted)
        assert np.all(good), f"{label}: {[a[~good] for a in args]} give {found[~good]}, not {wanted[~good]}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SPECIAL_WHOLE)
def test_special_cases_of_whole_arrays(name: str) -> None:
    for values, result in SPECIAL_WHOLE[name]:
        x, wanted = np.asarray(values, dtype="float64"), np.asarray(result)
        ours, theirs = getattr(xp, name), getattr(compat, name)
        assert np.all(exactly(theirs(x), wanted)), "no case of array_api_compat's NumPy"
        for label, found in (("plain", ours(x)), ("traced", by_trace(ours, x))):
            assert np.shape(found) == wanted.shape
            assert np.all(exactly(found, wanted)), f"{label}: {values} give {found}, not {wanted}"
