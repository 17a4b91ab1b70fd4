"""Compiled loops over steps."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp
from funcnet.compiler.execute import finish_compiling


class HiddenStates:
    """The forward algorithm of hidden Markov models, with few states along the last axis or along the first one."""

    params = (("last", "first"), ("value", "gradient"))
    param_names = ("states", "of")
    timeout = 300

    def setup(self, states: str, of: str) -> None:
        draws = np.random.default_rng(0)
        last = states == "last"
        moves = draws.normal(size=(8, 8)).astype(np.float32)
        seen = draws.normal(size=(50, 256, 8) if last else (50, 8, 256)).astype(np.float32)
        axis = 1 if last else 0

        def forward(moves: Any, seen: Any) -> Any:
            def step(a: Any, o: Any) -> Any:
                both = a[:, :, None] + moves[None] if last else a[:, None, :] + moves[:, :, None]
                return xp.logsumexp(both, axis=axis) + o, None

            a, _ = fn.scan(step, seen[0], seen[1:])
            return xp.mean(xp.logsumexp(a, axis=axis))

        call = fn.jit(forward if of == "value" else fn.value_and_grad(forward, argnums=(0, 1)))
        self.run = lambda: call(moves, seen)
        for _ in range(4):
            self.run()
            finish_compiling()

    def time_steps(self, *_: Any) -> None:
        self.run()


class KalmanFilter:
    """The likelihood of a Kalman filter with four states and two measurements, and its gradient."""

    timeout = 300

    def setup(self) -> None:
        draws = np.random.default_rng(0)
        moves, sees = (0.5 * draws.normal(size=s).astype(np.float32) for s in ((4, 4), (2, 4)))
        seen = draws.normal(size=(50, 2)).astype(np.float32)
        states, parts = np.eye(4, dtype=np.float32), np.eye(2, dtype=np.float32)

        def likelihood(moves: Any, sees: Any) -> Any:
            def step(carry: Any, z: Any) -> Any:
                m, p = carry
                m, p = moves @ m, moves @ p @ moves.T + states
                spread, error = sees @ p @ sees.T + parts, z - sees @ m
                gain = xp.linalg.solve(spread, sees @ p).T
                size = error @ xp.linalg.solve(spread, error) + xp.linalg.slogdet(spread)[1]
                return (m + gain @ error, (states - gain @ sees) @ p), size

            return xp.sum(fn.scan(step, (np.zeros(4, np.float32), states), seen)[1])

        call = fn.jit(fn.value_and_grad(likelihood, argnums=(0, 1)))
        self.run = lambda: call(moves, sees)
        for _ in range(4):
            self.run()
            finish_compiling()

    def time_filter(self) -> None:
        self.run()
