"""The process that works for one library: it reads requests from standard input, one JSON object a line, and answers.

``python -m benchmarks.peers.worker LIBRARY THREADS CLOCK``
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

__all__ = ["STATUS", "main"]

#: Where the kernel reports the memory of a process.
STATUS = Path("/proc/self/status")


class Worker:
    """The jobs of one library that are ready to run."""

    def __init__(self, library: str, threads: int, clock: str) -> None:
        self.clock = {"wall": perf_counter, "cpu": process_time}[clock]
        self.module: Any = import_module(f"benchmarks.peers.libraries.{library}")
        self.module.threads(threads)
        self.ready: dict[str, Any] = {}

    def hello(self) -> dict[str, Any]:
        return {"name": self.module.LIBRARY, "version": self.module.version(), "jobs": list(self.module.JOBS)}

    def prepare(self, job: str, sizes: dict[str, Any]) -> dict[str, Any]:
        """Make the job's arrays, run it, and return what it found: the first runs compile, cache and allocate.

        ``result`` is that of the third run; ``results`` are those of three, and of a check of the whole result.
        """
        run = self.ready[_name(job, sizes)] = self.module.JOBS[job](**sizes)
        results = [self._settled(run) for _ in range(3)]
        if hasattr(run, "check"):
            results.append(run.check())
        return {"result": results[2], "results": results}

    def _settled(self, run: Any) -> float:
        result = float(run())
        # What compiles on a thread of its own is let finish.
        if hasattr(self.module, "settle"):
            self.module.settle()
        return result

    def time(self, job: str, sizes: dict[str, Any], calls: int) -> dict[str, Any]:
        """Return the seconds that one call takes, after one call that brings the caches back."""
        run = self.ready[_name(job, sizes)]
        run()
        start = self.clock()
        for _ in range(calls):
            run()
        return {"seconds": (self.clock() - start) / calls}

    def forget(self, job: str, sizes: dict[str, Any]) -> dict[str, Any]:
        """Drop the job's arrays."""
        del self.ready[_name(job, sizes)]
        gc.collect()
        return {}

    def peak(self, job: str, small: dict[str, Any], sizes: dict[str, Any], calls: int) -> dict[str, Any]:
        """Return how far the process's memory rises above what the library needs for a small problem.

        The small problem loads code, thread pools and buffers; the rest is the arrays of the large one.
        """
        small_run = self.module.JOBS[job](**small)
        for _ in range(3):
            small_run()
        del small_run
        gc.collect()
        before = _status("VmRSS")
        run = self.module.JOBS[job](**sizes)
        held = _status("VmRSS") - before
        _reset_peak()
        for _ in range(calls):
            run()
        return {"held": held, "peak": _status("VmHWM") - before}

    def peak_when_compiled(self, job: str, small: dict[str, Any], sizes: dict[str, Any], calls: int) -> dict[str, Any]:
        """Return the peak as `peak` does, but of calls after those that compile."""
        small_run = self.module.JOBS[job](**small)
        for _ in range(4):
            self._settled(small_run)
        del small_run
        gc.collect()
        before = _status("VmRSS")
        run = self.module.JOBS[job](**sizes)
        for _ in range(4):
            self._settled(run)
        gc.collect()
        held = _status("VmRSS") - before
        _reset_peak()
        for _ in range(calls):
            run()
        return {"held": held, "peak": _status("VmHWM") - before}

    def first(self, job: str, sizes: dict[str, Any], calls: int) -> dict[str, Any]:
        """Return the seconds of the first call, those until all is compiled, and those of a call from then on."""
        run = self.module.JOBS[job](**sizes)
        start = self.clock()
        run()
        first = self.clock() - start
        for _ in range(2):
            self._settled(run)
        settled = self.clock() - start
        run()
        start = self.clock()
        for _ in range(calls):
            run()
        return {"first": first, "settled": settled, "later": (self.clock() - start) / calls}

    def body(self, job: str, sizes: dict[str, Any], calls: int) -> dict[str, Any]:
        """Return the seconds per call of a compiled function, and of its plan alone; funcnet's worker only."""
        run = self.module.JOBS[job](**sizes)
        for _ in range(3):
            self._settled(run)
        (entry,) = run.step._entries.values()
        plan, arrays = entry.program.run, run.arrays
        seconds = []
        for timed in (run, lambda: plan(*arrays)):
            start = self.clock()
            for _ in range(calls):
                timed()
            seconds.append((self.clock() - start) / calls)
        return {"call": seconds[0], "body": seconds[1]}

    def growth(self, length: int, patience: float) -> dict[str, Any]:
        """Return what it takes to compile a chain of operations, and how long the plan is; funcnet's worker only."""
        return self.module.growth(length, self.clock, patience)

    def left(self, sizes: dict[str, Any]) -> dict[str, Any]:
        """Return how many bytes remain after ``grad`` returned, beside the gradients; funcnet's worker only."""
        from funcnet import tree

        gradient, *arguments = self.module.gradient(**sizes)
        gradient(*arguments)
        gc.collect()
        gc.disable()  # what only the collector of cycles would free counts as left behind
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        _, grads = gradient(*arguments)
        _, peak = tracemalloc.get_traced_memory()
        own = sum(a.nbytes for a in tree.leaves(grads))
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        gc.enable()
        return {"left": after - before - own, "gradients": own, "peak": peak - before}


def _name(job: str, sizes: dict[str, Any]) -> str:
    return f"{job} {json.dumps(sizes, sort_keys=True)}"


def _status(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"this system does not report {field}")


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def main(argv: list[str] | None = None) -> int:
    """Answer requests until standard input ends."""
    library, threads, clock = sys.argv[1:] if argv is None else argv
    # Answers go through a pipe of their own, so that nothing a library prints can get between them.
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        try:
            worker = Worker(library, int(threads), clock)
        except ImportError as error:
            answers.write(json.dumps({"missing": str(error)}) + "\n")
            return 0
        answers.write(json.dumps(worker.hello()) + "\n")
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = getattr(worker, request.pop("do"))(**request)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
