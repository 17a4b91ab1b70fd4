"""``jit`` and ``trace``: a function captured once and run many times."""

from __future__ import annotations

import sys
from functools import update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.compiler.capture import capture
from funcnet.compiler.donation import check_not_donated, gone, run_donating
from funcnet.compiler.execute import Executable
from funcnet.compiler.graph import Graph, Value, spec_of
from funcnet.core import Tracer
from funcnet.errors import ParameterError
from funcnet.transforms.debugging import ChecksInsideError, capturing, checking
from funcnet.transforms.program import Program
from funcnet.transforms.recaptures import Recaptures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["jit", "trace"]

_SCALARS = (bool, int, float, complex, str, bytes)


#: NumPy's numbers, which its reductions return in place of arrays without dimensions, and their data types.
_NUMBERS = {cls: np.dtype(cls) for cls in (np.float32, np.float64, np.int32, np.int64, np.bool_)}


class _Entry:
    """One captured version of a function."""

    __slots__ = (
        "_described",
        "donated",
        "executable",
        "fill",
        "free",
        "key",
        "plain",
        "program",
        "reason",
        "structure",
    )

    def __init__(
        self, program: Program, structure: Any, fill: list[Any] | None, free: list[Tracer], donated: tuple[int, ...]
    ) -> None:
        self.program = program
        self.structure = structure
        #: The leaves of the result that are Python scalars, `_HOLE` elsewhere; None where all are arrays.
        self.fill = fill
        self.free = free
        #: Which inputs are given away.
        self.donated = donated
        self.executable = Executable(program.graph, donated) if donated else None
        #: What it was captured for, and why.
        self.key: Any = None
        self.plain = False
        self.reason = ""
        self._described: list[tuple[str, bool]] = []

    def describe(self, structure: Any, kinds: Sequence[Any], static: Any, keyed: bool) -> None:
        """Write down what it was captured for."""
        for path, kind in zip(structure.paths(), kinds, strict=True):
            array = isinstance(kind[0], tuple)
            if keyed:
                path = path.removeprefix("[0]") if path.startswith("[0]") else path.removeprefix("[1].")
            text = f"{kind[1]}[{','.join(map(str, kind[0]))}]" if array else f"the {kind[0].__name__} {kind[1]!r}"
            self._described.append((f"{path}: {text}", array))
        self._described += [(f"{name}: the static {cls} {same!r}", False) for name, cls, same in static or ()]

    def inputs(self) -> list[str]:
        """Return the place and the type of each array among the arguments."""
        return [text for text, array in self._described if array]

    def arguments(self) -> list[str]:
        """Return the place of each argument's leaves, and what the graph was captured for."""
        return [text for text, _ in self._described]

    def result(self, found: Sequence[Any]) -> Any:
        """Return the result as the function returns it."""
        if self.fill is None:
            return tree.unflatten(self.structure, found)
        rest = iter(found)
        return tree.unflatten(self.structure, [next(rest) if v is _HOLE else v for v in self.fill])


