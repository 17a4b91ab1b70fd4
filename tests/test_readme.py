"""The code blocks of the README run."""

import re
from pathlib import Path

import pytest

import funcnet as fn

TEXT = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_code_of_the_readme_runs():
    assert BLOCKS
    names: dict = {}
    for block in BLOCKS:
        if 'use_backend("cupy"' in block and "cupy" not in fn.backends.available():
            continue
        exec(compile(block, "README.md", "exec"), names)
    assert fn.tree.structure(names["gradients"]) == fn.tree.structure(names["params"])


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z-]+)", TEXT, flags=re.MULTILINE))
def test_the_targets_of_the_readme_exist(target):
    makefile = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
