"""The example of a variational autoencoder."""

import math


def test_learns_and_draws(example):
    done = example("vae")
    first, last = done.column("epoch", "held back")
    # Without knowing anything, each of the 784 pixels costs log 2.
    assert last < first < 784 * math.log(2)
    assert done.figures("loss of the held-back images: ") == [last]
    for name in ("plane.png", "loss.png"):
        done.picture(name)
