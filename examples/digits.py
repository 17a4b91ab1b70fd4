"""Train a network on 1,797 scanned digits, and look at those that it gets wrong.

    python examples/digits.py --backend numpy|cupy|torch
    python examples/digits.py --load outputs/digits/digits.safetensors

A fifth of the scans is held back for the test. The same seed gives the same figures on every backend: the default data
type is float64, since libraries round differently, and in float32 the differences grow during training until they show.
"""

import argparse
import math
import time
from typing import Any, NamedTuple

import numpy as np
from common import curves, gallery, need, options, run

import funcnet as fn
from funcnet import losses, nn, optim, random, serialize, xp

Array = Any
Params = Any


class Data(NamedTuple):
    """Images of shape (n, 8, 8) with values from 0 to 1, and the digits they show."""

    images: Array
    labels: Array


def load_data(key: Array) -> tuple[Data, Data]:
    """Return the training and the test data as arrays of the current backend, split at random."""
    digits = need("sklearn.datasets", "data").load_digits()
    images = xp.asarray(digits.images / 16, dtype=fn.backends.default_dtype())
    labels = xp.asarray(digits.target)
    order = random.permutation(key, len(digits.target))
    test = len(digits.target) // 5
    return pick(Data(images, labels), order[test:]), pick(Data(images, labels), order[:test])


def pick(data: Data, indices: Array) -> Data:
    """Return some of the examples."""
    return Data(xp.take(data.images, indices, axis=0), xp.take(data.labels, indices, axis=0))


# The model: a pair of functions. `init` makes the parameters, a dict of arrays; `apply` computes the scores of classes.
init, apply = nn.stateless(
    nn.sequential(
        nn.flatten(),
        nn.dense(256, kernel_init=nn.initializers.he_normal()),
        nn.relu(),
        nn.dropout(0.3),
        nn.dense(256, kernel_init=nn.initializers.he_normal()),
        nn.relu(),
        nn.dropout(0.3),
        nn.dense(10),
    )
)


def loss(params: Params, batch: Data, key: Array) -> Array:
    """Return the mean cross-entropy of a batch."""
    logits = apply(params, batch.images, key=key, train=True)
    return losses.softmax_cross_entropy(logits, batch.labels)


def step(optimizer: optim.Transform, params: Params, state: Any, batch: Data, key: Array) -> tuple[Params, Any, Array]:
    """Return parameters and optimizer state after one update, and the loss before it."""
    value, grads = fn.value_and_grad(loss)(params, batch, key)
    updates, state = optimizer.update(grads, state, params)
    return optim.apply_updates(params, updates), state, value


def accuracy(params: Params, data: Data) -> float:
    """Return the percentage of images that are recognised."""
    return 100 * float(losses.accuracy(apply(params, data.images), data.labels))


def train(
    params: Params, data: Data, test: Data, key: Array, args: argparse.Namespace
) -> tuple[Params, dict[str, list]]:
    """Return trained parameters, and the loss and accuracies of each epoch."""
    tqdm = need("tqdm", "data").tqdm
    count = data.labels.shape[0]
    steps = args.epochs * math.ceil(count / args.batch_size)
    # The learning rate falls to zero in a straight line.
    optimizer = optim.adam(lambda number: 3e-3 * (1 - number / steps))
    state = optimizer.init(params)
    history: dict[str, list] = {"loss": [], "train": [], "test": []}
    # disable=None: no bar where the output is no terminal.
    for epoch in tqdm(range(1, args.epochs + 1), desc="training", unit="epoch", disable=None):
        order_key, key = xp.unstack(random.split(key))
        order = random.permutation(order_key, count)
        total = 0.0
        # The last batch may be smaller; it counts as well.
        for start in range(0, count, args.batch_size):
            batch = pick(data, order[start : min(start + args.batch_size, count)])
            dropout_key, key = xp.unstack(random.split(key))
            params, state, value = step(optimizer, params, state, batch, dropout_key)
            total += float(value) * batch.labels.shape[0]
        history["loss"].append(total / count)
        history["train"].append(accuracy(params, data))
        history["test"].append(accuracy(params, test))
        line = "epoch {:3d}  loss {:.4f}  train {:6.2f} %  test {:6.2f} %"
        tqdm.write(line.format(epoch, *(values[-1] for values in history.values())))
    return params, history


def show_hardest(params: Params, data: Data, path: Any, count: int = 24) -> None:
    """Draw the images with the highest loss, with what they show and what the network takes them for."""
    logits = apply(params, data.images)
    loss_of_each = fn.to_numpy(losses.softmax_cross_entropy(logits, data.labels, reduction="none"))
    hardest = np.argsort(-loss_of_each, stable=True)[:count]
    predicted, labels = fn.to_numpy(xp.argmax(logits, axis=-1)), fn.to_numpy(data.labels)
    wrong = predicted != labels
    titles = [f"{labels[i]}, taken for {predicted[i]}" if wrong[i] else f"{labels[i]}" for i in hardest]
    gallery(path, fn.to_numpy(data.images)[hardest], titles, marked=wrong[hardest])


def main(args: argparse.Namespace) -> None:
    """Train and save, or load and evaluate."""
    begin = time.perf_counter()
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        split_key, init_key, train_key = xp.unstack(random.split(random.key(args.seed), 3))
        data, test = load_data(split_key)
        sizes = f"{data.labels.shape[0]} images to train with, {test.labels.shape[0]} to test with"
        print(f"{sizes}, on {args.backend} in {args.dtype}")
        if args.load:
            params = serialize.load(args.load, like=init(init_key, data.images.shape))
            print(f"accuracy on the held-back images: {accuracy(params, test):.2f} %")
            return
        params, history = train(init(init_key, data.images.shape), data, test, train_key, args)
        args.out.mkdir(parents=True, exist_ok=True)
        saved, plot, hardest = (args.out / name for name in ("digits.safetensors", "curves.png", "hardest.png"))
        serialize.save(saved, params, metadata={"example": "digits", "seed": str(args.seed)})
        curves(plot, history["loss"], {"training": history["train"], "test": history["test"]})
        show_hardest(params, test, hardest)
    print(f"accuracy on the held-back images: {history['test'][-1]:.2f} %")
    print(f"seconds: {time.perf_counter() - begin:.1f}")
    for what, path in (("parameters", saved), ("loss and accuracy", plot), ("hardest digits", hardest)):
        print(f"{what}: {path}")


if __name__ == "__main__":
    run(main, options(__doc__, epochs=40, batch_size=64, out="outputs/digits", dtype="float64"))