_HOLE = object()


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
        If `f` is not a function or has no argument of such a name; when called: if a static argument is not hashable.
    DtypeError
        When called: if a leaf of the result is neither an array nor a number.
    DonatedArrayError
        When called: if an array among the arguments was donated before.

    Notes
    -----
    Python numbers among the arguments are static too. Pass what changes from call to call as an array.

    Donation saves memory with NumPy arrays that such a function has returned, from the moment that loops are compiled:
    loops write results to the donated arrays themselves, where the graph shows that nobody reads them afterwards. A
    donated array of this kind becomes an array of one object that refuses whatever is done with it; views of it that
    the caller has made stay as they are, since memory with views is not used again. Memory that other libraries share
    with it (``memoryview``, ``torch.from_numpy``) is donated with it. Every other array stays what it is, and is
    refused by all functions under `fn.jit`. Inside of other transformations nothing is donated.

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
    ) -> None:
        if not callable(f):
            raise ParameterError(
                "fn.jit transforms a function.", found=type(f).__name__, needed="a callable", write="fn.jit(f)(x)"
            )
        # First, since it copies the attributes of `f`, which may be of this class.
        update_wrapper(self, f)
        self.f = f
        self.name = getattr(f, "__name__", type(f).__name__)
        names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        given: tuple[Any, ...] = tuple(donate) if isinstance(donate, (tuple, list)) else (donate,)
        self._static = frozenset(names)
        self._positions = _positions(f, names, "static_argnames") if names else {}
        self._donate = _donated(f, given, names) if given else frozenset()
        self._entries: dict[Any, _Entry] = {}
        self._last: _Entry | None = None
        self._recaptures = Recaptures(self.name)

    def __repr__(self) -> str:
        return f"<jit function {self.name}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph for these arguments, after capturing it if need be."""
        if checking():
            return self.f(*args, **kwargs)
        try:
            entry, values = self._entry(args, kwargs)
        except ChecksInsideError:
            if capturing():
                raise
            # Looks at its values while it runs, so it runs without a graph.
            return self.f(*args, **kwargs)
        if entry.donated and not any([v.__class__ is Tracer for v in values]):
            assert entry.executable is not None
            found = run_donating(entry.executable, [*values, *entry.free], entry.donated, self.name)
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
        return _restored, (self.f, tuple(sorted(self._static)), tuple(sorted(self._donate, key=str)))

    def lower(self, *args: Any, **kwargs: Any) -> Graph:
        """Return the graph for these arguments, which may be specs in place of arrays."""
        return self._entry(args, kwargs)[0].program.graph

    def entries(self) -> list[_Entry]:
        """Return the versions that were captured; for `explain`."""
        return list(self._entries.values())

    def captures(self) -> list[str]:
        """Return the reason of each capture; for `explain`."""
        return list(self._recaptures.reasons)

    def _entry(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[_Entry, list[Any]]:
        static: Any = None
        if self._static:
            args, kwargs, static = self._without_static(args, kwargs)
        leaves, structure = tree.flatten((args, kwargs) if kwargs else args)
        if gone:
            check_not_donated(leaves)
        last = self._last
        context = backends.current()
        # Nearly every call is like the one before, and comparing takes less time than hashing.
        if last is not None and last.plain:
            spec, kinds, known, around = last.key
            if around is context and spec == structure.spec and known == static:
                for leaf, kind in zip(leaves, kinds, strict=True):
                    cls = leaf.__class__
                    if cls is not np.ndarray and cls not in _NUMBERS:
                        break
                    if leaf.dtype is not kind[1] or leaf.shape != kind[0]:
                        break
                else:
                    return last, leaves
        check_not_donated(leaves)
        values, kinds = self._kinds(leaves)
        if last is not None:
            spec, before, known, around = last.key
            if around is context and spec == structure.spec and known == static and before == kinds:
                return last, values
        key = (structure.spec, kinds, static, context)
        entry = self._entries.get(key)
        if entry is None:
            reason = self._recaptures.reason(structure, kinds, static, context, bool(kwargs))
            entry = self._capture(leaves, structure, bool(kwargs), static)
            entry.key, entry.reason = key, reason[0]
            entry.describe(structure, kinds, static, bool(kwargs))
            entry.plain = all([leaf.__class__ is np.ndarray or leaf.__class__ in _NUMBERS for leaf in leaves])
            if not entry.free:
                self._entries[key] = entry
            self._recaptures.note(reason, structure, kinds, static, context)
        if not entry.free:
            self._last = entry
        return entry, values

    def _kinds(self, leaves: list[Any]) -> tuple[list[Any], tuple[Any, ...]]:
        """Return the arrays among leaves, and what of each leaf a graph depends on."""
        values: list[Any] = []
        kinds: list[Any] = []
        for leaf in leaves:
            cls = leaf.__class__
            if cls is np.ndarray:
                kinds.append((leaf.shape, leaf.dtype))
                values.append(leaf)
            elif cls in _NUMBERS:
                kinds.append(((), _NUMBERS[cls]))
                values.append(leaf)
            elif cls in _SCALARS:
                # 0.0 and -0.0 are equal, and NaN is not equal to itself.
                kinds.append((cls, leaf) if leaf and leaf == leaf else (cls, leaf, repr(leaf)))
            elif hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
                spec = spec_of(leaf)
                kinds.append((spec.shape, spec.dtype, spec.backend.name, spec._device))  # the device may be left open
                values.append(leaf)
            else:
                kinds.append(_hashable(leaf, self.name))
        return values, tuple(kinds)

    def _given_away(self, leaves: list[Any], structure: Any, keyed: bool) -> tuple[int, ...]:
        """Return which of the arrays among the leaves are donated."""
        if not self._donate:
            return ()
        places: list[Any] = []
        args, kwargs = tree.unflatten(structure, leaves) if keyed else (tree.unflatten(structure, leaves), {})
        for i, arg in enumerate(args):
            places += [i] * tree.structure(arg).num_leaves
        for name in sorted(kwargs):
            places += [name] * tree.structure(kwargs[name]).num_leaves
        arrays = [p for p, leaf in zip(places, leaves, strict=True) if hasattr(leaf, "dtype")]
        return tuple([i for i, place in enumerate(arrays) if place in self._donate])

    def _capture(self, leaves: list[Any], structure: Any, keyed: bool, static: Any) -> _Entry:
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
                args, kwargs = self._with_static(args, kwargs, static)
            found, shape = tree.flatten(self.f(*args, **kwargs))
            fill.extend([_HOLE if hasattr(v, "dtype") else v for v in found])
            return found

        graph, free = capture(flat, [spec_of(leaves[i]) for i in known])
        outputs = [v for v in graph.outputs if v.__class__ is Value]
        graph = graph.with_equations(graph.equations, outputs)
        donated = self._given_away(leaves, structure, keyed)
        return _Entry(Program(graph, self.name), shape, None if len(outputs) == len(fill) else fill, free, donated)

    def _without_static(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Take the static arguments out, and return them as something hashable."""
        taken = {}
        rest = list(args)
        for name in self._static:
            i = self._positions.get(name)
            if i is not None and i < len(rest):
                taken[name] = rest[i]
                rest[i] = None
        if any([k in self._static for k in kwargs]):
            taken.update({k: v for k, v in kwargs.items() if k in self._static})
            kwargs = {k: v for k, v in kwargs.items() if k not in self._static}
        for name, value in taken.items():
            try:
                hash(value)
            except TypeError:
                raise ParameterError(
                    f"The static argument {name!r} of {self.name!r} is not hashable.",
                    found=f"{type(value).__name__}: {value!r}",
                    needed="a hashable value, by which the graph is found again",
                    write=f"{name}=tuple(...), or no static_argnames for it if it is an array",
                ) from None
        # The class too: 1, 1.0 and True are equal.
        return tuple(rest), kwargs, tuple(sorted((k, v.__class__.__name__, _Same(v)) for k, v in taken.items()))

    def _with_static(self, args: tuple[Any, ...], kwargs: dict[str, Any], static: Any) -> tuple[Any, Any]:
        rest = list(args)
        more = dict(kwargs)
        for name, _, same in static:
            i = self._positions.get(name)
            if i is not None and i < len(rest):
                rest[i] = same.value
            else:
                more[name] = same.value
        return tuple(rest), more


class _Same:
    """A static value in a key: compared as values are, but 1, 1.0 and True differ; never ordered."""

    __slots__ = ("exact", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.exact = _exact(value)

    def __hash__(self) -> int:
        return hash(self.exact)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and bool(self.exact == other.exact)

    def __lt__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return repr(self.value)


def _exact(value: Any) -> Any:
    """Return something that is equal only for values that are equal and of one class."""
    if value.__class__ in (float, complex):
        # 0.0 and -0.0 are equal, and NaN is not equal to itself.
        return value.__class__, repr(value)
    if value.__class__ is tuple:
        return tuple, tuple([_exact(v) for v in value])
    return value.__class__, value


def _restored(f: Callable[..., Any], static: tuple[str, ...], donate: tuple[str | int, ...]) -> jit:
    return jit(f, static_argnames=static, donate=donate)


def _donated(f: Callable[..., Any], given: tuple[str | int, ...], static: tuple[str, ...]) -> frozenset[str | int]:
    """Return the donated arguments, each by its name, and by its position where it has one."""
    names = tuple([n for n in given if isinstance(n, str)])
    positions = _positions(f, names, "donate") if names else {}
    found: set[str | int] = {*given, *positions.values()}
    parameters = _parameters(f)
    kept = [p for i, p in enumerate(parameters) if p in static and (i in found or p in found)]
    count = len(parameters) if not any([p.kind.name == "VAR_POSITIONAL" for p in parameters.values()]) else None
    wrong = [i for i in found if isinstance(i, int) and (i < 0 or (count is not None and i >= count))]
    if kept or wrong or any([n.__class__ not in (int, str) for n in given]):
        raise ParameterError(
            f"fn.jit cannot donate {kept[0] if kept else wrong[0] if wrong else given!r} of "
            f"{getattr(f, '__name__', f)!r}.",
            found="a static argument" if kept else f"donate={given!r}",
            needed="names or positions of arguments that hold arrays, among " + ", ".join(parameters),
            write=f"donate={next(iter(parameters), 'params')!r}",
        )
    by_position = dict(enumerate(parameters))
    return frozenset({*found, *[by_position[i] for i in found if i.__class__ is int and i in by_position]})


def _parameters(f: Callable[..., Any]) -> Any:
    from inspect import signature  # slow to import, and rarely needed

    return signature(f).parameters


def _positions(f: Callable[..., Any], names: tuple[str, ...], option: str) -> dict[str, int]:
    from inspect import Parameter

    parameters = _parameters(f)
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    for name in names:
        if name not in parameters and not open_ended:
            raise ParameterError(
                f"{getattr(f, '__name__', f)!r} has no argument that is called {name!r}.",
                found=f"{option}={names!r}",
                needed="names among " + ", ".join(parameters),
                write=f"{option}={next(iter(parameters), 'n')!r}",
            )
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return {name: i for i, (name, p) in enumerate(parameters.items()) if p.kind in kinds and name in names}


def _hashable(leaf: Any, name: str) -> Any:
    try:
        hash(leaf)
    except TypeError:
        raise ParameterError(
            f"An argument of the fn.jit function {name!r} is neither an array nor hashable.",
            found=f"{type(leaf).__module__}.{type(leaf).__qualname__}",
            needed="arrays, numbers and strings in nested containers",
            write="xp.asarray(...); fn.tree.register(...) for a container of arrays",
        ) from None
    return leaf.__class__, leaf


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    """Return the graph of a function.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays; returns a pytree of arrays and numbers.
    *args, **kwargs : pytree of arrays, Spec or Python values
        Arrays and specs become inputs of the graph, in the order of the leaves; other leaves are passed on as they are.

    Returns
    -------
    Graph
        Its outputs are the leaves of the result.

    Raises
    ------
    AbstractValueError
        If the function reads a value that depends on the arguments; names the line.

    Examples
    --------
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> graph = fn.trace(fn.grad(lambda x: xp.sum(x * x)), fn.Spec((2,)))
    >>> print(fn.trace(lambda x, y: (x @ y, 2.0), fn.Spec((2, 3)), fn.Spec((3,))))
    graph(a: float32[2,3], b: float32[3])
      c: float32[2] = matmul(a, b)
      return c, 2.0
    """
    leaves, structure = tree.flatten((args, kwargs))
    known = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype") and hasattr(leaf, "shape")]

    def flat(*tracers: Any) -> list[Any]:
        given = list(leaves)
        for i, t in zip(known, tracers, strict=True):
            given[i] = t
        positional, keyed = tree.unflatten(structure, given)
        return tree.leaves(f(*positional, **keyed))

    return capture(flat, [spec_of(leaves[i]) for i in known])[0]
