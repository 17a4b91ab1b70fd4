"""The example of the spiral."""


def test_learns_and_draws(example):
    done = example("spiral")
    first, last = done.column("step", "loss")
    assert last < first / 10
    (accuracy,) = done.figures("accuracy on another spiral: ")
    assert accuracy > 95  # by chance: 33
    done.picture("spiral.png")
    # The seed decides the data and the parameters, and nothing else does.
    (again, _), (other, _) = (example("spiral", "--steps", 2, "--seed", seed).column("step", "loss") for seed in (0, 1))
    assert again == first != other
