"""Metrics: pure functions that measure a data set batch by batch, and merge what workers found."""

from funcnet.metrics.calibration import calibration_error as calibration_error
from funcnet.metrics.correlation import pearson as pearson
from funcnet.metrics.correlation import r2 as r2
from funcnet.metrics.correlation import spearman as spearman
from funcnet.metrics.counts import cohen_kappa as cohen_kappa
from funcnet.metrics.counts import confusion_matrix as confusion_matrix
from funcnet.metrics.counts import f_beta as f_beta
from funcnet.metrics.counts import iou as iou
from funcnet.metrics.counts import matthews as matthews
from funcnet.metrics.counts import precision as precision
from funcnet.metrics.counts import recall as recall
from funcnet.metrics.means import accuracy as accuracy
from funcnet.metrics.means import log_loss as log_loss
from funcnet.metrics.means import mae as mae
from funcnet.metrics.means import mean as mean
from funcnet.metrics.means import mse as mse
from funcnet.metrics.means import perplexity as perplexity
from funcnet.metrics.means import rmse as rmse
from funcnet.metrics.means import top_k_accuracy as top_k_accuracy
from funcnet.metrics.metric import Metric as Metric
from funcnet.metrics.thresholds import average_precision as average_precision
from funcnet.metrics.thresholds import roc_auc as roc_auc
from funcnet.surface import listing as _listing

__all__ = [
    "Metric",
    "accuracy",
    "average_precision",
    "calibration_error",
    "cohen_kappa",
    "confusion_matrix",
    "f_beta",
    "iou",
    "log_loss",
    "mae",
    "matthews",
    "mean",
    "mse",
    "pearson",
    "perplexity",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "spearman",
    "top_k_accuracy",
]

__dir__ = _listing(__name__)
