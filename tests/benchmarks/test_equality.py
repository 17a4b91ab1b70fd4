"""Eager, interpreted, planned and fused execution of random programs: the command that compares them."""

import re
from typing import Any

import pytest

from benchmarks.equality import __main__ as command
from benchmarks.equality.runs import FORMS, KINDS, Found, drawn
from funcnet.compiler.loops import build

needs_numba = pytest.mark.skipif(bool(build.available()), reason="no Numba")


@needs_numba
def test_every_kind_in_every_form(capsys: Any) -> None:
    count = len(KINDS) * len(FORMS)
    assert {drawn(n)[:2] for n in range(count)} == {(kind, form) for kind in KINDS for form in FORMS}
    assert command.main(["--programs", str(count), "--every", "0"]) == 0
    out = capsys.readouterr().out
    assert f"{count} programs, {count} equal in eager, interpreted, planned and fused execution" in out
    assert len(re.findall(r"fused \d\.\de[-+]\d\d \(bound", out)) == 2


def test_differences_are_found(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(command, "examined", lambda *_: Found({"fused": 1e-3}, 1, 1))
    assert command.main(["--programs", "2", "--every", "0", "--only", "linalg"]) == 1
    out = capsys.readouterr().out
    assert "fused execution is off by 1.0e-03" in out
    assert "2 programs, 0 equal" in out


@needs_numba
def test_compiled() -> None:
    assert command.main(["--programs", "1", "--every", "1"]) == 0


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 5000, 500))
def test_thousands(first: int) -> None:
    assert command.main(["--programs", "500", "--first", str(first), "--every", "0"]) == 0
