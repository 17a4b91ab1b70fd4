"""Arguments for a primitive, made from the metadata of its declaration."""

from __future__ import annotations

from functools import partial
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import backends
from funcnet.core import Arg, Case
from funcnet.errors import ParameterError
from funcnet.testing.arrays import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from funcnet.core import Primitive

__all__ = [
    "Sample",
    "allowed_dtypes",
    "away_from_kinks",
    "case_sample",
    "native_params",
    "reference",
    "samples",
    "smooth_everywhere",
]

_REAL = ("float32", "float64")
_COMPLEX = ("complex64", "complex128")
_INTEGER = ("int32", "int64", "uint8")
_DTYPES = {
    "all": (*_REAL, *_COMPLEX, *_INTEGER, "bool"),
    "real or boolean": (*_REAL, *_INTEGER, "bool"),
    "numeric": (*_REAL, *_COMPLEX, *_INTEGER),
    "real": (*_REAL, *_INTEGER),
    "integer or boolean": (*_INTEGER, "bool"),
    "integer": _INTEGER,
    "floating": (*_REAL, *_COMPLEX),
    "real floating": _REAL,
    "complex": _COMPLEX,
    "boolean": ("bool",),
    # Keys of random numbers; the dtypes of the draws are parameters.
    "key": ("uint32",),
}

#: Shapes of the arguments of elementwise primitives, by their number; None stands for a Python scalar.
_SHAPES: dict[int, tuple[tuple[tuple[int, ...] | None, ...], ...]] = {
    1: (((2, 3),), ((),), ((0, 2),)),
    2: (((2, 1), (3,)), ((), (2,)), ((2,), ()), ((), ()), ((0,), (1,)), ((3,), None), (None, (3,))),
    3: (((2, 1), (3,), ()), ((2,), (2,), (2,)), ((0,), (1,), ())),
    4: (((2, 1), (3,), (), (1,)), ((0,), (1,), (), ())),
}

# Values stay in this range, and this far from kinks, the ends of the domain and whole and half numbers.
_RANGE = (-2.0, 2.0)
_MARGIN = 0.1
_TRIES = 400


class Sample(NamedTuple):
    """Arguments of one call of a primitive.

    Attributes
    ----------
    args : tuple of numpy.ndarray or Python scalar
        The arrays, on the host.
    params : dict
        The parameters; a dtype is given by its name.
    """

    args: tuple[Any, ...]
    params: dict[str, Any]

    def describe(self) -> str:
        """Return the shapes, dtypes and parameters in words."""
        parts = [f"{a.dtype}{list(a.shape)}" if isinstance(a, np.ndarray) else repr(a) for a in self.args]
        return ", ".join(parts + [f"{name}={value!r}" for name, value in self.params.items()])


def allowed_dtypes(primitive: Primitive) -> tuple[str, ...]:
    """Return the names of the dtypes that a declaration allows for the arguments.

    Raises
    ------
    ParameterError
        If the declaration does not say.

    Examples
    --------
    >>> from funcnet.core import registry
    >>> from funcnet.testing.samples import allowed_dtypes
    >>> allowed_dtypes(registry["sin"])
    ('float32', 'float64', 'complex64', 'complex128')
    """
    words = primitive.meta.get("dtypes")
    if words not in _DTYPES:
        raise ParameterError(
            f"The declaration of {primitive.name!r} does not say which dtypes its arguments may have.",
            found=f"dtypes={words!r}",
            needed="one of " + ", ".join(repr(known) for known in _DTYPES),
            write="dtypes='floating' in the declaration",
        )
    return _DTYPES[words]


