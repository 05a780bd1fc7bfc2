"""The card of a model: a STAC 1.1 item with the Machine Learning Model extension 1.5."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from swath.models.applicability import ARRAYS
from swath.models.files import FileFacts
from swath.models.provenance import Provenance, instant
from swath.models.spec import ClassesOutput, InputSpec, Layout, ModelSpec, ValuesOutput

STAC_VERSION = "1.1.0"
MLM_PREFIX = "https://stac-extensions.github.io/mlm/v1.5."  #: cards of these versions are read
MLM = MLM_PREFIX + "2/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
EO = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
SPEC = "swath:model"  #: property that holds the ModelSpec whole
DIGEST = "swath:digest"  #: property that holds the digest of what decides a result
SHA256 = "1220"  #: a multihash's code and length

#: the names that the eo extension knows
COMMON_NAMES = frozenset(
    "pan coastal blue green green05 yellow red rededge rededge071 rededge075 rededge078 nir nir08 nir09 cirrus swir16 "
    "swir22 lwir lwir11 lwir12".split()
)

_AXES = {
    Layout.NCHW: ["batch", "bands", "height", "width"],
    Layout.NHWC: ["batch", "height", "width", "bands"],
    Layout.NTCHW: ["batch", "time", "bands", "height", "width"],
}

#: media type by what a file's name ends with
MEDIA_TYPES = {
    ".onnx": "application/octet-stream; application=onnx",
    ".safetensors": "application/octet-stream; application=safetensors",
    ".json": "application/json",
    ".png": "image/png",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".csv": "text/csv",
    ".txt": "text/plain",
}
_WEIGHTS = {".onnx": "torch.onnx.export", ".safetensors": "safetensors.torch.save_file"}


def model_item(spec: ModelSpec, provenance: Provenance, files: Mapping[str, FileFacts], digest: str) -> dict[str, Any]:
    """The item, JSON-ready.

    Args:
        spec: What the model computes.
        provenance: Where it comes from.
        files: By name; those that end with `.onnx` or `.safetensors` are the model, but for that of applicability.
        digest: Of spec and weights.
    """
    bands = [_band(spec, index) for index in range(len(spec.input.bands))]
    eo = any(key.startswith("eo:") for band in bands for key in band)
    geometry, bbox = _place(provenance)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": sorted([MLM, FILE, PROCESSING, *([EO] if eo else [])]),
        "id": f"{spec.name}-{spec.version}",
        "geometry": geometry,
        **bbox,
        "properties": {
            "title": provenance.title or f"{spec.name} {spec.version}",
            **_known(description=provenance.description),
            **_times(provenance),
            "license": provenance.licence,
            "gsd": spec.input.gsd,
            "bands": bands,
            "processing:software": {**provenance.code, "swath": version("swath")},
            "mlm:name": spec.name,
            "mlm:architecture": provenance.architecture or _architecture(spec),
            "mlm:tasks": [spec.task],
            "mlm:framework": provenance.framework or ("PyTorch" if spec.network else "ONNX"),
            "mlm:input": _inputs(spec.input),
            "mlm:output": [_output(spec)],
            SPEC: spec.model_dump(mode="json"),
            DIGEST: digest,
        },
        "links": [],
        "assets": {name: _asset(name, facts, bands) for name, facts in sorted(files.items())},
    }
    properties = item["properties"]
    properties |= {
        f"mlm:{key}": value
        for key, value in {
            "framework_version": provenance.framework_version,
            "total_parameters": provenance.parameters,
            "hyperparameters": dict(provenance.hyperparameters) or None,
        }.items()
        if value is not None
    }
    properties |= {
        f"swath:{key}": value
        for key, value in {
            "labels": list(provenance.labels),
            "items": list(provenance.items),
            "metrics": dict(provenance.metrics),
        }.items()
        if value
    }
    if provenance.source is not None:
        item["links"].append(
            {"rel": "derived_from", "href": provenance.source, "title": "Where the model was taken from"}
        )
    return item


def _place(provenance: Provenance) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    if provenance.geometry is None:
        return None, {}
    from shapely.geometry import shape

    return provenance.geometry, {"bbox": [round(float(v), 7) for v in shape(provenance.geometry).bounds]}


def _times(provenance: Provenance) -> dict[str, Any]:
    created = instant(provenance.created or datetime.now(UTC))
    if provenance.start is None or provenance.end is None:
        return {"datetime": created, "created": created}
    return {
        "datetime": None,
        "start_datetime": instant(provenance.start),
        "end_datetime": instant(provenance.end),
        "created": created,
    }


def _architecture(spec: ModelSpec) -> str:
    if spec.network is None:
        return "unknown"
    one = f"{spec.network.encoder.name} with {spec.network.head.name}"
    return one if spec.network.members == 1 else f"{spec.network.members} of {one}"


def _band(spec: ModelSpec, index: int) -> dict[str, Any]:
    band = spec.input.bands[index]
    return {
        "name": band.channel,
        "unit": spec.input.unit_of(band),
        **({"eo:common_name": band.common_name} if band.common_name in COMMON_NAMES else {}),
        **_known(**{"eo:center_wavelength": band.wavelength}),
    }


def _inputs(spec: InputSpec) -> list[dict[str, Any]]:
    steps, window = spec.steps, spec.window
    names = [band.channel for band in spec.bands]
    before = _before_scaling(spec)
    given: list[dict[str, Any]] = [
        {
            "name": "x",
            "description": f"Bands in {_units(spec)}, scaled; {spec.fill:g} where there is no data.",
            "bands": names,
            "input": _structure([-1, *spec.shape(1)[1:]], _AXES[spec.layout]),
            "value_scaling": [{"type": "z-score", "mean": band.mean, "stddev": band.std} for band in spec.bands],
            "resize_type": None,
            **({"pre_processing_function": {"format": "text", "expression": before}} if before else {}),
        }
    ]
    if spec.day_of_year:
        day = _structure([-1, steps], ["batch", "time"])
        given.append({"name": "day", "description": "Day of the year, 1 to 366.", "bands": [], "input": day})
    if spec.valid:
        valid = _structure([-1, steps, window, window], ["batch", "time", "height", "width"])
        given.append({"name": "valid", "description": "1 where a step has data.", "bands": [], "input": valid})
    return given


def _units(spec: InputSpec) -> str:
    return ", ".join(dict.fromkeys(spec.unit_of(band) for band in spec.bands))


def _before_scaling(spec: InputSpec) -> str:
    """What is done to physical values before mean and std, in words; empty for nothing."""
    said = []
    if spec.clip is not None:
        said.append(f"{spec.unit} is clipped to {spec.clip[0]:g} to {spec.clip[1]:g} before scaling")
    how = {"decibel": "10 log10 of it, 1e-6 at least", "log1p": "ln(1 + it), 0 at least"}
    for band in spec.bands:
        own = [how[band.transform]] if band.transform in how else []
        own += [f"clipped to {band.clip[0]:g} to {band.clip[1]:g}"] if band.clip is not None else []
        said += [f"{band.channel}: {', then '.join(own)}"] if own else []
    return "; ".join(said)


def _output(spec: ModelSpec) -> dict[str, Any]:
    output, window = spec.output, spec.input.window
    channel = "class" if isinstance(output, ClassesOutput) else "value"
    shape, axes = [-1, len(output.channels), window, window], ["batch", channel, "height", "width"]
    if spec.task == "classification":
        shape, axes = shape[:2], axes[:2]
    elif output.order == "NHWC":
        shape, axes = [-1, window, window, len(output.channels)], ["batch", "height", "width", channel]
    card: dict[str, Any] = {"name": output.name, "tasks": [spec.task], "result": _structure(shape, axes)}
    if isinstance(output, ClassesOutput):
        card["classification:classes"] = [
            {"value": index, "name": name, "description": name} for index, name in enumerate(output.classes)
        ]
        if output.activation != "none":
            card["post_processing_function"] = {"format": "text", "expression": output.activation}
    elif isinstance(output, ValuesOutput):
        card["description"] = ", ".join(f"{value.name} ({value.unit})" for value in output.values)
    return card


def _structure(shape: list[int], axes: list[str]) -> dict[str, Any]:
    return {"shape": shape, "dim_order": axes, "data_type": "float32"}


def _asset(name: str, facts: FileFacts, bands: list[dict[str, Any]]) -> dict[str, Any]:
    suffix = "." + name.rsplit(".", 1)[-1]
    # STAC 1.1 lets bands stand in an item's properties, where MLM looks for them, only if an asset has them as well
    weights = {"mlm:artifact_type": _WEIGHTS[suffix], "bands": bands} if suffix in _WEIGHTS and name != ARRAYS else {}
    return {
        "href": f"./{name}",
        "type": MEDIA_TYPES[suffix],
        "roles": ["mlm:model"] if weights else ["metadata"],
        **weights,
        "file:size": facts.size,
        "file:checksum": SHA256 + facts.sha256,
    }


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
