"""``jit``: a function captured once and run many times."""

from __future__ import annotations

import sys
from functools import update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.compiler.alone import MANY, Alike
from funcnet.compiler.capture import capture, effects, running_capture
from funcnet.compiler.donation import check_not_donated, donations, gone, run_donating
from funcnet.compiler.graph import Graph, Value, spec_of
from funcnet.compiler.native import natives
from funcnet.core import Tracer, current_trace
from funcnet.transforms.debugging import ChecksInsideError, checking
from funcnet.transforms.donated_arguments import donated_names, given_away
from funcnet.transforms.kinds import NUMBERS, kinds_of
from funcnet.transforms.leaves import check_function
from funcnet.transforms.named_arguments import unknown_option
from funcnet.transforms.program import Program
from funcnet.transforms.recaptures import Recaptures
from funcnet.transforms.static_arguments import StaticArguments
from funcnet.transforms.taps import collecting
from funcnet.transforms.versions import HOLE, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Never

__all__ = ["jit"]

#: Options, and what other libraries call them.
_OPTIONS = {"static_argnames": ("static_argnums",), "donate": ("donate_argnums", "donate_argnames")}


class jit:  # noqa: N801  # used as a decorator, as the functions of this package are
    """Return a function that captures `f` once as a graph, and runs the graph from then on.

    The graph is captured anew for each combination of the arguments' structure, shapes, dtypes, backends and devices,
    of static arguments and Python numbers, and of the context that `use_backend` sets. `f` must be pure: what it prints
    or writes elsewhere happens at the capture only, and arrays that it takes from elsewhere are those of that moment.
    Values are not known during the capture, so ``if x > 0`` and ``range(n)`` are refused for arrays; `cond`, `scan`,
    `while_loop` and `xp.where` take their place. Transformations nest in any order: ``jit(grad(f))``, ``grad(jit(f))``,
    ``vmap(jit(f))`` and ``jit`` inside of ``jit``.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays; returns a pytree of arrays and numbers.
    static_argnames : str or sequence of str, optional
        Names of arguments that are passed on as they are. They must be hashable, and each value has a graph of its own.
    donate : str, int or sequence of them, optional
        Names or positions of arguments whose arrays the caller gives away: their memory may become that of results, as
        in ``params = step(params)``. They must not be used after the call, even if it fails: using one again raises
        `DonatedArrayError`.

    Returns
    -------
    callable
        With the arguments of `f`. Its results share no memory with each other, nor with arguments that are not donated.

    Raises
    ------
    AbstractValueError
        When called: if `f` reads a value that depends on the arguments; names the line.
    ParameterError
        If `f` is not a function or has no argument of such a name, or there is no such option; when called: if a
        static argument is not hashable.
    DtypeError
        When called: if a leaf of the result is neither an array nor a number, or an argument is an array with a mask.
    DonatedArrayError
        When called: if an array among the arguments was donated before.

    Notes
    -----
    Python numbers among the arguments are static too. Pass what changes from call to call as an array.

    Donation saves memory with NumPy arrays that such a function has returned, from the moment that loops are compiled:
    loops write results to the donated arrays themselves, where the graph shows that nobody reads them afterwards. A
    donated array of this kind becomes an array of one object that refuses whatever is done with it; views of it that
    the caller has made stay as they are, since memory with views is not used again. What shows its memory through an
    object of another kind (``memoryview``, ``torch.from_numpy``, masked arrays and other subclasses, ``as_strided``) is
    donated with it. Calls on other threads that are already reading the array when it is donated are not noticed: they
    have to be over before. Every other array stays what it is, and is refused by all functions under `fn.jit`. Inside
    of other transformations nothing is donated.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> @fn.jit
    ... def step(w, x, y):
    ...     loss, g = fn.value_and_grad(lambda w: xp.mean((x @ w - y) ** 2))(w)
    ...     return w - 0.1 * g, loss
    >>> w, loss = step(np.zeros(2), np.eye(2), np.array([1.0, 2.0]))
    >>> w, float(loss)
    (array([0.1, 0.2]), 2.5)
    """

    def __init__(
        self,
        f: Callable[..., Any],
        *,
        static_argnames: str | Sequence[str] = (),
        donate: str | int | Sequence[str | int] = (),
        **unknown: Never,
    ) -> None:
        if unknown:
            raise unknown_option("fn.jit", next(iter(unknown)), _OPTIONS, f)
        check_function(f, "fn.jit")
        # First, since it copies the attributes of `f`, which may be of this class.
        update_wrapper(self, f)
        self.f = f
        self.name = getattr(f, "__name__", type(f).__name__)
        names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        given: tuple[Any, ...] = tuple(donate) if isinstance(donate, (tuple, list)) else (donate,)
        self._static = StaticArguments(f, names, self.name)
        self._donate = donated_names(f, given, names) if given else frozenset()
        self._entries: dict[Any, Version] = {}
        self._last: Version | None = None
        self._recaptures = Recaptures(self.name)

    def __repr__(self) -> str:
        return f"<jit function {self.name}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph for these arguments, after capturing it if need be."""
        if checking():
            return self.f(*args, **kwargs)
        before = donations()
        try:
            entry, values, given = self._entry(args, kwargs)
        except ChecksInsideError:
            if running_capture() is not None:
                raise
            # Looks at its values while it runs, so it runs without a graph.
            return self.f(*args, **kwargs)
        if entry.donated and not entry.free and not any([v.__class__ is Tracer for v in values]):
            assert entry.executable is not None
            found = run_donating(entry.executable, values, entry.donated, self.name, given, before)
            return entry.result(found)
        return entry.result(entry.program(*values, *entry.free))

    def __copy__(self) -> jit:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> jit:
        return self

    def __reduce__(self) -> Any:
        # By name, as functions are; what was made elsewhere takes its function along, if that can be pickled.
        place: Any = sys.modules.get(getattr(self, "__module__", ""))
        for name in getattr(self, "__qualname__", "").split("."):
            place = getattr(place, name, None)
        if place is self:
            return getattr(self, "__qualname__")  # noqa: B009  # of the function
        return _restored, (self.f, tuple(sorted(self._static.names)), tuple(sorted(self._donate, key=str)))

    def lower(self, *args: Any, **kwargs: Any) -> Graph:
        """Return the graph for these arguments, which may be specs in place of arrays."""
        return self._entry(args, kwargs)[0].program.graph

    def entries(self) -> list[Version]:
        """Return the versions that were captured; for `explain`."""
        return list(self._entries.values())

    def captures(self) -> list[str]:
        """Return the reason of each capture; for `explain`."""
        return list(self._recaptures.reasons)

    def _entry(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Version, Sequence[Any], Sequence[Any]]:
        """Return the version for some arguments, its inputs, and the arrays of which they are made."""
        static: Any = None
        if self._static.names:
            args, kwargs, static = self._static.take_out(args, kwargs)
        # A list is none of the structures that arguments by position have.
        whole = [args, kwargs] if kwargs else args
        last = self._last
        context: Any = backends.current()
        if collecting():
            # A graph that was captured without knows nothing of its taps.
            context = context, "taps"
        # Nearly every call is like the one before, and comparing takes less time than hashing.
        near = last
        if last is None or not last.plain or last.key[3] is not context or last.key[2] != static:
            near = None
        elif last.take is not None:
            leaves = last.take(whole)
            if leaves is not None and (not gone or gone.keys().isdisjoint(map(id, leaves))) and last.fits(leaves):
                return last, leaves, leaves
        leaves, structure = tree.flatten(whole)
        if gone and not gone.keys().isdisjoint(map(id, leaves)):
            check_not_donated(leaves)
        if near is not None and near.key[0] == structure.spec and near.fits(leaves):
            if near.take is None:
                near.settle(structure)
            return near, leaves, leaves
        check_not_donated(leaves)
        given, kinds = kinds_of(leaves, self.name)
        values = natives(given)
        if last is not None:
            spec, before, known, around = last.key
            if around is context and spec == structure.spec and known == static and before == kinds:
                return last, values, given
        key = (structure.spec, kinds, static, context)
        entry = self._entries.get(key)
        if entry is None:
            reason = self._recaptures.reason(structure, kinds, static, context, bool(kwargs))
            entry = self._capture(leaves, structure, bool(kwargs), static)
            entry.key, entry.reason = key, reason[0]
            entry.describe(structure, kinds, static, bool(kwargs))
            entry.plain = all([leaf.__class__ is np.ndarray or leaf.__class__ in NUMBERS for leaf in leaves])
            if entry.plain and len(leaves) >= MANY:
                entry.alike = Alike(kinds)
            if not entry.free:
                self._entries[key] = entry
            self._recaptures.note(reason, structure, kinds, static, context)
        if not entry.free:
            self._last = entry
        return entry, values, given

    def _capture(self, leaves: list[Any], structure: Any, keyed: bool, static: Any) -> Version:
        known = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype") and hasattr(leaf, "shape")]
        shape: Any = None
        fill: list[Any] = []

        def flat(*tracers: Any) -> list[Any]:
            nonlocal shape
            given = list(leaves)
            for i, t in zip(known, tracers, strict=True):
                given[i] = t
            whole = tree.unflatten(structure, given)
            args, kwargs = whole if keyed else (whole, {})
            if static is not None:
                args, kwargs = self._static.put_back(args, kwargs, static)
            found, shape = tree.flatten(self.f(*args, **kwargs))
            fill.extend([HOLE if hasattr(v, "dtype") else v for v in found])
            return found

        # Inside of another transformation its effects are those of this graph, too.
        keeps = None if current_trace() is None else effects
        graph, free = capture(flat, [spec_of(leaves[i]) for i in known], keeps)
        outputs = [v for v in graph.outputs if v.__class__ is Value]
        graph = graph.with_equations(graph.equations, outputs)
        donated = given_away(self._donate, leaves, structure, keyed)
        return Version(Program(graph, self.name), shape, None if len(outputs) == len(fill) else fill, free, donated)


def _restored(f: Callable[..., Any], static: tuple[str, ...], donate: tuple[str | int, ...]) -> jit:
    return jit(f, static_argnames=static, donate=donate)
