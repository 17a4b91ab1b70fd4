"""A check that no key is used twice."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from funcnet import backends
from funcnet.core import raw
from funcnet.core.frames import user_frame
from funcnet.errors import KeyReuseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["debug_key_reuse", "used"]

_seen: ContextVar[dict[Any, str] | None] = ContextVar("funcnet_keys_seen", default=None)


@contextmanager
def debug_key_reuse(enabled: bool = True) -> Iterator[None]:
    """Check that no random key is used twice within a ``with`` block.

    Two draws with one key are not independent: of the same kind they are the same numbers. Within the block a key may
    be drawn from once or split once, and be folded once with each number. Keys count as the same by value, whatever
    array holds them. The check holds for one thread or task, and a block within a block starts afresh.

    Each use of a key copies its two words to the host, which on a GPU waits for all that was given to it; and the block
    remembers every key. It is meant for tests and is off unless asked for.

    Parameters
    ----------
    enabled : bool, optional
        False switches the check off within an outer block.

    Raises
    ------
    KeyReuseError
        At the second use of a key; the message names both.

    Examples
    --------
    >>> from funcnet import random
    >>> key = random.key(0)
    >>> with random.debug_key_reuse():
    ...     x = random.normal(key, (2,))
    ...     y = random.uniform(key, (2,))
    Traceback (most recent call last):
    funcnet.errors.KeyReuseError: A random key was used twice.
      found:  the key [0, 0] in uniform, in ..., after normal, in ...
      needed: a fresh key for every draw
      write:  key, subkey = fn.random.split(key)
    """
    token = _seen.set({} if enabled else None)
    try:
        yield
    finally:
        _seen.reset(token)


def used(key: Any, what: str, data: Any = None) -> None:
    """Record that `what` used a key, together with `data` where it is folded in."""
    seen = _seen.get()
    if seen is None:
        return
    value = raw(key)
    backend = backends.backend_of_type(type(value))
    number = raw(data)
    if backend is None or (data is not None and not hasattr(number, "__index__")):
        # Only shapes are known here: the draw itself comes later.
        return
    words = tuple(backend.to_numpy(value).ravel().tolist())
    entry = words if data is None else (words, int(number))
    where = f"{what}, in {user_frame()}"
    before = seen.setdefault(entry, where)
    if before is not where:
        told = f"the key {list(words)}" + ("" if data is None else f" with {int(number)}")
        raise KeyReuseError(
            "A random key was used twice.",
            found=f"{told} in {where}, after {before}",
            needed="a fresh key for every draw",
            write="key, subkey = fn.random.split(key)",
        )
