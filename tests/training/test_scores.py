"""Scores read a head's channels as its map does, add up, and choose the best epoch by what the head names."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as sk

from swath.errors import LabelError, ModelError
from swath.models.features import Head
from swath.models.heads import head
from swath.models.spec import (
    BandInput,
    ClassesOutput,
    InputSpec,
    ModelSpec,
    NetworkSpec,
    PartSpec,
    ValueOutput,
    ValuesOutput,
)
from swath.training.scores import score_of
from swath.training.source import IGNORED

INPUT = InputSpec(bands=(BandInput(name="B04"),), unit="reflectance", gsd=10, window=64, stride=64)


def spec_of(output, part, **settings):
    network = NetworkSpec(encoder=PartSpec(name="unet"), head=PartSpec(name=part, settings=settings))
    task = "regression" if output.kind == "values" else "semantic-segmentation"
    return ModelSpec(name="toy", task=task, input=INPUT, output=output, network=network)


def biomass(*names, scale=100.0, offset=50.0, low=0.0, **settings):
    """A head for biomass whose number is (value - offset) / scale, but for the spread, which has no offset."""
    values = tuple(
        ValueOutput(name=name, unit="Mg/ha", scale=scale, offset=0 if name == "agb_sd" else offset, low=low)
        for name in names or ("agb",)
    )
    return spec_of(ValuesOutput(values=values), "regression", **settings)


def classes(part="segmentation", k=4):
    return spec_of(ClassesOutput(classes=tuple("abcd"[:k])), part)


def numbers(seed=0, channels=2, share=0.5):
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.normal(0, 0.5, (2, channels, 8, 8)), dtype=torch.float32)
    target = torch.tensor(rng.normal(0.5, 1, (2, 8, 8)), dtype=torch.float32)
    target[torch.tensor(rng.random(target.shape) > share)] = torch.nan
    return scores, target


def scored(spec, scores, target, **told):
    score = score_of(spec)
    score.add(scores, target, loss=0.0, labelled=1, **told)
    return score


def published(spec, scores):
    """What a map gets: the head's closing formula, scaled and clipped as the spec says."""
    part = spec.network.head
    made: Head = head(part.name, (4,), 4, outputs=len(spec.output.values), **part.settings)
    closed = made.close(scores)
    layers = {}
    for k, value in enumerate(spec.output.values):
        layers[value.name] = np.clip(closed[:, k].numpy() * value.scale + value.offset, value.low, value.high)
    return layers


FORMS = {
    "point": (("agb",), {}, 1),
    "gaussian": (("agb", "agb_sd", "q05", "q95"), {"form": "gaussian", "gives": "mean,sd,q05,q95"}, 2),
    "laplace": (("agb", "agb_sd", "q05", "q95"), {"form": "laplace", "gives": "mean,sd,q05,q95"}, 2),
    "quantiles": (("q05", "agb", "q95"), {"form": "quantiles", "gives": "q05,mean,q95"}, 5),
}
LOG = {"scale": 1.0, "offset": 0.0, "log": True, "shift": 2.0}


