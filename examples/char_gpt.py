"""Train a small GPT to write Python, character by character.

    python examples/char_gpt.py --backend numpy|cupy|torch

What it shows: a whole model from `nn.models`, trained on pieces of a text that are drawn at random, and text that is
written with a cache of keys and values, so that each character costs one step of the model. The text is Python's
licence and sources of its standard library.
"""

import argparse
import math
from typing import Any

import numpy as np
from common import basic_options, falling, progress, run
from text import ALPHABET, decode, encode, load_text

import funcnet as fn
from funcnet import losses, nn, optim, random, xp

Array = Any


def settings(*, small: bool) -> dict[str, Any]:
    """Return the size of the model."""
    if small:
        return {"layers": 1, "heads": 2, "features": 32, "length": 64}
    return {"layers": 2, "heads": 4, "features": 96, "length": 96}


def pieces(text: Array, starts: Array, length: int) -> Array:
    """Return the characters that begin at these places, and one more than the length, which is to be predicted."""
    return xp.take(text, starts[:, None] + xp.arange(length + 1), axis=0)


def decayed(path: str) -> bool:
    """Return whether the parameters of this path are pulled towards zero: kernels are, but not biases and factors."""
    return path.endswith("kernel")


def main(args: argparse.Namespace) -> None:
    """Train, let the network write, and draw."""
    train_text, held_back = load_text(small=args.small)
    size = settings(small=args.small)
    length, batch = size["length"], 16
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        model = nn.models.gpt(len(ALPHABET), **size)
        init, apply = nn.stateless(model)
        init_key, data_key, sample_key = xp.unstack(random.split(random.key(args.seed), 3))
        text, test = xp.asarray(train_text), xp.asarray(held_back)
        params = init(init_key, fn.Spec((batch, length), "int64"))
        schedule = optim.schedules.warmup_cosine(0.0, 3e-3, args.steps // 20 + 1, args.steps)
        optimizer = optim.chain(
            optim.clip_by_global_norm(1.0), optim.adamw(schedule, b2=0.99, weight_decay=0.1, mask=decayed)
        )
        memory = optimizer.init(params)

        def loss(params: Any, piece: Array) -> Array:
            """Return the mean loss of all characters but the first, each predicted from those before."""
            return losses.softmax_cross_entropy(apply(params, piece[:, :-1]), piece[:, 1:])

        @fn.jit
        def step(params: Any, memory: Any, piece: Array) -> tuple[Any, Any, Array]:
            value, grads = fn.value_and_grad(loss)(params, piece)
            updates, memory = optimizer.update(grads, memory, params)
            return optim.apply_updates(params, updates), memory, value

        held_back_loss = fn.jit(loss)
        # The same pieces every time: as many as fit beside each other, but no more than 10 batches.
        places = np.arange(0, len(held_back) - length - 1, length)
        places = places[: len(places) // batch * batch].reshape(-1, batch)[:10]

        def evaluate(params: Any) -> float:
            found = [float(held_back_loss(params, pieces(test, xp.asarray(row), length))) for row in places]
            return sum(found) / len(found)

        values: list[float] = []
        tested: dict[int, float] = {}
        for number in (bar := progress(range(1, args.steps + 1), unit="step")):
            starts = random.randint(random.fold_in(data_key, number), (batch,), 0, len(train_text) - length)
            params, memory, value = step(params, memory, pieces(text, starts, length))
            values.append(float(value))
            if number % 200 == 0 or number in (1, args.steps):
                tested[number] = evaluate(params)
                bar.write(f"step {number:4d}  loss {values[-1]:.3f}  held back {tested[number]:.3f}")
        # The same parameters in a model with a cache, which continues the prompt as far as its positions reach.
        writer = nn.models.gpt(len(ALPHABET), **size, cache=length)
        prompt = xp.asarray(encode("\n    def "))[None, :]
        count = length - prompt.shape[1]
        sample = nn.models.generate(writer, params, prompt, count, key=sample_key, temperature=0.7)
        print(decode(fn.to_numpy(sample)[0]))
    falling(args.out / "loss.png", values, "loss per character / nat", tested)
    final = tested[args.steps]
    print(f"loss per held-back character: {final:.3f} nat, {final / math.log(2):.2f} bit")
    print(f"picture: {args.out / 'loss.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/char_gpt", full=800, small=60))
