"""NumPy's Fourier transforms and SciPy's universal functions on traced arrays."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet.errors import UnsupportedFunctionError
from funcnet.testing import check_grads

scipy_special = pytest.importorskip("scipy.special", reason="SciPy's functions are what is traced")

RNG = np.random.default_rng(3)
FFT = "fft ifft rfft irfft hfft ihfft fftn ifftn rfftn irfftn fft2 ifft2 rfft2 irfft2 fftshift ifftshift".split()


@pytest.mark.parametrize("name", FFT)
def test_numpys_transforms(name: str) -> None:
    x = RNG.normal(size=(3, 4))
    transform = getattr(np.fft, name)

    def f(x: Any) -> Any:
        return np.sum(np.abs(transform(x)) ** 2)

    check_grads(transform, [x], order=1)
    np.testing.assert_allclose(fn.value_and_grad(f)(x)[0], f(x), rtol=1e-12)


@pytest.mark.parametrize("name", ["rfft", "irfft2", "fftn"])
def test_numpys_parameters(name: str) -> None:
    x = RNG.normal(size=(3, 4))
    given = {"n": 5, "axis": 0} if name == "rfft" else {"s": (5, 2), "axes": (1, 0)}

    def of_numpy(x: Any) -> Any:
        return np.sum(np.abs(getattr(np.fft, name)(x, norm="ortho", **given)) ** 3)

    y, _ = fn.value_and_grad(of_numpy)(x)
    np.testing.assert_allclose(y, of_numpy(x), rtol=1e-12)
    check_grads(lambda x: getattr(np.fft, name)(x, norm="ortho", **given), [x], order=1)


def test_integers_become_floating_point_as_in_numpy() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.abs(np.fft.fft((x > 0) * 3)) ** 2) + np.sum(x)

    np.testing.assert_allclose(fn.grad(f)(np.ones(3)), np.ones(3))


def test_scipys_functions() -> None:
    x = np.array([0.3, 0.6])

    def f(x: Any) -> Any:
        return np.sum(
            scipy_special.erf(x) * scipy_special.psi(x) + scipy_special.betainc(2.0, x, 0.5) + scipy_special.xlogy(x, x)
        ) + np.sum(scipy_special.cbrt(x) * np.exp2(x))

    check_grads(f, [x], order=2)
    np.testing.assert_allclose(fn.value_and_grad(f)(x)[0], f(x), rtol=1e-13)


def test_numpys_cbrt() -> None:
    # NumPy's own may differ from SciPy's in the last digit.
    value, gradient = fn.value_and_grad(lambda x: np.sum(np.cbrt(x)))(np.array([0.3, -0.6]))
    np.testing.assert_allclose(value, 0.3 ** (1 / 3) - 0.6 ** (1 / 3), rtol=1e-14)
    np.testing.assert_allclose(gradient, np.array([0.3, 0.6]) ** (-2 / 3) / 3, rtol=1e-14)


def test_others_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedFunctionError, match="ellipe cannot be traced"):
        fn.grad(lambda x: scipy_special.ellipe(x).sum())(np.array([0.5]))
    with pytest.raises(UnsupportedFunctionError, match=r"numpy\.fft\.fft cannot be traced"):
        fn.grad(lambda x: np.fft.fft(x, out=np.empty(2, complex)).real.sum())(np.ones(2))