def samples(primitive: Primitive, dtype: str, *, seed: int = 0) -> list[Sample]:
    """Return arguments that together exercise a primitive, for arrays of one dtype.

    Cases of the declaration are used where there are any. For the other elementwise primitives shapes broadcast, are
    empty or of rank 0, or are Python scalars, and values lie in the domain, away from kinks and jumps.

    Parameters
    ----------
    primitive : Primitive
        The operation.
    dtype : str
        Name of the dtype of its arrays.
    seed : int, default 0
        Of the values.

    Returns
    -------
    list of Sample

    Raises
    ------
    ParameterError
        If the declaration has neither cases nor, for an elementwise primitive, a domain.

    Examples
    --------
    >>> from funcnet.core import registry
    >>> from funcnet.testing.samples import samples
    >>> [sample.describe() for sample in samples(registry["sin"], "float32")]
    ['float32[2, 3]', 'float32[]', 'float32[0, 2]']
    """
    rng = np.random.default_rng((seed, *primitive.name.encode()))
    cases: Sequence[Case] | None = primitive.meta.get("cases")
    if cases:
        return [case_sample(case, dtype, rng) for case in cases]
    domain = primitive.meta.get("domain")
    if primitive.kind != "elementwise" or domain is None:
        raise ParameterError(
            f"The declaration of {primitive.name!r} says nothing that arguments could be made from.",
            found=f"kind {primitive.kind!r}, metadata {sorted(primitive.meta)}",
            needed="cases=(case(...), ...); an elementwise primitive may have domain=((low, high), ...) instead",
            write="cases=(case((2, 3), axis=0), case(()))",
        )
    scalars: dict[int, tuple[Any, ...]] = primitive.meta.get("scalars", {})
    found = []
    for shapes in _SHAPES[len(primitive.partials) - len(scalars)]:
        if None in shapes and (dtype not in _REAL or primitive.meta.get("internal")):
            continue
        for turn in range(max(map(len, scalars.values()), default=1)):
            fixed = {position: values[turn % len(values)] for position, values in scalars.items()}
            found.append(Sample(_elementwise_values(primitive, domain, shapes, fixed, dtype, rng), {}))
    return found


def case_sample(case: Case, dtype: str, rng: np.random.Generator) -> Sample:
    """Return random arguments for one case of a declaration."""
    return Sample(tuple(_case_values(arg, dtype, rng) for arg in case.args), dict(case.params))


def _case_values(arg: Arg, dtype: str, rng: np.random.Generator) -> np.ndarray:
    if arg.kind == "int":
        return np.asarray(rng.integers(int(arg.low), int(arg.high), arg.shape, dtype=np.int64))
    if arg.kind == "bool" or dtype == "bool":
        return np.asarray(rng.random(arg.shape) < 0.5)
    if dtype == "uint32":
        return rng.integers(0, 2**32, arg.shape, dtype=np.uint32)
    if dtype in _INTEGER:
        low = 0 if dtype == "uint8" else int(arg.low)
        return np.asarray(rng.integers(low, max(int(arg.high), low) + 1, arg.shape)).astype(dtype)
    if arg.distinct:
        count = prod(arg.shape)
        values = arg.low + (arg.high - arg.low) * (rng.permutation(count) + rng.uniform(0.3, 0.7, count)) / max(
            count, 1
        )
        values = values.reshape(arg.shape)
    else:
        values = rng.uniform(arg.low, arg.high, arg.shape)
    if dtype in _COMPLEX:
        values = values + 1j * rng.uniform(0.2, 1.4, arg.shape) * rng.choice([-1.0, 1.0], arg.shape)
    if arg.kind in ("regular", "definite"):
        values = _matrices(values, definite=arg.kind == "definite")
    return np.asarray(values, dtype=dtype)


def _matrices(values: np.ndarray, *, definite: bool) -> np.ndarray:
    """Return matrices far from singular ones: with a strong diagonal, or Hermitian and positive definite."""
    eye = np.eye(*values.shape[-2:])
    if not definite:
        return values + eye * np.arange(3, 3 + values.shape[-1])
    return values @ np.conj(np.swapaxes(values, -1, -2)) + 2 * eye


def _elementwise_values(
    primitive: Primitive,
    domain: Sequence[tuple[float, float]],
    shapes: Sequence[tuple[int, ...] | None],
    fixed: dict[int, Any],
    dtype: str,
    rng: np.random.Generator,
) -> tuple[Any, ...]:
    for _ in range(_TRIES):
        remaining = iter(shapes)
        args: list[Any] = []
        for position, interval in enumerate(domain):
            if position in fixed:
                args.append(fixed[position])
                continue
            shape = next(remaining)
            drawn = _draw(() if shape is None else shape, interval, dtype, rng)
            args.append(drawn.item() if shape is None else drawn)
        if away_from_kinks(primitive, args) and (smooth_everywhere if dtype in _REAL else _defined)(primitive, args):
            return tuple(args)
    raise ParameterError(
        f"No arguments were found at which {primitive.name!r} is smooth.",
        found=f"{_TRIES} tries with domain {domain!r} and kinks {primitive.meta.get('kinks', ())!r}",
        needed="a domain in which the function is finite and smooth nearly everywhere",
        write="domain=((low, high), ...) and kinks=(...) in the declaration, or cases=",
    )


def _defined(primitive: Primitive, args: Sequence[Any]) -> bool:
    """Whether the function has a value, which integer division by zero and negative integer powers have not."""
    with np.errstate(all="raise"):
        try:
            reference(primitive, args, {})
        except (ArithmeticError, ValueError):
            return False
    return True


