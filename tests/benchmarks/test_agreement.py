"""The table of agreement: how rows are gathered and written, and that the written page lacks nothing."""

import re
import sys

import pytest

from benchmarks.agreement import table
from benchmarks.agreement.__main__ import main
from benchmarks.agreement.table import BOUND, ROOT, Row, page, rows_of, sources
from funcnet import losses, metrics, nn, optim

if not (ROOT / "docs").exists():
    pytest.skip("the documentation is not part of a source distribution", allow_module_level=True)

WRITTEN = (ROOT / "docs" / "agreement.md").read_text(encoding="utf-8")
NAMES = {line.split(" | ")[0].removeprefix("| ") for line in WRITTEN.splitlines() if re.search(r"\d\D*\|$", line)}

#: Layers that the table does not name, and why.
WITHOUT = {
    "random": "alpha_dropout drop_path dropout feature_alpha_dropout fractional_max_pool gaussian_dropout "
    "gaussian_noise gumbel_softmax rrelu spatial_dropout",
    "no arithmetic": "as_spec at_train flatten frozen identity init_cache named stateless summary fold unfold",
    "inside of others": "affine conv_lstm_cell gru_cell lstm_cell mgu_cell recurrent reparametrize rnn_cell "
    "with_policy",
    "rows say 'transformer'": "transformer_decoder transformer_decoder_block transformer_encoder "
    "transformer_encoder_block transformer_mlp",
    "closed forms in their own tests": "entmax15 global_avg_pool global_max_pool learned_positions rotary_positions "
    "sinusoidal_positions sparse_plus sparse_sigmoid",
}


def named(name):
    """Whether a row names the function: as a word, or with the number of its axes."""
    return any(re.search(rf"\b{name}(\dd)?\b", row) for row in NAMES)


def test_every_layer_is_in_the_written_table_or_has_a_reason():
    without = {name for names in WITHOUT.values() for name in names.split()}
    public = {name for name in nn.__all__ if name[0].islower() and callable(getattr(nn, name))}
    assert without <= public
    assert {name for name in public - without if not named(name)} == set()


def test_every_loss_metric_and_schedule_is_in_the_written_table():
    # The distance is 1 less it.
    public = [*losses.__all__, *metrics.__all__, *optim.schedules.__all__]
    assert {n for n in public if n[0].islower() and not named(n)} <= {"cosine_similarity"}


@pytest.mark.parametrize(
    "name", ["sgd", "adam", "adamw", "lamb", "lion", "muon", "adafactor", "lbfgs", "sophia", "yogi"]
)
def test_optimizers_are_in_the_written_table(name):
    assert named(name)


def test_every_written_error_is_below_the_bound():
    errors = [
        float(cell) for line in WRITTEN.splitlines() for cell in re.findall(r"\| ([\d.]+(?:e-\d+)?) (?=\|)", line)
    ]
    assert len(errors) > len(NAMES) > 400
    assert max(errors) < BOUND


def test_every_module_that_compares_has_a_section():
    found = sources()
    assert list(found) == list(table.SECTIONS.values())
    assert all(found.values())
    assert all(f"## {title}\n" in WRITTEN for title in found)


@pytest.mark.parametrize("module", ["tests/nn/test_children.py", "tests/nn/test_spatial.py"])
def test_rows_of_a_module(module):
    rows = list(rows_of(ROOT / module))
    assert len(rows) > 5
    assert all(row.worst < BOUND for row in rows)
    assert all(f"| {row.name} | {row.reference} |" in WRITTEN for row in rows)


def test_rows_of_a_module_that_imports_its_neighbour(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "ROOT", tmp_path)
    before = list(sys.path)
    (tmp_path / "neighbour_of_rows.py").write_text("NAME = 'abs'\n")
    module = tmp_path / "test_rows.py"
    module.write_text("import neighbour_of_rows as n\n\ndef errors():\n    return {n.NAME: (1e-16, 1e-15)}\n")
    assert [row.name for row in rows_of(module)] == ["abs"]
    assert sys.path == before


def test_the_page_marks_what_is_above_the_bound():
    text = page(
        {"Layers": [Row("a|b", "torch", 0.0, 1e-16), Row("c", "torch", 2e-3)], "Metrics": [Row("d", "sklearn", 0)]}
    )
    assert "3 comparisons; the largest error is 2.0e-03" in text
    assert "| a\\|b | torch | 0 | 1.0e-16 |  |" in text
    assert "| c | torch | **2.0e-03** |  |  |" in text
    assert "| d | sklearn | 0 |" in text


def test_the_command_prints_a_part(capsys):
    assert main(["--only", "nn/test_children"]) == 0
    out = capsys.readouterr().out
    assert "## Layers" in out
    assert "## Losses" not in out


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--only", "x", "--write"], "whole table"), (["--only", "?"], "'?'")]
)
def test_the_command_refuses(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
