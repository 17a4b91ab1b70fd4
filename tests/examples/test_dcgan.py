"""The example of two networks that compete."""

import math


def test_trains_both_and_draws(example):
    done = example("dcgan")
    # At first the discriminator is undecided, with the losses log 2 and twice log 2.
    painter, judge = (done.column("step", name) for name in ("generator", "discriminator"))
    assert abs(painter[0] - math.log(2)) < 0.1
    assert abs(judge[0] - 2 * math.log(2)) < 0.1
    assert judge[-1] < judge[0]
    after, before = done.figures("distance between the average images, painted and real: ")
    assert after < before - 0.05
    for name in ("painted.png", "loss.png"):
        done.picture(name)
