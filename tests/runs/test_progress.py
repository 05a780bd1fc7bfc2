"""What people see."""

import io

from swath.runs import Display, Done, Failed, Retried, Started, Tally


class Terminal(io.StringIO):
    def isatty(self):
        return True


EVENTS = [
    Started("a", 1),
    Done("a", 1, {"km2": 100.0}),
    Started("b", 1),
    Retried("b", 1, {"type": "WorkerDiedError"}),
    Started("b", 2),
    Failed("b", 2, {"type": "UnitError", "message": "2 reads failed."}),
    Started("c", 1),
]


def test_a_tally_counts_events():
    tally = Tally(10, before=4)
    for event in EVENTS:
        tally(event)
    assert (tally.done, tally.failed, tally.retried, tally.running, tally.km2) == (5, 1, 1, 1, 100.0)
    assert tally.failures == [{"unit": "b", "type": "UnitError", "message": "2 reads failed."}]
    assert tally.km2_h > 0 and tally.left_s is not None
    assert tally.line().startswith("5/10 tiles, ")


def test_a_tally_keeps_only_the_last_failures():
    tally = Tally(None, keep=3)
    for number in range(10):
        tally(Failed(f"u{number}", 1, {}))
    assert [failure["unit"] for failure in tally.failures] == ["u7", "u8", "u9"]


def show(stream, **kwargs):
    with Display(Tally(3), stream=stream, **kwargs) as display:
        for event in EVENTS:
            display(event)
    return stream.getvalue()


def test_a_log_gets_plain_lines():
    text = show(io.StringIO(), every_s=0)
    assert "b failed: 2 reads failed.\n" in text and "1/3 tiles" in text and "\x1b" not in text


def test_a_terminal_gets_a_bar():
    text = show(Terminal())
    assert "2/3" in text and "km²/h" in text and "b failed" in text


def test_json_gets_nothing():
    assert show(Terminal(), mode="none") == ""