def reference(primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> list[np.ndarray]:
    """Return the results of the reference implementation, run by array_api_strict, or NumPy where that is missing."""
    library = backends.record("strict")
    if library.probe() is not None:
        library = backends.get("numpy")
    namespace, impl = library.namespace, primitive.impl
    place = Place(library, library.default_device())
    arrays = [place.array(np.asarray(a)) if isinstance(a, (np.ndarray, np.generic)) else a for a in args]
    call = getattr(namespace, primitive.name) if impl is None else partial(impl, namespace)
    result = call(*arrays, **native_params(primitive, library, params))
    return [place_of(y).to_host(y) for y in (result if primitive.multiple else [result])]


def native_params(primitive: Primitive, library: backends.Backend, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a case with the library's own dtypes in place of their names."""
    if primitive.meta.get("dtypes") == "key":
        return params
    return {
        name: library.dtype(value) if name == "dtype" and isinstance(value, str) else value
        for name, value in params.items()
    }


def _draw(shape: tuple[int, ...], interval: tuple[float, float], dtype: str, rng: np.random.Generator) -> np.ndarray:
    if dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype in _INTEGER:
        low = 0 if dtype == "uint8" or interval[0] > _RANGE[0] else -4
        return np.asarray(rng.integers(low, 5, shape)).astype(dtype)
    if dtype in _COMPLEX:
        # Branch cuts and poles lie on the axes.
        parts = [rng.uniform(0.2, 1.4, shape) * rng.choice([-1.0, 1.0], shape) for _ in range(2)]
        return np.asarray(parts[0] + 1j * parts[1], dtype=dtype)
    low, high = _clipped(interval)
    values = rng.uniform(low + _MARGIN, high - _MARGIN, shape)
    return np.asarray(values, dtype=dtype)


def _clipped(interval: tuple[float, float]) -> tuple[float, float]:
    """Return the part of a domain to draw from: it has at least the width of the usual range where the domain has."""
    low, high = interval
    width = _RANGE[1] - _RANGE[0]
    if low == -inf and high == inf:
        return _RANGE
    if low == -inf:
        return min(_RANGE[0], high - width), high
    if high == inf:
        return low, max(_RANGE[1], low + width)
    return max(low, _RANGE[0]) if high > _RANGE[0] else low, min(high, _RANGE[1]) if low < _RANGE[1] else high


def away_from_kinks(primitive: Primitive, args: Sequence[Any]) -> bool:
    """Whether no element is near a kink: of the argument, or of the difference of two."""
    kinks = primitive.meta.get("kinks", ())
    if not kinks or any(np.asarray(a).dtype.kind != "f" for a in args):
        return True
    value = args[0] if len(args) == 1 else args[0] - args[1]
    return all(bool(np.all(np.abs(value - kink) >= _MARGIN)) for kink in kinks)


def smooth_everywhere(primitive: Primitive, args: Sequence[Any]) -> bool:
    """Whether differences at three steps agree for every element and argument, so that no jump or pole is near."""
    arrays = [np.asarray(a, dtype=np.float64) if np.asarray(a).dtype.kind == "f" else a for a in args]
    call = _on_host(primitive)
    with np.errstate(all="ignore"):
        for i, x in enumerate(arrays):
            if np.asarray(x).dtype.kind != "f" or not x.size:
                continue
            quotients = list(_quotients(call, arrays, i))
            if quotients[0] is None:
                return True
            coarse, middle, fine = quotients
            one, other = (4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0
            if not np.all(np.abs(one - other) <= 0.02 * np.abs(other) + 1e-6):
                return False
    return True


def _quotients(call: Callable[..., Any], arrays: list[Any], position: int) -> Iterator[Any]:
    for h in (0.06, 0.03, 0.015):
        ends = [call(*arrays[:position], arrays[position] + d, *arrays[position + 1 :]) for d in (h, -h)]
        high, low = (np.asarray(e) for e in ends)
        # A result without a derivative is constant wherever it does not jump.
        yield (high.astype(np.float64) - low.astype(np.float64)) / (2.0 * h) if high.dtype.kind in "fbiu" else None


def _on_host(primitive: Primitive) -> Callable[..., Any]:
    namespace = backends.get("numpy").namespace
    if primitive.impl is None:
        return getattr(namespace, primitive.name)
    impl = primitive.impl
    return lambda *arrays: impl(namespace, *arrays)
