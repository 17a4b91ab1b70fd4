"""What a package shows of itself: names that are loaded at their first use, and what `dir` lists."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from funcnet.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["lazily", "listing", "unknown"]


def lazily(
    package: str, home: Mapping[str, str], parts: Sequence[str] = (), spelt: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package that loads its modules when they are needed.

    Parameters
    ----------
    package : str
        The package's name. What it shows is its ``__all__``.
    home : mapping
        Name -> the module that defines it, by its name from the package on.
    parts : sequence of str
        Modules of the package that are public themselves.
    spelt : mapping, optional
        Other libraries' names, in lower case -> what to write here.
    """

    def load(name: str) -> Any:
        if name in parts:
            return import_module(f"{package}.{name}")
        if name not in home:
            raise unknown(package, name, parts, spelt)
        value = getattr(import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, listing(package)


def listing(package: str) -> Callable[[], list[str]]:
    """Return the ``__dir__`` of a package: its public names, and those that Python gives every module."""

    def names() -> list[str]:
        module = vars(sys.modules[package])
        return sorted({*module["__all__"], *(name for name in module if name[:2] == name[-2:] == "__")})

    return names


def unknown(
    package: str, name: str, parts: Sequence[str] = (), spelt: Mapping[str, str] | None = None
) -> AttributeError:
    """Return the error for a name that a package lacks; the message says which one was meant.

    Parameters
    ----------
    package, name : str
        The package, and what was asked of it.
    parts : sequence of str
        Its public modules, one of which may have the name.
    spelt : mapping, optional
        Other libraries' names, in lower case -> what to write here.
    """
    return UnknownNameError(package, name, partial(_meant, package, name, tuple(parts), spelt or {}))


def _meant(package: str, name: str, parts: Sequence[str], spelt: Mapping[str, str]) -> list[str]:
    import difflib  # takes long, and most of these errors are caught by `hasattr`

    if name.lower() in spelt:
        return [spelt[name.lower()]]
    prefix = "" if package == "funcnet" else package.removeprefix("funcnet.") + "."
    within = [part for part in parts if name in getattr(import_module(f"{package}.{part}"), "__all__", ())]
    if within:
        return [f"{prefix}{part}.{name}" for part in within]
    # `AdamW` and `BatchNorm` are spelt without underscores elsewhere.
    plain = {one.lower().replace("_", ""): one for one in sys.modules[package].__all__}
    wanted = name.lower().replace("_", "")
    found = [wanted] if wanted in plain else difflib.get_close_matches(wanted, plain, n=3, cutoff=0.7)
    return [f"{prefix or 'fn.'}{plain[one]}" for one in found]
