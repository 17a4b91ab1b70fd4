"""News of changes: a backend or a kernel was added, replaced or removed.

What caches an answer that depends on them, such as the kernel that runs a primitive on arrays of some class, listens.
"""

from collections.abc import Callable

__all__ = ["changed", "on_change"]

_listeners: list[Callable[[], None]] = []


def on_change(listener: Callable[[], None]) -> Callable[[], None]:
    """Have `listener` called after each change; it serves as a decorator.

    Examples
    --------
    >>> from funcnet.backends.changes import on_change
    >>> cache = {}
    >>> on_change(cache.clear)
    <built-in method clear of dict object at ...>
    """
    _listeners.append(listener)
    return listener


def changed() -> None:
    """Tell all listeners."""
    for listener in _listeners:
        listener()
