"""The plan of the suite of primitives, and its table."""

from pathlib import Path

import pytest

from funcnet.core import registry
from funcnet.testing import coverage
from funcnet.testing.backends import backend_cases, case
from funcnet.testing.primitives import Covered


def test_the_plan_has_every_dtype_on_numpy_and_second_order_everywhere() -> None:
    assert coverage.plan("sin", case("numpy")) == {"float32": 2, "float64": 2, "complex64": 1, "complex128": 2}
    for name in ("torch", "strict", "cupy"):
        if case(name).reason is None:
            assert coverage.plan("sin", case(name))["float64"] == 2
    assert coverage.plan("sin", case("strict-no-x64")) == {"float32": 1}
    assert coverage.plan("nonzero", case("strict-flags")) == {}
    assert coverage.plan("argmax", case("strict-no-x64")) == {}


def test_every_gap_has_a_reason() -> None:
    for name in coverage.primitive_names():
        for backend in backend_cases():
            if backend.reason is None:
                reason = coverage.gap(name, backend)
                assert bool(coverage.plan(name, backend)) != bool(reason), (name, backend.name)
                assert not reason or reason in coverage.REASONS
    row = coverage.table([Covered("nonzero", "numpy", "float64", "values")], ["numpy", "strict-flags", "strict-no-x64"])
    assert row.splitlines()[-1] == "| nonzero | float64 v | *a* | *b* |"


def test_names_are_those_of_the_library() -> None:
    names = coverage.primitive_names()
    assert {"sin", "matmul", "random_bits", "stop_gradient"} <= set(names)
    assert names == sorted(n for n in registry if "." not in n)


def test_the_table_groups_dtypes_by_what_was_checked() -> None:
    rows = [Covered("f", "numpy", d, m) for d in ("float32", "float64") for m in ("values", "vjp")]
    rows += [Covered("f", "torch", "int64", "values"), Covered("e", "numpy", "float64", "order 2")]
    assert coverage.table(rows, ["numpy", "torch"]).splitlines() == [
        "| primitive | numpy | torch |",
        "|---|---|---|",
        "| e | float64 2 |  |",
        "| f | float32 float64 vr | int64 v |",
    ]


def test_the_command_writes_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "primitive_names", lambda: ["negative"])
    monkeypatch.setenv("FUNCNET_TEST_BACKENDS", "numpy")
    assert coverage.main(["--output", str(tmp_path / "table.md")]) == 0
    assert "| negative | " in (tmp_path / "table.md").read_text()
    assert "1 primitives on 2 backends" in capsys.readouterr().err


def test_the_command_fails_where_a_check_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    primitive = registry["negative"]
    monkeypatch.setattr(coverage, "primitive_names", lambda: ["negative"])
    monkeypatch.setenv("FUNCNET_TEST_BACKENDS", "numpy")
    monkeypatch.setattr(primitive, "reverse", None)
    monkeypatch.setattr(primitive, "forward", None)
    monkeypatch.setattr(primitive, "partials", (1,))
    assert coverage.main([]) == 1
    assert "FAILED negative on numpy" in capsys.readouterr().err
