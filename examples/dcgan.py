"""Let two networks compete: one paints digits, and the other tells them from real ones.

    python examples/dcgan.py --backend numpy|cupy|torch

What it shows: two models, two optimizers, and one step in which each has a loss of its own. The generator turns noise
into images, the discriminator scores images, and both keep running statistics in their states. The images are the 1,797
scans of digits that come with scikit-learn.
"""

import argparse
from typing import Any

import numpy as np
from common import basic_options, figure, gallery, need, progress, run, save_picture

import funcnet as fn
from funcnet import losses, nn, optim, random, xp

Array = Any
BATCH_SIZE, NOISE = 64, 16


def main(args: argparse.Namespace) -> None:
    """Train both, and draw what the generator paints."""
    scans = need("sklearn.datasets", "data").load_digits().images
    width = 8 if args.small else 32
    generator = nn.models.dcgan_generator(1, size=8, width=width)
    discriminator = nn.models.dcgan_discriminator(size=8, width=width)
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        painter_key, judge_key, train_key, noise_key = xp.unstack(random.split(random.key(args.seed), 4))
        # From -1 to 1, as the generator's images are.
        real = xp.asarray(scans[..., None] / 8 - 1, dtype=fn.backends.default_dtype())
        painter, painter_state = generator.init(painter_key, (BATCH_SIZE, NOISE))
        judge, judge_state = discriminator.init(judge_key, (BATCH_SIZE, 8, 8, 1))
        optimizer = optim.adam(1e-3, b1=0.5)

        def judged(judge: Any, state: Any, images: Array, *, genuine: bool) -> tuple[Array, Any]:
            """Return how wrong the discriminator is if all of these images are real, or none of them is."""
            logits, state = discriminator.apply(judge, state, images, train=True)
            # Not quite 1, so that the discriminator does not become too sure of itself.
            return losses.sigmoid_cross_entropy(logits, xp.full_like(logits, 0.9 if genuine else 0.0)), state

        def judge_loss(judge: Any, state: Any, images: Array, painted: Array) -> tuple[Array, Any]:
            found, state = judged(judge, state, images, genuine=True)
            missed, state = judged(judge, state, painted, genuine=False)
            return found + missed, state

        def painter_loss(painter: Any, state: Any, judge: Any, judge_state: Any, noise: Array) -> tuple[Array, Any]:
            """Return how far the discriminator is from taking the painted images for real ones."""
            painted, state = generator.apply(painter, state, noise, train=True)
            return judged(judge, judge_state, painted, genuine=True)[0], (state, painted)

        @fn.jit
        def step(players: tuple, states: tuple, memories: tuple, images: Array, key: Array) -> tuple:
            """Return both networks after an update of each, and both losses."""
            (painter, judge), (painter_state, judge_state) = players, states
            noise = random.normal(key, (BATCH_SIZE, NOISE))
            (painter_value, (painter_state, painted)), painter_grads = fn.value_and_grad(painter_loss, has_aux=True)(
                painter, painter_state, judge, judge_state, noise
            )
            (judge_value, judge_state), judge_grads = fn.value_and_grad(judge_loss, has_aux=True)(
                judge, judge_state, images, painted
            )
            painter, painter_memory = update(painter, painter_grads, memories[0])
            judge, judge_memory = update(judge, judge_grads, memories[1])
            values = xp.stack([painter_value, judge_value])
            return (painter, judge), (painter_state, judge_state), (painter_memory, judge_memory), values

        def update(params: Any, grads: Any, memory: Any) -> tuple[Any, Any]:
            updates, memory = optimizer.update(grads, memory, params)
            return optim.apply_updates(params, updates), memory

        players, states = (painter, judge), (painter_state, judge_state)
        memories = (optimizer.init(painter), optimizer.init(judge))
        values = []
        for number in (bar := progress(range(1, args.steps + 1), unit="step")):
            chosen_key, key = xp.unstack(random.split(random.fold_in(train_key, number)))
            images = xp.take(real, random.randint(chosen_key, (BATCH_SIZE,), 0, real.shape[0]), axis=0)
            players, states, memories, value = step(players, states, memories, images, key)
            values.append(fn.to_numpy(value))
            if number in (1, args.steps) or number % 200 == 0:
                bar.write(f"step {number:4d}  generator {values[-1][0]:.3f}  discriminator {values[-1][1]:.3f}")
        # As many as there are scans, so that their averages can be compared.
        noise = random.normal(noise_key, (real.shape[0], NOISE))
        average = xp.mean(real, axis=0)
        painted, _ = generator.apply(players[0], states[0], noise)
        untrained, _ = generator.apply(painter, painter_state, noise)
        after, before = (float(losses.mae(xp.mean(images, axis=0), average)) for images in (painted, untrained))
        pictures = fn.to_numpy(painted)[:64, ..., 0]
    args.out.mkdir(parents=True, exist_ok=True)
    gallery(args.out / "painted.png", pictures, [""] * 64, marked=[False] * 64)
    canvas = figure((6, 4))
    axes = canvas.subplots()
    for name, line in zip(("generator", "discriminator"), np.stack(values).T, strict=True):
        axes.plot(range(1, len(line) + 1), line, lw=0.8, label=name)
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    save_picture(canvas, args.out / "loss.png")
    print(f"distance between the average images, painted and real: {after:.3f}, without training {before:.3f}")
    print(f"pictures: {args.out / 'painted.png'}, {args.out / 'loss.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/dcgan", full=1500, small=60))
