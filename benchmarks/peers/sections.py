"""What is measured: one function per section of the table."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from statistics import median
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.peers.pool import ROOT, MissingLibraryError, WorkerError, child_environment, fresh
from benchmarks.peers.table import Line
from benchmarks.peers.worker import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.pool import Pool

__all__ = ["FULL", "SECTIONS", "TINY", "Entry", "Report", "Sizes", "ask", "interleave", "ratio"]


class Sizes(NamedTuple):
    """How large the problems are, and how often they are measured."""

    rounds: int = 15
    seconds: float = 0.15  # that one library is measured for in one round
    pause: float = 0.1  # seconds before that, in which the threads that another library keeps awake go to sleep
    chain: int = 1_000
    long_chain: int = 10_000
    uses: int = 5_000
    widths: tuple[int, ...] = (784, 128, 64, 10)
    batch: int = 128
    large_widths: tuple[int, ...] = (784, 2048, 2048, 10)
    large_batch: int = 1_024
    draws: int = 10_000_000
    imports: int = 15
    peaks: int = 3
    tiny: bool = False  # whether only that everything runs is of interest


FULL = Sizes()
#: For a test that everything runs.
TINY = Sizes(1, 0.0, 0.0, 10, 10, 10, (8, 4, 3), 4, (16, 8, 4), 8, 1_000, 1, 1, True)


class Entry(NamedTuple):
    """One library's job in a comparison."""

    library: str
    job: str
    sizes: dict[str, Any]


@dataclass
class Report:
    """What a section found."""

    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def interleave(
    pool: Pool, entries: list[Entry], sizes: Sizes, *, agree: float | None = None, prepared: bool = False
) -> tuple[list[Entry], list[list[float]]]:
    """Time the entries whose library is installed, in turns, and return them with the seconds per call of each round.

    `agree` is the relative difference that the results of different libraries may have in the same job. Entries that
    are `prepared` are installed, made and compared already.
    """
    entries = [entry for entry in entries if pool.get(entry.library) is not None]
    results = [] if prepared else [ask(pool, entry, "prepare")["result"] for entry in entries]
    if agree is not None:
        first: dict[str, tuple[str, float]] = {}
        for entry, result in zip(entries, results, strict=True):
            library, right = first.setdefault(entry.job, (entry.library, result))
            if abs(result - right) > agree * abs(right):
                raise WorkerError(f"{entry.job}: {entry.library} found {result}, {library} {right}")
    # The first measurement only tells how many calls fill a round.
    once = [ask(pool, entry, "time", calls=1)["seconds"] for entry in entries]
    calls = [max(1, int(sizes.seconds / seconds)) for seconds in once]
    times: list[list[float]] = [[] for _ in entries]
    for i in range(sizes.rounds):
        # Every round starts with another library, so that none always follows the same one.
        for k in range(len(entries)):
            j = (i + k) % len(entries)
            sleep(sizes.pause)
            times[j].append(ask(pool, entries[j], "time", calls=calls[j])["seconds"])
    for entry in entries:
        ask(pool, entry, "forget")
    return entries, times


def ask(pool: Pool, entry: Entry, do: str, **request: Any) -> dict[str, Any]:
    """Ask the entry's worker to do something with its job."""
    peer = pool.get(entry.library)
    assert peer is not None
    return peer.ask(do, job=entry.job, sizes=entry.sizes, **request)


def _cells(entries: list[Entry], times: list[list[float]], scale: float) -> dict[str, list[float]]:
    cells: dict[str, list[float]] = {}
    for entry, seconds in zip(entries, times, strict=True):
        cells.setdefault(entry.library, []).append(median(seconds) * scale)
    return cells


