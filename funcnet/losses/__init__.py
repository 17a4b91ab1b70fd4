"""Losses: scalar functions of predictions and targets, with an explicit reduction and no broadcasting."""

from funcnet.losses.classification import accuracy as accuracy
from funcnet.losses.classification import binary_cross_entropy as binary_cross_entropy
from funcnet.losses.classification import sigmoid_cross_entropy as sigmoid_cross_entropy
from funcnet.losses.classification import softmax_cross_entropy as softmax_cross_entropy
from funcnet.losses.regression import mse as mse

__all__ = ["accuracy", "binary_cross_entropy", "mse", "sigmoid_cross_entropy", "softmax_cross_entropy"]
