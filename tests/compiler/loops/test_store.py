"""Files of the cache hold what was written to them, or count as absent."""

from typing import Any

import pytest

from funcnet.compiler.loops.store import keep, kept


def test_kept_and_damaged(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path / "new"))
    assert kept("a") is None
    keep("a", b"code")
    assert kept("a") == b"code"
    (file,) = (tmp_path / "new").iterdir()
    content = file.read_bytes()
    for damaged in (b"", content[:-1], content + b"1", content[:-1] + b"x"):
        file.write_bytes(damaged)
        assert kept("a") is None


def test_where_nothing_can_be_written(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path / "file"))
    keep("a", b"code")
    assert kept("a") is None
