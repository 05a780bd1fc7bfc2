"""What a training says at its end, by its document: the same whether it ran here or elsewhere."""

import io

from rich.console import Console

from swath.cli.train import show_trained
from swath.cli.train_species import show_species

TRAINED = {
    "package": "/out/package", "chips": {"agreement": False}, "epochs": 3, "smallest_distance_m": None,
    "transfer": {"overall_accuracy": 0.8125, "confusion": [[1]], "f1": {"water": 0.5, "snow": None}},
}  # fmt: skip
FOLDS = {
    "folds": {"mean": {"macro_f1": 0.625}, "sd_over_folds": {"macro_f1": 0.125}},
    "differences": [
        {"measure": "macro_f1", "first": 0.5, "second": 0.625, "difference": 0.125, "low": 0.0625, "high": 0.1875,
         "verdict": "higher"}
    ],
}  # fmt: skip
SPECIES = {
    "package": "/out/package", "records": 90, "background": 1000, "gsd": 30.0, "few": {"b": 7}, "left_out": {"c": 2},
    "dropped": {"outside": 4},
    "transfer": {
        "auc": 0.875,
        "species": {"a": {"presences": 20, "auc": 0.875}, "b": {"presences": 1, "reason": "too few"},
                    "d": {"presences": 5, "auc": None}},
    },
}  # fmt: skip


def shown(show, *told):
    text = io.StringIO()
    show(Console(file=text, width=160), *told)
    return " ".join(text.getvalue().split())


def test_figures_of_a_training_are_told_with_those_that_have_no_value():
    text = shown(show_trained, TRAINED, "/out/fit/curves.png")
    assert "transfer: overall accuracy 0.812" in text
    assert "transfer: F1 of water 0.500 transfer: F1 of snow none" in text
    assert text.endswith(
        "nearest training and test pixel in other years package /out/package curves /out/fit/curves.png"
    )


def test_folds_and_the_difference_to_a_peer_are_told():
    text = shown(show_trained, TRAINED | FOLDS, None)
    assert "macro f1, mean of folds 0.625 ± 0.125" in text
    assert "against the peer: macro f1 0.500 to 0.625, +0.125 (+0.062 to +0.188): higher" in text
    assert "curves" not in text


def test_species_are_told_with_those_that_have_no_figure_and_what_was_left_out():
    text = shown(show_species, SPECIES)
    for said in (
        "transfer: auc, mean of species 0.875", "transfer: a AUC 0.875 of 20 presences held out",
        "transfer: d AUC none of 5", "transfer: b no figure: too few", "few: b 7 presences", "left out: c 2 presences",
        "left out 4 outside", "records 90", "pixel 30 m",
    ):  # fmt: skip
        assert said in text
