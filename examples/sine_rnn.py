"""Teach a recurrent network to continue a noisy sine, with back-propagation that is cut off after some steps.

    python examples/sine_rnn.py --backend numpy|cupy|torch

What it shows: the memory of a recurrent layer as a value like any other. The series is read in pieces. Each piece
begins with the memory that the one before left behind, but `fn.stop_gradient` keeps the gradient from following it
further into the past, so that the cost of a step does not grow with the length of the series. Afterwards the network
runs on its own predictions.
"""

import argparse
import math
from typing import Any

import numpy as np
from common import basic_options, figure, progress, run, save_picture

import funcnet as fn
from funcnet import losses, nn, optim, random, xp

Array = Any
#: Steps of time in a period of the sine, in a piece, and in the whole series.
PERIOD, PIECE, LENGTH = 25, 30, 600
#: How many series, each with a phase of its own, are read at once.
SERIES = 16

memory_layer = nn.lstm(32, return_carry=True)
readout = nn.dense(1)


def make_series(key: Array) -> Array:
    """Return sines of shape (SERIES, LENGTH + 1, 1) with random phases, and with noise."""
    phase_key, noise_key = xp.unstack(random.split(key))
    phase = random.uniform(phase_key, (SERIES, 1)) * 2 * math.pi
    time = xp.arange(LENGTH + 1, dtype=phase.dtype)
    clean = xp.sin(2 * math.pi / PERIOD * time + phase)
    return xp.expand_dims(clean + 0.05 * random.normal(noise_key, clean.shape), axis=-1)


def init(key: Array) -> dict:
    """Return the parameters of both layers."""
    memory_key, readout_key = xp.unstack(random.split(key))
    return {
        "memory": memory_layer.init(memory_key, (SERIES, PIECE, 1))[0],
        "readout": readout.init(readout_key, (SERIES, PIECE, 32))[0],
    }


def predict(params: dict, inputs: Array, carry: Any = None) -> tuple[Array, Any]:
    """Return for each value (batch, time, 1) a prediction of the next one, and the memory after the last."""
    (hidden, carry), _ = memory_layer.apply(params["memory"], {}, inputs, carry=carry)
    return readout.apply(params["readout"], {}, hidden)[0], carry


def loss(params: dict, carry: Any, piece: Array) -> tuple[Array, Any]:
    """Return the mean squared error of the predictions in a piece, and the memory for the next piece."""
    # The memory has values, but for the gradient it is a constant: here the past ends.
    predictions, carry = predict(params, piece[:, :-1, :], fn.stop_gradient(carry))
    return losses.mse(predictions, piece[:, 1:, :]), carry


def dream(params: dict, start: Array, steps: int) -> Array:
    """Return how the series (1, time, 1) goes on when each prediction is taken for the next value."""
    predictions, carry = predict(params, start)

    def go_on(state: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], Array]:
        value, carry = state
        following, carry = predict(params, value, carry)
        return (following, carry), value[0, 0, 0]

    return fn.scan(go_on, (predictions[:, -1:, :], carry), length=steps)[1]


def draw(path: Any, values: list[float], truth: np.ndarray, start: int, continued: np.ndarray) -> None:
    """Draw the loss of each step, and the series with how it goes on."""
    canvas = figure((9, 3.6))
    left, right = canvas.subplots(1, 2)
    left.plot(range(1, len(values) + 1), values)
    left.set(xlabel="step", ylabel="mean squared error", yscale="log")
    right.plot(truth, color="grey", lw=1, label="sine")
    right.plot(range(start, start + len(continued)), continued, label="the network on its own")
    right.axvline(start, color="black", lw=0.5)
    right.set(xlabel="time", ylim=(-1.6, 1.6))
    right.legend(loc="upper right")
    save_picture(canvas, path)


def main(args: argparse.Namespace) -> None:
    """Train, let the network go on by itself, and draw."""
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        data_key, init_key = xp.unstack(random.split(random.key(args.seed)))
        series = make_series(data_key)
        params = init(init_key)
        optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(optim.schedules.cosine(1e-2, args.steps)))
        state = optimizer.init(params)
        nothing = fn.tree.map(xp.zeros_like, predict(params, series[:, :1, :])[1])

        @fn.jit
        def step(params: dict, state: Any, carry: Any, piece: Array) -> tuple:
            (value, carry), grads = fn.value_and_grad(loss, has_aux=True)(params, carry, piece)
            updates, state = optimizer.update(grads, state, params)
            return optim.apply_updates(params, updates), state, carry, value

        values: list[float] = []
        carry = nothing
        for number in (bar := progress(range(args.steps), unit="step")):
            start = number * PIECE % LENGTH
            if start == 0:  # the beginning of the series, where there is nothing to remember
                carry = nothing
            params, state, carry, value = step(params, state, carry, series[:, start : start + PIECE + 1, :])
            values.append(float(value))
            if (number + 1) % 100 == 0:
                bar.write(f"step {number + 1:4d}  loss {values[-1]:.5f}")
        # A sine without noise, which the network sees for four periods and continues for four.
        seen, ahead = 4 * PERIOD, 4 * PERIOD
        truth = xp.sin(2 * math.pi / PERIOD * xp.arange(seen + ahead, dtype=series.dtype))
        continued = dream(params, xp.reshape(truth[:seen], (1, -1, 1)), ahead)
        error = float(xp.sqrt(losses.mse(continued, truth[seen:])))
        draw(args.out / "sine.png", values, fn.to_numpy(truth), seen, fn.to_numpy(continued))
    last = values[-20:]
    print(f"mean squared error of the next value: {sum(last) / len(last):.5f} (of the noise alone: 0.0025)")
    print(f"root mean square error over {ahead} steps on its own: {error:.3f}")
    print(f"picture: {args.out / 'sine.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/sine_rnn", full=600, small=100))
