"""Losses: scalar functions of predictions and targets, with an explicit reduction and no broadcasting.

All of them take `reduction`, which is ``"mean"``, ``"sum"`` or ``"none"``, and `weights`, one number per value that
``"none"`` gives. With weights the mean is the weighted one: the sum of the weighted losses over the sum of the weights.
What has a weight of 0 does not count, whatever its loss is; where all of them are 0 the mean is NaN.

Other modules than those that declare operations are loaded at the first use of one of their functions.
"""

from typing import TYPE_CHECKING

from funcnet.losses.binary import binary_cross_entropy as binary_cross_entropy
from funcnet.losses.binary import sigmoid_cross_entropy as sigmoid_cross_entropy
from funcnet.losses.classification import accuracy as accuracy
from funcnet.losses.classification import nll as nll
from funcnet.losses.classification import softmax_cross_entropy as softmax_cross_entropy
from funcnet.surface import lazily as _lazily

if TYPE_CHECKING:
    from funcnet.losses.alignment import ctc as ctc
    from funcnet.losses.class_margins import multi_margin as multi_margin
    from funcnet.losses.class_margins import multiclass_hinge as multiclass_hinge
    from funcnet.losses.class_margins import multilabel_margin as multilabel_margin
    from funcnet.losses.class_margins import multilabel_soft_margin as multilabel_soft_margin
    from funcnet.losses.conjugate import binary_sparsemax as binary_sparsemax
    from funcnet.losses.conjugate import fenchel_young as fenchel_young
    from funcnet.losses.conjugate import perturbed_fenchel_young as perturbed_fenchel_young
    from funcnet.losses.conjugate import sparsemax as sparsemax
    from funcnet.losses.divergences import gaussian_kl as gaussian_kl
    from funcnet.losses.divergences import js_divergence as js_divergence
    from funcnet.losses.divergences import kl_divergence as kl_divergence
    from funcnet.losses.focal import poly_cross_entropy as poly_cross_entropy
    from funcnet.losses.focal import sigmoid_focal as sigmoid_focal
    from funcnet.losses.focal import softmax_focal as softmax_focal
    from funcnet.losses.likelihood import gaussian_nll as gaussian_nll
    from funcnet.losses.likelihood import poisson_nll as poisson_nll
    from funcnet.losses.margins import hinge as hinge
    from funcnet.losses.margins import hinge_embedding as hinge_embedding
    from funcnet.losses.margins import margin_ranking as margin_ranking
    from funcnet.losses.margins import soft_margin as soft_margin
    from funcnet.losses.margins import squared_hinge as squared_hinge
    from funcnet.losses.overlap import dice as dice
    from funcnet.losses.overlap import jaccard as jaccard
    from funcnet.losses.overlap import total_variation as total_variation
    from funcnet.losses.overlap import tversky as tversky
    from funcnet.losses.ranking import pairwise_ranking as pairwise_ranking
    from funcnet.losses.ranking import ranking_softmax as ranking_softmax
    from funcnet.losses.regression import expectile as expectile
    from funcnet.losses.regression import huber as huber
    from funcnet.losses.regression import log_cosh as log_cosh
    from funcnet.losses.regression import mae as mae
    from funcnet.losses.regression import mape as mape
    from funcnet.losses.regression import mse as mse
    from funcnet.losses.regression import msle as msle
    from funcnet.losses.regression import quantile as quantile
    from funcnet.losses.regression import smooth_l1 as smooth_l1
    from funcnet.losses.similarity import circle as circle
    from funcnet.losses.similarity import cosine_distance as cosine_distance
    from funcnet.losses.similarity import cosine_embedding as cosine_embedding
    from funcnet.losses.similarity import cosine_similarity as cosine_similarity
    from funcnet.losses.similarity import nt_xent as nt_xent
    from funcnet.losses.similarity import triplet_margin as triplet_margin

#: Name -> module, of what is loaded at its first use.
_HOME = {
    "binary_sparsemax": "conjugate",
    "circle": "similarity",
    "cosine_distance": "similarity",
    "cosine_embedding": "similarity",
    "cosine_similarity": "similarity",
    "ctc": "alignment",
    "dice": "overlap",
    "expectile": "regression",
    "fenchel_young": "conjugate",
    "gaussian_kl": "divergences",
    "gaussian_nll": "likelihood",
    "hinge": "margins",
    "hinge_embedding": "margins",
    "huber": "regression",
    "jaccard": "overlap",
    "js_divergence": "divergences",
    "kl_divergence": "divergences",
    "log_cosh": "regression",
    "mae": "regression",
    "mape": "regression",
    "margin_ranking": "margins",
    "mse": "regression",
    "msle": "regression",
    "multi_margin": "class_margins",
    "multiclass_hinge": "class_margins",
    "multilabel_margin": "class_margins",
    "multilabel_soft_margin": "class_margins",
    "nt_xent": "similarity",
    "pairwise_ranking": "ranking",
    "perturbed_fenchel_young": "conjugate",
    "poisson_nll": "likelihood",
    "poly_cross_entropy": "focal",
    "quantile": "regression",
    "ranking_softmax": "ranking",
    "sigmoid_focal": "focal",
    "smooth_l1": "regression",
    "soft_margin": "margins",
    "softmax_focal": "focal",
    "sparsemax": "conjugate",
    "squared_hinge": "margins",
    "total_variation": "overlap",
    "triplet_margin": "similarity",
    "tversky": "overlap",
}

__all__ = [
    "accuracy",
    "binary_cross_entropy",
    "binary_sparsemax",
    "circle",
    "cosine_distance",
    "cosine_embedding",
    "cosine_similarity",
    "ctc",
    "dice",
    "expectile",
    "fenchel_young",
    "gaussian_kl",
    "gaussian_nll",
    "hinge",
    "hinge_embedding",
    "huber",
    "jaccard",
    "js_divergence",
    "kl_divergence",
    "log_cosh",
    "mae",
    "mape",
    "margin_ranking",
    "mse",
    "msle",
    "multi_margin",
    "multiclass_hinge",
    "multilabel_margin",
    "multilabel_soft_margin",
    "nll",
    "nt_xent",
    "pairwise_ranking",
    "perturbed_fenchel_young",
    "poisson_nll",
    "poly_cross_entropy",
    "quantile",
    "ranking_softmax",
    "sigmoid_cross_entropy",
    "sigmoid_focal",
    "smooth_l1",
    "soft_margin",
    "softmax_cross_entropy",
    "softmax_focal",
    "sparsemax",
    "squared_hinge",
    "total_variation",
    "triplet_margin",
    "tversky",
]


if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(
        __name__,
        _HOME,
        spelt={
            "bce_loss": "losses.binary_cross_entropy",
            "bce_with_logits": "losses.sigmoid_cross_entropy",
            "cross_entropy": "losses.softmax_cross_entropy",
            "infonce": "losses.nt_xent",
            "kl_div": "losses.kl_divergence",
            "l1_loss": "losses.mae",
            "l2_loss": "losses.mse(prediction, target) / 2",
            "mean_squared_error": "losses.mse",
            "mse_loss": "losses.mse",
            "nll_loss": "losses.nll",
            "sigmoid_binary_cross_entropy": "losses.sigmoid_cross_entropy",
            "softmax_cross_entropy_with_integer_labels": "losses.softmax_cross_entropy",
        },
    )
