"""The benchmarks beside other libraries, at tiny sizes: that they run and compare like with like, not how fast."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import table, worker
from benchmarks.peers.compiled import COMPILED, STEPS
from benchmarks.peers.pool import LIBRARIES, MissingLibraryError, Peer, Pool, WorkerError, child_environment
from benchmarks.peers.sections import FULL, TINY, Entry, interleave
from benchmarks.peers.table import COLUMNS, COMPILED_COLUMNS, Line


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    # What loops compute is tested with the compiler; compiling them, and C++, takes its time.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUNCNET_JIT", "0")
        with Pool(threads=1, without=["torch_compile"]) as workers:
            yield workers


def _peer(pool: Pool, library: str) -> Peer:
    peer = pool.get(library)
    if peer is None:
        pytest.skip(f"{library} is not installed: {pool.missing[library]}")
    return peer


_TINY_SIZES = {
    "record sines": {"length": 5},
    "grad sines": {"length": 5},
    "record products": {"length": 5},
    "grad products": {"length": 5},
    "sine chain": {"length": 5},
    "product chain": {"length": 5},
    "fan-out": {"uses": 4, "size": 3},
    "elements": {"size": 4},
    "training step": {"widths": [6, 5, 3], "batch": 4},
    "uniform": {"size": 10},
    "normal": {"size": 10},
    "products": {"shapes": [[1, 2, 3, 4], [2, 3, 4, 5]]},
    "leaves": {"count": 3},
    "loop of examples": {"widths": [4, 3, 2], "batch": 3},
    "batched gradient": {"widths": [4, 3, 2], "batch": 3},
    **{work.job: work.tiny for work in STEPS},
}
_COMPARED = [job for job in _TINY_SIZES if job.startswith(("record", "grad", "fan", "elements", "training"))]
_TRAINING = ["step mlp", "step cnn", "step residual", "step lstm", "step gpt"]


class TestJobs:
    @pytest.mark.parametrize("library", LIBRARIES)
    @pytest.mark.requirement("P2")
    def test_every_job_of_a_library_runs(self, pool: Pool, library: str) -> None:
        peer = _peer(pool, library)
        for job in peer.jobs:
            if job.startswith("step "):  # compared with funcnet's below
                assert job in _TINY_SIZES
                continue
            sizes = _TINY_SIZES[job]
            assert isinstance(peer.ask("prepare", job=job, sizes=sizes)["result"], float)
            assert peer.ask("time", job=job, sizes=sizes, calls=2)["seconds"] >= 0
            peer.ask("forget", job=job, sizes=sizes)

    @pytest.mark.parametrize(
        ("library", "job"),
        [
            ("jax", "training step"),
            *[(name, job) for name in ("autograd", "torch") for job in _COMPARED],
            *[(name, "batched gradient") for name in ("numpy", "torch", "jax")],
            ("numpy", "step per-example"),
        ],
    )
    def test_results_are_those_of_funcnet(self, pool: Pool, library: str, job: str) -> None:
        peer = _peer(pool, library)
        results = [p.ask("prepare", job=job, sizes=_TINY_SIZES[job])["result"] for p in (_peer(pool, "funcnet"), peer)]
        for p in (_peer(pool, "funcnet"), peer):
            p.ask("forget", job=job, sizes=_TINY_SIZES[job])
        assert results[1] == pytest.approx(results[0], rel=1e-5)

    @pytest.mark.parametrize("job", [work.job for work in STEPS])
    @pytest.mark.parametrize(
        "library", ["funcnet_jit", pytest.param("jax", marks=pytest.mark.slow), "torch", "autograd"]
    )
    def test_steps_are_those_of_funcnet(self, pool: Pool, library: str, job: str) -> None:
        peer = _peer(pool, library)
        found = [p.ask("prepare", job=job, sizes=_TINY_SIZES[job])["results"] for p in (_peer(pool, "funcnet"), peer)]
        for p in (_peer(pool, "funcnet"), peer):
            p.ask("forget", job=job, sizes=_TINY_SIZES[job])
        assert found[1] == pytest.approx(found[0], rel=2e-5)
        assert len(found[0]) == (3 if job in _TRAINING else 4)

    @pytest.mark.parametrize(("library", "option"), [("autograd", "fastest"), ("torch", "foreach")])
    def test_both_spellings_of_the_step_agree(self, pool: Pool, library: str, option: str) -> None:
        peer = _peer(pool, library)
        sizes = _TINY_SIZES["training step"]
        usual = peer.ask("prepare", job="training step", sizes=sizes)["result"]
        other = peer.ask("prepare", job="training step", sizes={**sizes, option: True})["result"]
        assert other == pytest.approx(usual, rel=1e-6)


class TestWorkers:
    def test_a_job_that_fails_says_why(self, pool: Pool) -> None:
        with pytest.raises(WorkerError, match=r"numpy, prepare .*KeyError: 'no such job'"):
            _peer(pool, "numpy").ask("prepare", job="no such job", sizes={})

    def test_results_that_differ_are_refused(self, pool: Pool) -> None:
        entries = [Entry("numpy", "sine chain", {"length": n}) for n in (1, 2)]
        with pytest.raises(WorkerError, match=r"sine chain: numpy found 0\.7.*, numpy 0\.78"):
            interleave(pool, entries, TINY, agree=1e-6)

    def test_rounds_are_kept_for_each_entry(self, pool: Pool) -> None:
        entries = [Entry("numpy", "sine chain", {"length": n}) for n in (1, 2)]
        found, times = interleave(pool, entries, TINY._replace(rounds=3))
        assert found == entries
        assert [len(seconds) for seconds in times] == [3, 3]

    def test_a_library_that_is_absent_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Absent:
            def __init__(self, *_: object) -> None:
                raise MissingLibraryError("No module named 'autograd'")

        monkeypatch.setattr("benchmarks.peers.pool.Peer", Absent)
        with Pool(threads=1) as workers:
            found, times = interleave(workers, [Entry("autograd", "grad sines", {"length": 1})], TINY)
            assert (found, times) == ([], [])
            assert workers.missing == {"autograd": "No module named 'autograd'"}

    def test_a_worker_tells_that_its_library_is_absent(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "benchmarks.peers.libraries.jax", None)
        monkeypatch.setattr(worker.os, "dup2", lambda *_: None)  # the test keeps its own output
        assert worker.main(["jax", "1", "wall"]) == 0
        assert "missing" in json.loads(capfd.readouterr().out)

    def test_thread_pools_are_the_same_size_everywhere(self) -> None:
        env = child_environment(3)
        assert env["OMP_NUM_THREADS"] == env["OPENBLAS_NUM_THREADS"] == env["MKL_NUM_THREADS"] == "3"
        assert "PYTHONDONTWRITEBYTECODE" not in env


class TestSections:
    @pytest.mark.parametrize("name", list(command.EAGER))
    def test_every_section_has_lines(self, pool: Pool, name: str) -> None:
        report = command.EAGER[name](pool, TINY)
        if not report.lines:
            pytest.skip(report.notes[0])
        for line in report.lines:
            assert "funcnet" in line.cells
            assert set(line.cells) <= set(COLUMNS)
            if line.title.startswith("other array libraries"):
                assert line.cells == {"funcnet": [0]}
                assert line.good

    @pytest.mark.slow
    @pytest.mark.parametrize("name", list(COMPILED))
    def test_every_section_of_compiled_work_has_lines(self, pool: Pool, name: str) -> None:
        report = COMPILED[name](pool, TINY)
        if not report.lines:
            pytest.skip(report.notes[0])
        for line in report.lines:
            assert "funcnet_jit" in line.cells
            assert set(line.cells) <= set(COMPILED_COLUMNS)

    def test_full_sizes_are_the_issue_s(self) -> None:
        assert (FULL.widths, FULL.batch, FULL.long_chain, FULL.uses) == ((784, 128, 64, 10), 128, 10_000, 5_000)


class TestTable:
    def test_a_line_knows_whether_it_is_good(self) -> None:
        assert Line("a", "ms", reached=0.4, limit=0.5).good is True
        assert Line("a", "ms", reached=0.6, limit=0.5).good is False
        assert Line("a", "ms", reached=0.6).good is None
        assert Line("a", "ms", limit=0.5).good is None
        assert Line("a", "ms", reached=1.4, least=1.3).good is True
        assert Line("a", "ms", reached=1.2, least=1.3).good is False
        assert Line("a", "ms", least=1.3).good is None

    def test_cells_line_up_in_markdown(self) -> None:
        lines = [
            Line("step", "ms", {"funcnet": [1.234], "torch": [12.34, 1234.5]}, "≤ 0.5", 0.4, 0.5),
            Line("a longer title", "µs", {"funcnet": [0.0]}),
        ]
        rows = table.table(lines).splitlines()
        assert len({len(row) for row in rows}) == 1
        assert re.split(r" *\| *", rows[2])[1:-1] == [
            "step", "ms", "1.23", "–", "–", "12.3 / 1234", "–", "≤ 0.5", "0.40, yes",  # noqa: RUF001
        ]  # fmt: skip

    def test_a_part_names_command_machine_and_versions(self) -> None:
        text = table.part([], ["A note."], {"NumPy": "2.0", "JAX": "1"}, 2, "cpu", "make peers")
        assert "Command: `make peers`" in text
        assert "2 threads in every process; processor time" in text
        assert "Versions: JAX 1, NumPy 2.0" in text
        assert text.endswith("- A note.\n")

    def test_a_page_keeps_the_part_that_was_not_measured(self) -> None:
        page = table.document({"Compiled, 1 thread": "compiled 1\n", "Eager, 1 thread": "eager 1\n"})
        assert page.index("## Eager, 1 thread\n\neager 1\n") < page.index("## Compiled, 1 thread\n\ncompiled 1\n")
        assert table.document({"Eager, 1 thread": "eager 1\n"}, page) == page
        assert table.document({"Compiled, 1 thread": "compiled 2\n"}, page) == page.replace("compiled 1", "compiled 2")
        more = table.document({"Compiled, 2 threads": "compiled 2\n"}, page)
        assert more == page + "\n## Compiled, 2 threads\n\ncompiled 2\n"


class TestCommand:
    def test_one_section_prints_a_page(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["random", "--tiny", "--threads", "1"]) == 0
        page = capsys.readouterr().out
        assert "| 1,000 uniform draws, float32" in page
        assert "`python -m benchmarks.peers random --tiny --threads 1`" in page
        assert "## Compiled" not in page

    def test_a_written_page_keeps_its_other_part(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(command, "ROOT", tmp_path)
        (tmp_path / "docs").mkdir()
        page = tmp_path / "docs" / "benchmarks.md"
        page.write_text(table.document({"Eager, 1 thread": "eager\n", "Compiled, 2 threads": "compiled\n"}))
        words = ["--sections", "random", "--tiny", "--threads", "1", "--without", "torch", "jax", "--write"]
        assert command.main(words) == 0
        assert "1,000 normal draws" in page.read_text()
        assert "Left out: torch, not asked for." in page.read_text()
        assert page.read_text().endswith("## Compiled, 2 threads\n\ncompiled\n")

    def test_an_unknown_section_is_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command.main(["speed"])
        assert "no section is called speed; there are dispatch, training" in capsys.readouterr().err
