"""Train an LSTM to write Python, character by character.

    python examples/char_lstm.py --backend numpy|cupy|torch

What it shows: a recurrent layer that keeps its memory in the state of the model. The text is cut into as many strips as
a batch has rows, and each step reads the next piece of every strip: the state that one step returns is what the next
one begins with, while gradients end at the piece. The text is Python's licence and sources of its standard library.
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
#: Strips that are read at once, and characters of each in a step.
STRIPS, PIECE = 32, 64


def make_model(features: int) -> nn.Layer:
    """Return the layers: a vector for each character, what remembers, and scores of the next character."""
    return nn.sequential(
        nn.embedding(len(ALPHABET), features=32),
        nn.lstm(features, forget_bias=1.0, stateful=True),
        nn.dense(len(ALPHABET)),
    )


def strips_of(tokens: np.ndarray) -> Array:
    """Cut a text into strips of the same length, (STRIPS, n)."""
    length = len(tokens) // STRIPS
    return xp.asarray(tokens[: STRIPS * length].reshape(STRIPS, length))


def main(args: argparse.Namespace) -> None:
    """Train, let the network write, and draw."""
    text, held_back = load_text(small=args.small)
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        model = make_model(32 if args.small else 128)
        init_key, sample_key = xp.unstack(random.split(random.key(args.seed)))
        strips, test = strips_of(text), strips_of(held_back)
        params, beginning = model.init(init_key, strips[:, :PIECE])
        schedule = optim.schedules.cosine(1e-2, args.steps)
        optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(schedule))
        memory = optimizer.init(params)

        def loss(params: Any, state: Any, piece: Array) -> tuple[Array, Any]:
            logits, state = model.apply(params, state, piece[:, :-1], train=True)
            return losses.softmax_cross_entropy(logits, piece[:, 1:]), state

        @fn.jit
        def step(params: Any, state: Any, memory: Any, piece: Array) -> tuple:
            (value, state), grads = fn.value_and_grad(loss, has_aux=True)(params, state, piece)
            updates, memory = optimizer.update(grads, memory, params)
            return optim.apply_updates(params, updates), state, memory, value

        @fn.jit
        def write(params: Any, prompt: Array, key: Array, keys: Array) -> Array:
            """Read the prompt, and continue it by a character for each key."""

            def another(carry: tuple[Array, Any], key: Array) -> tuple[tuple[Array, Any], Array]:
                token, state = carry
                logits, state = model.apply(params, state, token[None, None])
                # A little more of what is likely.
                token = random.categorical(key, logits[0, 0, :] / 0.7)
                return (token, state), token

            logits, state = model.apply(params, {}, prompt[None, :])
            first = random.categorical(key, logits[0, -1, :] / 0.7)
            return fn.scan(another, (first, state), keys)[1]

        def evaluate(params: Any) -> float:
            """Return the loss of what was held back, read from its beginning."""
            values, state = [], beginning
            for start in range(0, test.shape[1] - PIECE, PIECE):
                value, state = held_back_loss(params, state, test[:, start : start + PIECE + 1])
                values.append(float(value))
            return sum(values) / len(values)

        held_back_loss = fn.jit(loss)
        values: list[float] = []
        tested: dict[int, float] = {}
        state, start = beginning, 0
        for number in (bar := progress(range(1, args.steps + 1), unit="step")):
            if start + PIECE + 1 > strips.shape[1]:  # the end of the text: once more from the beginning
                state, start = beginning, 0
            params, state, memory, value = step(params, state, memory, strips[:, start : start + PIECE + 1])
            start += PIECE
            values.append(float(value))
            if number % 200 == 0 or number in (1, args.steps):
                tested[number] = evaluate(params)
                bar.write(f"step {number:4d}  loss {values[-1]:.3f}  held back {tested[number]:.3f}")
        keys = random.split(sample_key, 101 if args.small else 601)
        prompt = encode("\n    def ")
        sample = write(params, xp.asarray(prompt), keys[0, :], keys[1:, :])
        print(decode(prompt) + decode(fn.to_numpy(sample)))
    falling(args.out / "loss.png", values, "loss per character / nat", tested)
    final = tested[args.steps]
    print(f"loss per held-back character: {final:.3f} nat, {final / math.log(2):.2f} bit")
    print(f"picture: {args.out / 'loss.png'}")


if __name__ == "__main__":
    run(main, basic_options(__doc__, out="outputs/char_lstm", full=1000, small=60))