def case(form, log):
    names, settings, channels = FORMS[form]
    more = dict(LOG) if log else {}
    if log and form in ("point", "laplace", "gaussian"):
        more["correction"] = 1.2
    if log and form == "laplace":
        names, settings = ("agb", "q05", "q95"), {"form": "laplace", "gives": "mean,q05,q95"}
    spec = biomass(*names, **settings, **more)
    scores, target = numbers(1, channels)
    if form == "quantiles":
        scores = scores.sort(1).values
    if log:
        scores[:, :] += 3 if form in ("point", "quantiles") else 0
        if form in ("gaussian", "laplace"):
            scores[:, 0] += 4
        target = (target * 20 + 40).clamp(min=0)
    return spec, scores, target


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_errors_are_those_of_the_layer_that_a_map_gets(form, log):
    spec, scores, target = case(form, log)
    known = torch.isfinite(target).numpy()
    value = next(value for value in spec.output.values if value.name == "agb")
    truth = target.numpy()[known] * value.scale + value.offset
    estimate = published(spec, scores)["agb"][known]
    figures = scored(spec, scores, target).figures
    assert figures["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, estimate), rel=1e-4)
    assert figures["r2"] == pytest.approx(sk.r2_score(truth, estimate), rel=1e-3)
    assert figures["pixels"] == known.sum()


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("form", ["gaussian", "laplace", "quantiles"])
def test_coverage_and_width_are_those_of_the_layers_that_a_map_gets(form, log):
    spec, scores, target = case(form, log)
    known = torch.isfinite(target).numpy()
    value = next(value for value in spec.output.values if value.name == "agb")
    truth = target.numpy()[known] * value.scale + value.offset
    layers = published(spec, scores)
    low, high = layers["q05"][known], layers["q95"][known]
    figures = scored(spec, scores, target).figures
    # at bounds that labels meet a step of float32 decides
    assert figures["coverage_90"] == pytest.approx(((truth >= low) & (truth <= high)).mean(), abs=0.02)
    assert figures["width_90"] == pytest.approx((high - low).mean(), rel=1e-4)


def test_crps_is_in_the_unit_of_the_value():
    spec, scores, target = case("gaussian", False)
    known = torch.isfinite(target).numpy()
    mean, sd = scores[:, 0].numpy()[known], np.exp(scores[:, 1].numpy()[known])
    z = (target.numpy()[known] - mean) / sd
    each = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert scored(spec, scores, target).figures["crps"] == pytest.approx(100 * each.mean(), rel=1e-4)


def test_a_point_has_no_figures_of_uncertainty():
    spec, scores, target = case("point", False)
    assert "crps" not in scored(spec, scores, target).figures


def test_values_are_scored_object_by_object_as_the_loss_takes_them():
    spec = biomass(low=None)
    scores, target = numbers(2, 1, share=1.0)
    objects = torch.zeros(2, 8, 8, dtype=torch.int64)
    objects[0, :2, :2], objects[1, 3:6, 3:6] = 1, 1
    weight = torch.rand(2, 8, 8) + 0.1
    target[0, :2, :2], target[1, 3:6, 3:6] = 0.7, -0.2
    figures = scored(spec, scores, target, objects=objects, weight=weight).figures
    means = []
    for n, inside in ((0, objects[0] == 1), (1, objects[1] == 1)):
        means.append(np.average(scores[n, 0][inside].numpy(), weights=weight[n][inside].numpy()) * 100 + 50)
    assert figures["pixels"] == 2
    assert figures["mae"] == pytest.approx(np.abs(np.array(means) - [120, 30]).mean(), rel=1e-4)


def test_errors_of_labels_widen_the_interval_that_they_are_held_against():
    spec, scores, target = case("gaussian", False)
    figures = scored(spec, scores, target, error=torch.full(target.shape, 2.0)).figures
    plain = scored(spec, scores, target).figures
    assert plain["coverage_90_label"] is None
    assert figures["coverage_90_label"] > figures["coverage_90"] == plain["coverage_90"]


@pytest.mark.parametrize("form", ["point", "gaussian"])
def test_labels_of_weight_0_are_not_scored(form):
    spec, scores, target = case(form, False)
    weight = torch.ones(target.shape)
    weight[:, ::2] = 0
    without = target.clone()
    without[:, ::2] = torch.nan
    assert scored(spec, scores, target, weight=weight).sums == pytest.approx(scored(spec, scores, without).sums)


def test_scores_of_parts_add_up():
    spec, scores, target = case("gaussian", False)
    whole = scored(spec, scores, target)
    parts = score_of(spec)
    for n in range(2):
        parts.add(scores[n : n + 1], target[n : n + 1], loss=3.0, labelled=2)
    assert parts.sums[2:] == pytest.approx(whole.sums[2:])
    assert parts.loss == 3.0


def test_the_best_epoch_of_a_distribution_is_that_of_least_crps_and_of_a_point_that_of_least_rmse():
    for form, measure in (("gaussian", "crps"), ("point", "rmse")):
        score = scored(*case(form, False))
        assert score.score == pytest.approx(-score.figures[measure])


@pytest.mark.parametrize("part", ["segmentation", "ordinal", "presence", "regression"])
def test_the_first_measure_that_a_head_names_is_a_figure(part):
    specs = {"segmentation": classes(), "ordinal": classes("ordinal"), "presence": species(), "regression": biomass()}
    score = score_of(specs[part])
    assert score.measure in score.figures


def test_a_measure_that_the_held_out_labels_do_not_give_is_told():
    score = score_of(biomass())
    with pytest.raises(LabelError, match="held out for validation give no rmse"):
        _ = score.score


@pytest.mark.parametrize("part", ["segmentation", "regression", "presence"])
def test_a_network_that_gives_no_number_on_a_label_is_told_and_elsewhere_it_is_not(part):
    spec, channels = {"segmentation": (classes(), 4), "regression": (biomass(), 1), "presence": (species(), 2)}[part]
    scores = torch.zeros(1, channels, 2, 2)
    scores[0, 0, 0, 0] = torch.nan
    target = torch.zeros(1, 2, 2, dtype=torch.int64) if part == "segmentation" else torch.zeros(1, 2, 2)
    target = target[:, None].repeat(1, 2, 1, 1) if part == "presence" else target
    with pytest.raises(ModelError, match=r"no number on 1 of \d labels"):
        scored(spec, scores, target)
    target[..., 0, 0] = IGNORED if part == "segmentation" else torch.nan
    scored(spec, scores, target)


def test_quantiles_without_an_interval_of_nine_tenths_are_refused():
    with pytest.raises(ModelError, match=r"levels of a network is 0.1, 0.9: .*90% interval"):
        score_of(biomass(form="quantiles", levels="0.1,0.9"))


def labels(seed=0, k=4):
    rng = np.random.default_rng(seed)
    target = torch.tensor(rng.integers(0, k, (2, 8, 8)))
    target[torch.tensor(rng.random(target.shape) > 0.5)] = IGNORED
    return target


def test_classes_have_a_confusion_matrix_and_a_calibration_error():
    scores, target = torch.randn(2, 4, 8, 8), labels()
    known = (target != IGNORED).numpy()
    figures = scored(classes(), scores, target).figures
    truth, found = target.numpy()[known], scores.argmax(1).numpy()[known]
    assert figures["confusion"] == sk.confusion_matrix(truth, found, labels=range(4)).tolist()
    confidence = scores.softmax(1).amax(1).numpy()[known]
    assert sum(row["pixels"] for row in figures["reliability"]) == known.sum()
    mean = sum(row["pixels"] * row["confidence"] for row in figures["reliability"]) / known.sum()
    assert mean == pytest.approx(confidence.mean(), rel=1e-5)


def test_ordered_classes_are_scored_as_their_map_is_made():
    spec, target = classes("ordinal"), labels(1)
    number = torch.randn(2, 1, 8, 8) * 2
    scores = number - torch.tensor([-1.0, 0.3, 1.0]).view(1, 3, 1, 1)
    made = head("ordinal", (4,), 4, outputs=4)
    known = (target != IGNORED).numpy()
    found = made.close(scores).argmax(1).numpy()[known]
    figures = scored(spec, scores, target).figures
    assert figures["confusion"] == sk.confusion_matrix(target.numpy()[known], found, labels=range(4)).tolist()
    assert figures["mean_rank_error"] == pytest.approx(np.abs(found - target.numpy()[known]).mean())


def test_classes_that_do_not_count_are_not_scored():
    scores, target = torch.randn(2, 4, 8, 8), labels(2)
    weight = (torch.rand(target.shape) > 0.5).float()
    without = target.masked_fill(weight == 0, IGNORED)
    told = scored(classes(), scores, target, weight=weight)
    assert (told.sums == scored(classes(), scores, without).sums).all()


def species(richness=False):
    names = ("oak", "ash", *(("richness",) if richness else ()))
    values = tuple(ValueOutput(name=name, unit="1") for name in names)
    return spec_of(ValuesOutput(values=values), "presence", richness=richness)


@pytest.mark.parametrize("richness", [False, True])
def test_presence_is_scored_species_by_species(richness):
    rng = np.random.default_rng(3)
    scores = torch.tensor(rng.normal(0, 2, (2, 2, 8, 8)).round(), dtype=torch.float32)
    target = torch.tensor(rng.random((2, 2, 8, 8)) < 0.3, dtype=torch.float32)
    target[:, 0, :3] = torch.nan
    score = scored(species(richness), scores, target)
    figures = score.figures
    for k, name in enumerate(("oak", "ash")):
        known = torch.isfinite(target[:, k]).numpy()
        expected = sk.roc_auc_score(target[:, k].numpy()[known], scores[:, k].numpy()[known])
        assert figures["species"][name]["auc"] == pytest.approx(expected)
    assert score.score == figures["auc"] == pytest.approx(np.mean([v["auc"] for v in figures["species"].values()]))


def test_rows_of_species_count_as_pixels_do_and_those_of_weight_0_do_not():
    scores, target = torch.randn(50, 2), (torch.rand(50, 2) < 0.4).float()
    weight = (torch.arange(50) % 5 > 0).float()
    kept = weight > 0
    told = scored(species(), scores, target, weight=weight)
    assert (told.sums == scored(species(), scores[kept], target[kept]).sums).all()


def test_classes_are_told_without_a_rim_of_two_pixels_along_other_labels_too():
    target = torch.zeros((1, 8, 12), dtype=torch.int64)
    target[..., 6:] = 1
    target[..., 11] = IGNORED  # no label is no other class
    scores = torch.zeros((1, 4, 8, 12))
    scores[:, 0, :, :7] = 9.0  # the edge is seen a pixel too far to the right
    scores[:, 1, :, 7:] = 9.0
    figures = scored(classes(), scores, target).figures
    assert figures["overall_accuracy"] == pytest.approx(1 - 8 / 88)
    inner = figures["without_rim_of_2_px"]
    assert inner["overall_accuracy"] == 1.0
    assert inner["pixels"] == 8 * (4 + 3), "four columns on the left and three on the right lie farther than 2 px"
