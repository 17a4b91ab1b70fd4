"""What holds for every optimizer: data types, missing gradients, saved states, changed and traced hyperparameters."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import oracles
import pytest
from test_agreement import TABLE as ROWS

import funcnet as fn
from funcnet import optim, serialize, tree, xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.passes import optimised
from funcnet.errors import DtypeError, ShapeError, TreeError
from funcnet.testing.backends import backend_params

every = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
every_rate = pytest.mark.parametrize("row", [row for row in ROWS if not row.fixed], ids=lambda row: row.name)


def steps(opt: Any, params: Any, number: int, state: Any = None) -> tuple[Any, Any]:
    """Some steps with gradients that do not depend on the parameters, but on the number of the step."""
    state = opt.init(params) if state is None else state
    first = int(tree.leaves(state)[0])
    for i in range(first, first + number):
        grads = tree.map(functools.partial(noisy, np.random.default_rng(i)), params)
        updates, state = opt.update(grads, state, params, **extras(opt, params))
        params = optim.apply_updates(params, updates)
    return params, state


def noisy(rng: Any, p: Any) -> Any:
    return p * 0.5 + np.asarray(rng.standard_normal(p.shape), p.dtype)


def extras(opt: Any, params: Any) -> dict[str, Any]:
    def of_tree(p: Any) -> Any:
        return oracles.loss(tree.leaves(p))

    known = {
        "value": of_tree(params) if "value" in opt.extras else None,
        "loss_fn": of_tree,
        "grad_fn": lambda p, i: fn.grad(of_tree)(p),
    }
    return {name: known[name] for name in opt.extras}


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@every
def test_data_types_are_kept(row: Any, dtype: str) -> None:
    params = oracles.start(row.shapes or oracles.SHAPES, dtype)
    opt = row.ours()
    after, state = steps(opt, params, 3)
    assert {p.dtype for p in tree.leaves(after)} == {np.dtype(dtype)}
    assert all(np.all(np.isfinite(p)) for p in tree.leaves(after))
    first = opt.init(params)
    assert tree.structure(state) == tree.structure(first)
    assert [s.dtype for s in tree.leaves(state)] == [s.dtype for s in tree.leaves(first)]
    assert [s.shape for s in tree.leaves(state)] == [s.shape for s in tree.leaves(first)]
    if dtype == "float16":
        assert np.float16 not in {s.dtype for s in tree.leaves(state)}


@pytest.mark.requirement("D103", "PX26")
@every
def test_missing_gradients_leave_parameters_and_state_alone(row: Any) -> None:
    params = oracles.start(row.shapes or oracles.SHAPES)
    opt = row.ours()
    params, state = steps(opt, params, 2)
    last = max(params)
    grads = tree.map(lambda p: p * 0.1, params)
    grads[last] = tree.map(lambda p: None, params[last])
    updates, after = opt.update(grads, state, params, **extras(opt, params))
    assert tree.leaves(updates[last]) == []
    new = optim.apply_updates(params, updates)
    for path, p in tree.flatten_with_paths(params)[0]:
        changed = not np.array_equal(dict(tree.flatten_with_paths(new)[0])[path], p)
        assert changed == (not path.startswith(f".{last}"))
    found = dict(tree.flatten_with_paths(after)[0])
    for path, s in tree.flatten_with_paths(state)[0]:
        if f".{last}" in path and "count" not in path and not (row.fixed and "adversary" in path):
            np.testing.assert_array_equal(found[path], s, err_msg=path)


@pytest.mark.requirement("P64", "P65", "DX27")
@every
def test_a_saved_state_resumes_bit_for_bit(row: Any, tmp_path: Path) -> None:
    opt = row.ours()
    params = oracles.start(row.shapes or oracles.SHAPES)
    whole, end = steps(opt, params, 8)
    part, state = steps(opt, params, 3)
    serialize.save(tmp_path / "state.safetensors", {"params": part, "state": state})
    loaded = serialize.load(tmp_path / "state.safetensors", like={"params": part, "state": opt.init(params)})
    resumed, last = steps(row.ours(), loaded["params"], 5, loaded["state"])
    tree.map(np.testing.assert_array_equal, resumed, whole)
    tree.map(np.testing.assert_array_equal, last, end)


@pytest.mark.requirement("P58")
@every
def test_nothing_that_is_passed_in_is_written_to(row: Any) -> None:
    opt = row.ours()
    params, state = steps(opt, oracles.start(row.shapes or oracles.SHAPES), 2)
    grads = tree.map(lambda p: np.asarray(p * 0.5), params)
    for leaf in tree.leaves((params, grads, state)):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False
    first, second = (opt.update(grads, state, params, **extras(opt, params)) for _ in range(2))
    tree.map(np.testing.assert_array_equal, first, second)


def in_a_graph(row: Any, plan_of: Any) -> None:
    """Compare some steps with those of a function of leaves, which is made from the one under `fn.jit`."""
    opt = row.ours()
    params = oracles.start(row.shapes or oracles.SHAPES)
    state = opt.init(params)

    def step(params: Any, state: Any, noise: Any) -> Any:
        grads = tree.map(lambda p, n: p * 0.5 + n, params, noise)
        updates, state = opt.update(grads, state, params, **extras(opt, params))
        return optim.apply_updates(params, updates), state

    captured = fn.jit(step)
    plan = plan_of(captured, params, state)
    for i in range(3):
        noise = tree.map(functools.partial(noisy, np.random.default_rng(i)), params)
        wanted = step(params, state, noise)
        with np.errstate(over="ignore"):
            # Words of random bits, whose sums overflow on purpose.
            found = plan(params, state, noise)
        same(arrays(found), arrays(wanted))
        params, state = wanted


@every
def test_steps_in_a_graph_equal_those_outside(row: Any) -> None:
    in_a_graph(row, lambda step, *_: step)


@pytest.mark.slow
@every
def test_steps_in_loops_equal_those_outside(row: Any) -> None:
    def plan_of(step: Any, params: Any, state: Any) -> Any:
        plan = FusedPlan(optimised(step.lower(params, state, params)), in_python)
        return lambda *given: list(plan(*arrays(given)))

    in_a_graph(row, plan_of)


def arrays(given: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(given) if hasattr(leaf, "dtype")]


def same(found: Any, wanted: list[Any]) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
        scale = float(np.max(np.abs(b), initial=0.0)) if b.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("case", backend_params(variants=False))
@every
def test_on_every_backend(row: Any, case: Any) -> None:
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    params = oracles.start(row.shapes or oracles.SHAPES, dtype)
    expected, _ = oracles.ours(row.ours(), params, row.given, 4)
    with case.active():
        # Made here, where its random keys belong.
        got, state = oracles.ours(row.ours(), tree.map(case.asarray, params), row.given, 4)
        names = {fn.backends.backend_of(leaf).name for leaf in tree.leaves((got, state))}
        got = tree.map(case.to_numpy, got)
    assert names == {case.backend_name}
    limit = 1e-9 if dtype == "float64" else 1e-3
    assert oracles.largest_error(got, expected) < limit


@every
def test_parameters_that_are_no_real_floats_are_refused(row: Any) -> None:
    with pytest.raises(DtypeError, match="real floating-point"):
        row.ours().init({"kernel": np.ones((2, 2), dtype=complex)})


@every
def test_gradients_of_another_model_are_refused(row: Any) -> None:
    opt = row.ours()
    params = oracles.start(row.shapes or oracles.SHAPES)
    state = opt.init(params)
    more = extras(opt, params)
    last = max(params)
    with pytest.raises(TreeError, match=rf"differs at \.{last}"):
        opt.update({key: part for key, part in params.items() if key != last}, state, params, **more)
    grads = tree.map(lambda p: p[None], params)
    with pytest.raises(ShapeError, match="differs at"):
        opt.update(grads, state, params, **more)


def numbers(state: Any) -> list[str]:
    """Return the paths of the hyperparameters in a state."""
    return [
        path
        for path, leaf in tree.flatten_with_paths(state)[0]
        if path.rpartition(".")[2] in ("learning_rate", "factor") and leaf.shape == ()
    ]


@every_rate
def test_a_rate_changed_in_the_state_takes_effect(row: Any) -> None:
    opt = row.ours()
    params, state = steps(opt, oracles.start(row.shapes or oracles.SHAPES), 2)
    places = numbers(state)
    assert places, "no learning rate in the state"
    leaves, structure = tree.flatten(state)
    halved = [leaf * 0.5 if path in places else leaf for path, leaf in zip(structure.paths(), leaves, strict=True)]
    grads = tree.map(lambda p: p * 0.5, params)
    more = extras(opt, params)
    one, _ = opt.update(grads, state, params, **more)
    other, after = opt.update(grads, tree.unflatten(structure, halved), params, **more)
    assert any(not np.array_equal(a, b) for a, b in zip(tree.leaves(one), tree.leaves(other), strict=True))
    kept = dict(tree.flatten_with_paths(after)[0])
    for path, leaf in zip(structure.paths(), halved, strict=True):
        if path in places:
            np.testing.assert_array_equal(kept[path], leaf)


@every_rate
def test_derivative_of_two_steps_by_the_rate_equals_differences(row: Any) -> None:
    opt = row.ours()
    params, state = steps(opt, oracles.start(row.shapes or oracles.SHAPES), 2)
    leaves, structure = tree.flatten(state)
    places = numbers(state)
    grads = tree.map(lambda p: np.asarray(p * 0.5 + 0.1), params)
    more = extras(opt, params)

    def after(factor: Any) -> Any:
        new = [leaf * factor if path in places else leaf for path, leaf in zip(structure.paths(), leaves, strict=True)]
        at, now = params, tree.unflatten(structure, new)
        for _ in range(2):
            updates, now = opt.update(grads, now, at, **more)
            at = optim.apply_updates(at, updates)
        return sum([xp.sum(xp.sin(p)) for p in tree.leaves(at)])

    # Beside 1, where the largest rate so far has a kink.
    at = np.array(1.1)
    got = fn.grad(after)(at)
    forward = fn.jvp(after, [at], [np.array(1.0)])[1]
    h = 1e-5
    wanted = (after(at + h) - after(at - h)) / (2 * h)
    assert abs(wanted) > 1e-6
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(forward, got, rtol=1e-9)
