"""Gradients of random programs against JAX's and PyTorch's, in float64."""

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

from funcnet import tree, xp
from funcnet.testing.families.plain import PLAIN
from funcnet.testing.programs import Program, random_program
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, value_and_grad

PROGRAMS = 210
CHUNK = 15
CHUNKS = [range(start, start + CHUNK) for start in range(0, PROGRAMS, CHUNK)]
RTOL = 1e-10

chunks = pytest.mark.parametrize("seeds", CHUNKS, ids=[f"{c.start}-{c.stop - 1}" for c in CHUNKS])


def _program(seed: int) -> Program:
    return random_program(seed, steps=4 + seed % 5)


def _close(found: list[Any], wanted: list[np.ndarray], program: Program, seed: int) -> float:
    """Require equal gradients; return the largest difference, relative to the largest element."""
    worst = 0.0
    scale = max(float(np.max(np.abs(w), initial=0.0)) for w in wanted)
    assert len(found) == len(wanted)
    for path, f, w in zip(tree.paths(program.arguments), found, wanted, strict=True):
        assert f.shape == w.shape, f"program {seed}, leaf {path}\n{program}"
        error = float(np.max(np.abs(np.asarray(f) - w), initial=0.0))
        assert error <= RTOL * max(scale, 1e-3), f"program {seed}, leaf {path}: {f} is not {w}\n{program}"
        worst = max(worst, error / max(scale, 1e-3))
    return worst


def _direction(seed: int, arguments: Any) -> Any:
    rng = np.random.default_rng((17, seed))
    return tree.map(lambda leaf: rng.uniform(-1.0, 1.0, leaf.shape), arguments)


@chunks
def test_gradients_equal_those_of_pytorch(seeds: range, record_property: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    namespace = importlib.import_module("array_api_compat.torch")
    worst = 0.0
    for seed in seeds:
        program = _program(seed)
        value, found = value_and_grad(lambda a, p=program: p(xp, a))(program.arguments)
        inputs = [torch.tensor(leaf, requires_grad=True) for leaf in tree.leaves(program.arguments)]
        result = program(namespace, inputs, torch.tensor)
        wanted = torch.autograd.grad(result, inputs)
        assert abs(float(value) - result.item()) <= 1e-12 * max(1.0, abs(result.item()))
        worst = max(worst, _close(tree.leaves(found), [w.numpy() for w in wanted], program, seed))
    record_property("peer", ["PyTorch's gradients", len(seeds), worst])


@chunks
def test_gradients_equal_those_of_jax(seeds: range, record_property: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    worst = 0.0
    for seed in seeds:
        program = _program(seed)
        value, found = value_and_grad(lambda a, p=program: p(xp, a))(program.arguments)
        with jax.enable_x64(True), warnings.catch_warnings():
            warnings.simplefilter("ignore")

            def run(leaves: list[Any], p: Program = program) -> Any:
                return p(jax.numpy, leaves)

            leaves = [jax.numpy.asarray(leaf) for leaf in tree.leaves(program.arguments)]
            result, wanted = jax.jit(jax.value_and_grad(run))(leaves)
            wanted = [np.asarray(w) for w in wanted]
        assert abs(float(value) - float(result)) <= 1e-12 * max(1.0, abs(float(result)))
        worst = max(worst, _close(tree.leaves(found), wanted, program, seed))
    record_property("peer", ["JAX's gradients", len(seeds), worst])


@pytest.mark.parametrize("seed", range(0, PROGRAMS, 5))
def test_forward_over_reverse_equals_pytorch(seed: int, record_property: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    namespace = importlib.import_module("array_api_compat.torch")
    program = _program(seed)
    direction = _direction(seed, program.arguments)
    _, found = jvp(grad(lambda a: program(xp, a)), (program.arguments,), (direction,))
    inputs = [torch.tensor(leaf, requires_grad=True) for leaf in tree.leaves(program.arguments)]
    first = torch.autograd.grad(program(namespace, inputs, torch.tensor), inputs, create_graph=True)
    along = sum((g * torch.tensor(d)).sum() for g, d in zip(first, tree.leaves(direction), strict=True))
    second = torch.autograd.grad(along, inputs, allow_unused=True) if along.requires_grad else [None] * len(inputs)
    wanted = [np.zeros(i.shape) if s is None else s.numpy(force=True) for i, s in zip(inputs, second, strict=True)]
    worst = _close(tree.leaves(found), wanted, program, seed)
    record_property("peer", ["PyTorch's second derivatives along a direction", 1, worst])


def test_programs_use_every_operation() -> None:
    used = {step.name for seed in range(PROGRAMS) for step in _program(seed).steps}
    assert used == set(PLAIN)
