"""The sources of fused loops, run as the Python that they are."""

from __future__ import annotations

import builtins
from dis import get_instructions
from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops.build import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_python"]


def as_python(source: str, signature: str) -> Callable[..., None]:
    """Return the function ``loop`` of a source as a Python function; compiled where it uses what Python has not."""
    loop: Any = in_python(source, signature)
    used = {i.argval for i in get_instructions(loop) if i.opname == "LOAD_GLOBAL"}
    return loop if used <= {*loop.__globals__, *dir(builtins)} else compiled(source, signature)
