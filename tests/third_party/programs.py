"""Functions of SciPy and scikit-learn as they stand, each with the argument that it is differentiated by.

SciPy reads ``SCIPY_ARRAY_API`` when it is imported, so this file is run as a program of its own, which prints as JSON
how each of them fared; the tests import it only for the names. Arrays that are not differentiated are lifted: the
libraries ask for one namespace.
"""

import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp

RIGHT: dict[str, tuple[Callable[[Any], Any], Any]] = {}
RAISES: dict[str, tuple[Callable[[Any], Any], Any]] = {}

rng = np.random.default_rng(0)
X1, Y1 = rng.normal(size=12), rng.normal(size=12)
P, Q = rng.uniform(0.1, 1.0, size=6), rng.uniform(0.1, 1.0, size=6)
A, B = rng.normal(size=(10, 3)), rng.normal(size=(7, 3))
TARGET, LABELS = rng.normal(size=10), np.array([0, 1] * 5)
lift = fn.lift


def right(name: str, argument: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Enter a function whose gradient has to be right."""

    def enter(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        assert name not in RIGHT
        RIGHT[name] = f, argument
        return f

    return enter


def raises(name: str, argument: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Enter a function that drops derivatives, so that it has to be refused."""

    def enter(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        assert name not in RAISES
        RAISES[name] = f, argument
        return f

    return enter


# scipy.stats


@right("scipy.stats.quantile", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return (stats.quantile(x, lift(np.array([0.1, 0.35, 0.8]))) ** 2).sum()


@right("scipy.stats.entropy, relative", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.entropy(x, lift(Q))


@right("scipy.stats.entropy, relative to the argument", Q)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.entropy(lift(P), x, base=2)


@right("scipy.stats.boxcox_llf", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.boxcox_llf(0.7, x)


@right("scipy.stats.circmean", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.circmean(x)


@right("scipy.stats.circvar", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.circvar(x)


@right("scipy.stats.gmean", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.gmean(x)


@right("scipy.stats.hmean", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.hmean(x)


@right("scipy.stats.pmean", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.pmean(x, 3)


@right("scipy.stats.skew", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.skew(x)


@right("scipy.stats.kurtosis", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.kurtosis(x, bias=False)


@right("scipy.stats.moment", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.moment(x, 3)


@right("scipy.stats.zscore", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return (stats.zscore(x, ddof=1) ** 3).sum()


@right("scipy.stats.sem", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.sem(x)


@right("scipy.stats.variation", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.variation(x)


@right("scipy.stats.tmean", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.tmean(x, (-1.0, 1.0))


# scipy.special


@right("scipy.special.logsumexp", X1)
def _(x: Any) -> Any:
    from scipy import special

    return special.logsumexp(x, b=lift(np.abs(Y1)))


@right("scipy.special.softmax", X1)
def _(x: Any) -> Any:
    from scipy import special

    return (special.softmax(x) ** 2).sum()


@right("scipy.special.log_softmax", X1)
def _(x: Any) -> Any:
    from scipy import special

    return (special.log_softmax(x) ** 2).sum()


# scipy.integrate and scipy.optimize


@right("scipy.integrate.cubature, a parameter", np.array(0.7))
def _(a: Any) -> Any:
    from scipy import integrate

    f = lambda z: xp.exp(-a * z[:, 0] ** 2)  # noqa: E731
    return integrate.cubature(f, lift(np.array([0.0])), lift(np.array([1.0]))).estimate


@right("scipy.integrate.cubature, a bound", np.array([0.7, 1.1]))
def _(b: Any) -> Any:
    from scipy import integrate

    return integrate.cubature(lambda z: xp.exp(-z[:, 0] * z[:, 1] ** 2), xp.zeros_like(b), b).estimate


@right("scipy.integrate.tanhsinh, a parameter", np.array(0.7))
def _(a: Any) -> Any:
    from scipy import integrate

    return integrate.tanhsinh(lambda z, a: xp.exp(-a * z**2), 0.0 * a, 0.0 * a + 1.0, args=(a,)).integral


@right("scipy.integrate.tanhsinh, a bound", np.array(0.7))
def _(b: Any) -> Any:
    from scipy import integrate

    return integrate.tanhsinh(lambda z: xp.exp(-(z**2)), -b, 2.0 * b).integral


@right("scipy.integrate.trapezoid", X1)
def _(x: Any) -> Any:
    from scipy import integrate

    return integrate.trapezoid(x**2, lift(np.cumsum(np.abs(Y1))))


@right("scipy.optimize.elementwise.find_root", np.array([0.7, 2.0]))
def _(a: Any) -> Any:
    from scipy.optimize import elementwise

    return elementwise.find_root(lambda z, a: z**3 - a, (0.0 * a, 0.0 * a + 2.0), args=(a,)).x.sum()


# scipy.fft and scipy.signal


@right("scipy.fft.fht", P)
def _(x: Any) -> Any:
    from scipy import fft

    return (fft.fht(x, 0.1, 0.5) ** 2).sum()


@right("scipy.fft.fht, with a bias", P)
def _(x: Any) -> Any:
    from scipy import fft

    return (fft.fht(x, 0.1, 0.5, bias=0.1) ** 2).sum()


@right("scipy.fft.ifht", P)
def _(x: Any) -> Any:
    from scipy import fft

    return (fft.ifht(x, 0.1, 0.5) ** 2).sum()


@right("scipy.fft.rfft", X1)
def _(x: Any) -> Any:
    from scipy import fft

    return (xp.abs(fft.rfft(x, n=16)) ** 3).sum()


@right("scipy.signal.resample", X1)
def _(x: Any) -> Any:
    from scipy import signal

    return (signal.resample(x, 9) ** 3).sum()


@right("scipy.signal.resample, to more samples", X1)
def _(x: Any) -> Any:
    from scipy import signal

    return (signal.resample(x, 20, window="hann") ** 3).sum()


@right("scipy.signal.hilbert", X1)
def _(x: Any) -> Any:
    from scipy import signal

    return (xp.abs(signal.hilbert(x)) ** 3).sum()


@right("scipy.signal.fftconvolve", X1)
def _(x: Any) -> Any:
    from scipy import signal

    return (signal.fftconvolve(x, lift(Y1[:5])) ** 3).sum()


@right("scipy.signal.oaconvolve", X1)
def _(x: Any) -> Any:
    from scipy import signal

    return (signal.oaconvolve(x, lift(Y1[:5])) ** 3).sum()


# scipy.spatial


@right("scipy.spatial.transform.Rotation", rng.normal(size=3))
def _(v: Any) -> Any:
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_rotvec(v).apply(lift(np.array([1.0, 2.0, 3.0])))
    return (turned ** lift(np.array([1.0, 2.0, 3.0]))).sum()


@right("scipy.spatial.transform.Rotation, of a quaternion", rng.normal(size=4))
def _(q: Any) -> Any:
    from scipy.spatial.transform import Rotation

    return (Rotation.from_quat(q).as_matrix() ** 3).sum()


# scikit-learn


def _pairwise(name: str, positive: bool = False) -> None:
    def of_first(x: Any) -> Any:
        from sklearn.metrics import pairwise

        return (getattr(pairwise, name)(x, lift(np.abs(B) if positive else B)) ** 2).sum()

    def of_second(y: Any) -> Any:
        from sklearn.metrics import pairwise

        return (getattr(pairwise, name)(lift(np.abs(A) if positive else A), y) ** 2).sum()

    right(f"sklearn.metrics.pairwise.{name}, X", np.abs(A) + 0.5 if positive else A)(of_first)
    right(f"sklearn.metrics.pairwise.{name}, Y", np.abs(B) + 0.5 if positive else B)(of_second)


for _name in (
    "linear_kernel",
    "rbf_kernel",
    "polynomial_kernel",
    "sigmoid_kernel",
    "laplacian_kernel",
    "cosine_similarity",
    "cosine_distances",
    "euclidean_distances",
    "manhattan_distances",
):
    _pairwise(_name)
for _name in ("chi2_kernel", "additive_chi2_kernel"):
    _pairwise(_name, positive=True)


@right("sklearn.metrics.pairwise.paired_euclidean_distances", A)
def _(x: Any) -> Any:
    from sklearn.metrics import pairwise

    return (pairwise.paired_euclidean_distances(x, lift(A[::-1].copy())) ** 3).sum()


@right("sklearn.preprocessing.StandardScaler", A)
def _(x: Any) -> Any:
    from sklearn.preprocessing import StandardScaler

    return (StandardScaler().fit_transform(x) ** 3).sum()


@right("sklearn.preprocessing.MinMaxScaler", A)
def _(x: Any) -> Any:
    from sklearn.preprocessing import MinMaxScaler

    return (MinMaxScaler().fit_transform(x) ** 2).sum()


@right("sklearn.preprocessing.MaxAbsScaler", A)
def _(x: Any) -> Any:
    from sklearn.preprocessing import MaxAbsScaler

    return (MaxAbsScaler().fit_transform(x) ** 3).sum()


@right("sklearn.preprocessing.normalize", A)
def _(x: Any) -> Any:
    from sklearn.preprocessing import normalize

    return (normalize(x) ** 3).sum()


@right("sklearn.preprocessing.PolynomialFeatures", A)
def _(x: Any) -> Any:
    from sklearn.preprocessing import PolynomialFeatures

    return (PolynomialFeatures(2).fit_transform(x) ** 2).sum()


@right("sklearn.naive_bayes.GaussianNB, log probabilities", A)
def _(x: Any) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB().fit(x, lift(LABELS)).predict_log_proba(x)[:, 0].sum()


@right("sklearn.naive_bayes.GaussianNB, joint log likelihood", A)
def _(x: Any) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB().fit(x, lift(LABELS)).predict_joint_log_proba(x).sum()


# With linear algebra


@right("scipy.spatial.transform.Slerp", B[:2])
def _(v: Any) -> Any:
    from scipy.spatial.transform import Rotation, Slerp

    between = Slerp(lift(np.array([0.0, 1.0])), Rotation.from_rotvec(v))(lift(np.array([0.3, 0.8])))
    return (between.as_matrix() ** 3).sum()


@right("scipy.spatial.transform.Rotation, products and angles", B[:2])
def _(v: Any) -> Any:
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_rotvec(v)
    angles = Rotation.from_matrix((turns[0] * turns[1].inv()).as_matrix()).as_euler("zyx")
    return (angles**2).sum() + (turns.mean().as_rotvec() ** 2).sum()


@right("scipy.spatial.transform.Rotation.align_vectors", B)
def _(v: Any) -> Any:
    from scipy.spatial.transform import Rotation

    found, distance = Rotation.align_vectors(v, lift(B[::-1].copy()))
    return (found.as_matrix() ** 3).sum() + distance


@right("scipy.linalg.orthogonal_procrustes", A)
def _(a: Any) -> Any:
    from scipy import linalg

    rotation, scale = linalg.orthogonal_procrustes(a, lift(A[::-1].copy()))
    return (rotation**3).sum() + scale


@right("sklearn.decomposition.PCA, variances", A)
def _(x: Any) -> Any:
    from sklearn.decomposition import PCA

    return (PCA(2, svd_solver="full").fit(x).explained_variance_ ** 2).sum()


@right("sklearn.decomposition.PCA, scores", A)
def _(x: Any) -> Any:
    from sklearn.decomposition import PCA

    return (PCA(2, svd_solver="full").fit_transform(x) ** 3).sum()


@right("sklearn.decomposition.PCA, by the covariance", A)
def _(x: Any) -> Any:
    from sklearn.decomposition import PCA

    model = PCA(2, svd_solver="covariance_eigh").fit(x)
    return (model.components_**2 * model.explained_variance_[:, None]).sum() + (model.components_**4).sum()


@right("sklearn.linear_model.Ridge, X", A)
def _(x: Any) -> Any:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=0.5, solver="svd").fit(x, lift(TARGET))
    return (model.coef_**2).sum() + model.intercept_


@right("sklearn.linear_model.Ridge, y", TARGET)
def _(y: Any) -> Any:
    from sklearn.linear_model import Ridge

    return (Ridge(alpha=0.5, solver="svd").fit(lift(A), y).predict(lift(B)) ** 2).sum()


@right("sklearn.linear_model.Ridge, alpha", np.array(0.5))
def _(alpha: Any) -> Any:
    from sklearn.linear_model import Ridge

    return (Ridge(alpha=alpha, solver="svd").fit(lift(A), lift(TARGET)).coef_ ** 2).sum()


@right("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", A)
def _(x: Any) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return (LinearDiscriminantAnalysis().fit(x, lift(LABELS)).transform(x) ** 2).sum()


@right("sklearn.covariance.ledoit_wolf", A)
def _(x: Any) -> Any:
    from sklearn import covariance

    return (covariance.ledoit_wolf(x)[0] ** 2).sum()


@right("sklearn.decomposition.TruncatedSVD", A)
def _(x: Any) -> Any:
    from sklearn.decomposition import TruncatedSVD

    return (TruncatedSVD(2, random_state=0).fit_transform(x) ** 2).sum()


# With special functions


@right("scipy.stats.pearsonr, statistic", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.pearsonr(x, lift(Y1)).statistic


@right("scipy.stats.pearsonr, p-value", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.pearsonr(x, lift(Y1)).pvalue


@right("scipy.stats.pearsonr, confidence interval", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.pearsonr(x, lift(Y1)).confidence_interval().low


@right("scipy.stats.ttest_ind, statistic", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.ttest_ind(x, lift(Y1)).statistic


@right("scipy.stats.ttest_ind, p-value", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.ttest_ind(x, lift(Y1)).pvalue


@right("scipy.stats.ttest_ind, p-value of Welch's test", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.ttest_ind(x, lift(Y1[:7]), equal_var=False, alternative="less").pvalue


@right("scipy.stats.ttest_rel, p-value", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.ttest_rel(x, lift(Y1)).pvalue


@right("scipy.stats.f_oneway, p-value", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.f_oneway(x, lift(Y1)).pvalue


@right("scipy.stats.bartlett, p-value", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.bartlett(x, lift(Y1)).pvalue


@right("scipy.stats.jarque_bera, p-value", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.jarque_bera(x).pvalue


@right("scipy.stats.power_divergence, p-value", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.power_divergence(x, lambda_="log-likelihood").pvalue


@right("scipy.stats.entropy", P)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.entropy(x)


@right("scipy.special.betainc, x", 0.9 * P)
def _(x: Any) -> Any:
    from scipy import special

    return special.betainc(lift(1.0 + P), lift(2.0 + Q), x).sum()


@right("scipy.special.betainc, parameters", P)
def _(a: Any) -> Any:
    from scipy import special

    x = lift(np.array([0.1, 0.3, 0.5, 0.6, 0.8, 0.9]))
    return (special.betainc(1.0 + a, lift(2.0 + Q), x) * special.betainc(lift(1.0 + Q), 2.0 + a, x)).sum()


def _special(name: str) -> None:
    def f(x: Any) -> Any:
        from scipy import special

        return (getattr(special, name)(x) ** 2).sum()

    right(f"scipy.special.{name}", 0.8 * P)(f)


for _name in (
    "expit",
    "logit",
    "entr",
    "gammaln",
    "gamma",
    "psi",
    "erf",
    "erfc",
    "ndtr",
    "log_ndtr",
    "ndtri",
    "i0",
    "i1",
):
    _special(_name)


# Many more, one line each: modules are imported where the function is called


def _more(name: str, argument: Any, f: Callable[[Any, Any], Any], how: str = "") -> None:
    """Enter a function by its full name; `f` takes it, or its class, and the argument."""

    def program(x: Any) -> Any:
        module, _, attribute = name.rpartition(".")
        return f(getattr(importlib.import_module(module), attribute), x)

    right(f"{name}, {how}" if how else name, argument)(program)


_PROBABILITIES = 0.9 * P

for _name, _f in {
    "describe": lambda f, x: f(x).variance,
    "differential_entropy": lambda f, x: f(x),
    "iqr": lambda f, x: f(x),
    "kstat": lambda f, x: f(x, 3),
    "kstatvar": lambda f, x: f(x, 2),
    "kurtosistest": lambda f, x: f(xp.concat([x, x**2])).pvalue,
    "levene": lambda f, x: f(x, lift(Y1)).pvalue,
    "lmoment": lambda f, x: f(x, order=2),
    "median_abs_deviation": lambda f, x: f(x),
    "normaltest": lambda f, x: f(xp.concat([x, x**2])).pvalue,
    "permutation_test": lambda f, x: (
        f(
            (x, lift(Y1)), lambda a, b, axis: xp.mean(a, axis=axis) - xp.mean(b, axis=axis), n_resamples=9, rng=0
        ).statistic
    ),
    "bootstrap": lambda f, x: f((x,), xp.mean, n_resamples=10, rng=0).standard_error,
    "sigmaclip": lambda f, x: (f(x)[0] ** 2).sum(),
    "skewtest": lambda f, x: f(x).pvalue,
    "tmax": lambda f, x: f(x, 1.0),
    "tmin": lambda f, x: f(x, -1.0),
    "trim_mean": lambda f, x: f(x, 0.1),
    "tsem": lambda f, x: f(x, (-1.0, 1.0)),
    "tstd": lambda f, x: f(x, (-1.0, 1.0)),
    "ttest_1samp": lambda f, x: f(x, 0.3).pvalue,
    "tvar": lambda f, x: f(x, (-1.0, 1.0)),
    "yeojohnson_llf": lambda f, x: f(0.7, x),
    "zmap": lambda f, x: (f(x, lift(Y1)) ** 2).sum(),
    "alexandergovern": lambda f, x: f(x, lift(Y1)).pvalue,
    "epps_singleton_2samp": lambda f, x: f(x, lift(Y1)).pvalue,
}.items():
    _more(f"scipy.stats.{_name}", X1, _f)
for _name, _f in {
    "chisquare": lambda f, x: f(x, 0.0 * x + x.sum() / 6).pvalue,
    "circstd": lambda f, x: f(x),
    "gstd": lambda f, x: f(x),
    "gzscore": lambda f, x: (f(x) ** 3).sum(),
    "ttest_ind_from_stats": lambda f, x: f(x[0], x[1], 10, x[2], x[3], 12).pvalue,
}.items():
    _more(f"scipy.stats.{_name}", P, _f)
_more("scipy.stats.combine_pvalues", _PROBABILITIES, lambda f, x: f(x).pvalue)
_more("scipy.stats.combine_pvalues", _PROBABILITIES, lambda f, x: f(x, "stouffer", lift(Q)).pvalue, "by Stouffer")
_more("scipy.stats.false_discovery_control", _PROBABILITIES, lambda f, x: (f(x) ** 2).sum())
_more("scipy.stats.directional_stats", A, lambda f, x: f(x).mean_resultant_length)
_more("scipy.stats.quantile", X1, lambda f, x: f(x, 0.3, weights=lift(np.abs(Y1))), "weighted")

for _name in (
    *(
        "cbrt",
        "digamma",
        "ellipk",
        "erfcinv",
        "erfcx",
        "erfinv",
        "exp10",
        "exp2",
        "expm1",
        "exprel",
        "i0e",
        "i1e",
        "j0",
    ),
    *("j1", "k0", "k0e", "k1", "k1e", "log1p", "loggamma", "rgamma", "sinc", "spence"),
):
    _more(f"scipy.special.{_name}", 0.8 * P, lambda f, x: (f(x) ** 2).sum())
for _name in (
    *("beta", "betaln", "binom", "boxcox", "boxcox1p", "chdtr", "chdtrc", "chdtri", "gammainc", "gammaincc"),
    *("inv_boxcox", "iv", "ive", "jv", "kl_div", "poch", "pseudo_huber", "rel_entr", "stdtr", "xlog1py", "xlogy"),
):
    _more(f"scipy.special.{_name}", P, lambda f, x: (f(x, lift(0.9 * Q)) ** 2).sum(), "the first argument")
    _more(f"scipy.special.{_name}", 0.9 * P, lambda f, x: (f(lift(Q), x) ** 2).sum(), "the second argument")
for _name in ("betaincc", "fdtr", "hyp1f1"):
    _more(f"scipy.special.{_name}", 0.9 * P, lambda f, x: (f(lift(Q), lift(1.0 + Q), x) ** 2).sum())
_more("scipy.special.multigammaln", P + 2.0, lambda f, x: f(x, 2).sum())
_more("scipy.special.polygamma", P + 1.0, lambda f, x: f(2, x).sum())

_more("scipy.fft.fft", X1, lambda f, x: (xp.abs(f(x)) ** 3).sum())
_more("scipy.fft.fft2", A, lambda f, x: (xp.abs(f(x)) ** 3).sum())
_more("scipy.fft.fftshift", X1, lambda f, x: (f(x) * lift(Y1)).sum())
_more("scipy.fft.hfft", X1, lambda f, x: (f(x + 0j) ** 3).sum())
_more("scipy.fft.irfft", X1, lambda f, x: (f(x + 0j) ** 3).sum())
_more("scipy.fft.rfftn", A, lambda f, x: (xp.abs(f(x)) ** 3).sum())
_more("scipy.signal.envelope", X1, lambda f, x: f(x, squared=True).sum())
_more("scipy.signal.freqs", P, lambda f, x: (xp.abs(f(x, lift(Q), lift(np.linspace(0.1, 1.0, 5)))[1]) ** 3).sum())
_more("scipy.signal.freqz", P, lambda f, x: (xp.abs(f(x, worN=16)[1]) ** 3).sum())
_more("scipy.signal.group_delay", P, lambda f, x: f((x, lift(Q)))[1].sum())
_more("scipy.signal.hilbert2", A, lambda f, x: (xp.abs(f(x)) ** 3).sum())
_more("scipy.signal.lp2lp", P, lambda f, x: f(x, lift(Q), 2.0)[0].sum())
_more("scipy.signal.tf2zpk", P, lambda f, x: xp.abs(f(x, lift(Q))[0]).sum())
_more("scipy.signal.vectorstrength", P, lambda f, x: f(x, 0.5)[0])

_more("scipy.integrate.cumulative_simpson", X1, lambda f, x: (f(x) ** 2).sum())
_more("scipy.integrate.cumulative_trapezoid", X1, lambda f, x: (f(x) ** 2).sum())
_more("scipy.integrate.fixed_quad", np.array(0.7), lambda f, a: f(lambda z: xp.exp(-a * z), 0.0, 1.0)[0])
_more("scipy.integrate.romb", X1[:9], lambda f, x: f(x))
_more(
    "scipy.integrate.nsum",
    np.array(0.7),
    lambda f, a: f(lambda k, a: xp.exp(-a * k), lift(np.array(1.0)), lift(np.array(np.inf)), args=(a,)).sum,
)
_more(
    "scipy.differentiate.derivative",
    np.array(0.7),
    lambda f, a: f(lambda z, a: xp.exp(-a * z**2), 0.0 * a + 0.4, args=(a,)).df,
)
_more("scipy.differentiate.jacobian", P, lambda f, x: f(lambda z: xp.exp(-(z**2)), x).df.sum())
_more(
    "scipy.optimize.elementwise.find_minimum",
    np.array(0.7),
    lambda f, a: f(lambda z, a: (z - a) ** 2, (a - 1.0, 0.0 * a + 0.5, a + 2.0), args=(a,)).x,
)
_more("scipy.optimize.newton", np.array(0.7), lambda f, a: f(lambda z: z**3 - a, 1.0))
_more("scipy.optimize.rosen", X1, lambda f, x: f(x))
_more("scipy.optimize.rosen_der", X1, lambda f, x: (f(x) ** 2).sum())
_more("scipy.optimize.rosen_hess_prod", X1, lambda f, x: (f(x, lift(Y1)) ** 2).sum())
_more("scipy.cluster.vq.whiten", A, lambda f, x: (f(x) ** 3).sum())

_ROTATION = "scipy.spatial.transform.Rotation"
_AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
_more(_ROTATION, B, lambda c, v: c.from_rotvec(v).magnitude().sum(), "magnitudes")
_more(_ROTATION, 0.2 * B, lambda c, v: (c.from_mrp(v).as_mrp() * lift(B[::-1].copy())).sum(), "of Rodrigues parameters")
_more(_ROTATION, B, lambda c, v: (c.from_euler("xyz", v).as_quat() ** 3).sum(), "of Euler angles")
_more(_ROTATION, B, lambda c, v: (c.from_rotvec(v).as_davenport(_AXES, "extrinsic") ** 2).sum(), "Davenport angles")
_more(_ROTATION, B, lambda c, v: ((c.from_rotvec(v) ** 0.4).as_matrix() ** 3).sum(), "powers")
_more("scipy.spatial.transform.RigidTransform", B[0], lambda c, v: (c.from_translation(v).apply(lift(A[0])) ** 3).sum())
_more(
    "scipy.spatial.transform.RigidTransform",
    P,
    lambda c, v: (c.from_exp_coords(v).as_matrix() ** 3).sum(),
    "of exponential coordinates",
)

_PAIRWISE = "sklearn.metrics.pairwise"
_more(f"{_PAIRWISE}.nan_euclidean_distances", A, lambda f, x: f(x, lift(B)).sum())
_more(f"{_PAIRWISE}.paired_cosine_distances", A, lambda f, x: f(x, lift(A[::-1].copy())).sum())
_more(f"{_PAIRWISE}.paired_manhattan_distances", A, lambda f, x: f(x, lift(A[::-1].copy())).sum())
_more(f"{_PAIRWISE}.pairwise_distances", A, lambda f, x: f(x, lift(B), metric="manhattan").sum(), "Manhattan")
_more(f"{_PAIRWISE}.pairwise_kernels", A, lambda f, x: f(x, lift(B), metric="rbf").sum(), "rbf")
_more("sklearn.preprocessing.KernelCenterer", A.T @ A, lambda c, x: (c().fit_transform(x) ** 2).sum())
_more("sklearn.preprocessing.Normalizer", A, lambda c, x: (c(norm="l1").fit_transform(x) ** 3).sum())
_more("sklearn.preprocessing.maxabs_scale", A, lambda f, x: (f(x) ** 3).sum())
_more("sklearn.preprocessing.minmax_scale", A, lambda f, x: (f(x) ** 2).sum())
_PCA = "sklearn.decomposition.PCA"
_more(_PCA, A, lambda c, x: (c(2, svd_solver="full").fit(x).get_covariance() ** 2).sum(), "covariance")
_more(_PCA, A, lambda c, x: (c(2, svd_solver="full", whiten=True).fit_transform(x) ** 4).sum(), "whitened")
_more(
    _PCA,
    A,
    lambda c, x: (c(2, svd_solver="randomized", random_state=0).fit(x).explained_variance_ ** 2).sum(),
    "by a random projection",
)
_more("sklearn.covariance.empirical_covariance", A, lambda f, x: (f(x) ** 2).sum())
_more(
    "sklearn.kernel_approximation.Nystroem",
    A,
    lambda c, x: (c(n_components=3, random_state=0).fit_transform(x) ** 2).sum(),
)
_more("sklearn.linear_model.RidgeCV", A, lambda c, x: c().fit(x, lift(TARGET)).coef_.sum())
_more("sklearn.utils.extmath.randomized_svd", A, lambda f, x: (f(x, 2, random_state=0)[1] ** 2).sum())
_more("sklearn.utils.extmath.softmax", A, lambda f, x: (f(x) ** 2).sum())

_SECTION = np.array([[0.4, 0.3, 0.1, 1.0, 0.2, 0.1]])
_more("scipy.stats.alexandergovern", X1, lambda f, x: f(x, lift(Y1), lift(2 * Y1[::-1])).statistic, "three samples")
_more("scipy.signal.bilinear_zpk", P, lambda f, x: xp.real(f(x[:2], x[2:5], 1.0, 2.0)[1] * lift(Q[:3])).sum())
_more("scipy.signal.freqz_zpk", P, lambda f, x: (xp.abs(f(x[:2], x[2:5], 1.5, worN=5)[1]) ** 2).sum())
_more("scipy.signal.freqz_sos", _SECTION, lambda f, x: (xp.abs(f(x / x[0, 3], worN=5)[1]) ** 2).sum())
_more("scipy.signal.gauss_spline", P, lambda f, x: (f(x, 3) ** 2).sum())
_more("scipy.signal.gausspulse", 0.01 * P, lambda f, x: (f(x, fc=5) ** 2).sum())
_more("scipy.signal.lp2bp", P, lambda f, x: (f(x[:2], x[2:4])[0] ** 2).sum())
_more("scipy.signal.lp2bs", P, lambda f, x: (f(x[:2], x[2:4])[0] ** 2).sum())
for _name in ("lp2bp_zpk", "lp2bs_zpk", "lp2hp_zpk", "lp2lp_zpk"):
    _more(f"scipy.signal.{_name}", P, lambda f, x: (xp.real(f(x[:2], x[2:5], 1.0, 2.0)[1]) ** 3).sum())
_more("scipy.signal.correlate", P, lambda f, x: (f(lift(X1), x, method="fft") ** 2).sum())
_more("scipy.signal.sos2tf", _SECTION, lambda f, x: (f(xp.concat([x, x**2]))[0] ** 2).sum())
_more("scipy.signal.windows.gaussian", np.array(2.0), lambda f, s: (f(7, s) ** 2).sum())
_more("scipy.signal.windows.general_cosine", P[:3], lambda f, x: (f(7, x) ** 2).sum())
_more("scipy.signal.windows.general_gaussian", np.array(1.3), lambda f, s: (f(7, s, 2.0) ** 2).sum())
_more("scipy.linalg.fiedler", P, lambda f, x: (f(x) ** 2).sum())
_more("scipy.linalg.solve_circulant", P, lambda f, x: (f(x, lift(Q)) ** 2).sum())
_more("scipy.optimize.rosen_hess", X1, lambda f, x: (f(x) ** 2).sum())
_more("scipy.optimize.elementwise.bracket_root", np.array(0.7), lambda f, a: f(lambda z: z - 1.1, a - a, a).bracket[1])
_more("scipy.differentiate.hessian", P[:2], lambda f, a: f(lambda z: z[0] ** 2 * z[1] * a[0], lift(Q[:2])).ddf.sum())
_more("scipy.fft.ifft", X1, lambda f, x: (xp.abs(f(x)) ** 3).sum())
_more("scipy.fft.irfftn", A, lambda f, x: (f(x + 0j) ** 3).sum())
for _name in ("cosm1", "exp1", "expi", "log_expit", "softplus", "y0", "y1"):
    _more(f"scipy.special.{_name}", 0.8 * P, lambda f, x: (f(x) ** 2).sum())
_more(_ROTATION, B, lambda c, v: (c.from_rotvec(v).mean().as_matrix() ** 3).sum(), "the mean")
_more(
    _ROTATION, B[0], lambda c, v: ((c.from_rotvec(v) * c.from_rotvec(2 * v)).inv().as_rotvec() ** 3).sum(), "inverses"
)
_more(
    "sklearn.preprocessing.StandardScaler", A, lambda c, x: (c().fit(x).inverse_transform(lift(A)) ** 3).sum(), "back"
)
_more(
    "sklearn.preprocessing.StandardScaler",
    A,
    lambda c, x: (c().partial_fit(x[:5]).partial_fit(x[5:]).transform(x) ** 3).sum(),
    "in two parts",
)
_more(_PCA, A, lambda c, x: c(2, svd_solver="full").fit(x).score_samples(x).sum(), "likelihood")
_more(_PCA, A, lambda c, x: (c(2, svd_solver="covariance_eigh").fit(x).get_precision() ** 2).sum(), "precision")
_more(_PCA, A, lambda c, x: (c(2, svd_solver="full").fit(x).explained_variance_ratio_ ** 2).sum(), "ratios")
_more("sklearn.linear_model.ridge_regression", A, lambda f, x: f(x, lift(TARGET), 0.5).sum())
_more("sklearn.linear_model.RidgeClassifier", A, lambda c, x: c().fit(x, lift(LABELS)).decision_function(x)[0])
_more("sklearn.utils.extmath.row_norms", A, lambda f, x: (f(x) ** 3).sum())
_more("sklearn.utils.extmath.fast_logdet", A, lambda f, x: f(x.T @ x))
_more("sklearn.utils.extmath.safe_sparse_dot", A, lambda f, x: (f(x, x.T) ** 2).sum())


# What converts to NumPy inside, or leaves arrays for Python's numbers


@raises("scipy.stats.boxcox_llf, the parameter", np.array(0.7))
def _(lmb: Any) -> Any:
    from scipy import stats

    return stats.boxcox_llf(lmb, lift(P))


@raises("scipy.spatial.distance.cdist", A)
def _(x: Any) -> Any:
    from scipy.spatial import distance

    return distance.cdist(x, B).sum()


@raises("scipy.interpolate.CubicSpline", X1)
def _(y: Any) -> Any:
    from scipy import interpolate

    return interpolate.CubicSpline(lift(np.arange(12.0)), y)(2.5)


@raises("scipy.ndimage.gaussian_filter", X1)
def _(x: Any) -> Any:
    from scipy import ndimage

    return ndimage.gaussian_filter(x, 1.0).sum()


@raises("scipy.linalg.expm", A[:3])
def _(a: Any) -> Any:
    from scipy import linalg

    return linalg.expm(a).sum()


@raises("scipy.linalg.solve", A[:3])
def _(a: Any) -> Any:
    from scipy import linalg

    return linalg.solve(a, np.ones(3)).sum()


@raises("scipy.optimize.minimize", np.array(0.7))
def _(a: Any) -> Any:
    from scipy import optimize

    return optimize.minimize(lambda z: (z[0] - a) ** 2, np.zeros(1)).x[0]


@raises("scipy.optimize.brentq", np.array(0.7))
def _(a: Any) -> Any:
    from scipy import optimize

    return optimize.brentq(lambda z: z**3 - a, 0.0, 2.0)


@raises("scipy.integrate.quad", np.array(0.7))
def _(a: Any) -> Any:
    from scipy import integrate

    return integrate.quad(lambda z: xp.exp(-a * z**2), 0.0, 1.0)[0]


@raises("scipy.integrate.solve_ivp", np.array(0.7))
def _(a: Any) -> Any:
    from scipy import integrate

    return integrate.solve_ivp(lambda t, y: -a * y, (0.0, 1.0), np.ones(1)).y[0, -1]


@raises("scipy.stats.norm.logpdf", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.norm.logpdf(x).sum()


@raises("scipy.stats.gaussian_kde", X1)
def _(x: Any) -> Any:
    from scipy import stats

    return stats.gaussian_kde(x)(np.zeros(1))[0]


@raises("sklearn.linear_model.LinearRegression", A)
def _(x: Any) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(x, lift(TARGET)).coef_.sum()


@raises("sklearn.cluster.KMeans", A)
def _(x: Any) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(2, n_init=1).fit(x).inertia_


@raises("scipy.integrate.simpson", X1)
def _(x: Any) -> Any:
    from scipy import integrate

    return integrate.simpson(x**2, dx=0.1)


@raises("sklearn.metrics.mean_squared_error", TARGET)
def _(y: Any) -> Any:
    from sklearn import metrics

    return metrics.mean_squared_error(lift(TARGET[::-1].copy()), y)


@raises("sklearn.metrics.r2_score", TARGET)
def _(y: Any) -> Any:
    from sklearn import metrics

    return metrics.r2_score(lift(TARGET[::-1].copy()), y)


def _refused(name: str, argument: Any, f: Callable[[Any, Any], Any]) -> None:
    def program(x: Any) -> Any:
        module, _, attribute = name.rpartition(".")
        return f(getattr(importlib.import_module(module), attribute), x)

    raises(name, argument)(program)


_refused("scipy.fft.dct", X1, lambda f, x: f(x).sum())
_refused("scipy.linalg.cholesky", A.T @ A, lambda f, x: f(x).sum())
_refused("scipy.signal.detrend", X1, lambda f, x: f(x).sum())
_refused("scipy.signal.savgol_filter", X1, lambda f, x: f(x, 5, 2).sum())
_refused("scipy.signal.welch", X1, lambda f, x: f(x, nperseg=8)[1].sum())
_refused("scipy.special.ellipe", P, lambda f, x: f(x).sum())
_refused("scipy.stats.chatterjeexi", X1, lambda f, x: f(x, lift(Y1)).statistic)
_refused("scipy.stats.linregress", X1, lambda f, x: f(x, lift(Y1)).slope)
_refused("scipy.stats.mannwhitneyu", X1, lambda f, x: f(x, lift(Y1)).pvalue)
_refused("scipy.stats.wasserstein_distance", X1, lambda f, x: f(x, lift(Y1)))
_refused("sklearn.kernel_ridge.KernelRidge", A, lambda c, x: c().fit(x, lift(TARGET)).predict(x).sum())
_refused("sklearn.metrics.log_loss", 0.9 * P, lambda f, x: f(lift(np.array([0, 1] * 3)), x))
_refused("sklearn.preprocessing.PowerTransformer", A, lambda c, x: c().fit_transform(x).sum())


#: A plain array beside a traced one: no namespace is common to both, and the message says what to write.
_SQUARES: Callable[[Any], Any] = lambda y: (y**2).sum()  # noqa: E731
_more("scipy.constants.convert_temperature", P, lambda f, x: _SQUARES(f(x, "Celsius", "Fahrenheit")))
_more("scipy.linalg.block_diag", P, lambda f, x: _SQUARES(f(xp.reshape(x, (2, 3)), xp.reshape(x, (3, 2)))))
_more("scipy.signal.firwin", np.array([0.3]), lambda f, x: _SQUARES(f(5, x)))
_more("scipy.signal.lp2hp", P, lambda f, x: _SQUARES(f(x[:3], x[3:])[0]))
_more("scipy.signal.normalize", P, lambda f, x: _SQUARES(f(x[:3], x[3:])[0]))
_more("scipy.signal.sweep_poly", P, lambda f, x: _SQUARES(f(x, np.poly1d([1.0, 2.0]))))
_more("scipy.signal.zpk2tf", P, lambda f, x: _SQUARES(f(x[:2], x[2:4], x[4])[0]))
_more("scipy.special.betaincinv", 0.9 * P, lambda f, x: _SQUARES(f(2.0, 3.0, x)))
_more("scipy.stats.pointbiserialr", X1, lambda f, x: f(lift(np.array([0.0, 1.0] * 6)), x).statistic)
_more("scipy.stats.rankdata", X1, lambda f, x: _SQUARES(f(x) * x))
_more("sklearn.covariance.shrunk_covariance", A[:3], lambda f, x: _SQUARES(f(x @ x.T)))
_more("sklearn.preprocessing.QuantileTransformer", A, lambda f, x: _SQUARES(f(n_quantiles=5).fit_transform(x)))
raises("sklearn.metrics.mean_absolute_error", X1)(
    lambda x: importlib.import_module("sklearn.metrics").mean_absolute_error(lift(Y1), x)
)
raises("scipy.spatial.distance.minkowski", P)(
    lambda x: importlib.import_module("scipy.spatial.distance").minkowski(x, lift(Q), 3)
)

MIXED: dict[str, tuple[Callable[[Any], Any], Any]] = {}


def _mixed(name: str, argument: Any, f: Callable[[Any, Any], Any]) -> None:
    def program(x: Any) -> Any:
        module, _, attribute = name.rpartition(".")
        return f(getattr(importlib.import_module(module), attribute), x)

    MIXED[name] = program, argument


_mixed("scipy.special.xlogy", P, lambda f, x: f(Q, x).sum())
_mixed("scipy.stats.ttest_ind", X1, lambda f, x: f(x, Y1).statistic)
_mixed("sklearn.metrics.pairwise.rbf_kernel", A, lambda f, x: f(x, B).sum())


def _right_one(f: Callable[[Any], Any], x: Any) -> dict[str, Any]:
    from funcnet.testing.numerical import numerical_grad

    value, gradient = fn.value_and_grad(f)(x)
    expected = np.asarray(numerical_grad(f, x))
    direction = np.random.default_rng(1).normal(size=np.shape(x))
    _, forward = fn.jvp(f, (x,), (direction,))
    scale = float(np.max(np.abs(expected)))
    return {
        "value": abs(float(value) - float(f(x))) / max(abs(float(value)), 1e-300),
        "gradient": float(np.max(np.abs(np.asarray(gradient) - expected))) / scale,
        "forward": abs(float(forward) - float(np.sum(direction * expected))) / scale,
        "size": scale,
    }


def _outcome(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return run()
    except Exception as error:
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(cause)
        # Some libraries turn an error into one of their own; ours is then its cause.
        ours = next((e for e in chain if isinstance(e, fn.errors.FuncnetError)), error)
        return {"error": type(ours).__name__, "text": str(ours)}


def main() -> None:
    """Print the outcome of every function."""
    import sklearn

    warnings.simplefilter("ignore")
    sklearn.set_config(array_api_dispatch=True)
    outcomes = {name: _outcome(partial(_right_one, f, x)) for name, (f, x) in RIGHT.items()}
    for name, (f, x) in RAISES.items():
        outcomes[name] = _outcome(lambda f=f, x=x: {"gradient": np.asarray(fn.grad(f)(x)).tolist()})
    for name, (f, x) in MIXED.items():
        outcomes[f"{name}, mixed"] = _outcome(lambda f=f, x=x: {"gradient": np.asarray(fn.grad(f)(x)).tolist()})
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    main()
