"""Normalisation layers."""

from funcnet.nn.normalization.batch import batch_norm as batch_norm
from funcnet.nn.normalization.examples import layer_norm as layer_norm
from funcnet.nn.normalization.examples import rms_norm as rms_norm
from funcnet.nn.normalization.groups import group_norm as group_norm
from funcnet.nn.normalization.instance import instance_norm as instance_norm
from funcnet.nn.normalization.local import local_response_norm as local_response_norm
from funcnet.nn.normalization.local import unit_norm as unit_norm

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
    "unit_norm",
]
