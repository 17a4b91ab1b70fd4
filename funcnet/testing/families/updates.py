"""Steps of optimizers: two updates of an operand along another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import optim
from funcnet.testing.families.operation import GAP, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UPDATES"]

_SMALL = 0.02


def _same(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    return () if a.shape == b.shape and a.ndim else None


def _smooth(p: Any, g: Any) -> bool:
    # Square roots and signs of gradients.
    return bool(np.min(np.abs(g)) > _SMALL) and bool(np.min(np.abs(p)) > GAP)


def _updated(make: Callable[[], Any]) -> Operation:
    def run(xp: Any, p: Any, g: Any) -> Any:
        rule = make()
        # The state of a caller is of the precision of the parameters, and part of what is differentiated.
        params = {"w": p, "b": xp.sum(p)}
        state = rule.init(params)
        for scale in (1.0, 0.7):
            updates, state = rule.update({"w": g * scale, "b": xp.mean(g)}, state, params)
            params = optim.apply_updates(params, updates)
        return params["w"] * params["b"]

    return Operation(2, run, _same, _smooth)


UPDATES: dict[str, Operation] = {
    name: _updated(make)
    for name, make in {
        "sgd": lambda: optim.sgd(0.1),
        "momentum": lambda: optim.sgd(0.1, momentum=0.9, nesterov=True),
        "adam": lambda: optim.adam(0.1),
        "adamw": lambda: optim.adamw(0.1, weight_decay=0.1),
        "nadam": lambda: optim.nadam(0.1),
        "radam": lambda: optim.radam(0.1),
        "adabelief": lambda: optim.adabelief(0.1, eps=1e-3),
        "adamax": lambda: optim.adamax(0.1),
        "amsgrad": lambda: optim.amsgrad(0.1),
        "rmsprop": lambda: optim.rmsprop(0.1),
        "adagrad": lambda: optim.adagrad(0.1),
        "adadelta": lambda: optim.adadelta(0.5),
        "lion": lambda: optim.lion(0.1),
        "lamb": lambda: optim.lamb(0.1),
        "yogi": lambda: optim.yogi(0.1),
        "novograd": lambda: optim.novograd(0.1),
        "clipped": lambda: optim.chain(optim.clip_by_global_norm(0.5), optim.adam(0.1)),
        "scheduled": lambda: optim.adam(optim.schedules.cosine(0.1, 10)),
    }.items()
}
