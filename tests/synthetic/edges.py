"""Where a swath ends."""

from collections.abc import Callable

from swath.synthetic import Datatake, Fleet, Window


def edge_of_a_swath(takes: Callable[..., list[Datatake]], fleet: Fleet) -> tuple[Window, Datatake]:
    """A window of 60 by 180 pixels, and a pass whose swath ends inside."""
    for left in range(43620, 48000, 120):
        window = Window(32633, left, 570000, 60, 180)
        for take in takes(window, 4, fleet):
            across = take.across(*window.degrees(20))
            if 0.3 < ((across >= 0) & (across <= 1)).mean() < 0.7:
                return window, take
    raise LookupError(f"No swath of {fleet.name} ends there.")