def ratio(a: list[float], b: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median([x / y for x, y in zip(a, b, strict=True)])


def _times_of(library: str, entries: list[Entry], times: list[list[float]]) -> list[float] | None:
    for entry, seconds in zip(entries, times, strict=True):
        if entry.library == library:
            return seconds
    return None


def dispatch(pool: Pool, sizes: Sizes) -> Report:
    """Time what one traced operation on one number costs."""
    report = Report()
    n = sizes.chain
    for what, control in (("sines", "sine chain"), ("products", "product chain")):
        for phase, do, limit in (("record", "record", 3.0), ("forward and backward", "grad", 6.0)):
            entries = [Entry(name, f"{do} {what}", {"length": n}) for name in ("funcnet", "autograd", "torch")]
            raw = Entry("numpy", control, {"length": n})
            found, times = interleave(pool, [*entries, raw], sizes)
            report.lines.append(
                Line(
                    f"chain of {n:,} {what}, {phase}",
                    "µs per operation",
                    _cells(found, times, 1e6 / n),
                    f"≤ {limit:g} µs",
                    median(times[0]) * 1e6 / n,
                    limit,
                )
            )
    report.notes.append("Chains work on one double-precision number; NumPy's column is the chain without derivatives.")
    return report


def training(pool: Pool, sizes: Sizes) -> Report:
    """Time one training step of a classifier, Adam included."""
    problem = {"widths": list(sizes.widths), "batch": sizes.batch}
    entries = [Entry(name, "training step", problem) for name in ("funcnet", "autograd", "torch")]
    entries += [
        Entry("autograd", "training step", {**problem, "fastest": True}),
        Entry("torch", "training step", {**problem, "foreach": True}),
        Entry("jax", "training step", problem),
    ]
    found, times = interleave(pool, entries, sizes, agree=1e-4)
    peer = _times_of("autograd", found, times)
    line = Line(
        f"training step, {'-'.join(map(str, sizes.widths))}, batch {sizes.batch}, Adam",
        "ms",
        _cells(found, times, 1e3),
        "≤ 0.5 of autograd",
        None if peer is None else ratio(times[0], peer),
        0.5,
    )
    note = (
        "The training step is in single precision: loss, gradients, Adam, new parameters. Only JAX compiles. The first "
        "figure of autograd, to which the ratio is taken, is with the rectifier as `np.maximum(x, 0)`, the second with "
        "`x * (x > 0)`, which it runs fastest; its Adam is NumPy in place. PyTorch's second figure is with "
        "`foreach=True`."
    )
    return Report([line], [note])


_IMPORTS = {
    "numpy": "import numpy",
    "funcnet": "import numpy, funcnet",
    "gradient": "import numpy, funcnet; funcnet.grad(lambda x: (x * x).sum())(numpy.ones(3))",
    "autograd": "import autograd",
    "torch": "import torch",
    "jax": "import jax",
}
_OTHERS = ("autograd", "cupy", "dask", "jax", "numba", "scipy", "sparse", "tensorflow", "torch", "array_api_strict")


def imports(pool: Pool, sizes: Sizes) -> Report:
    """Time imports, each in a fresh process, and look at what they load."""
    env = child_environment(pool.threads)

    def measure(statement: str) -> float | None:
        clock = "perf_counter" if pool.clock == "wall" else "process_time"
        code = f"from time import {clock} as now\nstart = now()\n{statement}\nprint(now() - start)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        return float(done.stdout) if done.returncode == 0 else None

    # The first import of each writes its bytecode and brings the files into memory.
    usable = [name for name, statement in _IMPORTS.items() if measure(statement) is not None]
    times: dict[str, list[float]] = {name: [] for name in usable}
    for i in range(sizes.imports):
        for name in usable:
            # Other libraries are for information, and slow.
            if name in ("numpy", "funcnet", "gradient") or i < max(1, sizes.imports // 5):
                seconds = measure(_IMPORTS[name])
                assert seconds is not None
                times[name].append(seconds * 1e3)
    report = Report()
    for name, title, limit in (
        ("funcnet", "import", 40.0),
        ("gradient", "import and a first gradient", 100.0),
    ):
        cells = {"funcnet": [median(times[name])], "numpy": [median(times["numpy"])]}
        if name == "funcnet":
            cells |= {peer: [median(times[peer])] for peer in ("autograd", "torch", "jax") if peer in times}
        more = median([a - b for a, b in zip(times[name], times["numpy"], strict=True)])
        report.lines.append(Line(title, "ms", cells, f"NumPy + {limit:g} ms", more, limit))
    code = f"import sys, funcnet; print(*[m for m in {_OTHERS} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    report.lines.append(
        Line(
            "other array libraries that the import loads",
            "number",
            {"funcnet": [len(loaded)]},
            "0",
            len(loaded),
            0,
        )
    )
    report.notes.append(
        "Imports are timed in fresh processes whose modules are compiled already; `reached` is the difference to "
        f"NumPy's import. Other array libraries loaded by `import funcnet`: {', '.join(loaded) or 'none'}."
    )
    return report


def deep(pool: Pool, sizes: Sizes) -> Report:
    """Time programs whose graphs are deep or wide, at two sizes: the time per operation must not grow."""
    report = Report()
    long = sizes.long_chain
    for title, job, small, large in (
        ("chained sines", "grad sines", {"length": long}, {"length": 10 * long}),
        ("uses of one input", "fan-out", {"uses": sizes.uses // 10, "size": 100}, {"uses": sizes.uses, "size": 100}),
        ("elements x[i] summed", "elements", {"size": sizes.uses // 10}, {"size": sizes.uses}),
    ):
        entries = [Entry(name, job, size) for name in ("funcnet", "autograd", "torch") for size in (small, large)]
        found, times = interleave(pool, entries, sizes._replace(rounds=max(1, sizes.rounds // 3)))
        count_small, count_large = next(iter(small.values())), next(iter(large.values()))
        cells: dict[str, list[float]] = {}
        for entry, seconds in zip(found, times, strict=True):
            count = next(iter(entry.sizes.values()))
            cells.setdefault(entry.library, []).append(median(seconds) / count * 1e6)
        growth = ratio(times[1], times[0]) * count_small / count_large
        report.lines.append(
            Line(
                f"{count_small:,} / {count_large:,} {title}, gradient",
                "µs per operation",
                cells,
                "linear: ≤ 2 times as long each",
                growth,
                2.0,
            )
        )
    return report


def memory(pool: Pool, sizes: Sizes) -> Report:
    """Measure the peak memory of a training step whose arrays outweigh everything else."""
    problem = {"widths": list(sizes.large_widths), "batch": sizes.large_batch}
    small = {"widths": list(sizes.widths), "batch": sizes.batch}
    if not STATUS.exists():
        return Report(notes=["Memory is not measured: this system does not report it under /proc."])
    peaks: dict[str, list[float]] = {}
    for _ in range(sizes.peaks):
        for library in ("funcnet", "autograd", "torch", "jax"):
            try:
                with fresh(library, pool.threads) as peer:
                    answer = peer.ask("peak", job="training step", small=small, sizes=problem, calls=4)
            except MissingLibraryError as error:
                pool.missing[library] = str(error)
                continue
            peaks.setdefault(library, []).append(answer["peak"] / 2**20)
    reached = ratio(peaks["funcnet"], peaks["torch"]) if "torch" in peaks else None
    report = Report()
    report.lines.append(
        Line(
            f"peak memory of a step, {'-'.join(map(str, sizes.large_widths))}, batch {sizes.large_batch}, Adam",
            "MiB",
            {library: [median(values)] for library, values in peaks.items()},
            "≤ 1.2 of PyTorch",
            reached,
            1.2,
        )
    )
    with fresh("funcnet", pool.threads) as peer:
        left = peer.ask("left", sizes=problem)
    report.lines.append(
        Line(
            "memory left when value_and_grad has returned, beside the gradients",
            "KiB",
            {"funcnet": [left["left"] / 1024]},
            "≤ 16 KiB",
            left["left"] / 1024,
            16,
        )
    )
    report.notes.append(
        "Peak memory is that of the process, from before the arrays are made: parameters, moments and data count. What "
        "is left was counted by tracemalloc with the collector of cycles switched off; at its peak the call held "
        f"{left['peak'] / 2**20:.1f} MiB, of which the gradients were {left['gradients'] / 2**20:.1f} MiB."
    )
    return report


def random(pool: Pool, sizes: Sizes) -> Report:
    """Time draws in single precision."""
    report = Report()
    for job, limit in (("uniform", 1.2), ("normal", None)):
        entries = [Entry(name, job, {"size": sizes.draws}) for name in ("funcnet", "numpy", "torch", "jax")]
        found, times = interleave(pool, entries, sizes)
        control = _times_of("numpy", found, times)
        assert control is not None
        report.lines.append(
            Line(
                f"{sizes.draws:,} {job} draws, float32",
                "ms",
                _cells(found, times, 1e3),
                "≤ 1.2 of NumPy" if limit else "",
                ratio(times[0], control),
                limit,
            )
        )
    report.notes.append("NumPy's draws come from `Generator(Philox)`, its counter-based generator.")
    return report


#: Name on the command line -> the function that measures.
SECTIONS: dict[str, Callable[[Pool, Sizes], Report]] = {
    "dispatch": dispatch,
    "training": training,
    "imports": imports,
    "deep": deep,
    "memory": memory,
    "random": random,
}
