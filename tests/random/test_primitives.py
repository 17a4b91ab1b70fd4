"""The primitives: kernels against references, shapes without values, derivatives."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import random
from funcnet.core import bind, registry
from funcnet.random import primitives
from funcnet.testing.backends import BackendCase

KEY = np.array([17, 3_000_000_000], np.uint32)
SHAPES = [(), (0, 3), (40, 3)]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]

DRAWS: list[tuple[str, dict[str, Any]]] = [
    *(("random_split", {"shape": shape}) for shape in SHAPES),
    *(("random_bits", {"shape": s, "dtype": d}) for s in SHAPES for d in ("uint8", "uint16", "uint32", "uint64")),
    *(("random_uniform", {"shape": s, "dtype": d}) for s in SHAPES for d in FLOATS),
    *(("random_uniform", {"shape": (40,), "dtype": d, "low": -0.3, "high": 5.1}) for d in FLOATS),
    *(("random_normal", {"shape": s, "dtype": d}) for s in SHAPES for d in FLOATS),
    *(
        ("random_truncated_normal", {"shape": s, "dtype": d, "low": -0.9, "high": 0.8, "least": -1.5, "most": 1.25})
        for s in SHAPES
        for d in FLOATS
    ),
    *(
        ("random_integers", {"shape": s, "dtype": d, "low": low, "high": high})
        for s in SHAPES
        for d in INTEGERS
        for low, high in ((0, 10), (5, 5), (7, 2), (0, 2 ** (int(d.lstrip("uint")) - (d[0] == "i"))))
    ),
    *(("random_order", {"size": size}) for size in (0, 1, 2, 1700)),
    *(("random_orders", {"shape": (7, 9), "axis": axis}) for axis in (0, 1)),
]

TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-6, "float64": 1e-14}


@pytest.mark.parametrize(("name", "params"), DRAWS)
def test_kernels_give_what_the_references_give(name: str, params: dict[str, Any]) -> None:
    if params.get("dtype") == "bfloat16":
        pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 of its own")
    numpy = fn.backends.get("numpy")
    assert name in numpy.kernels
    found = bind(registry[name], KEY, **params)
    xp = numpy.namespace
    if params.get("dtype") in ("float16", "bfloat16"):
        # The namespace of NumPy lacks names of types that are not in the standard: PyTorch's has them.
        case = BackendCase("torch", "torch")
        if case.reason:
            pytest.skip(case.reason)
        expected = case.to_numpy(registry[name].impl(case.backend.namespace, case.backend.from_numpy(KEY), **params))
    else:
        expected = np.asarray(registry[name].impl(xp, KEY, **params))
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if "normal" in name:
        tolerance = TOLERANCE[params["dtype"]]
        np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=tolerance, atol=tolerance)
    else:
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("data", [0, 7, 2**32 - 1, np.array(7), np.array(2**32 + 7)])
def test_the_kernel_of_fold_in(data: Any) -> None:
    xp = fn.backends.get("numpy").namespace
    assert np.array_equal(bind(primitives.random_fold_in, KEY, data), primitives.random_fold_in.impl(xp, KEY, data))


@pytest.mark.requirement("T30")
def test_every_draw_has_a_shape_rule_and_no_derivative() -> None:
    draws = [p for name, p in registry.items() if name.startswith("random_") and p.kind == "general"]
    assert len(draws) == 2 * 10, "each for one key, and for several"
    assert all(p.shape is not None and p.vjp is None for p in draws)


def test_shapes_without_values() -> None:
    spec = fn.Spec((2,), "uint32")
    logits = np.zeros((2, 3), np.float32)

    def f(key: Any) -> dict[str, Any]:
        return {
            "split": random.split(key, (3,)),
            "fold_in": random.fold_in(key, 2),
            "bits": random.bits(key, (2,), "uint8"),
            "uniform": random.uniform(key, (2,), minval=-1.0),
            "between": random.uniform(key, (2, 3), minval=logits, maxval=1.0),
            "normal": random.normal(key, (2,), "float64"),
            "truncated_normal": random.truncated_normal(key, -1.0, 1.0, (4,)),
            "truncated_between": random.truncated_normal(key, logits, 1.0),
            "bernoulli": random.bernoulli(key, 0.5, (3,)),
            "randint": random.randint(key, (2,), 0, 5, "int8"),
            "randint_between": random.randint(key, (5,), np.arange(5), 7),
            "permutation": random.permutation(key, 6),
            "shuffled": random.permutation(key, logits, 1, True),
            "choice": random.choice(key, 5, (2, 2)),
            "chosen": random.choice(key, logits, (4,), axis=1),
            "categorical": random.categorical(key, logits),
            "gumbel": random.gumbel(key, (2,)),
            "exponential": random.exponential(key, (2,)),
        }

    found = fn.eval_shape(f, spec)
    values = f(random.key(0))
    assert found.keys() == values.keys()
    for name, value in values.items():
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype), name


def test_keys_made_inside_a_transformation_are_constants(case: BackendCase) -> None:
    expected = case.to_numpy(random.normal(random.fold_in(random.split(random.key(5))[1, ...], 3), (4,)))

    def f(w: Any) -> Any:
        keys = random.split(random.key(5))
        return (w * random.normal(random.fold_in(keys[1], 3), (4,))).sum()

    found = fn.grad(f)(case.asarray(np.ones(4, np.float32)))
    assert np.array_equal(case.to_numpy(found), expected)


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("random_erf", [(-2.0,), (0.0,), (0.3,), (1.7,), (5.0,)]),
        ("random_erfinv", [(-0.99,), (0.0,), (0.3,), (0.999,)]),
        ("random_affine", [(0.3, 2.0, -1.0), (0.0, -3.0, 5.0)]),
    ],
)
def test_derivatives_of_the_parts(name: str, points: list[tuple[float, ...]]) -> None:
    primitive = registry[name]
    step = 1e-6
    for point in points:
        x = [np.array([v]) for v in point]
        for i in range(len(x)):
            moved = [[v + (j == i) * s for j, v in enumerate(x)] for s in (step, -step)]
            expected = (bind(primitive, *moved[0]) - bind(primitive, *moved[1])) / (2 * step)
            found = fn.grad(lambda *args: bind(primitive, *args).sum(), argnums=i)(*x)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


def test_a_zero_cotangent_meets_an_infinite_slope() -> None:
    _, pull = fn.vjp(lambda x: bind(primitives.random_erfinv, x), np.array([1.0, 0.0]))
    (found,) = pull(np.array([0.0, 1.0]))
    assert found.tolist() == [0.0, pytest.approx(np.sqrt(np.pi) / 2)]
