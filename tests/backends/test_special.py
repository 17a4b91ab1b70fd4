"""Where special functions are computed, and what is said where they cannot be."""

import sys
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.backends import special
from funcnet.backends.torch.special import native
from funcnet.errors import MissingExtraError, NotDifferentiableError, UnsupportedFunctionError

X = np.array([0.25, 0.5])


def test_without_scipy_the_call_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(MissingExtraError, match=r"(?s)computed by SciPy.*the package scipy.*pip install scipy"):
        xp.special.betainc(2.0, 3.0, X)
    # What is written in the standard's functions needs none.
    np.testing.assert_allclose(xp.special.xlogy(X, X), X * np.log(X), rtol=1e-15)


def test_importing_the_namespace_does_not_import_scipy() -> None:
    import subprocess

    code = (
        "import sys, numpy as np, funcnet as fn; fn.grad(lambda x: x.sum())(np.ones(2)); "
        "assert 'funcnet.xp.special' not in sys.modules; fn.xp.special; assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_tensor_in_pytorchs_graph_is_not_lent() -> None:
    torch = pytest.importorskip("torch", reason="no torch")
    with pytest.raises(NotDifferentiableError, match=r"(?s)outside of PyTorch's autograd.*x\.detach\(\)"):
        xp.special.betainc(2.0, 3.0, torch.tensor([0.5], requires_grad=True))


def test_nothing_is_moved_from_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="no torch")
    torch_record = fn.backends.get("torch")
    x = torch_record.asarray([0.5], dtype="float64")
    monkeypatch.setattr(torch_record, "device_of", lambda array: "cuda:0")
    run = special.hosted("betaincinv")
    with pytest.raises(
        UnsupportedFunctionError, match=r"(?s)xp\.special\.betaincinv has no kernel for this device.*cpu"
    ):
        run(None, x, x, x)
    # Those that PyTorch has itself run where the tensor is.
    np.testing.assert_allclose(special.hosted("y0")(None, x).numpy(), xp.special.y0(np.array([0.5])), rtol=1e-9)


@pytest.mark.parametrize("name", ["gammainc", "gammaincc", "zeta"])
def test_pytorchs_functions_of_two_tensors_take_numbers(name: str) -> None:
    torch = pytest.importorskip("torch", reason="no torch")
    call: Any = native(torch, name)
    x = torch.tensor([1.5, 2.5], dtype=torch.float64)
    whole = torch.full_like(x, 2.0)
    assert torch.equal(call(2.0, x), call(whole, x))
    assert torch.equal(call(x, 2.0), call(x, whole))


def test_pytorchs_polygamma_takes_the_order_of_a_number() -> None:
    torch = pytest.importorskip("torch", reason="no torch")
    x = torch.tensor([0.5], dtype=torch.float64)
    np.testing.assert_allclose(native(torch, "polygamma")(1, x).numpy(), np.pi**2 / 2, rtol=1e-8)
    assert native(torch, "betaincinv") is None
