"""STAC objects against the core schemas and those of their extensions, offline."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource

CORE = {
    "Feature": "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json",
    "Collection": "https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json",
    "Catalog": "https://schemas.stacspec.org/v1.1.0/catalog-spec/json-schema/catalog.json",
}


@lru_cache(maxsize=4)
def _schemas(folder: Path | None) -> dict[str, Any]:
    schemas = dict(get_local_schema_cache())
    for file in sorted(folder.glob("*.json")) if folder else ():
        schema = json.loads(file.read_text())
        schemas[schema["$id"].rstrip("#")] = schema
        # processing 1.1.0 was published with the `$id` of 1.0.0; others refer to it by where it lies
        name, version = file.stem.rsplit("-", 1)
        schemas[f"https://stac-extensions.github.io/{name}/v{version}/schema.json"] = schema
    return schemas


def validate_stac(value: dict[str, Any], schemas: Path | None = None) -> list[str]:
    """Fail with every fault of a STAC object.

    Args:
        value: Item, collection or catalog, as JSON gives it.
        schemas: Folder with the extensions' schemas (`real_data / "stac-schemas"`); without it only the core is
            checked.

    Returns:
        The schemas that were checked. An extension without a schema in the folder is a failure.
    """
    value = json.loads(json.dumps(value, allow_nan=False))
    known = _schemas(schemas)
    wanted = [CORE[value["type"]], *(value.get("stac_extensions", []) if schemas else [])]
    missing = [uri for uri in wanted if uri not in known]
    assert not missing, f"no schema at hand for {missing}"
    registry = Registry().with_resources([(uri, Resource.from_contents(schema)) for uri, schema in known.items()])
    faults = []
    for uri in wanted:
        kind = jsonschema.validators.validator_for(known[uri])
        for error in kind(known[uri], registry=registry, format_checker=kind.FORMAT_CHECKER).iter_errors(value):
            best = jsonschema.exceptions.best_match([error])
            faults.append(f"{uri}: {best.json_path}: {best.message[:300]}")
    assert not faults, "\n".join(faults)
    return wanted
