"""The example of a painted photograph."""

import numpy as np


def test_paints(example):
    done = example("style")
    last, before = done.figures("loss: ")
    assert last < before / 10
    first, *_ = done.column("step", "loss")
    assert np.isclose(first, before, atol=1e-3)  # it begins with the photograph
    done.picture("style.png")
