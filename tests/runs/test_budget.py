"""The bound on memory."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.runs import ByteBudget, available_memory


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=12))
def test_held_bytes_never_pass_the_limit_and_all_come_through(sizes):
    budget, lock, held, most = ByteBudget(10), threading.Lock(), [0], [0]

    def hold(size):
        with budget.hold(size):
            with lock:
                held[0] += size
                most[0] = max(most[0], held[0])
            with lock:
                held[0] -= size

    threads = [threading.Thread(target=hold, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert most[0] <= 10 and held[0] == 0


def test_more_than_the_whole_is_refused_at_once():
    with pytest.raises(ValueError, match="11 bytes do not fit"), ByteBudget(10).hold(11):
        pass


def test_bytes_come_back_after_an_error():
    budget = ByteBudget(10)
    for _ in range(3):
        with pytest.raises(KeyError), budget.hold(10):
            raise KeyError


def test_available_memory_is_that_of_a_machine():
    assert 10**7 < available_memory() < 10**14
