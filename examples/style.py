"""Paint one photograph in the manner of another.

    python examples/style.py --backend numpy|cupy|torch

What it shows: gradients with respect to an image in place of parameters, and L-BFGS with a line search. The manner of
an image is what the Gram matrices of its features keep: which features occur together, but not where. The features are
those of random filters on three scales, which tell colours and textures apart without being trained. Both photographs
come with scikit-learn.
"""

import argparse
from functools import partial
from typing import Any

import numpy as np
from common import basic_options, figure, need, progress, run, save_picture

import funcnet as fn
from funcnet import losses, nn, optim, random, xp

Array = Any
#: How much each part of the loss weighs.
STYLE, CONTENT, SMOOTHNESS = 1.0, 2.0, 4e-6
#: On how many scales there are features: each has half the size of the one before.
SCALES = 3

shrink = nn.functional.avg_pool
convolve = partial(nn.functional.conv, padding="SAME", padding_mode="reflect")


def photograph(name: str, size: int) -> Array:
    """Return the middle of one of scikit-learn's photographs as an image (1, size, size, 3) from 0 to 1."""
    image = need("sklearn.datasets", "data").load_sample_image(name) / 255
    factor = min(image.shape[:2]) // size
    top, left = ((length - factor * size) // 2 for length in image.shape[:2])
    middle = image[top : top + factor * size, left : left + factor * size]
    return shrink(xp.asarray(middle[None], dtype=fn.backends.default_dtype()), factor)


def image_of(canvas: Array) -> Array:
    """Return the image that numbers of any size stand for: its values are between 0 and 1."""
    return nn.functional.sigmoid(canvas)


def canvas_of(image: Array) -> Array:
    """Return the numbers that stand for an image."""
    image = xp.clip(image, 0.02, 0.98)
    return xp.log(image / (1 - image))


def features(filters: Array, image: Array) -> list[Array]:
    """Return what the filters find in an image on each scale: the network is no more than this."""
    found = []
    for _ in range(SCALES):
        found.append(nn.functional.relu(convolve(image - 0.5, filters)))
        image = shrink(image, 2)
    return found


def gram(features: Array) -> Array:
    """Return how much each two features occur together: (channels, channels)."""
    flat = xp.reshape(features, (-1, features.shape[-1]))
    return flat.T @ flat / flat.shape[0]


def content_of(image: Array) -> Array:
    """Return the shades of an image at half its size, without its colours."""
    return shrink(xp.mean(image, axis=-1, keepdims=True), 2)


def make_loss(filters: Array, content: Array, style: Array) -> Any:
    """Return the loss of a canvas: how far it is from the content of one image and from the manner of another one."""
    wanted = [gram(f) for f in features(filters, style)]
    shades = content_of(content)

    def loss(canvas: Array) -> Array:
        image = image_of(canvas)
        found = [gram(f) for f in features(filters, image)]
        manner = sum(xp.sum((a - b) ** 2) / xp.sum(b**2) for a, b in zip(found, wanted, strict=True))
        return (
            STYLE * manner
            + CONTENT * losses.mse(content_of(image), shades)
            + SMOOTHNESS * losses.total_variation(image)
        )

    return loss


def draw(path: Any, images: dict[str, np.ndarray]) -> None:
    """Draw images beside each other."""
    canvas = figure((4 * len(images), 4.3))
    for axes, (name, image) in zip(canvas.subplots(1, len(images)), images.items(), strict=True):
        axes.imshow(image[0])
        axes.set_title(name)
        axes.set_axis_off()
    save_picture(canvas, path)


def main(args: argparse.Namespace) -> None:
    """Paint."""
    size, count = (48, 8) if args.small else (128, 32)
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        content, style = photograph(args.content, size), photograph(args.style, size)
        filters = nn.initializers.he_normal()(random.key(args.seed), (7, 7, 3, count))
        loss = make_loss(filters, content, style)
        optimizer = optim.lbfgs()

        @fn.jit
        def step(canvas: Array, state: Any) -> tuple[Array, Any, Array]:
            value, grad = fn.value_and_grad(loss)(canvas)
            updates, state = optimizer.update(grad, state, canvas, value=value, grad=grad, value_fn=loss)
            return optim.apply_updates(canvas, updates), state, value

        canvas = start = canvas_of(content)
        state = optimizer.init(canvas)
        for number in (bar := progress(range(1, args.steps + 1), unit="step")):
            canvas, state, value = step(canvas, state)
            if number in (1, args.steps) or number % 20 == 0:
                bar.write(f"step {number:3d}  loss {float(value):.4f}")
        first, last = float(loss(start)), float(loss(canvas))
        images = {"content": content, "manner": style, "painted": image_of(canvas)}
        images = {name: fn.to_numpy(image) for name, image in images.items()}
    draw(args.out / "style.png", images)
    print(f"loss: {last:.4f}, of the photograph itself: {first:.4f}")
    print(f"picture: {args.out / 'style.png'}")


if __name__ == "__main__":
    parser = basic_options(__doc__, out="outputs/style", full=100, small=15)
    photographs = ("china.jpg", "flower.jpg")
    parser.add_argument("--content", choices=photographs, default=photographs[0], help="what is painted")
    parser.add_argument("--style", choices=photographs, default=photographs[1], help="in whose manner")
    run(main, parser)
