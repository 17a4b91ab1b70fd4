"""The package: what it offers, and that it loads no more than is used."""

import subprocess
import sys

import pytest

from funcnet import losses


def test_every_name_is_there():
    assert sorted(losses.__all__) == list(losses.__all__)
    for name in losses.__all__:
        assert getattr(losses, name).__name__ == name
        assert name in dir(losses)
    with pytest.raises(AttributeError, match=r"'funcnet\.losses' has no attribute 'mean_squared'"):
        losses.mean_squared  # noqa: B018


def test_modules_are_loaded_at_first_use():
    code = (
        "import sys, funcnet as fn; fn.losses.mse; print(sorted(m for m in sys.modules if m.startswith('funcnet.l')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "funcnet.losses.regression" in found
    assert "funcnet.losses.alignment" not in found
    assert "funcnet.losses.conjugate" not in found
