"""Saving and loading: arrays in safetensors files, named by their paths. Nothing in a file is ever executed."""

from funcnet.serialize.safetensors import load as load
from funcnet.serialize.safetensors import metadata as metadata
from funcnet.serialize.safetensors import save as save
from funcnet.surface import listing as _listing

__all__ = ["load", "metadata", "save"]

__dir__ = _listing(__name__)
