"""What a model is made of and what it costs, without running it."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import random, tree
from funcnet.errors import ParameterError
from funcnet.nn.children import watching
from funcnet.nn.costs import flops, moves
from funcnet.nn.layer import Layer, kind_of, layer_path, name_of, scope
from funcnet.nn.spec import as_spec
from funcnet.transforms import eval_shape
from funcnet.transforms.shape import Watcher, watch

if TYPE_CHECKING:
    from funcnet.core import Primitive

__all__ = ["Row", "Summary", "summary"]

#: The backward pass computes a product for the input and one for the parameters where the forward pass computes one.
_BOTH_WAYS = 3


class Row(NamedTuple):
    """One layer of a model, with all that is inside of it.

    Attributes
    ----------
    path : str
        Where it is, such as ``"sequential.dense_0"``.
    kind : str
        What it is.
    output : pytree of tuple
        Shapes of what it returns.
    parameters, state : int
        Numbers of elements.
    parameter_bytes : int
        Memory of the parameters.
    flops : int
        Floating-point operations of the forward pass.
    activation_bytes : int
        Memory of the results of its operations.
    calls : int
        How often it runs in one forward pass.
    """

    path: str
    kind: str
    output: Any
    parameters: int
    state: int
    parameter_bytes: int
    flops: int
    activation_bytes: int
    calls: int


class Summary(NamedTuple):
    """What `summary` returns; as text a table.

    Attributes
    ----------
    rows : tuple of Row
        The model, then the layers inside of it, in the order in which they begin to run.
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return self.rows[0].parameters

    @property
    def parameter_bytes(self) -> int:
        """Memory of the parameters."""
        return self.rows[0].parameter_bytes

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass."""
        return self.rows[0].flops

    @property
    def training_flops(self) -> int:
        """An estimate of those of forward and backward pass: three times as many, as it is for matrix products."""
        return _BOTH_WAYS * self.rows[0].flops

    @property
    def activation_bytes(self) -> int:
        """Memory of the results of all operations, the most that reverse mode can keep."""
        return self.rows[0].activation_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings, lists and dicts."""
        totals = {name: getattr(self, name) for name in ("parameters", "parameter_bytes", "flops", "training_flops")}
        rows = [{**row._asdict(), "output": _listed(row.output)} for row in self.rows]
        return {**totals, "activation_bytes": self.activation_bytes, "layers": rows}

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "FLOPs", "activations")
        table: list[tuple[str, ...]] = [head]
        for row in self.rows:
            _, _, last = row.path.rpartition(".")
            name = "  " * row.path.count(".") + last + (f" x{row.calls}" if row.calls > 1 else "")
            numbers = (f"{row.parameters:,}", f"{row.flops:,}", _bytes(row.activation_bytes))
            table.append((name, row.kind, _shapes(row.output), *numbers))
        widths = [max(len(line[i]) for line in table) for i in range(len(head))]
        lines = []
        for line in table:
            cells = [c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
            lines.append("  ".join(cells).rstrip())
        lines.insert(1, "-" * max(map(len, lines)))
        lines += [
            lines[1],
            f"parameters   {self.parameters:,} ({_bytes(self.parameter_bytes)})",
            f"state        {self.rows[0].state:,}",
            f"forward      {self.flops:,} FLOPs",
            f"and backward {self.training_flops:,} FLOPs, about",
            f"activations  {_bytes(self.activation_bytes)} at most",
        ]
        return "\n".join(lines)


class _Counter(Watcher):
    """Sums up, for each path, what its operations cost."""

    def __init__(self) -> None:
        super().__init__()
        self.flops: dict[str, int] = {}
        self.kept: dict[str, int] = {}

    def see(self, primitive: Primitive, specs: list[Any], results: Any, params: dict[str, Any]) -> None:  # noqa: ARG002
        path = layer_path("")
        self.flops[path] = self.flops.get(path, 0) + self.times * flops(primitive, specs, results)
        if not moves(primitive):
            outs = results if isinstance(results, tuple) else (results,)
            self.kept[path] = self.kept.get(path, 0) + self.times * sum(map(_memory, outs))


def summary(layer: Layer, spec: Any, *, train: bool = False) -> Summary:
    """Return what a model is made of: names, shapes, parameters, floating-point operations and memory.

    Nothing is computed: parameters and results are known by shape and data type only, so it takes no memory and hardly
    any time however large the model is.

    Parameters
    ----------
    layer : Layer
        The model, or any layer.
    spec : shape, array, Spec or pytree of them
        Its input, batch included.
    train : bool, default False
        Whether to look at it in training.

    Returns
    -------
    Summary
        ``str`` of it is a table; ``to_dict`` gives plain numbers.

    Raises
    ------
    ParameterError
        If `layer` is no layer.
    ShapeError
        If the layers do not fit; names the layer.

    Notes
    -----
    A product and a sum count as two operations, an elementwise function as one for each element. Elementwise functions,
    products and convolutions, attention and softmax are known; any other operation counts as one for each element of
    its largest array. A loop (`fn.scan`, recurrent layers) counts as often as it runs.

    Examples
    --------
    >>> from funcnet import nn
    >>> model = nn.sequential(nn.dense(128), nn.relu(), nn.dense(10))
    >>> print(nn.summary(model, (32, 784)))
    layer       kind        output     parameters      FLOPs  activations
    ---------------------------------------------------------------------
    sequential  sequential  (32, 10)      101,770  6,512,960     33.2 KiB
      dense_0   dense       (32, 128)     100,480  6,426,624     16.0 KiB
      relu_0    relu        (32, 128)           0      4,096     16.0 KiB
      dense_1   dense       (32, 10)        1,290     82,240      1.2 KiB
    ---------------------------------------------------------------------
    parameters   101,770 (397.5 KiB)
    state        0
    forward      6,512,960 FLOPs
    and backward 19,538,880 FLOPs, about
    activations  33.2 KiB at most
    """
    if not isinstance(layer, Layer):
        raise ParameterError(
            "nn.summary takes a layer.",
            found=type(layer).__name__,
            needed="an nn.Layer and the shape of its input",
            write="nn.summary(model, x.shape)",
        )
    root = name_of(layer) or kind_of(layer)
    counter = _Counter()
    seen: dict[str, tuple[str, Any, int]] = {}

    def observe(path: str, child: Layer, params: Any, state: Any, x: Any, y: Any) -> None:  # noqa: ARG001
        _, _, calls = seen.get(path, ("", None, 0))
        seen[path] = kind_of(child), tree.map(lambda leaf: tuple(leaf.shape), y), calls + counter.times

    def begin(key: Any) -> Any:
        with scope(root):
            return layer.init(key, as_spec(spec))

    def run(params: Any, state: Any, x: Any, key: Any) -> Any:
        with scope(root), watching(observe):
            return watch(counter, lambda: layer.apply(params, state, x, key=key, train=train)[0])

    key = random.key(0)
    params, state = eval_shape(begin, key)
    out = eval_shape(run, params, state, as_spec(spec), key)
    found = {root: (kind_of(layer), tree.map(lambda leaf: tuple(leaf.shape), out), 1), **seen}
    order = _in_order(found)
    rows = []
    for path in order:
        kind, shapes, calls = found[path]
        names = path.split(".")[1:]
        p, s = _inside(params, names), _inside(state, names)
        rows.append(
            Row(
                path,
                kind,
                shapes,
                sum(prod(leaf.shape) for leaf in tree.leaves(p)),
                sum(prod(leaf.shape) for leaf in tree.leaves(s)),
                sum(map(_memory, tree.leaves(p))),
                _total(counter.flops, path),
                _total(counter.kept, path),
                calls,
            )
        )
    return Summary(tuple(rows))


def _in_order(found: dict[str, Any]) -> list[str]:
    """Return the paths with each layer before those inside of it; a layer is seen when it has run."""
    first = {path: i for i, path in enumerate(found)}

    def begins(path: str) -> int:
        return min(i for other, i in first.items() if other == path or other.startswith(path + "."))

    return sorted(found, key=lambda path: (begins(path), path.count(".")) if "." in path else (-1, 0))


def _inside(entries: Any, names: list[str]) -> Any:
    for name in names:
        entries = entries.get(name, {}) if isinstance(entries, dict) else {}
    return entries


def _total(counts: dict[str, int], path: str) -> int:
    return sum(n for other, n in counts.items() if other == path or other.startswith(path + "."))


def _memory(spec: Any) -> int:
    if not hasattr(spec, "shape"):
        return 0
    name = spec.backend.dtype_name(spec.dtype)
    bits = int("".join(c for c in name if c.isdigit()) or 8)
    return prod(spec.shape) * bits // 8


def _bytes(n: int) -> str:
    if n < 1024:
        return f"{n} B"
    size, unit = next((n / k, u) for k, u in ((2**30, "GiB"), (2**20, "MiB"), (1024, "KiB")) if n >= k)
    return f"{size:,.1f} {unit}"


def _shapes(output: Any) -> str:
    if isinstance(output, tuple) and all(isinstance(n, int) for n in output):
        return str(output)
    if isinstance(output, dict):
        return ", ".join(f"{name} {_shapes(shape)}" for name, shape in output.items())
    return ", ".join(map(_shapes, output))


def _listed(output: Any) -> Any:
    if isinstance(output, dict):
        return {name: _listed(shape) for name, shape in output.items()}
    return [n if isinstance(n, int) else _listed(n) for n in output]
