"""L-BFGS and line searches, against optax step for step, and on hard functions."""

import functools

import jax
import numpy as np
import optax
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import ParameterError
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((6, 6))
MATRIX = MATRIX @ MATRIX.T + 0.1 * np.eye(6)
START = {"a": RNG.standard_normal((2, 2)), "b": RNG.standard_normal(2)}


def smooth(p):
    """A quadratic and a soft bound, on a tree; plain operators, for both libraries."""
    x = p["a"].reshape((-1,))
    y = p["b"]
    first = (x * (MATRIX[:4, :4] @ x)).sum() + 2 * (y * (MATRIX[4:, :4] @ x)).sum() + (y * (MATRIX[4:, 4:] @ y)).sum()
    return first / 2 + ((x - 1) ** 4).sum() / 4 + ((y + 1) ** 4).sum() / 4


def rosenbrock(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


CASES = {
    "lbfgs": (optim.lbfgs, lambda: optax.lbfgs(), smooth, START, 30),
    # Further on the curved valley makes rounding errors grow a hundredfold with every few steps; where whole runs end
    # is in test_lbfgs_minima.py.
    "lbfgs, Rosenbrock": (optim.lbfgs, lambda: optax.lbfgs(), rosenbrock, np.array([-1.2, 1.0, 0.5]), 14),
    "lbfgs, short memory": (
        lambda: optim.lbfgs(0.7, memory_size=3, scale_init_precond=False),
        lambda: optax.lbfgs(0.7, memory_size=3, scale_init_precond=False),
        smooth,
        START,
        15,
    ),
    "lbfgs, without a line search": (
        lambda: optim.lbfgs(0.1, linesearch=None),
        lambda: optax.lbfgs(0.1, linesearch=None),
        smooth,
        START,
        30,
    ),
    "scale_by_zoom_linesearch": (
        lambda: optim.chain(optim.sgd(1.0), optim.scale_by_zoom_linesearch(15)),
        lambda: optax.chain(optax.sgd(1.0), optax.scale_by_zoom_linesearch(15)),
        rosenbrock,
        np.array([-1.2, 1.0, 0.5]),
        50,
    ),
    "scale_by_zoom_linesearch, tight": (
        lambda: optim.chain(
            optim.sgd(0.1),
            optim.scale_by_zoom_linesearch(
                8, curv_rtol=0.05, approx_dec_rtol=None, max_learning_rate=0.3, initial_guess_strategy="one"
            ),
        ),
        lambda: optax.chain(
            optax.sgd(0.1),
            optax.scale_by_zoom_linesearch(
                8, curv_rtol=0.05, approx_dec_rtol=None, max_learning_rate=0.3, initial_guess_strategy="one"
            ),
        ),
        smooth,
        START,
        50,
    ),
    "scale_by_backtracking_linesearch": (
        lambda: optim.chain(optim.sgd(1.0), optim.scale_by_backtracking_linesearch(30)),
        lambda: optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(30)),
        rosenbrock,
        np.array([-1.2, 1.0, 0.5]),
        100,
    ),
    "scale_by_backtracking_linesearch, store_grad": (
        lambda: optim.chain(
            optim.sgd(1.0),
            optim.scale_by_backtracking_linesearch(
                30, slope_rtol=0.3, decrease_factor=0.5, increase_factor=3.0, store_grad=True, rtol=1e-3
            ),
        ),
        lambda: optax.chain(
            optax.sgd(1.0),
            optax.scale_by_backtracking_linesearch(
                30, slope_rtol=0.3, decrease_factor=0.5, increase_factor=3.0, store_grad=True, rtol=1e-3
            ),
        ),
        smooth,
        START,
        100,
    ),
}


def ours(opt, f, params, steps, both=None):
    state = opt.init(params)
    for _ in range(steps):
        value, grad = (both or fn.value_and_grad(f))(params, **({"state": state} if both else {}))
        known = {"value": value, "grad": grad, "value_fn": f}
        updates, state = opt.update(grad, state, params, **{name: known[name] for name in opt.extras})
        params = optim.apply_updates(params, updates)
    return params, state


