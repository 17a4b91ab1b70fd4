"""Teach a small network to tell the three arms of a spiral apart, and draw where it draws the line.

    python examples/spiral.py --backend numpy|cupy|torch

What it shows: the whole of a training program in few lines. The data are made from a random key, the loss is a pure
function of the parameters, and one step of the optimizer runs as one graph.
"""

import argparse
from typing import Any

import numpy as np
from common import basic_options, figure, progress, run, save_picture

import funcnet as fn
from funcnet import losses, nn, optim, random, xp

Array = Any
ARMS, POINTS = 3, 100


def spiral(key: Array) -> tuple[Array, Array]:
    """Return points (n, 2) on three arms that wind outward around each other, and the number of each one's arm."""
    radius = xp.linspace(0.0, 1.0, POINTS)
    arm = xp.arange(ARMS)
    noise = 0.2 * random.normal(key, (ARMS, POINTS))
    angle = 4 * radius + 4 * xp.astype(arm, radius.dtype)[:, None] + noise
    points = xp.stack([radius * xp.sin(angle), radius * xp.cos(angle)], axis=-1)
    return xp.reshape(points, (-1, 2)), xp.repeat(arm, POINTS)


init, apply = nn.stateless(nn.mlp([32, 32, ARMS], activation="tanh"))


def loss(params: Any, points: Array, arms: Array) -> Array:
    """Return the mean cross-entropy."""
    return losses.softmax_cross_entropy(apply(params, points), arms)


def draw(path: Any, params: Any, points: Array, arms: Array) -> None:
    """Colour the plane by the arm that the network takes each place for, and put the points on it."""
    side = np.linspace(-1.25, 1.25, 301)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    scores = apply(params, xp.asarray(plane.reshape(-1, 2), dtype=points.dtype))
    probabilities = fn.to_numpy(nn.functional.softmax(scores)).reshape(*plane.shape[:2], ARMS)
    canvas = figure((5, 5))
    axes = canvas.subplots()
    axes.imshow(probabilities, extent=(-1.25, 1.25, -1.25, 1.25), origin="lower", alpha=0.6)
    colours = np.eye(ARMS)[fn.to_numpy(arms)] * 0.8
    axes.scatter(*fn.to_numpy(points).T, c=colours, s=14, edgecolors="white", linewidths=0.5)
    axes.set_axis_off()
    save_picture(canvas, path)


def main(args: argparse.Namespace) -> None:
    """Train on one spiral, test on another one, and draw."""
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        data_key, test_key, init_key = xp.unstack(random.split(random.key(args.seed), 3))
        points, arms = spiral(data_key)
        params = init(init_key, points.shape)
        optimizer = optim.adam(optim.schedules.cosine(2e-2, args.steps))
        state = optimizer.init(params)

        @fn.jit
        def step(params: Any, state: Any) -> tuple[Any, Any, Array]:
            value, grads = fn.value_and_grad(loss)(params, points, arms)
            updates, state = optimizer.update(grads, state, params)
            return optim.apply_updates(params, updates), state, value

        for number in (bar := progress(range(1, args.steps + 1), unit="step")):
            params, state, value = step(params, state)
            if number in (1, args.steps) or number % 200 == 0:
                bar.write(f"step {number:4d}  loss {float(value):.4f}")
        test_points, test_arms = spiral(test_key)
        accuracy = 100 * float(losses.accuracy(apply(params, test_points), test_arms))
        draw(args.out / "spiral.png", params, test_points, test_arms)
    print(f"accuracy on another spiral: {accuracy:.2f} %")
    print(f"picture: {args.out / 'spiral.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/spiral", full=1000, small=200))
