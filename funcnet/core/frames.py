"""Where in the caller's code a call came from."""

import sys
from types import FrameType

__all__ = ["user_frame"]

_PACKAGE = __name__.partition(".")[0]


def user_frame() -> str:
    """Return ``file:line (function)`` of the innermost frame outside funcnet."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # what inspect.currentframe does, without its import
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != _PACKAGE:
            return f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})"
        frame = frame.f_back
    return "an unknown place"
