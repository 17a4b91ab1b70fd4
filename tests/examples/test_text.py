"""The text that examples learn from."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def text():
    path = Path(__file__).resolve().parents[2] / "examples" / "text.py"
    spec = importlib.util.spec_from_file_location("examples_text", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tokens_give_the_text_back(text):
    assert text.decode(text.encode("def f(x):\n    return x\n")) == "def f(x):\n    return x\n"
    # What the alphabet does not have is left out.
    assert text.decode(text.encode("a\té\x0cb")) == "ab"


@pytest.mark.parametrize("small", [True, False])
def test_a_tenth_is_held_back(text, small):
    train, held_back = text.load_text(small=small)
    assert len(train) > 50_000
    np.testing.assert_allclose(len(held_back) / (len(train) + len(held_back)), 0.1, atol=1e-3)
    for tokens in (train, held_back):
        assert 0 <= tokens.min() <= tokens.max() < len(text.ALPHABET)
