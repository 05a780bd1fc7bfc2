"""Many periods of one map are one run."""

from support.command import swath
from support.small_world import SmallWorld, small_world  # noqa: F401
from swath.mapping import carry_out, plans
from swath.mapping.books import Books
from swath.runs import Done, Started
from swath.store import Store


def test_a_period_begins_before_the_one_before_it_has_ended(small_world: SmallWorld, tmp_path, monkeypatch):  # noqa: F811
    """One tile by two months: no barrier stands between them."""
    code, told = swath("plan", *small_world.request(tmp_path, "--area", "12.501,47.703,12.502,47.704"))
    assert (code, told["units"]) == (0, 2)
    seen = []

    class Watched(Books):
        def __call__(self, event):
            seen.append(event)
            super().__call__(event)

    monkeypatch.setattr("swath.mapping.run.Books", Watched)
    carry_out(next(plans(Store.open(tmp_path))), cluster="inline")
    begun = [event.unit.split("_")[1] for event in seen if isinstance(event, Started)]
    first_end = next(place for place, event in enumerate(seen) if isinstance(event, Done))
    assert begun == ["2023-06", "2023-07"]
    assert all(isinstance(event, Started) for event in seen[:first_end]) and first_end == 2
