"""Epochs are a table on a terminal and lines in a log."""

import io

import pytest

from swath.cli.epochs import EpochTable
from swath.cli.output import Output, Terminal


def reading(epoch, score=None, **figures):
    return {
        "epoch": epoch, "lr": 0.001, "loss": 1 / epoch, "validation_loss": 1.5 / epoch, "chips": 30,
        "score": score if score is not None else epoch / 10, "figures": figures or {"macro_f1": epoch / 10},
        "seconds": {"steps": 3.0, "wait": 0.3, "cpu": 2.0, "validation": 1.0},
    }  # fmt: skip


def output(*, terminal, as_json=False):
    out, stream = Output(as_json=as_json), io.StringIO()
    out.errors = Terminal(file=stream, force_terminal=terminal, width=160, highlight=False)
    return out, stream


def shown(table):
    stream = io.StringIO()
    Terminal(file=stream, width=160).print(table.table())
    return stream.getvalue()


def test_a_log_gets_a_line_an_epoch():
    out, stream = output(terminal=False)
    with EpochTable(out, epochs=3) as table:
        table.epoch(reading(1))
        table.epoch(reading(2))
    assert stream.getvalue().splitlines() == [
        "epoch 1/3: loss 1.0000, validation 1.5000, macro f1 0.100",
        "epoch 2/3: loss 0.5000, validation 0.7500, macro f1 0.200",
    ]


def test_a_terminal_gets_one_table_that_grows():
    out, stream = output(terminal=True)
    with EpochTable(out, epochs=3) as table:
        table.epoch(reading(1))
        table.epoch(reading(2))
        text = shown(table)
    assert "1/3" in text and "2/3" in text and "10.0" in text and "10%" in text
    assert "0.2000" in text and "macro f1" in text
    assert "2/3" in stream.getvalue() and "\x1b[" in stream.getvalue()


def test_of_a_long_training_the_last_epochs_are_shown():
    table = EpochTable(output(terminal=False)[0], epochs=40)
    for epoch in range(1, 31):
        table.epoch(reading(epoch))
    text = shown(table)
    assert "30/40" in text and "19/40" in text and "18/40" not in text
    assert "at most 1 min left" in text


def test_several_trainings_have_a_row_each():
    out, stream = output(terminal=False)
    table = EpochTable(out, epochs=3, several=True)
    for name, epoch in (("fold 0", 1), ("fold 1", 1), ("fold 0", 2)):
        table.of(name, reading(epoch))
    text = shown(table)
    assert text.count("fold 0") == 1 and text.count("fold 1") == 1 and "2 trainings" in text
    assert stream.getvalue().startswith("fold 0: epoch 1/3")


@pytest.mark.parametrize("terminal", [True, False])
def test_with_json_nothing_is_said(terminal):
    out, stream = output(terminal=terminal, as_json=True)
    with EpochTable(out, epochs=3) as table:
        table.epoch(reading(1))
    assert stream.getvalue() == ""


def test_without_validation_its_columns_are_empty():
    table = EpochTable(output(terminal=False)[0], epochs=3)
    table.epoch({**reading(1), "validation_loss": None, "figures": {}})
    assert "–" in shown(table)
