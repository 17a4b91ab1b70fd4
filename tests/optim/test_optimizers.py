"""What is special to one optimizer or another: arguments that they need, bad input, limits, groups."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, random, tree, xp
from funcnet.errors import ParameterError, ShapeError

P = np.array([3.0, 4.0])


@pytest.mark.parametrize(
    ("opt", "what"),
    [
        (optim.polyak_sgd(), "value"),
        (optim.momo(), "value"),
        (optim.momo_adam(), "value"),
        (optim.sam(optim.sgd(0.1), optim.sgd(0.1), opaque=True), "grad_fn"),
        (optim.sophia(0.1, random.key(0)), "loss_fn"),
    ],
)
def test_an_argument_that_is_needed(opt, what):
    assert opt.extras == {what}
    with pytest.raises(ParameterError, match=f"needs {what}="):
        opt.update(P, opt.init(P), P)


def test_the_value_is_a_number():
    opt = optim.polyak_sgd()
    with pytest.raises(ShapeError, match="a value that is no number"):
        opt.update(P, opt.init(P), P, value=np.ones(2))


def test_arguments_pass_through_chains_and_wrappers():
    opt = optim.schedule_free(optim.chain(optim.scale(1.0), optim.polyak_sgd(0.5)), 0.5)
    assert opt.extras == {"value"}
    updates, _ = opt.update(P, opt.init(P), P, value=12.5)
    np.testing.assert_allclose(updates, -0.5 * P)
    mechanic = optim.mechanize(optim.polyak_sgd(0.5))
    assert mechanic.extras == {"value"}
    assert np.all(np.isfinite(mechanic.update(P, mechanic.init(P), P, value=12.5)[0]))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optim.lion(0.1, mode="soft"), "scale_by_lion got a mode"),
        (lambda: optim.polyak_sgd(variant="sps-"), "scale_by_polyak got a variant"),
        (lambda: optim.dog(init_step=("far", 1.0)), "scale_by_dog got a init_step"),
        (lambda: optim.dog(init_step=1e-6), "scale_by_dog got an init_step"),
        (lambda: optim.sam(optim.sgd(0.1), optim.sgd(0.1), sync_period=0), "sam got a sync_period"),
        (lambda: optim.mechanize(optim.sgd(0.1), num_betas=0), "mechanize got a num_betas"),
        (lambda: optim.galore(0.1, rank=0), "scale_by_galore got a rank"),
        (lambda: optim.galore(0.1, update_proj_gap=1.5), "scale_by_galore got a update_proj_gap"),
        (lambda: optim.sophia(0.1, update_interval=0), "scale_by_sophia got a update_interval"),
        (lambda: optim.muon(0.1, steps=0), "scale_by_muon got a steps"),
        (lambda: optim.adafactor(min_dim_size_to_factor=0), "min_dim_size_to_factor"),
        (lambda: optim.rprop(-0.1), "scale_by_rprop got a learning rate"),
        (lambda: optim.rprop(0.1, eta_plus=0.9), "scale_by_rprop got a eta_plus"),
        (lambda: optim.sm3(0.1, momentum=1.0), "scale_by_sm3 got a b1"),
        (lambda: optim.radam(0.1, threshold=3.0), "scale_by_radam got a threshold"),
        (lambda: optim.ftrl(0.0), "ftrl got a learning_rate"),
        (lambda: optim.prodigy(estim_lr0=0.0), "prodigy got a estim_lr0"),
        (lambda: optim.adamw(0.1, mask="kernel"), "add_decayed_weights got a mask"),
        (lambda: optim.lars(0.1, trust_ratio_mask=0.5), "scale_by_trust_ratio got a mask"),
    ],
)
def test_bad_hyperparameters(make, text):
    with pytest.raises(ParameterError, match=text):
        make()


def test_muon_refuses_vectors_where_it_is_told_that_they_are_matrices():
    opt = optim.muon(0.1, matrices=lambda path: True)
    with pytest.raises(ParameterError, match="an array that is no matrix"):
        opt.update({"bias": P}, opt.init({"bias": P}), {"bias": P})


def test_muon_takes_kernels_of_convolutions_as_matrices():
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((2, 2, 3, 5))
    convergent = {"steps": 40, "coefficients": (1.5, -0.5, 0.0)}
    opt = optim.muon(1.0, matrices=lambda path: True, **convergent)
    updates, _ = opt.update({"kernel": kernel}, opt.init({"kernel": kernel}), {"kernel": kernel})
    u, _, v = np.linalg.svd(kernel.reshape(12, 5), full_matrices=False)
    np.testing.assert_allclose(-updates["kernel"].reshape(12, 5), u @ v, atol=1e-10)


def test_eval_params_of_another_state():
    opt = optim.sgd(0.1)
    with pytest.raises(ParameterError, match="the state of another optimizer"):
        optim.schedule_free_eval_params(opt.init(P), P)


def test_schedule_free_average_is_the_mean_of_the_iterates():
    # With a constant rate all weights are equal.
    opt = optim.schedule_free_sgd(0.1, b1=0.9)
    params, iterates, at = P, [], P.copy()
    state = opt.init(P)
    for i in range(5):
        g = np.array([1.0, -2.0]) * (i + 1)
        at = at - 0.1 * g
        iterates.append(at)
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
    np.testing.assert_allclose(optim.schedule_free_eval_params(state, params), np.mean(iterates, axis=0))


@pytest.fixture
def torch():
    """PyTorch, which keeps numbers of optimizers in its default type, with float64 as that."""
    module = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    default = module.get_default_dtype()
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(default)


def test_average_of_asgd_equals_torchs(torch):
    tensor = torch.tensor(P, requires_grad=True)
    reference = torch.optim.ASGD([tensor], 0.05, lambd=0.1, alpha=0.6, t0=3)
    opt = optim.asgd(0.05, decay=0.1, alpha=0.6, t0=3.0)
    params, state = P, opt.init(P)
    for i in range(30):
        g = params * (1 + 0.1 * i)
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
        tensor.grad = torch.tensor(g)
        reference.step()
    np.testing.assert_allclose(state.average, reference.state[tensor]["ax"].numpy(), rtol=1e-12)


def test_ftrl_gives_zeros():
    opt = optim.ftrl(0.1, l1=1.0)
    params, state = np.zeros(3), None
    state = opt.init(params)
    for _ in range(20):
        g = np.array([0.01, 2.0, -2.0])
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
    assert params[0] == 0.0
    assert params[1] < 0 < params[2]


def test_the_hessian_diagonal_of_a_separable_loss_is_exact():
    opt = optim.hutchinson_diagonal(random.key(1))
    diagonal, state = opt.update(P, opt.init(P), P, loss_fn=lambda p: xp.sum(p**4))
    np.testing.assert_allclose(diagonal, 12 * P**2)
    assert not np.array_equal(state.key, random.key(1))


@pytest.mark.requirement("P63")
def test_groups_of_parameters_have_optimizers_of_their_own():
    params = {"body": {"kernel": P}, "head": {"kernel": P}}
    opt = optim.partition(
        {"slow": optim.adamw(0.01), "fast": optim.rmsprop(0.1)}, lambda path: "fast" if "head" in path else "slow"
    )
    updates, _ = opt.update(params, opt.init(params), params)
    for name, alone in (("body", optim.adamw(0.01)), ("head", optim.rmsprop(0.1))):
        wanted, _ = alone.update(params[name], alone.init(params[name]), params[name])
        np.testing.assert_array_equal(updates[name]["kernel"], wanted["kernel"])


@pytest.mark.parametrize("name", ["adamw", "lamb", "sm3", "adafactor", "muon", "galore", "adagrad", "madgrad", "radam"])
def test_arrays_without_elements(name):
    params = {"none": np.zeros((0, 3)), "empty": np.zeros(0), "kernel": np.ones((2, 2)), "scale": np.ones(())}
    opt = getattr(optim, name)(0.1)
    state = opt.init(params)
    for _ in range(2):
        updates, state = opt.update(params, state, params)
    assert updates["none"].shape == (0, 3)
    assert np.all(np.isfinite(updates["kernel"]))


@pytest.mark.parametrize("name", ["adamw", "prodigy", "dog", "radam", "adan"])
def test_rates_in_a_batch(name):
    make = getattr(optim, name)

    def final(rate):
        opt, params = make(rate), {"a": P, "b": np.ones(())}
        state = opt.init(params)
        for _ in range(3):
            updates, state = opt.update(params, state, params)
            params = optim.apply_updates(params, updates)
        return params["a"]

    rates = np.array([0.1, 0.5])
    np.testing.assert_allclose(fn.vmap(final)(rates), [final(rate) for rate in rates], rtol=1e-12)


@pytest.mark.parametrize("name", ["adamw", "prodigy", "momo", "adopt"])
def test_a_state_taken_out_of_a_transformation_is_made_of_plain_arrays(name):
    opt = getattr(optim, name)(0.1)
    extras = {"value": 12.5} if "value" in opt.extras else {}
    state = opt.init(P)

    def one(scale):
        updates, after = opt.update(P * scale, state, P, **extras)
        return xp.sum(optim.apply_updates(P, updates)), after

    _, after = fn.grad(one, has_aux=True)(np.array(1.1))
    assert {type(leaf) for leaf in tree.leaves(after)} <= {np.ndarray, np.float64, np.int64, np.int32}
    expected = one(np.array(1.1))[1]
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), after, expected)


def test_adahessian_follows_its_definition_where_the_diagonal_is_exact():
    # The Hessian of a separable loss is its diagonal, so that any signs give it.
    opt = optim.adahessian(0.3, random.key(5), b1=0.8, b2=0.9, power=0.7, weight_decay=0.1)
    params, state = P, opt.init(P)
    at, m, v = P.copy(), np.zeros(2), np.zeros(2)
    for t in range(1, 101):
        updates, state = opt.update(4 * params**3, state, params, loss_fn=lambda p: xp.sum(p**4))
        params = optim.apply_updates(params, updates)
        m = 0.8 * m + 0.2 * 4 * at**3
        v = 0.9 * v + 0.1 * (12 * at**2) ** 2
        at = at - 0.3 * (m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.9**t)) ** 0.7 + 1e-8) + 0.1 * at)
    np.testing.assert_allclose(params, at, rtol=1e-10)
