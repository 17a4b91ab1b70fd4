"""Gradients of each example beside the gradient of their mean."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.peers.sections import Entry, Report, Sizes, interleave, ratio
from benchmarks.peers.table import Line

if TYPE_CHECKING:
    from benchmarks.peers.pool import Pool

__all__ = ["examples"]

_EACH, _MEAN, _LOOP = "step per-example", "batched gradient", "loop of examples"
_LIBRARIES = ("funcnet", "numpy", "torch", "jax")
_WIDTHS = ((16, 16, 4), (64, 32, 10), (784, 128, 64, 10))


def examples(pool: Pool, sizes: Sizes) -> Report:
    """Time gradients of each example, of the mean, and of one example after the other."""
    report = Report()
    for widths in _WIDTHS[:1] if sizes.tiny else _WIDTHS:
        batch = 3 if sizes.tiny else 256
        problem: dict[str, Any] = {"widths": list(widths), "batch": batch}
        shape = "-".join(map(str, widths))
        entries = [Entry(name, job, problem) for job in (_EACH, _MEAN) for name in _LIBRARIES]
        entries += [Entry("funcnet_jit", job, problem) for job in (_EACH, _MEAN)] + [Entry("funcnet", _LOOP, problem)]
        found, times = interleave(pool, entries, sizes, agree=1e-3)
        of = {(entry.job, entry.library): seconds for entry, seconds in zip(found, times, strict=True)}
        cells = {
            library: [median(of[_EACH, library]) * 1e3, median(of[_MEAN, library]) * 1e3]
            for library in _LIBRARIES
            if (_EACH, library) in of
        }
        report.lines.append(
            Line(
                f"gradients of each of {batch} examples / of their mean, {shape}",
                "ms",
                cells,
                "≤ 2 times as long",
                ratio(of[_EACH, "funcnet"], of[_MEAN, "funcnet"]),
                2.0,
            )
        )
        if (_EACH, "funcnet_jit") in of:
            report.lines.append(
                Line(
                    f"the same under fn.jit, {shape}",
                    "ms",
                    {"funcnet": [median(of[job, "funcnet_jit"]) * 1e3 for job in (_EACH, _MEAN)]},
                    "≤ 2 times as long",
                    ratio(of[_EACH, "funcnet_jit"], of[_MEAN, "funcnet_jit"]),
                    2.0,
                )
            )
        report.lines.append(
            Line(
                f"the same one after the other, {shape}",
                "ms",
                {"funcnet": [median(of[_LOOP, "funcnet"]) * 1e3]},
                "≥ 20 times as long",
                ratio(of[_LOOP, "funcnet"], of[_EACH, "funcnet"]),
                least=20.0,
            )
        )
    report.notes.append(
        "Of the gradients of each example, NumPy's are derived by hand for this one model, with `einsum` for the outer "
        "products. Where weights are large, to write so many gradients takes longer than to compute their mean."
    )
    return report
