"""What networks say of every pixel of blocks that they have not seen, held against the truth of a simulated Earth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin
from scipy import special
from tests.bench.biomass_simulated import held_out_pixels

from swath.models.calibration import ClassCalibration, ValueCalibration
from swath.models.network import Network
from swath.products import Product
from swath.synthetic import World
from swath.training.chipset import ChipSet, HeldOut
from swath.training.fit import Fitted
from swath.training.metrics import Reliability
from swath.training.release import outputs
from swath.training.said import said_of
from swath.training.source import Part

Array = NDArray[Any]
YEAR = 2023
BINS = (-np.inf, 5.0, 25.0, 75.0, 150.0, np.inf)  #: of predicted biomass, Mg/ha


@dataclass(frozen=True)
class Pixels:
    """Pixels of held-out blocks with their truth.

    Attributes:
        told: By pixel: logits (n, K), or middle, low and high (n, 3), before calibration.
        truth: (n,) class or value.
        block: (n,) number of the block.
        quarter: (n,) of the area.
        fold: (n,).
    """

    told: Array
    truth: Array
    block: Array
    quarter: Array
    fold: Array


def pixels(
    fitted: list[Fitted],
    sources: list[HeldOut],
    chips: ChipSet,
    truth_at: Callable[[GeoBox], Array],
    told_of: Callable[[Fitted, Any], Array],
) -> Pixels:
    """What networks say of every pixel of blocks that they have not seen, and the truth of it."""
    index, edge = chips.index, chips.facts.size
    x, y = index["x"].to_numpy(), index["y"].to_numpy()
    (crs,) = set(index["crs"].to_pylist())
    left, top = x.min(), y.max()
    shape = (round((top - y.min()) / 10) + edge, round((x.max() - left) / 10) + edge)
    window = GeoBox(shape, from_origin(left, top, 10, 10), crs)
    truth = truth_at(window)
    parts = []
    margin = 8 if edge in (48, 80) else 0  # pixels at a chip's edge lack their neighbourhood
    inner = slice(margin, edge - margin)
    for fold, (one, source) in enumerate(zip(fitted, sources, strict=True)):
        held, _ = held_out_pixels(window, chips.split, fold)
        for batch, scores in outputs(one.best, source, Part.TEST):
            told = told_of(one, scores)[:, :, inner, inner]
            data = batch.inputs[0].numpy()
            seen = np.abs(data).reshape(len(told), -1, edge, edge).max(1)[:, inner, inner] > 0
            for row, chip in enumerate(batch.indices):
                r, c = round((top - y[chip]) / 10) + margin, round((x[chip] - left) / 10) + margin
                size = edge - 2 * margin
                at = (slice(r, r + size), slice(c, c + size))
                keep = held[at] & seen[row]
                rows, cols = np.nonzero(keep)
                place = rows + r, cols + c
                column = index["block"][chip].as_py()
                parts.append(
                    (
                        told[row][:, keep].T, truth[at][keep],
                        np.full(len(rows), (column[0] << 32) + column[1], np.int64),
                        (place[0] * 2 // shape[0]) * 2 + place[1] * 2 // shape[1], np.full(len(rows), fold),
                    )
                )  # fmt: skip
    return Pixels(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def of_classes(
    fitted: list[Fitted], sources: list[HeldOut], made: list[ClassCalibration | None], chips: ChipSet, world: World
) -> dict[str, Any]:
    """How true probabilities and sets are over pixels."""
    names = chips.facts.output.channels
    by_name = {c.name: c.code for c in Product.load("landcover").model.legend.classes}  # type: ignore[union-attr]
    codes = np.array([by_name[name] for name in names])

    def truth_at(window: GeoBox) -> Array:
        cover = world.landcover(window, YEAR)
        place = np.full(256, -1)
        place[codes] = np.arange(len(codes))
        return np.asarray(place[cover])

    found = pixels(fitted, sources, chips, truth_at, lambda _, scores: scores.numpy())
    known = found.truth >= 0
    told = {"pixels": int(known.sum()), "of_classes_that_labels_lack": int((~known).sum())}
    nothing: list[ClassCalibration | None] = [None for _ in made]
    before, after = (_shares(found, given) for given in (nothing, made))
    truth = found.truth
    inside = np.zeros(len(truth), bool)
    size = np.zeros(len(truth))
    for fold, one in enumerate(made):
        if one is not None and one.sets is not None:
            here = found.fold == fold
            held = after[here] >= one.sets.threshold
            held[np.arange(len(held)), after[here].argmax(1)] = True
            inside[here] = held[np.arange(len(held)), np.maximum(truth[here], 0)]
            size[here] = held.sum(1)

    def of(which: Array) -> dict[str, float]:
        one = which & known
        return {
            "share": float(one.sum() / known.sum()),
            "ece_before": _ece(before[one], truth[one]), "ece": _ece(after[one], truth[one]),
            "accuracy_before": float((before[one].argmax(1) == truth[one]).mean()),
            "accuracy": float((after[one].argmax(1) == truth[one]).mean()),
            "set_coverage": _by_block(inside[one], found.block[one]), "set_size": float(size[one].mean()),
        }  # fmt: skip

    everything, found_as = np.ones(len(truth), bool), after.argmax(1)
    return {
        **told, **of(everything),
        "by_quarter": [of(found.quarter == quarter) for quarter in np.unique(found.quarter)],
        "by_class_of_the_map": {name: of(found_as == k) for k, name in enumerate(names) if (found_as == k).any()},
        "by_true_class": {name: of(truth == k) for k, name in enumerate(names) if (truth == k).any()},
    }  # fmt: skip


def _shares(found: Pixels, made: list[ClassCalibration | None]) -> Array:
    shares = np.empty_like(found.told, dtype=np.float64)
    for fold, one in enumerate(made):
        here = found.fold == fold
        scores = found.told[here] if one is None else found.told[here] * np.array(one.scale) + np.array(one.bias)
        shares[here] = special.softmax(scores, axis=1)
    return shares


def _ece(shares: Array, truth: Array) -> float:
    return float(Reliability.of(shares.max(1), shares.argmax(1) == truth).error or 0.0)


def of_values(
    fitted: list[Fitted], sources: list[HeldOut], made: list[ValueCalibration | None], chips: ChipSet, world: World
) -> dict[str, Any]:
    """How true intervals are over pixels."""

    def truth_at(window: GeoBox) -> Array:
        return world.biomass(window, YEAR).agb

    def told_of(one: Fitted, scores: Any) -> Array:
        spec = one.best.spec.model_copy(update={"calibration": None})
        head = Network.build(spec).head
        value = said_of(spec).value
        closed = head.close(scores).numpy() * value.scale + value.offset
        names = spec.output.channels
        return np.stack([closed[:, names.index(name)] for name in ("agb", "q05", "q95")], axis=1)

    found = pixels(fitted, sources, chips, truth_at, told_of)
    middle, low, high = found.told.T
    factor = np.ones(len(middle))
    for fold, one in enumerate(made):
        if one is not None:
            here = found.fold == fold
            factor[here] = one.factor(middle[here])
    truth, told = found.truth, {}

    def of(which: Array) -> dict[str, float]:
        made = {"share": float(which.mean())}
        for name, by in (("before", np.ones(len(factor))), ("after", factor)):
            least, most = (np.maximum(middle + by * (bound - middle), 0)[which] for bound in (low, high))
            inside = (truth[which] >= least) & (truth[which] <= most)
            made[f"coverage_{name}"] = _by_block(inside, found.block[which])
            made[f"of_pixels_{name}"] = float(inside.mean())
            made[f"width_{name}"] = float((most - least).mean())
        return made

    told = {"pixels": len(truth), "blocks": len(np.unique(found.block)), **of(np.ones(len(truth), bool))}
    bins = np.digitize(middle, BINS[1:-1])
    return {
        **told,
        "by_quarter": [of(found.quarter == quarter) for quarter in np.unique(found.quarter)],
        "by_prediction": {f"{BINS[k]:g} to {BINS[k + 1]:g}": of(bins == k) for k in np.unique(bins)},
    }


def _by_block(inside: Array, block: Array) -> float:
    """Mean over blocks of the share that is inside."""
    _, number = np.unique(block, return_inverse=True)
    return float((np.bincount(number, weights=inside) / np.bincount(number)).mean())
