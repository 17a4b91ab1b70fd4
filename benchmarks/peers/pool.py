"""The workers as their owner sees them: started once, asked in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LIBRARIES", "MissingLibraryError", "Peer", "Pool", "WorkerError", "child_environment", "cores", "fresh"]

#: Every library that has jobs, in the order of the table's columns.
LIBRARIES = ("funcnet", "funcnet_jit", "numpy", "autograd", "torch", "torch_compile", "jax")
ROOT = Path(__file__).resolve().parents[2]
_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


class MissingLibraryError(Exception):
    """A library cannot be imported here."""


class WorkerError(Exception):
    """A worker could not do what it was asked."""


def cores() -> list[int]:
    """Return the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def child_environment(threads: int) -> dict[str, str]:
    """Return the environment of a process that is measured: its thread pools have `threads` threads."""
    env = {**os.environ, **dict.fromkeys(_POOLS, str(threads)), "JAX_PLATFORMS": "cpu"}
    # Modules are compiled once and then read, as on a user's machine.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


class Peer:
    """One library's process."""

    def __init__(self, library: str, threads: int, clock: str, env: dict[str, str] | None = None) -> None:
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.worker", library, str(threads), clock],
            cwd=ROOT,
            env={**child_environment(threads), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        # A library without a way to set its threads takes the number of cores that it may use.
        if threads < len(cores()) and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, cores()[:threads])
        try:
            hello = self._read()
        except WorkerError:
            self.close()
            raise
        if "missing" in hello:
            self.close()
            raise MissingLibraryError(hello["missing"])
        self.name: str = hello["name"]
        self.version: str = hello["version"]
        self.jobs: list[str] = hello["jobs"]

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise WorkerError(f"{self.library}, {do} {request}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"the worker of {self.library} ended; its messages are above")
        return json.loads(line)


class Pool:
    """The processes of several libraries, started when first needed."""

    def __init__(self, threads: int, clock: str = "wall", without: Sequence[str] = ()) -> None:
        self.threads = threads
        self.clock = clock
        #: Library -> why there is none.
        self.missing = dict.fromkeys(without, "not asked for")
        self._peers: dict[str, Peer] = {}

    def get(self, library: str) -> Peer | None:
        """Return the library's process, or None where it is not installed."""
        if library in self.missing:
            return None
        if library not in self._peers:
            try:
                self._peers[library] = Peer(library, self.threads, self.clock)
            except MissingLibraryError as error:
                self.missing[library] = str(error)
                return None
        return self._peers[library]

    def versions(self) -> dict[str, str]:
        """Return name -> version of every library that was used."""
        return {peer.name: peer.version for peer in self._peers.values()}

    def close(self) -> None:
        """End every process."""
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@contextmanager
def fresh(library: str, threads: int, env: dict[str, str] | None = None) -> Iterator[Peer]:
    """Start a process for one measurement, with more variables in its environment."""
    peer = Peer(library, threads, "wall", env)
    try:
        yield peer
    finally:
        peer.close()
