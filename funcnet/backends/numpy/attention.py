"""NumPy kernels of attention: the common blocks, with exponentials and masks written in place."""

from collections.abc import Callable
from math import inf
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.attention import Rule, Tools, attend, separated, slopes

__all__ = ["KERNELS"]


def _exp(x: Any) -> Any:
    return np.exp(x, out=x)


def _hide(s: Any, seen: Any) -> Any:
    np.copyto(s, -inf, where=~seen)
    return s


_TOOLS = Tools(_exp, _hide)


def _attention(q: Any, k: Any, v: Any, *extras: Any, biased: bool, masked: bool, **how: Any) -> tuple[Any, Any]:
    bias, mask, _ = separated(extras, biased, masked)
    return attend(np, _TOOLS, Rule(**how), q, k, v, bias, mask)


def _slopes(q: Any, k: Any, v: Any, *extras: Any, biased: bool, masked: bool, **how: Any) -> tuple[Any, ...]:
    bias, mask, rest = separated(extras, biased, masked)
    return slopes(np, _TOOLS, Rule(**how), q, k, v, bias, mask, *rest)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"attention": _attention, "attention_slopes": _slopes}
)
