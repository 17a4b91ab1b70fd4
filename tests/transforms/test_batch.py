"""vmap: every primitive's batching rule against a loop, composition with the other transformations, and bad input."""

import itertools
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.core import Primitive, bind, case, elementwise, general, registry
from funcnet.errors import AbstractValueError, FuncnetError, ParameterError, ShapeError, TreeError
from funcnet.random import primitives as _random_primitives  # noqa: F401  # registered by import
from funcnet.testing.arrays import place_of
from funcnet.testing.backends import BackendCase, backend_cases
from funcnet.testing.coverage import primitive_names
from funcnet.testing.primitives import native
from funcnet.testing.samples import Sample, allowed_dtypes, samples

NAMES = primitive_names()
DATA_DEPENDENT = [name for name in NAMES if registry[name].meta.get("data_dependent")]
# Exact on every backend: comparing one element at a time with a stack of them leaves no room but for rounding.
TOLERANCE = {"float32": 2e-5, "complex64": 2e-5, "float64": 1e-12, "complex128": 1e-12}
# Numbers of elements: a batch, and its arrays' values differ from element to element.
SIZE = 3
SEEDS = range(SIZE)


def _combinations(count: int) -> list[tuple[bool, ...]]:
    """Which arguments are batched: every combination of up to three, then each alone, and all."""
    if count <= 3:
        return [c for c in itertools.product([False, True], repeat=count) if any(c)]
    return [tuple(i == k for i in range(count)) for k in range(count)] + [(True,) * count]


def _backends() -> list[Any]:
    found = []
    for one in backend_cases():
        if one.name not in ("numpy", "strict", "torch", "cupy"):
            continue
        marks = [pytest.mark.gpu] if one.backend_name == "cupy" else []
        if one.reason is not None:
            skip = pytest.mark.skip(reason=f"backend {one.backend_name!r}: {one.reason}")
            found.append(pytest.param("every primitive", one, id=one.name, marks=[*marks, skip]))
        else:
            found += [pytest.param(name, one, id=f"{name}-{one.name}", marks=marks) for name in NAMES]
    return found


def _dtypes(primitive: Primitive, backend: BackendCase) -> list[str]:
    """Return a real, a complex and a boolean or integer dtype of those that the primitive takes."""
    there = [d for d in allowed_dtypes(primitive) if d in backend.dtypes()]
    wanted = [d for d in ("float64", "complex128", "int64", "bool") if d in there]
    return wanted or there[:1]


def _host(y: Any) -> np.ndarray:
    return np.asarray(place_of(y).to_host(y))


def _check(primitive: Primitive, backend: BackendCase, dtype: str, position: int, rows: list[Sample]) -> None:
    """Compare a rule with a loop, for each combination of batched arguments."""
    elements = [native(primitive, backend, row) for row in rows]
    params = elements[0][1]
    args = [e[0] for e in elements]
    arrays = [i for i, a in enumerate(args[0]) if hasattr(a, "shape")]
    for combination in _combinations(len(arrays)):
        chosen = {i for i, c in zip(arrays, combination, strict=True) if c}
        in_axes = tuple(0 if i in chosen else None for i in range(len(args[0])))
        each = [[a[i] if i in chosen else args[0][i] for i in range(len(a))] for a in args]
        stacked = [xp.stack([a[i] for a in args]) if i in chosen else args[0][i] for i in range(len(args[0]))]
        label = f"{primitive.name} on {backend.name}: {rows[0].describe()}, in_axes={in_axes}"
        try:
            found = fn.vmap(lambda *a: bind(primitive, *a, **params), in_axes)(*stacked)
        except FuncnetError as error:
            raise AssertionError(label) from error
        except Exception as error:
            error.add_note(label)
            raise
        wanted = [bind(primitive, *a, **params) for a in each]
        outputs = [found] if not primitive.multiple else list(found)
        parts = [wanted] if not primitive.multiple else list(zip(*wanted, strict=True))
        assert len(outputs) == len(parts), label
        for y, part in zip(outputs, parts, strict=True):
            got, needed = _host(y), np.stack([_host(p) for p in part])
            assert got.shape == needed.shape, label
            assert got.dtype == needed.dtype, label
            tolerance = TOLERANCE.get(got.dtype.name, 0.0)
            np.testing.assert_allclose(got, needed, rtol=tolerance, atol=tolerance, err_msg=label)


@pytest.mark.parametrize("name", NAMES)
def test_every_primitive_has_a_batching_rule(name: str) -> None:
    primitive = registry[name]
    assert primitive.kind == "elementwise" or primitive.batch is not None, (
        f"the declaration of {name!r} has no batching rule: batch=... (see funcnet.ops.batching)"
    )


@pytest.mark.parametrize(("name", "backend"), _backends())
def test_the_rule_agrees_with_a_loop(name: str, backend: BackendCase) -> None:
    primitive = registry[name]
    with backend.active(), np.errstate(all="ignore"):
        for dtype in _dtypes(primitive, backend):
            drawn = [samples(primitive, dtype, seed=seed) for seed in SEEDS]
            for position, rows in enumerate(zip(*drawn, strict=True)):
                if name in DATA_DEPENDENT:
                    args, params = native(primitive, backend, rows[0])
                    with pytest.raises(AbstractValueError, match=r"(?s)differ from one element.*write:"):
                        fn.vmap(lambda x, p=params: bind(primitive, x, **p))(xp.stack(args * 2))
                else:
                    _check(primitive, backend, dtype, position, list(rows))
