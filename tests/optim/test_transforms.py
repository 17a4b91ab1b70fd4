"""Gradient transformations before, behind and around an optimizer, against optax; and what holds for all of them."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import oracles
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import ShapeError, TreeError
from funcnet.testing.backends import backend_params

STEPS = 100
SHAPES: dict[str, Any] = {"rank_0": (), "block": {"kernel": (3, 4), "bias": (4,)}, "deep": [(2, 3, 2), (6, 3)]}
LABELS = {"rank_0": "slow", "block": {"kernel": "fast", "bias": "slow"}, "deep": ["none", "slow"]}
MASK = {"rank_0": True, "block": {"kernel": True, "bias": False}, "deep": [False, True]}


class Row(NamedTuple):
    """A transform, how optax makes it, and whether it is to see gradients that are not finite."""

    name: str
    ours: Callable[[], Any]
    optax: Callable[[Any], Any]
    bad: bool = False


def around(name: str, ours: Any, theirs: Any, bad: bool = False) -> Row:
    """Return the row of a transform of Adam."""
    return Row(name, lambda: ours(optim.adam(0.02)), lambda o: theirs(o, o.adam(0.02)), bad)


def every_third(o: Any, inner: Any, **options: Any) -> Any:
    return o.MultiSteps(inner, accumulator_dtype="float64", **options).gradient_transformation()


TABLE = [
    Row("clip", lambda: optim.clip(0.4), lambda o: o.clip(0.4)),
    Row("clip_by_global_norm", lambda: optim.clip_by_global_norm(0.7), lambda o: o.clip_by_global_norm(0.7)),
    Row("clip_by_block_rms", lambda: optim.clip_by_block_rms(0.3), lambda o: o.clip_by_block_rms(0.3)),
    Row("adaptive_grad_clip", lambda: optim.adaptive_grad_clip(0.1), lambda o: o.adaptive_grad_clip(0.1)),
    Row(
        "adaptive_grad_clip, eps",
        lambda: optim.adaptive_grad_clip(0.1, eps=0.9),
        lambda o: o.adaptive_grad_clip(0.1, 0.9),
    ),
    Row("centralize", lambda: optim.centralize(channel_axis=0), lambda o: o.centralize()),
    Row("ema", lambda: optim.ema(0.8), lambda o: o.ema(0.8)),
    Row("ema, without debias", lambda: optim.ema(0.8, debias=False), lambda o: o.ema(0.8, debias=False)),
    Row(
        "normalize_by_update_norm",
        lambda: optim.normalize_by_update_norm(2.0, eps=0.1),
        lambda o: o.normalize_by_update_norm(2.0, 0.1),
    ),
    Row("zero_nans", optim.zero_nans, lambda o: o.zero_nans(), bad=True),
    Row("apply_every", lambda: optim.apply_every(3), lambda o: o.apply_every(3)),
    Row("masked", lambda: optim.masked(optim.clip(0.4), MASK), lambda o: o.masked(o.clip(0.4), MASK)),
    Row(
        "snapshot",
        lambda: optim.snapshot("norm", optim.global_norm),
        lambda o: o.snapshot("norm", lambda u: 0),
    ),
    Row(
        "set_to_zero, freeze",
        lambda: optim.freeze({"rank_0": False, "block": False, "deep": [True, False]}),
        lambda o: o.transforms.freeze(
            {"rank_0": False, "block": {"kernel": False, "bias": False}, "deep": [True, False]}
        ),
    ),
    Row("keep_params_nonnegative", optim.keep_params_nonnegative, lambda o: o.keep_params_nonnegative()),
    Row(
        "reduce_on_plateau",
        lambda: optim.reduce_on_plateau(0.5, 3, rtol=0.05, cooldown=2, accumulation_size=2, min_scale=0.1),
        lambda o: o.contrib.reduce_on_plateau(0.5, 3, 0.05, 0.0, 2, 2, 0.1),
    ),
    around("accumulate", lambda inner: optim.accumulate(inner, 3), lambda o, i: every_third(o, i, every_k_schedule=3)),
    around(
        "accumulate, sum, schedule",
        lambda inner: optim.accumulate(inner, lambda step: xp.minimum(step + 1, 4), mean=False),
        lambda o, i: every_third(
            o, i, every_k_schedule=lambda step: jax.numpy.minimum(step + 1, 4), use_grad_mean=False
        ),
    ),
    around(
        "accumulate, skip_large_updates",
        lambda inner: optim.accumulate(inner, 2, skip=optim.skip_large_updates(16.0)),
        lambda o, i: every_third(
            o,
            i,
            every_k_schedule=2,
            should_skip_update_fn=lambda u, s, p: o.skip_large_updates(u, s, p, max_squared_norm=16.0),
        ),
    ),
    around(
        "apply_if_finite", lambda inner: optim.apply_if_finite(inner, 3), lambda o, i: o.apply_if_finite(i, 3), True
    ),
    Row(
        "conditionally_transform",
        lambda: optim.conditionally_transform(optim.clip(0.01), lambda step: step % 2 == 0),
        lambda o: o.conditionally_transform(o.clip(0.01), lambda step: step % 2 == 0),
    ),
    around(
        "conditionally_mask",
        lambda inner: optim.conditionally_mask(inner, lambda step: step % 3 != 0),
        lambda o, i: o.conditionally_mask(i, lambda step: step % 3 != 0),
    ),
    around(
        "partition",
        lambda inner: optim.partition({"fast": inner, "slow": optim.sgd(0.01), "none": optim.set_to_zero()}, LABELS),
        lambda o, i: o.partition({"fast": i, "slow": o.sgd(0.01), "none": o.set_to_zero()}, LABELS),
    ),
]
every = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


def sequence(bad: bool) -> tuple[Any, Any, Any]:
    """Return a hundred gradients, parameters and losses, stacked."""
    rng = np.random.default_rng(5)
    params = tree.map(lambda p: p + 0.3 * rng.standard_normal((STEPS, *p.shape)), oracles.start(SHAPES))
    grads = tree.map(lambda p: rng.standard_normal(p.shape), params)
    if bad:
        for i in (3, 10, 11, 12, 40, 41, 94, 95, 96, 97, 98):
            grads["block"]["kernel"][i, 1, 2] = np.nan
    return params, grads, 1 / np.arange(1, STEPS + 1) + 0.1 * rng.standard_normal(STEPS)


def found(row: Row) -> float:
    """Return the largest relative error of an update in a hundred steps."""
    params, grads, values = sequence(row.bad)
    opt = row.ours()
    state = opt.init(oracles.start(SHAPES))
    got: list[Any] = []
    for i in range(STEPS):
        p, g = (tree.map(lambda leaf, i=i: leaf[i], t) for t in (params, grads))
        given = {"value": values[i]} if "value" in opt.extras else {}
        updates, state = opt.update(g, state, p, **given)
        got.append(tree.map(lambda u, p: np.zeros(p.shape) if u is None else u, updates, p, is_leaf=_is_none))

    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = optax.with_extra_args_support(row.optax(optax))

        def one(state: Any, given: Any) -> Any:
            p, g, value = given
            updates, state = theirs.update(g, state, p, value=value)
            return state, updates

        first = theirs.init(jax.tree.map(jax.numpy.asarray, oracles.start(SHAPES)))
        wanted = jax.tree.map(
            np.asarray, jax.jit(lambda s, x: jax.lax.scan(one, s, x)[1])(first, (params, grads, values))
        )
    worst = 0.0
    for a, b in zip(
        tree.leaves(tree.map(lambda *leaves: np.stack(leaves), *got)), jax.tree.leaves(wanted), strict=True
    ):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        worst = max(worst, np.nanmax(np.abs(a - b)) / max(np.nanmax(np.abs(b)), 1e-30))
    return float(worst)


def _is_none(node: Any) -> bool:
    return node is None


def errors() -> Iterator[tuple[str, str, float]]:
    """Yield transform, reference, and the largest relative error of an update in a hundred steps."""
    for row in TABLE:
        yield row.name, "optax", found(row)


@every
def test_hundred_steps_equal_optax(row: Row) -> None:
    assert found(row) <= 1e-10


def one_step(opt: Any, params: Any, grads: Any, state: Any = None) -> tuple[Any, Any]:
    given = {"value": 1.5} if "value" in opt.extras else {}
    return opt.update(grads, opt.init(params) if state is None else state, params, **given)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@every
def test_data_types_are_kept(row: Row, dtype: str) -> None:
    params = oracles.start(SHAPES, dtype)
    opt = row.ours()
    first = opt.init(params)
    updates, state = one_step(opt, params, tree.map(lambda p: p * p.dtype.type(0.5), params))
    assert {u.dtype for u in tree.leaves(updates)} == {np.dtype(dtype)}
    assert tree.structure(state) == tree.structure(first)
    for a, b in zip(tree.leaves(state), tree.leaves(first), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
    if dtype == "float16":
        assert np.float16 not in {s.dtype for s in tree.leaves(state)}


@pytest.mark.requirement("D103")
@every
def test_missing_gradients_leave_parameters_alone(row: Row) -> None:
    params = oracles.start(SHAPES)
    opt = row.ours()
    grads = tree.map(lambda p: p * 0.1, params)
    for gone in ("rank_0", "deep"):
        some = {**grads, gone: tree.map(lambda p: None, grads[gone])}
        updates, state = one_step(opt, params, some)
        assert tree.leaves(updates[gone]) == []
        again, _ = one_step(opt, params, some, state)
        assert tree.leaves(again[gone]) == []
    if row.name != "snapshot":  # What it measures here needs an array.
        nothing, _ = one_step(opt, params, tree.map(lambda p: None, params))
        assert tree.leaves(nothing) == []


@every
def test_nothing_that_is_passed_in_is_written_to(row: Row) -> None:
    opt = row.ours()
    params = oracles.start(SHAPES)
    grads = tree.map(lambda p: np.asarray(p * 0.5), params)
    state = one_step(opt, params, grads)[1]
    for leaf in tree.leaves((params, grads, state)):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False
    first, second = (one_step(opt, params, grads, state) for _ in range(2))
    tree.map(np.testing.assert_array_equal, first, second)


@pytest.mark.parametrize("case", backend_params(variants=False))
@every
def test_on_every_backend(row: Row, case: Any) -> None:
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    params = oracles.start(SHAPES, dtype)
    expected, _ = oracles.ours(row.ours(), params, steps=4)
    with case.active():
        got, state = oracles.ours(row.ours(), tree.map(case.asarray, params), steps=4)
        names = {fn.backends.backend_of(leaf).name for leaf in tree.leaves((got, state))}
        got = tree.map(case.to_numpy, got)
    assert names == {case.backend_name}
    assert oracles.largest_error(got, expected) < (1e-9 if dtype == "float64" else 1e-3)


@every
def test_without_values(row: Row) -> None:
    """The update asks for no value in Python, so that it can be captured once for all steps."""
    opt, params = row.ours(), oracles.start(SHAPES)
    state = opt.init(params)
    given = {"value": np.array(1.5)} if "value" in opt.extras else {}
    abstract = fn.eval_shape(lambda g, s, p, v: opt.update(g, s, p, **v), params, state, params, given)
    concrete = opt.update(params, state, params, **given)
    assert tree.structure(abstract) == tree.structure(concrete)
    for a, b in zip(tree.leaves(abstract), tree.leaves(concrete), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


@every
def test_compiled(row: Row) -> None:
    opt, params = row.ours(), oracles.start(SHAPES)
    given = {"value": np.array(1.5)} if "value" in opt.extras else {}
    step = fn.jit(lambda g, s, p, v: opt.update(g, s, p, **v))
    state = after = opt.init(params)
    for i in range(4):
        grads = tree.map(lambda p, i=i: p * (i - 1.5), params)
        updates, state = opt.update(grads, state, params, **given)
        got, after = step(grads, after, params, given)
        pairs = zip(tree.leaves((got, after)), tree.leaves((updates, state)), strict=True)
        for a, b in pairs:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@every
def test_derivative_through_some_steps(row: Row) -> None:
    """Forward mode equals reverse mode, and a difference where there is no kink."""
    params = oracles.start(SHAPES)
    opt = row.ours()

    def final(scale: Any) -> Any:
        p, state = params, opt.init(params)
        for i in range(4):
            grads = tree.map(lambda x, i=i: xp.sin(xp.asarray(x) * (i + 1)) * scale, p)
            given = {"value": 1.5} if "value" in opt.extras else {}
            updates, state = opt.update(grads, state, p, **given)
            p = optim.apply_updates(p, updates)
        return sum([xp.sum(xp.square(x)) for x in tree.leaves(p)])

    at = np.array(0.37)
    slope = fn.grad(final)(at)
    np.testing.assert_allclose(fn.jvp(final, (at,), (np.array(1.0),))[1], slope, rtol=1e-10, atol=1e-12)
    difference = (final(at + 1e-6) - final(at - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, difference, rtol=1e-4, atol=1e-7)


@every
def test_gradients_of_another_model_are_refused(row: Row) -> None:
    opt, params = optim.chain(row.ours(), optim.sgd(0.1)), oracles.start(SHAPES)
    with pytest.raises(TreeError, match="differs at"):
        one_step(opt, params, {**params, "more": np.ones(2)})
    with pytest.raises(ShapeError, match=r"differs at \.block\.kernel"):
        one_step(opt, params, {**params, "block": {"kernel": np.ones(3), "bias": np.ones(4)}})


@pytest.mark.requirement("D102")
def test_transforms_of_a_chain_act_in_order() -> None:
    params, g = np.zeros(2), np.array([3.0, 4.0])
    decay, clip = optim.add_decayed_weights(1.0), optim.clip_by_global_norm(1.0)
    start = np.array([3.0, 4.0])
    for members, expected in (((clip, decay), start + g / 5), ((decay, clip), g / 5)):
        opt = optim.chain(*members)
        np.testing.assert_allclose(opt.update(g, opt.init(start), start)[0], expected)
    assert params.tolist() == [0.0, 0.0]
