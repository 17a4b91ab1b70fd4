"""What `fn.jit` makes of whole steps, beside other compilers and eager libraries: one function per section."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.peers.pool import MissingLibraryError, WorkerError, fresh
from benchmarks.peers.sections import Entry, Report, Sizes, ask, interleave, ratio
from benchmarks.peers.table import Line
from benchmarks.peers.worker import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.pool import Pool

__all__ = ["COMPILED", "STEPS", "Work"]

#: In the order of the table's columns.
_LIBRARIES = ("funcnet_jit", "funcnet", "jax", "torch", "torch_compile", "autograd")
#: Relative difference that results may have: they are of single precision, and three steps of training apart.
_AGREE = 1e-3
#: Where libraries keep what they compiled, which is empty for a first call.
_CACHES = ("FUNCNET_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
_LARGE_MLP = {"widths": [784, 2048, 2048, 10], "batch": 128}
_LARGE_GPT = {"layers": 4, "batch": 8, "length": 128, "width": 256, "heads": 8, "vocabulary": 512}


class Work(NamedTuple):
    """A kind of work at two sizes or more, and at one for a test that it runs."""

    title: str
    job: str
    small: tuple[str, dict[str, Any]]
    large: tuple[str, dict[str, Any]]
    tiny: dict[str, Any]
    between: tuple[tuple[str, dict[str, Any]], ...] = ()


STEPS = (
    Work(
        "dense layers",
        "step mlp",
        ("784-128-64-10, batch 128", {"widths": [784, 128, 64, 10], "batch": 128}),
        ("784-2048-2048-10, batch 128", _LARGE_MLP),
        {"widths": [6, 5, 4, 3], "batch": 4},
    ),
    Work(
        "convolutional network, 28×28",  # noqa: RUF001
        "step cnn",
        ("8 and 16 channels, 3×3, batch 32", {"batch": 32, "size": 28, "channels": [8, 16], "kernel": 3}),  # noqa: RUF001
        ("32 and 64 channels, 5×5, batch 64", {"batch": 64, "size": 28, "channels": [32, 64], "kernel": 5}),  # noqa: RUF001
        {"batch": 2, "size": 8, "channels": [2, 3], "kernel": 3},
    ),
    Work(
        "residual block with batch norm",
        "step residual",
        ("16 × 14×14×16", {"batch": 16, "size": 14, "channels": 16}),  # noqa: RUF001
        ("32 × 28×28×64", {"batch": 32, "size": 28, "channels": 64}),  # noqa: RUF001
        {"batch": 2, "size": 4, "channels": 3},
    ),
    Work(
        "LSTM, 64 steps",
        "step lstm",
        ("hidden 128, batch 32", {"batch": 32, "steps": 64, "width": 64, "hidden": 128}),
        ("hidden 256, batch 64", {"batch": 64, "steps": 64, "width": 128, "hidden": 256}),
        {"batch": 2, "steps": 3, "width": 4, "hidden": 3},
    ),
    Work(
        "GPT, 4 layers",
        "step gpt",
        (
            "width 128, 4 × 64 tokens",  # noqa: RUF001
            {"layers": 4, "batch": 4, "length": 64, "width": 128, "heads": 4, "vocabulary": 256},
        ),
        ("width 256, 8 × 128 tokens", _LARGE_GPT),  # noqa: RUF001
        {"layers": 1, "batch": 2, "length": 4, "width": 8, "heads": 2, "vocabulary": 5},
    ),
    Work(
        "GELU, layer norm, softmax: value and gradient",
        "step elementwise",
        ("1,000,000 values", {"rows": 1_000, "columns": 1_000}),
        ("10,000,000 values", {"rows": 10_000, "columns": 1_000}),
        {"rows": 3, "columns": 5},
    ),
    Work(
        "Adam alone",
        "step adam",
        ("100,000 parameters", {"size": 100_000}),
        ("10,000,000 parameters", {"size": 10_000_000}),
        {"size": 10},
        # Out of the cache: memory decides, and leaves nobody 1.3 times.
        (("1,000,000 parameters", {"size": 1_000_000}),),
    ),
    Work(
        "gradients of each of 256 examples",
        "step per-example",
        ("64-32-10", {"widths": [64, 32, 10], "batch": 256}),
        ("784-128-64-10", {"widths": [784, 128, 64, 10], "batch": 256}),
        {"widths": [4, 3, 2], "batch": 3},
    ),
    Work(
        "Hessian",
        "step hessian",
        ("30 variables", {"size": 30}),
        ("100 variables", {"size": 100}),
        {"size": 3},
    ),
    Work(
        "scalar function: value and derivative",
        "step scalar",
        ("50 operations", {"operations": 50}),
        ("200 operations", {"operations": 200}),
        {"operations": 8},
    ),
)


def steps(pool: Pool, sizes: Sizes) -> Report:
    """Time every kind of work in every library."""
    report = Report()
    for work in STEPS:
        for (label, problem), limit in ((work.small, 1.3), *((size, 1.0) for size in (*work.between, work.large))):
            _compare(pool, sizes, report, work, label, work.tiny if sizes.tiny else problem, limit)
            if sizes.tiny:
                break
    report.notes.append(
        "Steps are of training where nothing else is said: loss, gradients and Adam, from the same parameters and data "
        "in single precision, the loss read on the host each time. Before they are timed, the results of the first "
        "three calls are compared, and where the result is an array a sum over all of it, to a relative 1e-3. "
        "`to reach` and `reached` say how many times as fast as the fastest other library `fn.jit` is: the smallest of "
        "the medians of the rounds' ratios. Parameters and moments are donated to `fn.jit` and `jax.jit`; PyTorch's "
        "Adam is its fused kernel, under `torch.compile`, too; autograd's Adam is NumPy in place."
    )
    return report


def _compare(
    pool: Pool, sizes: Sizes, report: Report, work: Work, label: str, problem: dict[str, Any], limit: float
) -> None:
    title = f"{work.title}; {label}"
    entries, found = [], []
    for library in _LIBRARIES:
        peer = pool.get(library)
        if peer is None:
            continue
        entry = Entry(library, work.job, problem)
        try:
            found.append(peer.ask("prepare", job=work.job, sizes=problem)["results"])
        except WorkerError as error:
            report.notes.append(f"{title}: {_short(error)}")
            continue
        entries.append(entry)
    # What most of them agree on is taken to be right.
    agreed = [median(values) for values in zip(*found, strict=True)]
    right = []
    for entry, results in zip(entries, found, strict=True):
        error = max(abs(a - b) / max(abs(b), 1e-6) for a, b in zip(results, agreed, strict=True))
        if error <= _AGREE:
            right.append(entry)
        else:
            report.notes.append(f"{title}: {entry.library} is off by {error:.1e}: {results}, others {agreed}.")
            ask(pool, entry, "forget")
    right, times = interleave(pool, right, sizes, prepared=True)
    cells: dict[str, list[float]] = {e.library: [median(t) * 1e3] for e, t in zip(right, times, strict=True)}
    by_library = {e.library: t for e, t in zip(right, times, strict=True)}
    ours = by_library.get("funcnet_jit")
    reached = None
    if ours is not None:
        others = [t for library, t in by_library.items() if not library.startswith("funcnet")]
        reached = min((ratio(t, ours) for t in others), default=None)
    bound = f"≥ {limit:g} × the fastest"  # noqa: RUF001
    report.lines.append(Line(title, "ms", cells, bound, reached, least=limit))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:240]


def first(pool: Pool, sizes: Sizes) -> Report:
    """Time the first call in a new process, with nothing compiled before and with what an earlier process left."""
    work = STEPS[0]
    problem = work.tiny if sizes.tiny else work.small[1]
    found: dict[str, list[dict[str, float]]] = {}
    report = Report()
    for library in ("funcnet_jit", "funcnet", "jax", "torch", "torch_compile"):
        if library in pool.missing:
            continue
        with TemporaryDirectory() as cache:
            for _ in range(2):
                try:
                    with fresh(library, pool.threads, dict.fromkeys(_CACHES, cache)) as peer:
                        answer = peer.ask("first", job=work.job, sizes=problem, calls=5)
                except MissingLibraryError as error:
                    pool.missing[library] = str(error)
                    break
                except WorkerError as error:
                    report.notes.append(f"First call: {_short(error)}")
                    break
                found.setdefault(library, []).append(answer)
    cold = {library: [answers[0]["first"] * 1e3] for library, answers in found.items()}
    warm = {library: [answers[1]["settled"] * 1e3] for library, answers in found.items() if len(answers) > 1}
    jitted, eager = cold["funcnet_jit"][0], cold.get("funcnet")
    shape = f"dense layers, {work.small[0]}"
    report.lines.append(
        Line(
            f"first call, nothing compiled before; {shape}",
            "ms",
            cold,
            "≤ eager + 150 ms",
            jitted - eager[0] if eager else None,
            150.0,
        )
    )
    report.lines.append(
        Line(
            f"full speed from the start of the first call, in a second process; {shape}",
            "ms",
            warm,
            "≤ 500 ms",
            warm["funcnet_jit"][0],
            500.0,
        )
    )
    report.notes.append(
        "First calls are each in a new process whose imports are done. `fn.jit` runs a plain plan from the first call "
        "and compiles in the background; the second line is until three calls are made and all is compiled, where an "
        "earlier process had left its compiled code on disk (JAX keeps nothing unless it is asked to). With nothing "
        f"left, that takes `fn.jit` {found['funcnet_jit'][0]['settled']:.1f} s."
    )
    return report


def call(pool: Pool, sizes: Sizes) -> Report:
    """Time what a call of a compiled function costs beside its body."""
    count = 10
    calls = 10 if sizes.tiny else 2_000
    entries = [Entry(name, "leaves", {"count": count}) for name in ("funcnet_jit", "jax", "torch", "torch_compile")]
    found, times = interleave(pool, entries, sizes)
    cells = {e.library: [median(t) * 1e6] for e, t in zip(found, times, strict=True)}
    peer = pool.get("funcnet_jit")
    assert peer is not None
    answers = [peer.ask("body", job="leaves", sizes={"count": count}, calls=calls) for _ in range(max(3, sizes.rounds))]
    more = median([a["call"] - a["body"] for a in answers]) * 1e6
    line = Line(f"call that adds 1 to {count} small arrays", "µs", cells, "body + 15 µs", more, 15.0)
    body = median([a["body"] for a in answers]) * 1e6
    return Report([line], [f"Of the call that adds 1 to {count} arrays, {body:.1f} µs are its body."])


def peak(pool: Pool, sizes: Sizes) -> Report:
    """Measure the memory of the large step when it is compiled."""
    if not STATUS.exists():
        return Report(notes=["Memory is not measured: this system does not report it under /proc."])
    problem = STEPS[0].tiny if sizes.tiny else _LARGE_MLP
    small = STEPS[0].tiny if sizes.tiny else STEPS[0].small[1]
    report = Report()
    peaks: dict[str, list[float]] = {}
    for _ in range(min(sizes.peaks, 2)):
        for library in _LIBRARIES:
            if library in pool.missing:
                continue
            try:
                with fresh(library, pool.threads) as worker:
                    answer = worker.ask("peak_when_compiled", job="step mlp", small=small, sizes=problem, calls=3)
            except MissingLibraryError as error:
                pool.missing[library] = str(error)
                continue
            except WorkerError as error:
                report.notes.append(f"Peak memory: {_short(error)}")
                continue
            peaks.setdefault(library, []).append(answer["peak"] / 2**20)
    cells = {library: [median(values)] for library, values in peaks.items()}
    others = [values[0] for library, values in cells.items() if not library.startswith("funcnet")]
    least = min(others, default=0.0)  # none where everything fitted into memory that was there
    reached = cells["funcnet_jit"][0] / least if least else None
    title = f"peak memory of a compiled step; dense layers, {STEPS[0].large[0]}"
    report.lines.append(Line(title, "MiB", cells, "≤ 1 of the smallest", reached, 1.0))
    report.notes.append(
        "Peak memory of a compiled step counts from before its arrays are made and while it is compiled, less what a "
        "small step of the same kind takes."
    )
    return report


def products(pool: Pool, sizes: Sizes) -> Report:
    """Time the bare matrix products of the large steps beside the steps."""
    report = Report()
    mlp, gpt = _LARGE_MLP, _LARGE_GPT
    rows, width = gpt["batch"] * gpt["length"], gpt["width"]
    heads, each = gpt["batch"] * gpt["heads"], width // gpt["heads"]
    layer = [
        [1, rows, width, 3 * width],
        [heads, gpt["length"], each, gpt["length"]],
        [heads, gpt["length"], gpt["length"], each],
        [1, rows, width, width],
        [1, rows, width, 4 * width],
        [1, rows, 4 * width, width],
    ]
    dense = [[1, mlp["batch"], n, m] for n, m in pairwise(mlp["widths"])]
    # The input of the first layer has no gradient.
    of_mlp = [s for s in _with_backward(dense) if s != [1, mlp["batch"], mlp["widths"][1], mlp["widths"][0]]]
    of_gpt = _with_backward([*layer * gpt["layers"], [1, rows, width, gpt["vocabulary"]]])
    for work, problem, shapes in ((STEPS[0], mlp, of_mlp), (STEPS[4], gpt, of_gpt)):
        if sizes.tiny:
            problem, shapes = work.tiny, [[1, 2, 3, 4], [2, 3, 4, 5]]
        entries = [Entry("funcnet_jit", work.job, problem), Entry("numpy", "products", {"shapes": shapes})]
        (step, bare), times = interleave(pool, entries, sizes)
        cells = {step.library: [median(times[0]) * 1e3], bare.library: [median(times[1]) * 1e3]}
        title = f"step, and its {len(shapes)} matrix products in NumPy; {work.title}; {work.large[0]}"
        share = 100 * ratio(times[1], times[0])
        report.lines.append(Line(title, "ms", cells, "products ≥ 60 % of the step", share, least=60.0))
    return report


def _with_backward(shapes: list[list[int]]) -> list[list[int]]:
    return [s for b, m, k, n in shapes for s in ([b, m, k, n], [b, m, n, k], [b, k, m, n])]


def growth(pool: Pool, sizes: Sizes) -> Report:
    """Look at how long compiling takes, and how long plans are, as functions grow."""
    lengths = (10, 20) if sizes.tiny else (1_000, 5_000, 20_000)
    found = []
    report = Report()
    with TemporaryDirectory() as cache, fresh("funcnet_jit", pool.threads, {"FUNCNET_CACHE_DIR": cache}) as worker:
        for length in lengths:
            found.append(worker.ask("growth", length=length, patience=0.5 if sizes.tiny else 60.0))
            if not found[-1]["compiled"]:
                report.notes.append(f"The chain of {length:,} equations was not compiled in time.")
                break
    counts = " / ".join(f"{length:,}" for length in lengths[: len(found)])
    for key, title, unit, scale in (
        ("first", "first call", "µs per equation", 1e6),
        ("settled", "until it is compiled", "ms per equation", 1e3),
        ("source", "source of its loops", "characters per equation", 1.0),
    ):
        times = [answer[key] / answer["equations"] * scale for answer in found]
        more = times[-1] / times[0] if times[0] else None
        title = f"chain of {counts} equations: {title}"
        report.lines.append(Line(title, unit, {"funcnet_jit": times}, "linear: ≤ 2 times as much each", more, 2.0))
    loops = " / ".join(f"{answer['loops']:g}" for answer in found)
    report.notes.append(f"The chains of {counts} equations make {loops} loops; nothing was compiled before.")
    return report


#: Name on the command line -> the function that measures; ``jit`` is all of them.
COMPILED: dict[str, Callable[[Pool, Sizes], Report]] = {
    "jit-steps": steps,
    "jit-first": first,
    "jit-call": call,
    "jit-peak": peak,
    "jit-products": products,
    "jit-growth": growth,
}
