"""What the builders of models share: checks of their arguments."""

from __future__ import annotations

from operator import index
from typing import Any

from funcnet.errors import ParameterError

__all__ = ["called", "check_counts", "pair_of"]


def check_counts(model: str, **counts: Any) -> None:
    """Raise `ParameterError` unless each is a positive integer, or a sequence of them that is not empty."""
    for name, value in counts.items():
        single = not isinstance(value, (tuple, list))
        try:
            found = [0 if isinstance(n, bool) else index(n) for n in ((value,) if single else value)]
        except TypeError:
            found = []
        if not found or min(found) < 1:
            raise ParameterError(
                f"nn.models.{model} got a bad {name}.",
                found=f"{name}={value!r}",
                needed="a positive integer" if single else "positive integers",
            )


def pair_of(model: str, name: str, value: Any) -> tuple[int, int]:
    """Return two numbers, or raise `ParameterError`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ParameterError(
            f"nn.models.{model} got a bad {name}.", found=f"{name}={value!r}", needed="two positive integers"
        )
    return value[0], value[1]


def called(model: str, name: str, choices: dict[str, Any], value: Any) -> Any:
    """Return the choice of that name, or raise `ParameterError`."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(
            f"nn.models.{model} does not know this {name}.",
            found=f"{name}={value!r}",
            needed=" or ".join(map(repr, choices)),
        )
    return choices[value]
