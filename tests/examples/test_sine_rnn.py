"""The example of a recurrent network."""


def test_learns_continues_and_draws(example):
    done = example("sine_rnn")
    error, noise = done.figures("mean squared error of the next value: ")
    # The noise of what is predicted cannot be known; the sine itself has the mean square 0.5.
    assert noise < error < 0.02
    _, alone = done.figures("root mean square error over ")
    assert alone < 0.3
    done.picture("sine.png")
