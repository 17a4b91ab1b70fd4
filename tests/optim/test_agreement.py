"""Every optimizer against optax and PyTorch: parameters after a hundred steps in float64."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import oracles
import pytest

from funcnet import optim, random

pytest.importorskip("optax", reason="optax is the oracle of this test")


Row = oracles.Row
MASK = {"rank_0": False, "block": {"kernel": True, "bias": False}, "deep": [True]}


def same(
    name: str,
    *args: Any,
    torch: Callable[[Any, Any], Any] | None = None,
    extras: tuple[str, ...] = (),
    contrib: bool = False,
    fixed: bool = False,
    **options: Any,
) -> Any:
    """Return the row of an optimizer whose name and arguments are the same in optax."""
    shown = ", ".join([name, *(f"{key}={value!r}" for key, value in options.items())])
    mine = {"mask" if (name, key) == ("adadelta", "weight_decay_mask") else key: v for key, v in options.items()}
    return Row(
        shown.replace(str(MASK), "..."),
        lambda: getattr(optim, name)(*args, **mine),
        lambda o: getattr(o.contrib if contrib else o, name)(*args, **options),
        torch,
        extras,
        fixed=fixed,
    )


def in_double(module: Any, result: Any) -> Any:
    """Keep a module of optax from computing in float32 what the rest of it does in float64."""
    if not isinstance(module.jnp, Wide):
        module.jnp = Wide(module.jnp)
    return result


class Wide:
    """JAX's NumPy, in which float32 is float64."""

    def __init__(self, names: Any) -> None:
        self._names = names
        self.float32 = names.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(self._names, name)


def leader(rate: float, l1: float, l2: float, beta: float, n0: float) -> Callable[[Any], Any]:
    """Return FTRL by its definition: at each step the minimum of all terms so far, from nothing."""

    def run(leaves: Any) -> Any:
        start, past, centres, pulls, squares = leaves, [], [], [], [np.full(p.shape, n0) for p in leaves]
        for _ in range(oracles.STEPS):
            grads = oracles.gradients(leaves)
            past.append(grads)
            after = [n + g * g for n, g in zip(squares, grads, strict=True)]
            pulls.append([(np.sqrt(b) - np.sqrt(a)) / rate for a, b in zip(squares, after, strict=True)])
            centres.append(leaves)
            squares = after
            leaves = []
            for i, p in enumerate(start):
                # Slope and curvature at 0 of the smooth part, before l1, which bends it at 0.
                first = (beta + np.sqrt(n0)) / rate + l2
                slope = -p * first - np.sign(p) * l1 + sum(g[i] for g in past)
                slope = slope - sum(s[i] * c[i] for s, c in zip(pulls, centres, strict=True))
                curvature = first + sum(s[i] for s in pulls)
                leaves.append(np.where(np.abs(slope) <= l1, 0.0, -(slope - np.sign(slope) * l1) / curvature))
        return leaves

    return run


