"""The example of a convolutional network, on a fifth of its images."""


def test_learns_and_draws(example):
    done = example("mnist_cnn", "--epochs", 3)
    first, *_, last = done.column("epoch", "loss")
    assert last < first / 2
    (accuracy,) = done.figures("accuracy on the 200 held-back images: ")
    assert accuracy > 50  # by chance: 10
    for name in ("curves.png", "hardest.png"):
        done.picture(name)
