"""Derivatives where other libraries differ: funcnet's column of docs/nasty_points.md, and how the page is made."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import funcnet as fn
from benchmarks import nasty_points
from benchmarks.nasty_points import POINTS, derivatives, right

FUNCNET = nasty_points.funcnet()
CASES = [pytest.param(point, dtype, id=f"{point.name}, {dtype}") for point in POINTS for dtype in point.dtypes]


@pytest.mark.parametrize(("point", "dtype"), CASES)
def test_derivatives_are_the_wanted_ones(point, dtype):
    found = derivatives(FUNCNET, point, dtype)
    assert len(found) == 1 + (point.second is not None and dtype in point.second_dtypes)
    for value, wanted in zip(found, (point.first, point.second), strict=False):
        assert not isinstance(value, Exception)
        assert value.dtype == dtype
        assert right(value, wanted, dtype), value


@pytest.mark.parametrize(("point", "dtype"), CASES)
def test_the_forward_mode_agrees(point, dtype):
    at = np.asarray(point.at, dtype)
    direction = np.asarray(np.arange(1.0, 1.0 + at.size).reshape(at.shape), dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        found = fn.jvp(lambda x: point.function(FUNCNET.functions, x), (at,), (direction,))[1]
    wanted = np.sum(np.asarray(point.first) * direction).real
    scale = np.max(np.abs(np.asarray(point.first) * direction)) or 1.0
    assert abs(found - wanted) <= scale * (1e-9 if dtype in ("float64", "complex128") else 1e-4)


class TestRight:
    def test_nan_zero_shape_and_refusal_are_told_apart(self):
        assert right(np.array([1.0, 2.0]), [1.0, 2.0], "float64")
        assert not right(np.array([1.0, np.nan]), [1.0, 2.0], "float64")
        assert not right(np.array([np.inf, 2.0]), [1.0, 2.0], "float64")
        assert not right(np.array([1.0, 0.0]), [1.0, 2.0], "float64")
        assert not right(np.array([1.0]), [1.0, 2.0], "float64")
        assert not right(ValueError(), [1.0], "float64")

    def test_a_relative_error_of_a_thousandth_is_found_at_every_scale(self):
        for scale in (1e-25, 1.0, 1e25):
            assert not right(np.array([1.001 * scale], np.float32), [scale], "float32")
            assert right(np.array([scale], np.float32), [scale], "float32")


class TestPage:
    def test_marks_what_differs_and_names_what_is_missing(self, monkeypatch):
        def refuse(f):
            def gradient(x):
                raise NotImplementedError

            return gradient

        wrong = FUNCNET._replace(name="wrong", gradient=lambda f: lambda x: np.full_like(x, np.nan))
        refused = FUNCNET._replace(name="refused", gradient=refuse)
        monkeypatch.setattr(nasty_points, "POINTS", POINTS[:1])
        text = nasty_points.page([FUNCNET, wrong, refused], ["jax"], "the command")
        assert "Made by `the command`" in text
        assert "Not installed where this was made: jax." in text
        assert "| abs(x) at 0 | float64 | first | 0 | 0 | **nan** | **refused (NotImplementedError)** |" in text

    def test_command_writes_it_and_reports_wrong_values(self, monkeypatch, tmp_path, capsys):
        def absent():
            raise ImportError

        monkeypatch.setattr(nasty_points, "LIBRARIES", (nasty_points.funcnet, absent))
        monkeypatch.setattr(nasty_points, "PAGE", tmp_path / "page.md")
        monkeypatch.setattr(nasty_points, "POINTS", POINTS[:2])
        assert nasty_points.main(["--write"]) == 0
        assert (tmp_path / "page.md").read_text(encoding="utf-8") in capsys.readouterr().out
        monkeypatch.setattr(nasty_points, "POINTS", (POINTS[0]._replace(first=[1.0]),))
        assert nasty_points.main([]) == 1
        assert "WRONG abs(x) at 0, float64, order 1" in capsys.readouterr().err

    def test_kept_page_has_every_row_with_the_wanted_value(self):
        kept = Path(__file__).parents[2] / "docs" / "nasty_points.md"
        if not kept.exists():
            pytest.skip("the documentation is not part of a source distribution")
        text = kept.read_text(encoding="utf-8")
        rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
        assert {row.split(" | ")[0] for row in rows} == {f"| {point.name}" for point in POINTS}
        for row in rows:
            assert "**" not in row.split(" | ")[4]
