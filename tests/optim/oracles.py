"""One problem, a hundred steps, three libraries: what the optimizers are compared with."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import funcnet as fn
from funcnet import optim, tree
from funcnet.testing.oracles import oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

torch = oracle("torch")

STEPS = 100
_RNG = np.random.default_rng(7)
SHAPES: dict[str, Any] = {"rank_0": (), "block": {"kernel": (3, 4), "bias": (4,)}, "deep": [(2, 3, 2)]}


def start(shapes: Any = SHAPES, dtype: str = "float64") -> Any:
    """Return the parameters that every trajectory begins with."""
    rng = np.random.default_rng(3)
    return tree.map(
        lambda shape: np.asarray(rng.uniform(0.3, 1.5, shape) * rng.choice([-1, 1], shape), dtype=dtype),
        shapes,
        is_leaf=lambda node: node.__class__ is tuple,
    )


def loss(leaves: list[Any]) -> Any:
    """Return a quadratic with a valley like Rosenbrock's through the elements of each array; never below 0."""
    total = 0.0
    for i, x in enumerate(leaves):
        flat = x.reshape((-1,))
        total = total + ((flat - 0.1 * i) * (flat - 0.1 * i)).sum() * (0.5 + 0.3 * i)
        step = flat[1:] - flat[:-1] * flat[:-1]
        total = total + (step * step).sum()
    mean = sum([x.mean() for x in leaves])
    return total + (mean - 1.0) * (mean - 1.0)


def ours(opt: Any, params: Any, extras: Mapping[str, Any] | None = None, steps: int = STEPS) -> tuple[Any, Any]:
    """Return parameters and state after some steps of a funcnet optimizer."""

    def of_tree(p: Any) -> Any:
        return loss(tree.leaves(p))

    state = opt.init(params)
    both = fn.value_and_grad(of_tree)
    known = {"grad_fn": lambda p, i: fn.grad(of_tree)(p), "loss_fn": of_tree, **(extras or {})}
    for _ in range(steps):
        value, grads = both(params)
        given = {name: value if name == "value" else known[name] for name in opt.extras}
        updates, state = opt.update(grads, state, params, **given)
        params = optim.apply_updates(params, updates)
    return params, state


@functools.cache
def _gradient() -> Any:
    import jax

    return jax.jit(jax.value_and_grad(lambda p: loss(jax.tree.leaves(p))))


def by_optax(
    make: Callable[[Any], Any], params: Any, extras: tuple[str, ...] = (), finish: Callable[..., Any] | None = None
) -> Any:
    """Return the parameters after a hundred steps of an optax optimizer, in float64."""
    import jax
    import optax

    def of_tree(p: Any) -> Any:
        return loss(jax.tree.leaves(p))

    with warnings.catch_warnings(), jax.enable_x64(True):
        warnings.simplefilter("ignore")
        opt = make(optax)

        @jax.jit
        def one(p: Any, state: Any, value: Any, grads: Any) -> Any:
            known = {"value": value, "grad_fn": lambda p, i: jax.grad(of_tree)(p), "obj_fn": of_tree}
            updates, state = opt.update(grads, state, p, **{name: known[name] for name in extras})
            return optax.apply_updates(p, updates), state

        final = jax.tree.map(jax.numpy.asarray, params)
        # Optax takes roots of 32-bit counts in float32.
        state = jax.tree.map(lambda s: s.astype("int64") if s.dtype == "int32" else s, opt.init(final))
        for _ in range(STEPS):
            final, state = one(final, state, *_gradient()(final))
        if finish is not None:
            final = finish(optax, state, final)
        return jax.tree.map(np.asarray, final)


def by_torch(make: Callable[[Any, list[Any]], Any], params: Any) -> Any:
    """Return the parameters after a hundred steps of one of PyTorch's optimizers, in float64."""
    # Some of its optimizers keep numbers of shape () in the default type.
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return _by_torch(torch, make, params)
    finally:
        torch.set_default_dtype(default)


def _by_torch(torch: Any, make: Callable[[Any, list[Any]], Any], params: Any) -> Any:
    leaves, structure = tree.flatten(params)
    tensors = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    opt = make(torch, tensors)
    for _ in range(STEPS):
        opt.zero_grad()
        loss(tensors).backward()
        opt.step()
    return tree.unflatten(structure, [t.detach().numpy() for t in tensors])


def gradients(leaves: list[np.ndarray]) -> list[np.ndarray]:
    """Return the gradients of the loss, by PyTorch."""
    tensors = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    loss(tensors).backward()
    return [t.grad.numpy() for t in tensors]


def largest_error(got: Any, wanted: Any) -> float:
    """Return the largest difference of an array to its reference, relative to the reference's largest element."""
    worst = 0.0
    for a, b in zip(tree.leaves(got), tree.leaves(wanted), strict=True):
        assert a.shape == b.shape
        assert np.all(np.isfinite(b)), "the reference diverges"
        worst = max(worst, float(np.max(np.abs(a - b)) / np.max(np.abs(b))))
    return worst


class Row(NamedTuple):
    """An optimizer and what it is compared with.

    `fixed`: the rate in the state does not last, since it comes from a schedule or the state begins anew.
    """

    name: str
    ours: Callable[[], Any]
    optax: Callable[[Any], Any] | None = None
    torch: Callable[[Any, list[Any]], Any] | None = None
    extras: tuple[str, ...] = ()
    shapes: Any = None
    finish: Callable[..., Any] | None = None
    given: Mapping[str, Any] | None = None
    closed: Callable[[list[np.ndarray]], list[np.ndarray]] | None = None
    fixed: bool = False

    def errors(self) -> list[tuple[str, float]]:
        """Return each reference and the largest relative error after a hundred steps."""
        params = start(SHAPES if self.shapes is None else self.shapes)
        before = [p.copy() for p in tree.leaves(params)]
        got, state = ours(self.ours(), params, self.given)
        assert all(not np.array_equal(a, b) for a, b in zip(tree.leaves(got), before, strict=True)), "nothing moved"
        for p, b in zip(tree.leaves(params), before, strict=True):
            np.testing.assert_array_equal(p, b)
        found: list[tuple[str, float]] = []
        if self.torch is not None:
            found.append(("torch", largest_error(got, by_torch(self.torch, params))))
        if self.closed is not None:
            leaves, structure = tree.flatten(params)
            found.append(("closed form", largest_error(got, tree.unflatten(structure, self.closed(leaves)))))
        if self.optax is not None:
            if self.finish is not None:
                got = optim.schedule_free_eval_params(state, got)
            found.append(("optax", largest_error(got, by_optax(self.optax, params, self.extras, self.finish))))
        return found
