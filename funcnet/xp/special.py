"""SciPy's special functions under SciPy's names, differentiable in both modes and to every order.

SciPy computes most of them; where it is missing, the first call says so. On PyTorch's accelerators those run that
PyTorch has itself, on CuPy's those that CuPy has.
"""

from typing import TYPE_CHECKING

from funcnet.ops.extras.angles import sinc as sinc
from funcnet.ops.special.bessel import i0 as i0
from funcnet.ops.special.bessel import i0e as i0e
from funcnet.ops.special.bessel import i1 as i1
from funcnet.ops.special.bessel import i1e as i1e
from funcnet.ops.special.bessel import iv as iv
from funcnet.ops.special.bessel import ive as ive
from funcnet.ops.special.bessel import j0 as j0
from funcnet.ops.special.bessel import j1 as j1
from funcnet.ops.special.bessel import jv as jv
from funcnet.ops.special.bessel import k0 as k0
from funcnet.ops.special.bessel import k0e as k0e
from funcnet.ops.special.bessel import k1 as k1
from funcnet.ops.special.bessel import k1e as k1e
from funcnet.ops.special.bessel import y0 as y0
from funcnet.ops.special.bessel import y1 as y1
from funcnet.ops.special.bessel import yn as yn
from funcnet.ops.special.convenience import boxcox as boxcox
from funcnet.ops.special.convenience import boxcox1p as boxcox1p
from funcnet.ops.special.convenience import cbrt as cbrt
from funcnet.ops.special.convenience import cosdg as cosdg
from funcnet.ops.special.convenience import cosm1 as cosm1
from funcnet.ops.special.convenience import cotdg as cotdg
from funcnet.ops.special.convenience import exp2 as exp2
from funcnet.ops.special.convenience import exp10 as exp10
from funcnet.ops.special.convenience import expit as expit
from funcnet.ops.special.convenience import huber as huber
from funcnet.ops.special.convenience import inv_boxcox as inv_boxcox
from funcnet.ops.special.convenience import inv_boxcox1p as inv_boxcox1p
from funcnet.ops.special.convenience import log_expit as log_expit
from funcnet.ops.special.convenience import logit as logit
from funcnet.ops.special.convenience import pseudo_huber as pseudo_huber
from funcnet.ops.special.convenience import radian as radian
from funcnet.ops.special.convenience import sindg as sindg
from funcnet.ops.special.convenience import tandg as tandg
from funcnet.ops.special.error import erf as erf
from funcnet.ops.special.error import erfc as erfc
from funcnet.ops.special.error import erfcinv as erfcinv
from funcnet.ops.special.error import erfcx as erfcx
from funcnet.ops.special.error import erfinv as erfinv
from funcnet.ops.special.error import log_ndtr as log_ndtr
from funcnet.ops.special.error import ndtr as ndtr
from funcnet.ops.special.error import ndtri as ndtri
from funcnet.ops.special.gamma import beta as beta
from funcnet.ops.special.gamma import betaln as betaln
from funcnet.ops.special.gamma import binom as binom
from funcnet.ops.special.gamma import digamma as digamma
from funcnet.ops.special.gamma import gamma as gamma
from funcnet.ops.special.gamma import gammaln as gammaln
from funcnet.ops.special.gamma import gammasgn as gammasgn
from funcnet.ops.special.gamma import loggamma as loggamma
from funcnet.ops.special.gamma import multigammaln as multigammaln
from funcnet.ops.special.gamma import poch as poch
from funcnet.ops.special.gamma import polygamma as polygamma
from funcnet.ops.special.gamma import psi as psi
from funcnet.ops.special.gamma import rgamma as rgamma
from funcnet.ops.special.gamma import zeta as zeta
from funcnet.ops.special.gamma import zetac as zetac
from funcnet.ops.special.incomplete import betainc as betainc
from funcnet.ops.special.incomplete import betaincc as betaincc
from funcnet.ops.special.incomplete import betaincinv as betaincinv
from funcnet.ops.special.incomplete import gammainc as gammainc
from funcnet.ops.special.incomplete import gammaincc as gammaincc
from funcnet.ops.special.incomplete import gammainccinv as gammainccinv
from funcnet.ops.special.incomplete import gammaincinv as gammaincinv
from funcnet.ops.special.information import entr as entr
from funcnet.ops.special.information import kl_div as kl_div
from funcnet.ops.special.information import rel_entr as rel_entr
from funcnet.ops.special.information import xlog1py as xlog1py
from funcnet.ops.special.information import xlogy as xlogy
from funcnet.ops.special.integrals import ellipk as ellipk
from funcnet.ops.special.integrals import ellipkm1 as ellipkm1
from funcnet.ops.special.integrals import exp1 as exp1
from funcnet.ops.special.integrals import expi as expi
from funcnet.ops.special.integrals import expn as expn
from funcnet.ops.special.integrals import exprel as exprel
from funcnet.ops.special.integrals import hyp1f1 as hyp1f1
from funcnet.ops.special.integrals import hyp2f1 as hyp2f1
from funcnet.ops.special.integrals import lpmv as lpmv
from funcnet.ops.special.integrals import spence as spence
from funcnet.ops.special.reductions import log_softmax as log_softmax
from funcnet.ops.special.reductions import logsumexp as logsumexp
from funcnet.ops.special.reductions import softmax as softmax
from funcnet.ops.special.statistics import bdtr as bdtr
from funcnet.ops.special.statistics import bdtrc as bdtrc
from funcnet.ops.special.statistics import bdtri as bdtri
from funcnet.ops.special.statistics import chdtr as chdtr
from funcnet.ops.special.statistics import chdtrc as chdtrc
from funcnet.ops.special.statistics import chdtri as chdtri
from funcnet.ops.special.statistics import fdtr as fdtr
from funcnet.ops.special.statistics import fdtrc as fdtrc
from funcnet.ops.special.statistics import fdtri as fdtri
from funcnet.ops.special.statistics import gdtr as gdtr
from funcnet.ops.special.statistics import gdtrc as gdtrc
from funcnet.ops.special.statistics import nbdtr as nbdtr
from funcnet.ops.special.statistics import nbdtrc as nbdtrc
from funcnet.ops.special.statistics import nbdtri as nbdtri
from funcnet.ops.special.statistics import pdtr as pdtr
from funcnet.ops.special.statistics import pdtrc as pdtrc
from funcnet.ops.special.statistics import pdtri as pdtri
from funcnet.ops.special.statistics import stdtr as stdtr
from funcnet.ops.special.statistics import stdtrit as stdtrit
from funcnet.surface import lazily as _lazily

__all__ = [
    "bdtr",
    "bdtrc",
    "bdtri",
    "beta",
    "betainc",
    "betaincc",
    "betaincinv",
    "betaln",
    "binom",
    "boxcox",
    "boxcox1p",
    "cbrt",
    "chdtr",
    "chdtrc",
    "chdtri",
    "cosdg",
    "cosm1",
    "cotdg",
    "digamma",
    "ellipk",
    "ellipkm1",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "exp2",
    "exp10",
    "expi",
    "expit",
    "expn",
    "exprel",
    "fdtr",
    "fdtrc",
    "fdtri",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "gdtr",
    "gdtrc",
    "huber",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "inv_boxcox",
    "inv_boxcox1p",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kl_div",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "lpmv",
    "multigammaln",
    "nbdtr",
    "nbdtrc",
    "nbdtri",
    "ndtr",
    "ndtri",
    "pdtr",
    "pdtrc",
    "pdtri",
    "poch",
    "polygamma",
    "pseudo_huber",
    "psi",
    "radian",
    "rel_entr",
    "rgamma",
    "sinc",
    "sindg",
    "softmax",
    "spence",
    "stdtr",
    "stdtrit",
    "tandg",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yn",
    "zeta",
    "zetac",
]

if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(__name__, {})
