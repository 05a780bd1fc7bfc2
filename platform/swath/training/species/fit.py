"""Many species at once: from records to a package that maps them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.models.package import ONNX, Package
from swath.models.provenance import Provenance
from swath.models.spec import InputSpec, ModelSpec, ValueOutput, ValuesOutput
from swath.training.species.config import SpeciesConfig
from swath.training.species.graph import build_graph, check_graph, run_rows
from swath.training.species.members import fit_members
from swath.training.species.novelty import Range
from swath.training.species.odmap import MEANING, odmap
from swath.training.species.records import Records, layer_names
from swath.training.tables.scaling import Scaling
from swath.training.tables.table import Table

RECORD = "odmap.json"
RICHNESS, SPREAD, OUTSIDE = "relative_richness", "spread", "out_of_range"
DEFAULT_GSD = 1000.0  #: metres, where a recipe names none and nothing was sampled
_CHECKED = 1000


def fit_species(
    presences: Table,
    background: Table,
    folder: str | os.PathLike[str],
    *,
    config: SpeciesConfig | None = None,
    name: str = "species",
    units: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
    citations: Sequence[str] = (),
    dropped: Mapping[str, int] | None = None,
    figures: Mapping[str, float] | None = None,
    partition: str | None = None,
    replace: bool = False,
) -> Package:
    """Fit relative suitability of many species, and write a package: graph, card and ODMAP record.

    Outputs are a value from 0 to 1 for each species, and, as the recipe asks, relative richness (their mean), how far
    the learners differ, and how far a pixel is out of the range of what was seen, per cent. No value is a probability:
    records say where a species was found, not how often.

    Args:
        presences: A row a record: predictors, x and y, target the species, group those that share surveys.
        background: Random places of the region, with the same predictors.
        folder: Of the package.
        config: The recipe; the one that ships by default.
        name: Of the model.
        units: Of predictors, by column.
        inputs: Name of the product's input that gives a predictor, by column; the first unless told.
        citations: Of the records, as a download asks to be cited.
        dropped: Records that were left out before, by reason, for the record.
        figures: Measured on an independent survey, or as `partition` says; for card and record.
        partition: How records were held out to measure the figures, if they were.
        replace: Put it in the place of a package that stands there.

    Raises:
        LabelError: Tables that do not fit each other, species with too few presences, a recipe without members.
        ModelError: The folder is taken.
    """
    config = config or SpeciesConfig.load()
    if not config.network.members and config.forest is None and config.boosted is None:
        raise LabelError("The recipe has nothing to fit.", fix="Set network.members, forest or boosted.")
    records = Records.of(presences, background, config)
    layers = layer_names(records.names)
    scaling = Scaling.fit([records.sites, background], place=config.place, axes=config.axes, units=units, inputs=inputs)
    members = fit_members(records, scaling, layers, config)
    rows = np.concatenate([scaling.apply(records.sites), scaling.apply(background)])
    seen = Range.of(scaling.spread(rows), scaling) if config.out_of_range else None
    data = build_graph(
        members, scaling, window=config.window, richness=config.richness, out_of_range=seen, spread=config.tells_spread
    ).SerializeToString()
    check_graph(data, members, scaling, rows[:: max(1, len(rows) // _CHECKED)], window=config.window)
    spec = _spec(name, layers, scaling, config)
    record = odmap(
        spec, records, layers, config, citations=citations, dropped=dropped, figures=figures, partition=partition
    )
    return Package.write(
        folder,
        spec,
        provenance=_provenance(records, config, citations, figures),
        onnx=data,
        extras={RECORD: (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()},
        replace=replace,
    )


def suitability(package: Package, table: Table) -> NDArray[np.float32]:
    """What a package gives for rows: (n, outputs), as its card names them.

    Args:
        package: Of `fit_species`.
        table: With the columns that it takes.

    Raises:
        LabelError: The table lacks one.
    """
    spec = package.spec.input
    columns = {name: table.column(name) for name in table.schema.columns}
    if table.xy is not None:
        names = ("longitude", "latitude") if table.schema.is_lonlat else (str(table.schema.x), str(table.schema.y))
        columns |= {name: table.xy[:, axis].astype(np.float32) for axis, name in enumerate(names)}
    missing = [band.name for band in spec.bands if band.name not in columns]
    if missing:
        raise LabelError(
            f"{table.source} lacks {', '.join(missing)}, which model {package.spec.name} takes.",
            fix="Give a table with all of its bands.",
            columns=missing,
        )
    mean = np.array([band.mean for band in spec.bands], np.float32)
    factor = np.array([1.0 / band.std for band in spec.bands], np.float32)
    x = (np.stack([columns[band.name] for band in spec.bands], axis=1) - mean) * factor
    return run_rows(package.path(ONNX), np.nan_to_num(x, nan=0.0), window=spec.window)


def _spec(name: str, layers: Sequence[str], scaling: Scaling, config: SpeciesConfig) -> ModelSpec:
    values = [ValueOutput(name=layer, unit="1", low=0, high=1) for layer in layers]
    if config.richness:
        values.append(ValueOutput(name=RICHNESS, unit="1", low=0, high=1))
    if config.tells_spread:
        values.append(ValueOutput(name=SPREAD, unit="1", low=0, high=0.5))
    if config.out_of_range:
        values.append(ValueOutput(name=OUTSIDE, unit="%", low=0))
    return ModelSpec(
        name=name,
        task="regression",
        input=InputSpec(
            bands=scaling.bands, unit="1", gsd=config.gsd or DEFAULT_GSD, window=config.window, stride=config.window
        ),
        output=ValuesOutput(name="suitability", values=tuple(values)),
    )


def _provenance(
    records: Records, config: SpeciesConfig, citations: Sequence[str], figures: Mapping[str, Any] | None
) -> Provenance:
    flagged = [name for name in records.few if name not in records.left_out]
    limits = [
        f"Values are {MEANING}.",
        "Richness is relative too.",
        f"Learned from {len(records.sites)} sites and {len(records.background)} random places.",
    ]
    if flagged:
        limits.append(f"Fewer than {config.least} presences, to be trusted least: {', '.join(flagged)}.")
    if records.left_out:
        limits.append(f"Left out for too few presences: {', '.join(records.left_out)}.")
    return Provenance(
        licence=config.licence,
        title=f"Relative suitability of {len(records.names)} species",
        description=" ".join(limits),
        architecture="residual perceptron, class-balanced forests and boosted trees, averaged by rank",
        labels=tuple(citations) or (records.sites.source,),
        geometry=_outline(records),
        code={"swath": version("swath")},
        framework="ONNX",
        hyperparameters=config.model_dump(mode="json"),
        metrics=dict(figures or {}),
    )


def _outline(records: Records) -> dict[str, Any] | None:
    """Convex hull of the sites, where they are degrees."""
    xy = records.sites.xy
    if xy is None or not records.sites.schema.is_lonlat:
        return None
    import shapely

    hull = shapely.MultiPoint(np.round(xy, 2)).convex_hull.buffer(0.01, cap_style="square", join_style="mitre")
    return dict(shapely.geometry.mapping(shapely.set_precision(hull, 0.001)))
