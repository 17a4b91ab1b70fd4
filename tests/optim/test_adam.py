"""Adam against PyTorch and closed forms; its kernel against its operations; data types, derivatives, purity."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import DtypeError, ParameterError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)


def trajectory(opt, params, grads):
    state = opt.init(params)
    for g in grads:
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
    return params, state


@pytest.mark.requirement("D98", "P59")
def test_hundred_steps_equal_torch():
    start = {"a": RNG.standard_normal((3, 4)), "b": [RNG.standard_normal(5), RNG.standard_normal(())]}
    grads = [tree.map(lambda p: np.asarray(RNG.standard_normal(p.shape)), start) for _ in range(100)]
    options = {"b1": 0.85, "b2": 0.99, "eps": 1e-6}
    params, state = trajectory(optim.adam(0.03, **options), start, grads)
    tensors = [torch.tensor(p, requires_grad=True) for p in tree.leaves(start)]
    reference = torch.optim.Adam(tensors, 0.03, betas=(0.85, 0.99), eps=1e-6)
    for g in grads:
        for t, leaf in zip(tensors, tree.leaves(g), strict=True):
            t.grad = torch.tensor(leaf)
        reference.step()
    for p, t in zip(tree.leaves(params), tensors, strict=True):
        np.testing.assert_allclose(p, t.detach().numpy(), rtol=1e-12)
    assert int(state.count) == 100


def test_first_update_is_the_learning_rate_times_the_sign():
    g = np.array([3.0, -1e-3, 1e4])
    opt = optim.adam(0.1, eps=0.0)
    updates, state = opt.update(g, opt.init(g), g)
    np.testing.assert_allclose(updates, -0.1 * np.sign(g), rtol=1e-12)
    assert int(state.count) == 1


@pytest.mark.requirement("PX25")
def test_bias_is_corrected_at_every_step():
    # Under a constant gradient both corrected moments stay what they were at the first step.
    params, _ = trajectory(optim.adam(0.1, eps=0.0), np.zeros(1), [np.array([0.3])] * 50)
    np.testing.assert_allclose(params, -0.1 * 50, rtol=1e-9)


@pytest.mark.requirement("DX34", "PX25")
def test_eps_is_added_outside_of_the_root_after_the_correction():
    g = np.array([2.0])
    opt = optim.adam(1.0, eps=0.5)
    np.testing.assert_allclose(opt.update(g, opt.init(g), g)[0], -2 / (2 + 0.5), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_chain_gives_the_same_numbers(dtype):
    start = RNG.standard_normal(10).astype(dtype)
    grads = [RNG.standard_normal(10).astype(dtype) for _ in range(20)]
    one, _ = trajectory(optim.adam(0.01), start, grads)
    two, _ = trajectory(optim.chain(optim.scale_by_adam(), optim.scale_by_learning_rate(0.01)), start, grads)
    np.testing.assert_allclose(one, two, rtol=10 * np.finfo(dtype).eps, atol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    start = {"w": np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3), "b": np.zeros((), dtype="float32")}
    grads = [tree.map(lambda p: RNG.standard_normal(p.shape).astype("float32"), start) for _ in range(5)]
    expected, _ = trajectory(optim.adam(0.1), start, grads)
    with case.active():
        place = lambda t: tree.map(case.asarray, t)  # noqa: E731
        params, state = trajectory(optim.adam(0.1), place(start), [place(g) for g in grads])
        got = tree.map(case.to_numpy, params)
        assert int(state.count) == 5
        assert {fn.backends.backend_of(leaf).name for leaf in tree.leaves((params, state))} == {case.backend_name}
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), got, expected)
    assert got["w"].dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_data_types_are_kept(dtype):
    p = np.ones(3, dtype=dtype)
    params, state = trajectory(optim.adam(0.5), p, [p, p])
    assert params.dtype == p.dtype
    assert state.mu.dtype == state.nu.dtype == (np.float32 if dtype == "float16" else p.dtype)


def test_small_gradients_of_half_precision_do_not_underflow():
    g = np.full(3, 1e-4, dtype="float16")
    opt = optim.adam(0.1)
    updates, _ = opt.update(g, opt.init(g), g)
    np.testing.assert_allclose(updates.astype("float64"), -0.1, rtol=1e-3)


def test_nothing_that_is_passed_in_is_written_to():
    opt = optim.adam(0.1)
    params, grads = {"a": np.ones(3)}, {"a": np.full(3, 2.0)}
    state = opt.init(params)
    _, state = opt.update(grads, state, params)
    for leaf in tree.leaves((params, grads, state)):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False
    first, second = (opt.update(grads, state, params) for _ in range(2))
    tree.map(np.testing.assert_array_equal, first, second)


def test_schedule_and_learning_rate_in_the_state():
    opt = optim.adam(lambda step: 0.1 / (1 + step), eps=0.0)
    params, state = trajectory(opt, np.zeros(1), [np.ones(1)] * 3)
    np.testing.assert_allclose(params, -0.1 * (1 + 1 / 2 + 1 / 3), rtol=1e-9)
    np.testing.assert_allclose(state.learning_rate, 0.1 / 3)
    opt = optim.adam(0.1, eps=0.0)
    state = opt.init(np.zeros(1))._replace(learning_rate=np.array(0.7))
    np.testing.assert_allclose(opt.update(np.ones(1), state, np.zeros(1))[0], -0.7)


def test_state_continues_where_it_was():
    start = RNG.standard_normal(4)
    grads = [RNG.standard_normal(4) for _ in range(10)]
    whole, _ = trajectory(optim.adam(0.1), start, grads)
    params, state = trajectory(optim.adam(0.1), start, grads[:4])
    leaves, structure = tree.flatten(state)
    state = tree.unflatten(structure, [np.array(leaf) for leaf in leaves])
    for g in grads[4:]:
        updates, state = optim.adam(0.1).update(g, state, params)
        params = optim.apply_updates(params, updates)
    np.testing.assert_array_equal(params, whole)


def test_hypergradients_equal_differences():
    start = RNG.standard_normal(3)
    target = RNG.standard_normal(3)

    def final(rate, b1, b2, eps):
        opt = optim.adam(rate, b1=b1, b2=b2, eps=eps)
        params, state = start, None
        state = opt.init(params)
        for _ in range(4):
            grads = fn.grad(lambda p: xp.sum((p - target) ** 4))(params)
            updates, state = opt.update(grads, state, params)
            params = optim.apply_updates(params, updates)
        return xp.sum(xp.square(params - target))

    at = [np.array(v) for v in (0.1, 0.8, 0.95, 0.01)]
    got = fn.grad(final, (0, 1, 2, 3))(*at)
    for i, g in enumerate(got):
        h = 1e-6
        ends = [final(*[v + s * h if i == j else v for j, v in enumerate(at)]) for s in (1, -1)]
        np.testing.assert_allclose(g, (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-9)
    forward = fn.jvp(final, at, [np.array(1.0), None, None, None])[1]
    np.testing.assert_allclose(forward, got[0], rtol=1e-12)
    second = fn.grad(lambda rate: fn.grad(final)(rate, *at[1:]))(at[0])
    ends = [fn.grad(final)(at[0] + s * 1e-5, *at[1:]) for s in (1, -1)]
    np.testing.assert_allclose(second, (ends[0] - ends[1]) / 2e-5, rtol=1e-5)


def test_missing_gradients_leave_parameters_and_moments_alone():
    opt = optim.adam(0.1)
    params = {"a": np.ones(2), "b": np.ones(2)}
    updates, state = opt.update({"a": np.ones(2), "b": None}, opt.init(params), params)
    assert updates["b"] is None
    assert state.mu["b"].tolist() == [0.0, 0.0]
    assert optim.apply_updates(params, updates)["b"].tolist() == [1.0, 1.0]


@pytest.mark.requirement("DX26")
def test_order_of_dict_keys_does_not_matter():
    opt = optim.adam(0.1)
    params = {"a": np.ones(1), "b": np.zeros(2)}
    updates, _ = opt.update({"b": np.ones(2), "a": -np.ones(1)}, opt.init(params), params)
    np.testing.assert_allclose(updates["a"], 0.1)
    np.testing.assert_allclose(updates["b"], -0.1)


@pytest.mark.parametrize(
    ("options", "name"), [({"b1": 1.0}, "b1"), ({"b2": -0.1}, "b2"), ({"eps": -1e-8}, "eps"), ({"b1": "0.9"}, "b1")]
)
def test_hyperparameters_are_checked(options, name):
    for make in (lambda **o: optim.adam(0.1, **o), optim.scale_by_adam):
        with pytest.raises(ParameterError, match=f"got a {name} that it cannot use"):
            make(**options)


def test_complex_parameters_are_refused():
    with pytest.raises(DtypeError, match="real floating-point"):
        optim.adam(0.1).init(np.ones(2, dtype=complex))