@functools.cache
def results(name):
    make, theirs, f, params, steps = CASES[name]
    got, _ = ours(make(), f, params, steps)
    with jax.enable_x64(True):
        opt = optax.with_extra_args_support(theirs())

        def one(_, carry):
            p, state = carry
            value, grad = jax.value_and_grad(f)(p)
            updates, state = opt.update(grad, state, p, value=value, grad=grad, value_fn=f)
            return optax.apply_updates(p, updates), state

        p = jax.tree.map(jax.numpy.asarray, params)
        wanted = jax.jit(lambda p: jax.lax.fori_loop(0, steps, one, (p, opt.init(p)))[0])(p)
        return tree.leaves(got), [np.asarray(leaf) for leaf in jax.tree.leaves(wanted)]


def errors():
    for name in CASES:
        got, wanted = results(name)
        size = max(float(np.max(np.abs(b))) for b in wanted)
        yield name, "optax", max(float(np.max(np.abs(a - b))) for a, b in zip(got, wanted, strict=True)) / size


def test_steps_equal_optax():
    found = {name: error for name, _, error in errors()}
    assert max(found.values()) < 1e-10, found


@pytest.mark.requirement("D141")
@pytest.mark.parametrize("size", [2, 5])
def test_rosenbrock(size):
    x, _ = ours(optim.lbfgs(), rosenbrock, np.linspace(-1.2, 1.0, size), 60)
    np.testing.assert_allclose(x, 1.0, atol=1e-8)


def test_what_the_line_search_knows_is_not_computed_again():
    calls = []

    def f(x):
        calls.append(1)
        return rosenbrock(x)

    x0 = np.array([-1.2, 1.0])
    plain, _ = ours(optim.lbfgs(), f, x0, 10)
    first, calls[:] = len(calls), []
    for opt in (optim.lbfgs(), optim.lbfgs(linesearch=optim.scale_by_backtracking_linesearch(20, store_grad=True))):
        x, state = ours(opt, f, x0, 10, optim.value_and_grad_from_state(f))
        value, grad = fn.value_and_grad(rosenbrock)(x)
        np.testing.assert_allclose(state[2].value, value, rtol=1e-12)
        np.testing.assert_allclose(state[2].grad, grad, rtol=1e-12)
    again, _ = ours(optim.lbfgs(), f, x0, 10, optim.value_and_grad_from_state(f))
    np.testing.assert_allclose(again, plain, rtol=1e-12)
    assert first > 0
    with pytest.raises(ParameterError, match="found no value and gradient in the state"):
        optim.value_and_grad_from_state(f)(x0, state=optim.sgd(0.1).init(x0))


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize(
    "name", ["lbfgs", "scale_by_backtracking_linesearch, store_grad", "scale_by_zoom_linesearch, tight"]
)
def test_on_every_backend(case, name):
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    start = tree.map(lambda p: p.astype(dtype), START)

    def f(p):
        return sum([xp.sum((x - 1) ** 4) + xp.sum(xp.cos(x)) for x in tree.leaves(p)])

    expected, _ = ours(CASES[name][0](), f, start, 4)
    with case.active():
        got, state = ours(CASES[name][0](), f, tree.map(case.asarray, start), 4)
        names = {fn.backends.backend_of(leaf).name for leaf in tree.leaves((got, state))}
        got = tree.map(case.to_numpy, got)
    assert names == {case.backend_name}
    rtol = 1e-9 if dtype == "float64" else 1e-2
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6), got, expected)


def test_steps_out_of_the_domain():
    f = lambda x: xp.sum(-xp.log(x) + x * x)  # noqa: E731
    for search in (optim.scale_by_backtracking_linesearch(40), optim.scale_by_zoom_linesearch(40)):
        x, _ = ours(optim.chain(optim.sgd(10.0), search), f, np.array([0.01]), 20)
        np.testing.assert_allclose(x, 0.5**0.5, rtol=1e-2)
    nowhere = lambda x: xp.where(x[0] == 0.5, xp.sum(x), xp.nan)  # noqa: E731
    opt = optim.chain(optim.sgd(1.0), optim.scale_by_backtracking_linesearch(3))
    x, state = ours(opt, nowhere, np.array([0.5]), 1)
    assert (x.tolist(), float(state[1].learning_rate)) == ([0.5], 0.0)


