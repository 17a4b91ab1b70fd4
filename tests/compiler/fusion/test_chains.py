"""Products and the loops that take their rows as one step: results are the interpreter's, whatever else reads them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.execute import finish_compiling
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.fusion import following
from funcnet.compiler.kernels import followed
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.nn import functional as nnf

compiled = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


@pytest.fixture(autouse=True)
def _however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have small products followed, in panels of one block."""
    monkeypatch.setattr(following, "_LEAST", 1)
    monkeypatch.setattr(followed, "_PANEL", 1)
    monkeypatch.setattr(followed, "_EACH", 1)


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(fused, "threads", lambda: request.param)
    return request.param


def planned(f: Callable[..., Any], *arrays: Any, donated: Any = (), compile: Any = build.compiled) -> FusedPlan:
    """Compare a function's plan with the interpreter; return the plan."""
    graph = optimised(fn.trace(f, *arrays))
    leaves = list(arrays)
    wanted = interpret(graph, leaves)
    plan = FusedPlan(graph, compile, donated=donated)
    for _ in range(2):
        found = plan(*[np.array(a) if i in donated else a for i, a in enumerate(leaves)])
        for a, b in zip(wanted, found, strict=True):
            assert np.shape(a) == np.shape(b)
            assert a.dtype == b.dtype
            rtol = 1e-11 if a.dtype == np.float64 else 2e-4
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * float(np.max(np.abs(a), initial=0.0)))
    return plan


def follow(plan: FusedPlan) -> list[list[str]]:
    """Return the operations of the loops that follow products."""
    return [[e.primitive.name for e in loop.group.equations] for loop in plan.loops if loop.product is not None]


#: What may become of a product with the same shape: a function of it, of an array like it, and of a row.
ENDS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "bias": lambda c, r, b: (xp.tanh(c + b),),
    "activation": lambda c, r, b: (nnf.gelu(c + b, approximate=True),),
    "rectifier": lambda c, r, b: (nnf.relu(c + b), c > 0),
    "residual": lambda c, r, b: (c + r,),
    "softmax": lambda c, r, b: (nnf.softmax(c + b),),
    "layer norm": lambda c, r, b: (nnf.layer_norm(c + r, b, b),),
    "sum of rows": lambda c, r, b: (xp.sum(c * r, axis=-1),),
    "sum of columns": lambda c, r, b: (xp.sum(c * r, axis=tuple(range(c.ndim - 1))), xp.sum(xp.exp(-c * c))),
    "result": lambda c, r, b: (c, c * 2 + r),
    "several": lambda c, r, b: (c * r, xp.max(c, axis=-1), xp.mean(c - r, axis=0)),
    "two of one": lambda c, r, b: (nnf.softmax(c), c @ xp.matrix_transpose(c[..., :5, :])),
}
#: Operands: the product, and the shapes of its arguments from rows, columns and terms.
STARTS: dict[str, Any] = {
    "plain": (lambda a, b: a @ b, lambda m, n, k: ((m, k), (k, n))),
    "left turned": (lambda a, b: xp.matrix_transpose(a) @ b, lambda m, n, k: ((k, m), (k, n))),
    "right turned": (lambda a, b: a @ xp.matrix_transpose(b), lambda m, n, k: ((m, k), (n, k))),
    "rows of a stack": (lambda a, b: a @ b, lambda m, n, k: ((2, m, k), (k, n))),
    "made before": (lambda a, b: (a * 2) @ (b + 1), lambda m, n, k: ((m, k), (k, n))),
    "swapped": (lambda a, b: xp.permute_dims(a, (1, 0, 2)) @ b, lambda m, n, k: ((m, 3, k), (k, n))),
}


@compiled
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ends(end: str, dtype: str, threads: int) -> None:
    rng = np.random.default_rng(len(end) + threads)
    for start, (operands, shapes) in STARTS.items():
        m, n, k = (int(rng.integers(*bounds)) for bounds in ((60, 120), (17, 90), (1, 50)))
        left, right = (rng.standard_normal(s).astype(dtype) for s in shapes(m, n, k))
        out = np.shape(operands(left, right))
        r, b = (rng.standard_normal(s).astype(dtype) for s in (out, n))
        plan = planned(lambda x, y, r, b, f=operands: ENDS[end](f(x, y), r, b), left, right, r, b)
        # Rows that lie at two distances are no rows of one matrix.
        assert follow(plan) or start == "swapped"


