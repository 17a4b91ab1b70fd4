"""Text that is on every machine with Python: its licence and sources of its standard library."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ALPHABET", "decode", "encode", "load_text"]

#: The characters there are. The place of a character is its token; characters that are not here are left out.
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))

#: Modules that every Python has as one file.
_MODULES = (
    "argparse ast calendar configparser contextlib csv dataclasses datetime difflib dis enum functools gettext heapq "
    "inspect ipaddress pickle random selectors shutil statistics string subprocess tarfile textwrap threading typing"
).split()


def load_text(*, small: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens to train with, and tokens that are held back: the last tenth of each source."""
    library = Path(sysconfig.get_path("stdlib"))
    names = ["LICENSE.txt", *(f"{name}.py" for name in _MODULES)][: 3 if small else None]
    # Some distributions keep the licence elsewhere.
    texts = [encode(path.read_text("utf-8")) for name in names if (path := library / name).exists()]
    cuts = [len(text) - len(text) // 10 for text in texts]
    train = [text[:cut] for text, cut in zip(texts, cuts, strict=True)]
    held_back = [text[cut:] for text, cut in zip(texts, cuts, strict=True)]
    return np.concatenate(train), np.concatenate(held_back)


def encode(text: str) -> np.ndarray:
    """Return the tokens of a text."""
    return np.asarray([place for c in text if (place := ALPHABET.find(c)) >= 0], dtype=np.int64)


def decode(tokens: Any) -> str:
    """Return the text of tokens."""
    return "".join(ALPHABET[int(token)] for token in tokens)
