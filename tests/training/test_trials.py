"""Several trainings go one after the other or at once, go on after a stop, and poor ones are stopped early."""

import pytest

from swath.errors import ModelError, RunStoppedError
from swath.store import Store
from swath.training.halving import Halving
from swath.training.trials import Trial, run_trials
from training.toy import Toy, config, wild

RATES = (0.01, 1e-7, 0.02)


def trials(folder, rates=RATES, *, toy=None, **changes):
    return [
        Trial(
            f"trial {n}",
            config(**{"epochs": 4, "optimiser": {"lr": rate}, **changes}),
            toy or Toy(),
            Store.open(folder / str(n)),
        )
        for n, rate in enumerate(rates)
    ]


def halving():
    return Halving(epochs=4, reduction=2)


def readings(history):
    return [(reading["loss"], reading["score"]) for reading in history]


def test_trials_that_are_worse_than_others_after_as_many_epochs_are_stopped(tmp_path):
    told = []
    ended = run_trials(trials(tmp_path), halving=halving(), on_epoch=lambda name, reading: told.append(name))
    assert [one.state for one in ended] == ["done", "stopped", "done"]
    assert [len(one.history) for one in ended] == [4, 1, 4]
    assert told == ["trial 0"] * 4 + ["trial 1"] + ["trial 2"] * 4


def test_what_has_ended_is_not_done_again(tmp_path):
    first = run_trials(trials(tmp_path), halving=halving())
    told = []
    again = run_trials(trials(tmp_path), halving=halving(), on_epoch=lambda *epoch: told.append(epoch))
    assert told == [] and again == first


def test_a_search_that_was_stopped_goes_on_to_the_same_end(tmp_path):
    whole = run_trials(trials(tmp_path / "whole"), halving=halving())
    told = []
    with pytest.raises(RunStoppedError, match="goes on"):
        run_trials(
            trials(tmp_path / "parts"),
            halving=halving(),
            on_epoch=lambda name, reading: told.append(name),
            should_stop=lambda: len(told) == 2,
        )
    parts = run_trials(trials(tmp_path / "parts"), halving=halving(), on_epoch=lambda name, _: told.append(name))
    assert [(one.state, readings(one.history)) for one in parts] == [(w.state, readings(w.history)) for w in whole]
    assert len(told) == sum(len(one.history) for one in whole)  # no epoch was done twice


def test_trials_that_ended_before_are_judged_with_those_that_come(tmp_path):
    run_trials(trials(tmp_path, RATES[:1]), halving=halving())
    ended = run_trials(trials(tmp_path, RATES[:2]), halving=halving())
    assert [one.state for one in ended] == ["done", "stopped"]


def test_another_config_is_another_trial_but_other_threads_are_not(tmp_path):
    run_trials(trials(tmp_path, [0.01], epochs=1))
    told = []
    run_trials(trials(tmp_path, [0.01], epochs=1, threads=2), on_epoch=lambda *epoch: told.append(epoch))
    assert told == []
    run_trials(trials(tmp_path, [0.01], epochs=2), on_epoch=lambda *epoch: told.append(epoch))
    assert len(told) == 1  # it goes on from the first epoch


def test_a_trial_that_fails_is_recorded_and_the_others_go_on(tmp_path):
    several = [*trials(tmp_path / "wild", [0.01], toy=wild()), *trials(tmp_path, [0.01], epochs=1)]
    several[1] = Trial("other", several[1].config, several[1].source, several[1].out)
    ended = run_trials(several)
    assert [one.state for one in ended] == ["failed", "done"]
    with pytest.raises(ModelError, match=r"trial 0: The loss is .*chip-003"):
        ended[0].raise_error()
    assert run_trials(several)[0].error == ended[0].error


@pytest.mark.ray
@pytest.mark.slow
def test_on_a_cluster_trials_run_at_once_and_end_alike(ray_cluster, tmp_path, capfd):
    told = []
    ended = run_trials(
        trials(tmp_path / "ray", [0.01, 1e-7]), cluster="auto", on_epoch=lambda name, reading: told.append(name)
    )
    here = run_trials(trials(tmp_path / "here", [0.01, 1e-7]))
    assert [(one.name, one.state, readings(one.history)) for one in ended] == [
        (one.name, one.state, readings(one.history)) for one in here
    ]
    assert sorted(told) == ["trial 0"] * 4 + ["trial 1"] * 4
    assert capfd.readouterr().out == ""  # standard output is the result's


@pytest.mark.ray
@pytest.mark.slow
def test_a_trial_may_have_several_workers_of_its_own(ray_cluster, tmp_path):
    told = []
    (ended,) = run_trials(
        trials(tmp_path, [0.01], epochs=2, workers=2), cluster="auto", on_epoch=lambda name, _: told.append(name)
    )
    assert (ended.state, len(ended.history), told) == ("done", 2, ["trial 0"] * 2)