def adam(g: Any, p: Any, m: Any, v: Any) -> Any:
    m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
    return p - 0.01 * m / (xp.sqrt(v) + 1e-8), m, v


@compiled
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_of_weights(dtype: str, threads: int) -> None:
    rng = np.random.default_rng(threads)
    x, y, *moments = (rng.standard_normal(s).astype(dtype) for s in ((20, 90), (20, 64), *[(90, 64)] * 3))
    moments[2] = np.abs(moments[2])
    plan = planned(lambda x, y, *rest: adam(x.T @ y, *rest), x, y, *moments, donated=(2, 3, 4))
    assert len(follow(plan)) == 1
    assert sorted(plan.reused) == [2, 3, 4]


@compiled
def test_what_a_product_reads_is_not_written_to_while_it_is_computed() -> None:
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal((96, 96)) for _ in range(2))
    # Later panels of the product still need the rows that the loop would write to.
    plan = planned(lambda x, w: (x @ w) * 0.1 + w, x, w, donated=(1,))
    assert follow(plan)
    assert not plan.reused
    # So do other loops.
    plan = planned(lambda x, w: (nnf.softmax(x @ w[:, :] + w), xp.sum((x @ w) * x, axis=0)), x, w, donated=(0, 1))
    assert not plan.reused


@compiled
def test_gradients(threads: int) -> None:
    rng = np.random.default_rng(threads)

    def loss(x: Any, up: Any, down: Any, s: Any) -> Any:
        h = nnf.gelu(nnf.layer_norm(x, s, s) @ up, approximate=True) @ down
        return xp.sum(nnf.softmax(x + h) ** 2)

    arrays = [rng.standard_normal(s) for s in ((2, 50, 24), (24, 64), (64, 24), 24)]
    plan = planned(lambda *a: fn.value_and_grad(loss, argnums=(0, 1, 2, 3))(*a), *arrays)
    assert len(follow(plan)) >= 3


@compiled
@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed: int, threads: int) -> None:
    """Chains of products, each followed by what ends another one, with gradients of everything."""
    rng = np.random.default_rng(seed)
    dtype = ["float32", "float64"][seed % 2]
    sizes = [int(n) for n in rng.integers(17, 70, 4)]
    rows = int(rng.integers(60, 120))
    kinds = [list(ENDS)[int(i)] for i in rng.integers(0, 7, 3)]
    kinds = [k if k != "rectifier" else "bias" for k in kinds]
    kinds = [k if k != "sum of rows" else "residual" for k in kinds]

    def program(x: Any, *rest: Any) -> Any:
        total = 0
        for i, kind in enumerate(kinds):
            w, r, b = rest[3 * i : 3 * i + 3]
            c = x @ (w if i % 2 else xp.matrix_transpose(w))
            x = ENDS[kind](c, r, b)[0]
            total = total + xp.sum(c * r) if i == seed % 3 else total
        return total + xp.sum(x * x), x

    arrays = [rng.standard_normal((rows, sizes[0])).astype(dtype)]
    for i in range(3):
        n, k = sizes[i + 1], sizes[i]
        shapes = ((k, n) if i % 2 else (n, k), (rows, n), n)
        arrays += [rng.standard_normal(s).astype(dtype) for s in shapes]
    plan = planned(fn.value_and_grad(program, argnums=tuple(range(len(arrays))), has_aux=True), *arrays)
    assert follow(plan)


def test_without_machine_code_all_are_for_themselves() -> None:
    rng = np.random.default_rng(0)
    plan = planned(
        lambda x, w, b: xp.tanh(x @ w + b),
        *[rng.standard_normal(s) for s in ((70, 9), (9, 20), 20)],
        compile=in_python,
    )
    assert [loop.product for loop in plan.loops] == [None]


@compiled
@pytest.mark.compiling
def test_explain_names_the_product() -> None:
    f = fn.jit(lambda x, w, b: xp.tanh(x @ w + b))
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in ((70, 9), (9, 20), 20)]
    for _ in range(3):
        f(*arrays)
        finish_compiling(300)
    explanation = fn.explain(f)
    (loop,) = explanation.to_dict()["versions"][0]["loops"]
    assert loop["product"] == [70, 20, 9]
    assert "loop 0 over 70 x 20, with a product 70 x 9 x 20 panel by panel: add, tanh" in str(explanation)