# Where an optimizer divides by the size of the gradient, `eps` is large enough or the rate small enough that no element
# reaches its optimum: around it the sign of a rounding error decides, in the reference as well.
TABLE = [
    same("sgd", 0.02, torch=lambda t, p: t.optim.SGD(p, 0.02)),
    same("sgd", 0.02, momentum=0.8, torch=lambda t, p: t.optim.SGD(p, 0.02, momentum=0.8)),
    same(
        "sgd", 0.02, momentum=0.8, nesterov=True, torch=lambda t, p: t.optim.SGD(p, 0.02, momentum=0.8, nesterov=True)
    ),
    Row(
        "trace",
        lambda: optim.chain(optim.trace(0.8, nesterov=True), optim.scale(-0.02)),
        lambda o: o.chain(o.trace(0.8, nesterov=True), o.scale(-0.02)),
    ),
    same("adam", 0.02, torch=lambda t, p: t.optim.Adam(p, 0.02)),
    same("rmsprop", 0.002, decay=0.95, eps=1e-3),
    same(
        "rmsprop",
        0.002,
        decay=0.95,
        eps=1e-2,
        eps_in_sqrt=False,
        torch=lambda t, p: t.optim.RMSprop(p, 0.002, alpha=0.95, eps=1e-2),
    ),
    same(
        "rmsprop",
        0.005,
        decay=0.95,
        eps=1e-2,
        eps_in_sqrt=False,
        centered=True,
        momentum=0.7,
        torch=lambda t, p: t.optim.RMSprop(p, 0.005, alpha=0.95, eps=1e-2, centered=True, momentum=0.7),
    ),
    same("rmsprop", 0.001, bias_correction=True, momentum=0.7, nesterov=True, initial_scale=0.1, eps=1e-3),
    same("rmsprop", 0.002, bias_correction=True, centered=True, eps=0.01),
    Row(
        "add_decayed_weights",
        lambda: optim.chain(optim.add_decayed_weights(0.1, mask=MASK), optim.sgd(0.02)),
        lambda o: o.chain(o.add_decayed_weights(0.1, MASK), o.sgd(0.02)),
    ),
    Row(
        "add_decayed_weights, schedule",
        lambda: optim.chain(optim.add_decayed_weights(lambda count: 0.1 / (count + 1)), optim.sgd(0.02)),
        lambda o: o.chain(o.add_decayed_weights(lambda count: 0.1 / (count + 1)), o.sgd(0.02)),
    ),
    same("adamw", 0.02, weight_decay=0.1, torch=lambda t, p: t.optim.AdamW(p, 0.02, weight_decay=0.1)),
    same("adamw", 0.02, b1=0.8, b2=0.95, weight_decay=0.1, mask=MASK),
    same("nadam", 0.02),
    Row(
        "nadam, momentum_decay=0.004",
        lambda: optim.nadam(0.02, momentum_decay=0.004),
        torch=lambda t, p: t.optim.NAdam(p, 0.02, momentum_decay=0.004),
    ),
    same("nadamw", 0.02, weight_decay=0.1),
    same("adamax", 0.02, torch=lambda t, p: t.optim.Adamax(p, 0.02)),
    same("adamaxw", 0.02, weight_decay=0.1, mask=MASK),
    same("amsgrad", 0.02),
    Row(
        "amsgrad, corrected_maximum=False",
        lambda: optim.amsgrad(0.02, corrected_maximum=False),
        torch=lambda t, p: t.optim.Adam(p, 0.02, amsgrad=True),
    ),
    same("radam", 0.02, b2=0.95, threshold=4.5),
    same("radam", 0.02, eps=0.0, torch=lambda t, p: t.optim.RAdam(p, 0.02, eps=0.0)),
    same("adabelief", 0.005),
    same("acprop", 0.001, contrib=True, eps_root=1e-4, weight_decay=0.1),
    same("yogi", 0.02),
    same("adan", 0.02, weight_decay=0.1),
    same("ademamix", 0.01, contrib=True, b3=0.99, weight_decay=0.1),
    Row(
        "ademamix, schedules",
        lambda: optim.ademamix(0.01, b3=lambda t: 0.9 + t * 0.0005, alpha=lambda t: t * 0.02),
        lambda o: o.contrib.ademamix(0.01, b3=lambda t: 0.9 + t * 0.0005, alpha=lambda t: t * 0.02),
    ),
    same("adopt", 0.02, contrib=True),
    Row(
        "adopt, nesterov, clip_value=None",
        lambda: optim.adopt(0.02, nesterov=True, clip_value=None),
        lambda o: o.contrib.adopt(0.02, nesterov=True, use_clipping=False),
    ),
    same("sign_sgd", 0.003),
    same("signum", 0.003, beta=0.8),
    same("lion", 0.003, weight_decay=0.1, mask=MASK),
    Row(
        "lion, mode=refined",
        lambda: optim.lion(0.003, mode="refined", weight_decay=0.0),
        lambda o: o.chain(o.scale_by_lion(mode="refined"), o.scale(-0.003)),
    ),
    Row(
        "lion, mode=smooth",
        lambda: optim.lion(0.003, mode="smooth", weight_decay=0.0),
        lambda o: o.chain(o.scale_by_lion(mode="smooth"), o.scale(-0.003)),
    ),
    # Optax's rprop makes each step one update later than PyTorch's and ours.
    Row(
        "rprop",
        lambda: optim.rprop(0.001, max_step_size=0.05),
        torch=lambda t, p: t.optim.Rprop(p, 0.001, step_sizes=(1e-6, 0.05)),
    ),
    same("adagrad", 0.05),
    Row(
        "adagrad, eps_in_sqrt=False",
        lambda: optim.adagrad(0.05, initial_accumulator_value=0.2, eps=1e-3, eps_in_sqrt=False),
        torch=lambda t, p: t.optim.Adagrad(p, 0.05, initial_accumulator_value=0.2, eps=1e-3),
    ),
    same("adadelta", 1.0, torch=lambda t, p: t.optim.Adadelta(p, 1.0)),
    same("adadelta", 0.3, rho=0.8, eps=1e-4, weight_decay=0.1, weight_decay_mask=MASK),
    Row(
        "ftrl",
        lambda: optim.ftrl(0.05, l1=0.05, l2=0.1, beta=0.5),
        closed=leader(0.05, 0.05, 0.1, 0.5, 0.1),
    ),
    Row(
        "asgd",
        lambda: optim.asgd(0.02, decay=0.05, alpha=0.6, t0=20.0, weight_decay=0.1),
        torch=lambda t, p: t.optim.ASGD(p, 0.02, lambd=0.05, alpha=0.6, t0=20, weight_decay=0.1),
    ),
    same("lars", 0.5, trust_coefficient=0.05, weight_decay=0.1, momentum=0.8, nesterov=True),
    same("lars", 0.005, weight_decay_mask=MASK, weight_decay=0.1, trust_ratio_mask=MASK),
    same("lamb", 0.01, weight_decay=0.1, mask=MASK),
    same("fromage", 0.01),
    same("novograd", 0.01, weight_decay=0.1),
    Row(
        "sm3",
        lambda: optim.sm3(0.05),
        lambda o: o.sm3(0.05),
        shapes={"kernel": (3, 4), "bias": (4,), "deep": (2, 3, 2)},
    ),
    Row(
        "sm3, decay",
        lambda: optim.chain(optim.scale_by_sm3(b1=0.8, b2=0.95), optim.scale(-0.01)),
        lambda o: o.chain(o.scale_by_sm3(b1=0.8, b2=0.95), o.scale(-0.01)),
        shapes={"kernel": (3, 4), "bias": (4,), "deep": (2, 3, 2)},
    ),
    same("madgrad", 0.01, contrib=True, weight_decay=0.1),
    same("cocob", contrib=True, weight_decay=0.1, mask=MASK),
    same("optimistic_gradient_descent", 0.02, beta=0.5),
    same("optimistic_adam_v2", 0.01, alpha=0.8, beta=0.5),
    same("optimistic_adam_v2", 0.01, nesterov=False),
    same("dog", contrib=True, init_step=("heuristic", 1e-3), weight_decay=0.1),
    same("dog", contrib=True, init_step=("distance", 0.01)),
    same("dog", 0.5, contrib=True, init_step=("learning_rate", 0.01)),
    Row("dowg", lambda: optim.dowg(eps=1e-3), lambda o: o.contrib.dowg(eps=1e-3)),
    Row(
        "dowg, init_squared_distance=0.01",
        lambda: optim.dowg(0.5, init_squared_distance=0.01, weight_decay=0.1, mask=MASK),
        lambda o: o.contrib.dowg(0.5, init_estim_sq_dist=0.01, weight_decay=0.1, mask=MASK),
    ),
    Row(
        "dadapt_adamw",
        lambda: optim.dadapt_adamw(b1=0.8, b2=0.99, estim_lr0=1e-3, weight_decay=0.1),
        lambda o: o.contrib.dadapt_adamw(betas=(0.8, 0.99), estim_lr0=1e-3, weight_decay=0.1),
    ),
    Row(
        "prodigy",
        lambda: optim.prodigy(0.5, b1=0.8, b2=0.99, estim_lr0=1e-3, weight_decay=0.1),
        lambda o: o.contrib.prodigy(0.5, betas=(0.8, 0.99), estim_lr0=1e-3, weight_decay=0.1),
    ),
    same("prodigy", 0.3, contrib=True, safeguard_warmup=True, estim_lr0=1e-2, estim_lr_coef=0.5),
    same("polyak_sgd", 0.05, extras=("value",)),
    same("polyak_sgd", 0.05, extras=("value",), scaling=0.5, f_min=2.5, eps=0.01, variant="sps+"),
    same("momo", 0.05, contrib=True, extras=("value",), weight_decay=0.1),
    same("momo", 0.5, contrib=True, extras=("value",), adapt_lower_bound=True, lower_bound=0.1),
    same("momo_adam", 0.02, contrib=True, extras=("value",), weight_decay=0.1),
    same("momo_adam", 0.2, contrib=True, extras=("value",), adapt_lower_bound=True),
    Row(
        "schedule_free",
        lambda: optim.schedule_free(optim.adamw(0.01, weight_decay=0.1), 0.01, b1=0.8, weight_lr_power=1.0),
        lambda o: o.contrib.schedule_free(o.adamw(0.01, weight_decay=0.1), 0.01, b1=0.8, weight_lr_power=1.0),
    ),
    same("schedule_free_sgd", 0.03, contrib=True, warmup_steps=10, weight_decay=0.1, fixed=True),
    same("schedule_free_adamw", 0.01, contrib=True, weight_decay=0.1),
    Row(
        "schedule_free_adamw, eval_params",
        lambda: optim.schedule_free_adamw(0.01, warmup_steps=20, b1=0.95),
        lambda o: o.contrib.schedule_free_adamw(0.01, warmup_steps=20, b1=0.95),
        finish=lambda o, state, params: o.contrib.schedule_free_eval_params(state, params),
        fixed=True,
    ),
    # A large eps: Mechanic goes up to the edge of stability, where rounding errors grow without bound.
    Row(
        "mechanize, sgd",
        lambda: optim.mechanize(optim.sgd(0.01), s_init=0.01, eps=3.0),
        lambda o: o.contrib.mechanize(o.sgd(0.01), s_init=0.01, eps=3.0),
    ),
    Row(
        "mechanize, adamw",
        lambda: optim.mechanize(optim.adamw(0.05), num_betas=4, s_init=0.1, eps=3.0, weight_decay=0.1),
        lambda o: o.contrib.mechanize(o.adamw(0.05), num_betas=4, s_init=0.1, eps=3.0, weight_decay=0.1),
    ),
    Row(
        "sam",
        lambda: optim.sam(optim.adam(0.02), optim.sgd(0.01, momentum=0.5), sync_period=3),
        lambda o: o.contrib.sam(o.adam(0.02), o.sgd(0.01, momentum=0.5), sync_period=3),
        fixed=True,
    ),
    Row(
        "sam, reset_state=False",
        lambda: optim.sam(optim.adam(0.02), optim.sgd(0.01, momentum=0.5), sync_period=3, reset_state=False),
        lambda o: o.contrib.sam(o.adam(0.02), o.sgd(0.01, momentum=0.5), sync_period=3, reset_state=False),
    ),
    Row(
        "sam, opaque",
        lambda: optim.sam(
            optim.sgd(0.02, momentum=0.8),
            optim.chain(optim.normalize_by_update_norm(eps=0.0), optim.sgd(0.05)),
            opaque=True,
            reset_state=False,
        ),
        lambda o: o.contrib.sam(
            o.sgd(0.02, momentum=0.8), o.chain(o.contrib.normalize(), o.sgd(0.05)), opaque_mode=True, reset_state=False
        ),
        extras=("grad_fn",),
    ),
    Row(
        "noisy_sgd",
        lambda: optim.noisy_sgd(0.02, random.key(3), eta=0.1),
        lambda o: o.noisy_sgd(0.02, eta=0.1, gamma=0.55, key=3),
    ),
    Row(
        "adafactor",
        lambda: optim.adafactor(0.05, min_dim_size_to_factor=2, momentum=0.8, weight_decay=0.01, mask=MASK),
        lambda o: in_double(o._src.factorized, o).adafactor(
            0.05,
            min_dim_size_to_factor=2,
            momentum=0.8,
            weight_decay_rate=0.01,
            weight_decay_mask=MASK,
            dtype_momentum="float64",
        ),
    ),
    Row(
        "adafactor, whole",
        lambda: optim.adafactor(0.01, clipping_threshold=None, multiply_by_parameter_scale=False, decay_rate=0.6),
        lambda o: in_double(o._src.factorized, o).adafactor(
            0.01, clipping_threshold=None, multiply_by_parameter_scale=False, decay_rate=0.6
        ),
    ),
    Row(
        "scale_by_param_block_norm",
        lambda: optim.chain(optim.scale_by_param_block_norm(min_scale=0.5), optim.scale(-0.01)),
        lambda o: o.chain(o.scale_by_param_block_norm(min_scale=0.5), o.scale(-0.01)),
    ),
    same("muon", 0.01, contrib=True, weight_decay=0.1),
    Row(
        "muon, variants",
        lambda: optim.muon(0.01, nesterov=False, adaptive=True, consistent_rms=0.2, steps=4, adam_learning_rate=0.02),
        lambda o: o.contrib.muon(
            0.01, nesterov=False, adaptive=True, consistent_rms=0.2, ns_steps=4, adam_learning_rate=0.02
        ),
    ),
    Row(
        "galore",
        lambda: optim.galore(0.01, rank=2, update_proj_gap=30, scale=0.5, weight_decay=0.1),
        lambda o: in_double(o.contrib._galore, o.contrib).galore(
            0.01, rank=2, update_proj_gap=30, scale=0.5, weight_decay=0.1
        ),
        shapes={"tall": (5, 3), "wide": (3, 4), "bias": (4,), "deep": (2, 3, 2)},
    ),
    Row(
        "sophia",
        lambda: optim.sophia(0.005, random.key(0), b1=0.9, weight_decay=0.1, update_interval=5),
        lambda o: o.contrib.sophia(0.005, b1=0.9, weight_decay=0.1, update_interval=5),
        extras=("obj_fn",),
    ),
]


def errors() -> Iterator[tuple[str, str, float]]:
    """Yield optimizer, reference, and the largest relative error of a parameter after a hundred steps."""
    for row in TABLE:
        for reference, error in row.errors():
            yield row.name, reference, error


# Which row shows that a requirement is met.
REQUIREMENTS = {
    "sgd": ("D94", "PX12"),
    "sgd, momentum=0.8": ("D95",),
    "sgd, momentum=0.8, nesterov=True": ("P61",),
    "adagrad": ("D96", "P62", "PX12"),
    "adadelta": ("D97",),
    "adam": ("D98", "P59"),
    "adamw, weight_decay=0.1": ("P60",),
}


def test_requirements_name_rows() -> None:
    assert {row.name for row in TABLE} >= set(REQUIREMENTS)
    assert len({row.name for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row.name,
            marks=[pytest.mark.requirement(*REQUIREMENTS[row.name])] if row.name in REQUIREMENTS else [],
        )
        for row in TABLE
    ],
)
def test_hundred_steps_equal_the_references(row: Any) -> None:
    found = row.errors()
    assert found
    for reference, error in found:
        assert error <= 1e-10, reference
