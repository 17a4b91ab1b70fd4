"""Clipping: closed forms, PyTorch, and numbers that overflow when they are squared."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree
from funcnet.errors import ParameterError, TreeError
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)


def apply(opt, grads, params=None):
    params = tree.map(np.zeros_like, grads) if params is None else params
    return opt.update(grads, opt.init(params), params)[0]


def errors():
    grads = {"a": RNG.standard_normal((3, 4)), "b": RNG.standard_normal(5)}
    got = apply(optim.clip_by_norm(0.5), grads)
    for name in grads:
        t = torch.zeros(grads[name].shape, dtype=torch.float64)
        t.grad = torch.tensor(grads[name])
        torch.nn.utils.clip_grad_norm_([t], 0.5)
        # PyTorch adds 1e-6 to the norm.
        wanted = t.grad.numpy() * (np.linalg.norm(grads[name]) + 1e-6) / np.linalg.norm(grads[name])
        yield "clip_by_norm", "torch", float(np.max(np.abs(got[name] - wanted)) / np.max(np.abs(wanted)))


def test_clip_by_norm_equals_torch():
    assert max(error for *_, error in errors()) < 1e-14


@pytest.mark.requirement("D100")
def test_global_norm_over_all_arrays():
    grads = {"a": RNG.standard_normal((3, 4)), "b": RNG.standard_normal(5)}
    tensors = [torch.zeros(g.shape, dtype=torch.float64) for g in tree.leaves(grads)]
    for t, g in zip(tensors, tree.leaves(grads), strict=True):
        t.grad = torch.tensor(g)
    norm = float(torch.nn.utils.clip_grad_norm_(tensors, 1.0))
    np.testing.assert_allclose(optim.global_norm(grads), norm, rtol=1e-14)
    got = apply(optim.clip_by_global_norm(1.0), grads)
    np.testing.assert_allclose(optim.global_norm(got), 1.0, rtol=1e-14)
    for u, t in zip(tree.leaves(got), tensors, strict=True):
        np.testing.assert_allclose(u, t.grad.numpy(), rtol=2e-6)
    small = tree.map(lambda g: g * 1e-3, grads)
    tree.map(np.testing.assert_array_equal, apply(optim.clip_by_global_norm(1.0), small), small)


@pytest.mark.parametrize("size", [1e20, 1e-25])
def test_norms_of_large_and_small_float32(size):
    g = np.array([3.0, 4.0], "float32") * np.float32(size)
    np.testing.assert_allclose(optim.global_norm([g, g]), 5 * 2**0.5 * size, rtol=1e-6)
    got = apply(optim.clip_by_global_norm(size), {"a": g})
    np.testing.assert_allclose(got["a"], np.float32(size) * np.array([0.6, 0.8], "float32"), rtol=1e-6)


def test_norm_of_many_half_precision_numbers():
    g = np.full(10_000, 10.0, "float16")
    np.testing.assert_allclose(apply(optim.clip_by_global_norm(1.0), g).astype("float64"), 0.01, rtol=1e-3)


def test_zero_gradients_and_a_bound_of_zero():
    for opt in (optim.clip_by_global_norm(0.0), optim.clip_by_norm(0.0), optim.clip_by_block_rms(0.0), optim.clip(0.0)):
        assert apply(opt, np.zeros(2)).tolist() == [0.0, 0.0]
        assert apply(opt, np.ones(2)).tolist() == [0.0, 0.0]
    assert fn.grad(lambda g: optim.global_norm(g))(np.zeros(2)).tolist() == [0.0, 0.0]


def test_bounds_are_leaves_and_may_follow_a_schedule():
    opt = optim.clip(lambda step: 1.0 / (step + 1))
    g = np.full(1, 3.0)
    state = opt.init(g)
    one, state = opt.update(g, state, g)
    two, _ = opt.update(g, state, g)
    assert (one.tolist(), two.tolist()) == ([1.0], [0.5])
    opt = optim.clip(1.0)
    assert opt.update(g, opt.init(g)._replace(limit=np.array(2.0)), g)[0].tolist() == [2.0]


def test_units_of_kernels():
    kernel, g = RNG.standard_normal((3, 3, 4, 5)), RNG.standard_normal((3, 3, 4, 5))
    got = apply(optim.adaptive_grad_clip(0.01), g, kernel)
    for i in range(5):
        limit = 0.01 * np.linalg.norm(kernel[..., i])
        np.testing.assert_allclose(got[..., i], g[..., i] * limit / np.linalg.norm(g[..., i]), rtol=1e-12)
    first = apply(optim.adaptive_grad_clip(0.01, axis=(1, 2, 3)), g, kernel)
    np.testing.assert_allclose(
        np.linalg.norm(first.reshape(3, -1), axis=1), 0.01 * np.linalg.norm(kernel.reshape(3, -1), axis=1), rtol=1e-12
    )


@pytest.mark.parametrize(
    "make",
    [optim.clip, optim.clip_by_global_norm, optim.clip_by_norm, optim.clip_by_block_rms, optim.adaptive_grad_clip],
)
def test_bounds_are_checked(make):
    with pytest.raises(ParameterError, match="that it cannot use"):
        make(-1.0)


def test_norm_of_nothing():
    with pytest.raises(TreeError, match=r"optim\.global_norm got no arrays"):
        optim.global_norm({"a": None})
