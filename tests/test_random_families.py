"""Gradients of random programs of linear algebra, transforms, special functions, indexing and complex numbers.

They are compared with JAX's in double precision. What finite differences show JAX to be wrong about is left out: its
derivative of the sign of a complex number is 0, and that of acosh has the wrong sign where the real part is negative;
that of spence is NaN.
"""

import warnings
from typing import Any

import numpy as np
import pytest

from funcnet.testing.families import FAMILIES, Namespace
from funcnet.testing.programs import Program, namespace, random_family_program
from funcnet.transforms.reverse import value_and_grad

DEFAULT = 24
PROGRAMS = 350
CHUNK = 25
RTOL = 1e-9

# JAX spends its time on compilation, and what it optimises is run once.
UNOPTIMISED = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
}

family = pytest.mark.parametrize("family", list(FAMILIES))


class _At:
    """JAX's updates; it multiplies differentiably only where told that no position is named twice."""

    def __init__(self, x: Any, key: Any) -> None:
        self._reference = x.at[key]

    def multiply(self, v: Any) -> Any:
        return self._reference.multiply(v, unique_indices=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reference, name)


def _jax() -> tuple[Any, Namespace]:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    special = pytest.importorskip("jax.scipy.special", reason="JAX is not installed")
    return jax, Namespace(jax.numpy, special=special, at=_At, assigned=lambda x, key, value: x.at[key].set(value))


def _program(family: str, seed: int) -> Program:
    return random_family_program(family, seed, steps=4 + seed % 3)


def _compared(family: str, seeds: range) -> float:
    """Require JAX's values and gradients; return the largest difference, relative to the largest element."""
    jax, peer = _jax()
    own = namespace()
    worst = 0.0
    for seed in seeds:
        program = _program(family, seed)
        value, found = value_and_grad(lambda a, p=program: p(own, a))(program.arguments)
        with jax.enable_x64(True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            leaves = [jax.numpy.asarray(leaf) for leaf in program.arguments]
            compared = jax.value_and_grad(lambda a, p=program: p(peer, a))
            result, wanted = jax.jit(compared, compiler_options=UNOPTIMISED)(leaves)
            wanted = [np.asarray(w) for w in wanted]
        name = f"{family} {seed}"
        assert abs(float(value) - float(result)) <= RTOL * max(1.0, abs(float(result))), f"{name}\n{program}"
        scale = max(1e-3, *[float(np.max(np.abs(w))) for w in wanted])
        for i, (f, w) in enumerate(zip(found, wanted, strict=True)):
            assert f.shape == w.shape, f"{name}, argument {i}\n{program}"
            assert f.dtype == w.dtype, f"{name}, argument {i}\n{program}"
            error = float(np.max(np.abs(np.asarray(f) - w))) / scale
            assert error <= RTOL, f"{name}, argument {i}: {f} is not {w}\n{program}"
            worst = max(worst, error)
    return worst


@family
@pytest.mark.parametrize("seeds", [range(DEFAULT)], ids=[f"0-{DEFAULT - 1}"])
def test_gradients_equal_those_of_jax(family: str, seeds: range, record_property: Any) -> None:
    worst = _compared(family, seeds)
    record_property("peer", ["JAX's gradients, by family", len(seeds), worst])


@pytest.mark.slow
@pytest.mark.parametrize("start", range(DEFAULT, PROGRAMS, CHUNK))
@family
def test_more_gradients_equal_those_of_jax(family: str, start: int, record_property: Any) -> None:
    seeds = range(start, min(start + CHUNK, PROGRAMS))
    worst = _compared(family, seeds)
    record_property("peer", ["JAX's gradients, by family", len(seeds), worst])


@family
def test_programs_use_every_step_of_the_family(family: str) -> None:
    used = {step.name for seed in range(100) for step in _program(family, seed).steps}
    assert {f"{family}.{name}" for name in FAMILIES[family]} <= used


@pytest.mark.parametrize(("name", "z"), [("sign", 0.7 - 1.2j), ("acosh", -0.7 - 1.2j), ("acosh", -1.5 + 0.4j)])
def test_where_jax_is_wrong_finite_differences_decide(name: str, z: complex) -> None:
    xp = namespace()

    def part(z: Any) -> Any:
        return xp.real((0.3 + 0.8j) * getattr(xp, name)(z))

    at, h = np.array(z), 1e-6
    _, found = value_and_grad(part)(at)
    wanted = (part(at + h) - part(at - h)) / (2 * h) - 1j * (part(at + 1j * h) - part(at - 1j * h)) / (2 * h)
    assert abs(found - wanted) <= 1e-8
