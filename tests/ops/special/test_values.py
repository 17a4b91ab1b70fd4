"""Special functions: values are SciPy's, on every backend, at edges too."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, ParameterError

scipy_special = pytest.importorskip("scipy.special", reason="SciPy is the oracle")

LINE = np.array([-2.5, -1.0, -0.3, 0.0, 0.2, 0.5, 0.8, 1.0, 1.7, 4.0, 30.0])
HALF = np.array([0.05, 0.5, 1.0, 2.5, 12.0])
UNIT = np.array([0.0, 1e-9, 0.2, 0.5, 0.77, 1.0 - 1e-9, 1.0])
INSIDE = UNIT[1:-1]
COUNTS = np.array([0.0, 1.0, 3.0, 4.0])

#: name -> grids of the arguments
GRIDS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        "cbrt exp2 exp10 expit log_expit erf erfc erfcx ndtr log_ndtr sindg cosdg tandg cosm1".split(), (LINE,)
    ),
    **dict.fromkeys("exprel i0 i0e i1 i1e j0 j1 entr sinc gammaln gammasgn rgamma gamma expi zetac".split(), (LINE,)),
    **dict.fromkeys("digamma loggamma exp1 k0 k0e k1 k1e y0 y1 ellipkm1 spence".split(), (HALF,)),
    **dict.fromkeys("logit ndtri ellipk".split(), (UNIT,)),
    "cotdg": (HALF,),
    "erfinv": (2 * UNIT - 1,),
    "erfcinv": (2 * UNIT,),
    "polygamma": (np.array([0, 1, 3]), HALF),
    "zeta": (HALF[HALF > 1], HALF),
    "poch": (HALF, HALF),
    "beta": (HALF, HALF),
    "betaln": (HALF, HALF),
    "binom": (HALF + 3, HALF),
    "gammainc": (HALF, HALF),
    "gammaincc": (HALF, HALF),
    "gammaincinv": (HALF, UNIT),
    "gammainccinv": (HALF, UNIT),
    "betainc": (HALF, HALF, UNIT),
    "betaincc": (HALF, HALF, UNIT),
    "betaincinv": (HALF, HALF, UNIT),
    "expn": (np.array([0, 1, 4]), HALF),
    "jv": (COUNTS, LINE),
    "iv": (COUNTS, LINE),
    "ive": (COUNTS, LINE),
    "yn": (np.array([0, 1, 4]), HALF),
    "hyp1f1": (HALF, HALF, LINE),
    "hyp2f1": (HALF[:3], HALF[:3], HALF, INSIDE),
    "lpmv": (np.array([0.0, 1.0, 2.0]), HALF[1:4], INSIDE),
    "boxcox": (HALF, LINE),
    "boxcox1p": (HALF, LINE),
    "inv_boxcox": (HALF, np.array([0.0, 1e-9, 0.5, 2.0])),
    "inv_boxcox1p": (HALF, np.array([0.0, 1e-9, 0.5, 2.0])),
    "radian": (LINE, HALF, HALF),
    "huber": (np.array([-1.0, 0.0, 0.5, 2.0]), LINE),
    "pseudo_huber": (np.array([-1.0, 0.0, 0.5, 2.0]), LINE),
    "xlogy": (LINE, np.append(HALF, 0.0)),
    "xlog1py": (LINE, np.append(HALF, -1.0)),
    "rel_entr": (LINE, LINE),
    "kl_div": (LINE, LINE),
    "bdtr": (np.array([0.0, 1.0, 4.0]), np.array([4, 6]), UNIT),
    "bdtrc": (np.array([-1.0, 0.0, 1.0, 4.0]), np.array([4, 6]), UNIT),
    "bdtri": (np.array([0.0, 1.0, 3.0]), np.array([4, 6]), INSIDE),
    "chdtr": (HALF, HALF),
    "chdtrc": (HALF, HALF),
    "chdtri": (HALF, INSIDE),
    "fdtr": (HALF, HALF, HALF),
    "fdtrc": (HALF, HALF, HALF),
    "fdtri": (HALF[1:], HALF[1:], INSIDE),
    "gdtr": (HALF, HALF, HALF),
    "gdtrc": (HALF, HALF, HALF),
    "nbdtr": (np.array([0, 2]), np.array([1, 5]), UNIT),
    "nbdtrc": (np.array([0, 2]), np.array([1, 5]), UNIT),
    "nbdtri": (np.array([0, 2]), np.array([1, 5]), INSIDE),
    "pdtr": (np.array([0.0, 1.5, 4.0]), HALF),
    "pdtrc": (np.array([0.0, 1.5, 4.0]), HALF),
    "pdtri": (np.array([0, 2]), INSIDE),
    "stdtr": (HALF, LINE),
    "stdtrit": (HALF[1:], INSIDE),
}


def _mesh(name: str) -> list[np.ndarray]:
    return [np.ascontiguousarray(a) for a in np.meshgrid(*GRIDS[name], indexing="ij")]


@pytest.mark.parametrize("name", xp.special.__all__)
def test_signature_and_docstring_name_the_same_arguments(name: str) -> None:
    function = getattr(xp.special, name)
    told = inspect.getdoc(function).partition("Parameters\n")[2].partition("\n\n")[0]
    assert all(re.search(rf"\b{argument}\b", told) for argument in inspect.signature(function).parameters), name


def test_every_name_that_scipy_looks_up_is_there() -> None:
    from scipy.special import _support_alternative_backends as lookup

    assert set(lookup.__all__) <= set(xp.special.__all__)
    assert set(xp.special.__all__) - set(GRIDS) == {"log_softmax", "logsumexp", "multigammaln", "psi", "softmax"}


@pytest.mark.parametrize("name", sorted(GRIDS))
def test_values_are_scipys(name: str) -> None:
    args = _mesh(name)
    with np.errstate(all="ignore"):
        found = getattr(xp.special, name)(*args)
        wanted = getattr(scipy_special, name)(*args)
    # The inverse of the F distribution is sensitive where 1 - p is small.
    np.testing.assert_allclose(found, wanted, rtol=1e-6 if name in ("fdtri", "bdtri") else 2e-13, atol=1e-300)


@pytest.mark.filterwarnings("ignore:floating point number truncated", "ignore:non-integer arg n")
def test_counts_and_orders_lose_their_fraction_as_in_scipy() -> None:
    k, n, p = np.array([0.3, 1.6]), np.array([2.5, 5.4]), np.array([0.3, 0.6])
    for name in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri"):
        found = getattr(xp.special, name)(k, n, p)
        np.testing.assert_allclose(found, getattr(scipy_special, name)(k, n, p), rtol=1e-13)
    for order in (k, 1.6):
        whole = np.trunc(order)
        slope = 0.5 * (scipy_special.yn(whole - 1, p) - scipy_special.yn(whole + 1, p))
        found = fn.grad(lambda x, order=order: xp.sum(xp.special.yn(order, x)))(p)
        np.testing.assert_allclose(found, slope, rtol=1e-13)


@pytest.mark.parametrize("backend", ["strict", "torch"])
@pytest.mark.parametrize("name", sorted(GRIDS))
def test_other_libraries_have_the_same_values(name: str, backend: str) -> None:
    pytest.importorskip({"strict": "array_api_strict"}.get(backend, backend), reason=f"no {backend}")
    like = fn.backends.get(backend)
    args = [
        a.astype(np.float64) if name not in ("polygamma", "expn", "yn") or i else a for i, a in enumerate(_mesh(name))
    ]
    with np.errstate(all="ignore"):
        found = getattr(xp.special, name)(*map(like.from_numpy, args))
        wanted = getattr(xp.special, name)(*args)
    assert like.owns(type(found))
    np.testing.assert_allclose(fn.to_numpy(found), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["erf", "gammaln", "betainc", "jv", "logit", "stdtr", "chdtrc", "hyp1f1", "zeta"])
def test_single_precision_stays_beside_python_numbers(name: str) -> None:
    x = np.array([0.25, 0.75], dtype=np.float32)
    count = len(GRIDS[name])
    y = getattr(xp.special, name)(*[2.0] * (count - 1), x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, getattr(xp.special, name)(*[2.0] * (count - 1), x.astype(np.float64)), rtol=1e-5)


@pytest.mark.parametrize("d", [1, 3])
def test_multigammaln_is_scipys(d: int) -> None:
    a = np.array([1.5, 4.0, 20.0])
    np.testing.assert_allclose(xp.special.multigammaln(a, d), scipy_special.multigammaln(a, d), rtol=1e-14)


def test_multigammaln_takes_a_dimension() -> None:
    with pytest.raises(ParameterError, match=r"multigammaln takes a dimension"):
        xp.special.multigammaln(np.array(2.0), 0)
    with pytest.raises(ParameterError, match=r"an integer of 1 or more"):
        xp.special.multigammaln(np.array(2.0), 1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp_with_weights_is_scipys(axis: Any, keepdims: bool) -> None:
    a = np.array([[1000.0, 999.0, 3.0], [-np.inf, 1.0, 2.0]])
    b = np.array([[1.0, -2.0, 0.0], [1.0, 0.5, 3.0]])
    for signed in (False, True):
        with np.errstate(all="ignore"):
            found = xp.special.logsumexp(a, axis=axis, b=b, keepdims=keepdims, return_sign=signed)
            wanted = scipy_special.logsumexp(a, axis=axis, b=b, keepdims=keepdims, return_sign=signed)
        for one, other in zip(*((v if signed else [v]) for v in (found, wanted)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13)
            assert one.shape == other.shape


def test_softmax_takes_all_axes_by_default() -> None:
    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_allclose(xp.special.softmax(x), scipy_special.softmax(x), rtol=1e-15)
    np.testing.assert_allclose(xp.special.log_softmax(x, axis=1), scipy_special.log_softmax(x, axis=1), rtol=1e-15)
    np.testing.assert_allclose(xp.special.logsumexp(x, axis=1), scipy_special.logsumexp(x, axis=1), rtol=1e-15)


@pytest.mark.parametrize("bad", [[1.0, 2.0], "1", None])
@pytest.mark.parametrize("name", sorted(set(GRIDS) - {"sinc"}))
def test_what_is_no_array_is_named(name: str, bad: Any) -> None:
    count = len(GRIDS[name])
    for i in range(1 if name == "zeta" else count):
        args: list[Any] = [1.0] * count
        args[i] = bad
        with pytest.raises(DtypeError, match=rf"Argument {i} of xp\..* is not an array"):
            getattr(xp.special, name)(*args)
