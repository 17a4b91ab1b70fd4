"""The example of a GPT that writes."""

import math


def test_learns_writes_and_draws(example):
    done = example("char_gpt")
    first, last = done.column("step", "held back")
    # Before training all 96 characters are about as likely.
    assert abs(first - math.log(96)) < 0.2
    assert last < 3.4
    assert "    def " in done.output
    nat, bit = done.figures("loss per held-back character: ")
    assert abs(bit - nat / math.log(2)) < 0.01
    done.picture("loss.png")