def test_no_descent_direction():
    opt = optim.chain(optim.scale(1.0), optim.scale_by_zoom_linesearch(5))
    x, state = ours(opt, lambda x: xp.sum(x * x), np.array([1.0]), 1)
    assert float(state[1].decrease_error) > 0
    assert np.isfinite(x).all()


@pytest.mark.requirement("D103")
def test_missing_gradients_and_frozen_parameters():
    opt = optim.chain(optim.freeze(lambda path: path == ".b"), optim.lbfgs())
    params, state = ours(opt, smooth, START, 10)
    np.testing.assert_array_equal(params["b"], START["b"])
    part, _ = ours(optim.lbfgs(), lambda a: smooth({"a": a, "b": START["b"]}), START["a"], 10)
    np.testing.assert_allclose(params["a"], part, rtol=1e-10)
    assert set(state[1][0].diff_params) == {"a", "b"}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_data_types_are_kept(dtype):
    x = np.array([0.5, 1.5], dtype)
    got, state = ours(optim.lbfgs(), lambda x: xp.sum((x - 1) ** 2), x, 2)
    assert got.dtype == x.dtype
    assert state[0].diff_params.dtype == x.dtype


def test_nothing_that_is_passed_in_is_written_to():
    opt = optim.lbfgs()
    params, state = ours(opt, smooth, START, 3)
    value, grad = fn.value_and_grad(smooth)(params)
    for leaf in tree.leaves((params, state, grad)):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False
    given = {"value": value, "grad": grad, "value_fn": smooth}
    first, second = (opt.update(grad, state, params, **given) for _ in range(2))
    tree.map(np.testing.assert_array_equal, first, second)


@pytest.mark.parametrize("make", [CASES["lbfgs"][0], CASES["scale_by_backtracking_linesearch"][0]])
def test_without_values(make):
    opt, x = make(), np.ones(3)
    state = opt.init(x)

    def step(grad, state, params, value):
        return opt.update(grad, state, params, value=value, grad=grad, value_fn=rosenbrock)

    abstract = fn.eval_shape(step, x, state, x, np.array(1.0))
    concrete = step(x, state, x, np.array(1.0))
    assert tree.structure(abstract) == tree.structure(concrete)
    for a, b in zip(tree.leaves(abstract), tree.leaves(concrete), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


@pytest.mark.parametrize("name", ["lbfgs", "scale_by_zoom_linesearch", "scale_by_backtracking_linesearch, store_grad"])
def test_compiled(name):
    make, _, f, params, _ = CASES[name]
    opt = make()

    def step(params, state):
        value, grad = fn.value_and_grad(f)(params)
        updates, state = opt.update(grad, state, params, value=value, grad=grad, value_fn=f)
        return optim.apply_updates(params, updates), state

    one = other = (params, opt.init(params))
    compiled = fn.jit(step)
    for _ in range(5):
        one, other = step(*one), compiled(*other)
    for a, b in zip(tree.leaves(other), tree.leaves(one), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: optim.lbfgs(memory_size=0), "got a memory size"),
        (lambda: optim.scale_by_backtracking_linesearch(0), "got a number of steps"),
        (lambda: optim.scale_by_backtracking_linesearch(5, decrease_factor=1.0), "got a decrease_factor"),
        (lambda: optim.scale_by_zoom_linesearch(0), "got a number of steps"),
        (lambda: optim.scale_by_zoom_linesearch(5, increase_factor=0.5), "got a increase_factor"),
        (lambda: optim.scale_by_zoom_linesearch(5, initial_guess_strategy="two"), "got a initial_guess_strategy"),
    ],
)
def test_hyperparameters_are_checked(make, what):
    with pytest.raises(ParameterError, match=what):
        make()


@pytest.mark.parametrize("search", [optim.scale_by_backtracking_linesearch(5), optim.scale_by_zoom_linesearch(5)])
def test_missing_keyword_arguments(search):
    x = np.ones(2)
    given = {"value": np.array(1.0), "grad": x, "value_fn": rosenbrock}
    for name in given:
        with pytest.raises(ParameterError, match=rf"needs {name}="):
            search.update(x, search.init(x), x, **{k: v for k, v in given.items() if k != name})
