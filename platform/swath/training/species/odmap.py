"""The record of a species model: overview, data, model, assessment, prediction (ODMAP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from swath.models.spec import ModelSpec
from swath.training.species.config import SpeciesConfig
from swath.training.species.records import Records

#: Values of the map and what they are not
MEANING = "relative suitability, 0 to 1: the mean rank among the background; no probability of presence"
_TOLD = "to be told by the author"


def odmap(
    spec: ModelSpec,
    records: Records,
    layers: Sequence[str],
    config: SpeciesConfig,
    *,
    citations: Sequence[str] = (),
    dropped: Mapping[str, int] | None = None,
    figures: Mapping[str, Any] | None = None,
    partition: str | None = None,
) -> dict[str, Any]:
    """The record, JSON-ready. Zurell et al. 2020 (doi:10.1111/ecog.04960), its sections and subsections.

    What only a person knows says so.

    Args:
        spec: Of the model.
        records: That it learned from.
        layers: Name of the layer of each species.
        config: The recipe.
        citations: Of the records.
        dropped: Records that were left out before, by reason.
        figures: Measured on an independent survey, or as `partition` says.
        partition: How records were held out to measure the figures, if they were.
    """
    xy = records.sites.xy
    extent = None if xy is None else [*np.min(xy, axis=0).tolist(), *np.max(xy, axis=0).tolist()]
    schema = records.sites.schema
    share = config.background.target_group
    algorithms = [
        *(["residual perceptron of all species together"] * bool(config.network.members)),
        *(["forest of class-balanced trees for each species"] * (config.forest is not None)),
        *(["boosted trees for each species"] * (config.boosted is not None)),
    ]
    species = [
        {
            "name": name, "layer": layer, "group": group, "presences": records.presences[name],
            **({"flag": f"fewer than {config.least} presences"} if name in records.few else {}),
        }
        for name, layer, group in zip(records.names, layers, records.groups, strict=True)
    ]  # fmt: skip
    return {
        "odmap": "1.0",
        "overview": {
            "authorship": _TOLD,
            "model_objective": "mapping of relative suitability within the region of the records",
            "focal_taxon": f"{len(species)} species in {len(set(records.groups))} groups",
            "location": {"extent": extent, "crs": schema.crs if extent else None},
            "scale": {"resolution_m": spec.input.gsd},
            "biodiversity_data": {"type": "presence-only records", "observation": _TOLD},
            "predictors": list(schema.columns),
            "hypotheses": _TOLD,
            "assumptions": [
                "species are at equilibrium with the predictors",
                "records of a group of species share the same effort of search",
                "predictors are those of the time of the records",
            ],
            "algorithms": algorithms,
            "software": {"swath": version("swath")},
        },
        "data": {
            "biodiversity": {
                "taxa": species,
                "left_out": {name: records.few[name] for name in records.left_out},
                "sources": list(citations),
                "sampling_design": _TOLD,
                "sample_size": int(records.seen.sum()),
                "sites": len(records.sites),
                "cleaning": dict(dropped or {}),
                "thinning": "one record of a species and place",
                "absence": "none: presence-only",
                "background": {
                    "target_group": share,
                    "random": 1 - share,
                    "random_places": len(records.background),
                    "reason": "chosen by how the records were made, before any fit: sites of other species of the same "
                    "group share the bias of its surveys",
                },
            },
            "partitioning": partition or "none: all records are learned from; figures come of an independent survey",
            "predictors": {
                "units": {band.name: band.unit or spec.input.unit for band in spec.input.bands},
                "codes": {name: list(codes) for name, codes in schema.categories.items()},
                "place": config.place,
            },
            "transfer": "none intended; pixels outside of what was seen are told by the layer out_of_range"
            if config.out_of_range
            else "none intended",
        },
        "model": {
            "pre_selection": _TOLD,
            "multicollinearity": "not treated: trees and a network with dropout are asked to predict, not to explain",
            "settings": config.model_dump(mode="json"),
            "averaging": f"mean of the members' ranks among sites and background ({config.knots} knots)",
            "non_independence": "sites once; no spatial term but the place itself"
            if config.place
            else "sites once; no spatial term",
            "threshold": "none",
        },
        "assessment": {"performance": dict(figures or {}), "plausibility": _TOLD},
        "prediction": {"output": MEANING, "uncertainty": _uncertainty(config)},
    }


def _uncertainty(config: SpeciesConfig) -> str:
    told = {"spread of the learners' ranks": config.tells_spread, "out_of_range": config.out_of_range}
    return ", ".join(name for name, there in told.items() if there) or "none"
