"""Facts of collections: what a reader must know that items do not reliably say.

Each collection is a YAML file in `collections/`, with the source of its facts. `identify` finds the
collection of an item; `collection` finds one by its key.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatch
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import CollectionError, UnverifiedCollectionWarning

if TYPE_CHECKING:
    import pystac


class BandKind(StrEnum):
    """What a band's numbers are: it decides resampling, offset rule and no-data."""

    REFLECTANCE = "reflectance"
    TEMPERATURE = "temperature"
    BACKSCATTER = "backscatter"
    CLASSES = "classes"
    BITS = "bits"
    QUANTITY = "quantity"


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Band(_Facts):
    """One band of a collection.

    `scale` and `offset` give the physical value of the numbers that Swath publishes (after
    harmonisation): value = number * scale + offset, in `unit`.
    """

    asset: str = Field(description="Key of the asset in the items.")
    aliases: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Other keys of the asset, by platform pattern (`*`, `landsat-[89]`): older items, other numbering.",
    )
    kind: BandKind
    dtype: Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"]
    nodata: float | None = None
    gsd: float = Field(description="Pixel edge, metres.")
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    common_name: str | None = Field(default=None, description="STAC eo common name.")
    wavelength: float | None = Field(default=None, description="Centre, micrometres.")
    width: float | None = Field(default=None, description="Full width at half maximum, micrometres.")
    saturated: float | None = Field(default=None, description="Number that means saturated; masked.")
    index: int = Field(default=1, description="Band of the file, from 1.")
    optional: bool = Field(default=False, description="Items without it are still of use.")

    def keys(self, platform: str) -> Iterator[str]:
        """Asset keys under which an item of `platform` may have this band, the usual one first."""
        yield self.asset
        for pattern, keys in self.aliases.items():
            if fnmatch(platform, pattern):
                yield from keys


class MaskRule(_Facts):
    """Which pixels of a quality band are dropped: by class value, or by bit (from 0, least significant)."""

    band: str
    drop: tuple[int, ...] = ()
    drop_bits: tuple[int, ...] = ()


class Collection(_Facts):
    """The facts of one collection at one provider."""

    key: str = Field(description="Our name, the file's name: `earth-search-sentinel-2-l2a`.")
    title: str
    source: str = Field(description="Where these facts come from: URLs, documents, dates.")
    verified: bool = Field(description="True if checked on a real item of this provider.")
    sensor: Literal["sentinel-2", "landsat", "hls", "sentinel-1", "simulated-optical", "other"]
    ids: tuple[str, ...] = Field(description="Ids of the STAC collection at the provider.")
    hosts: tuple[str, ...] = Field(default=(), description="Substrings of asset hrefs that tell this provider.")
    api: str | None = Field(default=None, description="STAC API of the provider.")
    signing: Literal["none", "planetary-computer", "requester-pays", "bearer"] = "none"
    offset_rule: Literal["none", "sentinel-2-baseline", "earth-search-flag", "sentinel-2-l1c"] = "none"
    grid: Literal["utm", "landsat", "equal-area"] = "utm"
    bands: dict[str, Band]
    masks: tuple[MaskRule, ...] = Field(default=(), description="Default rules; a pixel dropped by any is dropped.")
    keep: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Items whose property has another value are left out (Landsat tiers).",
    )
    rewrite: dict[str, str] = Field(
        default_factory=dict,
        description="Prefixes of hrefs, and what is read in their place (a bucket).",
    )
    token_env: str | None = Field(default=None, description="Environment variable that holds the bearer token.")
    gdal: dict[str, str] = Field(default_factory=dict, description="GDAL options that reads of this provider need.")

    @model_validator(mode="after")
    def _consistent(self) -> Collection:
        unknown = [rule.band for rule in self.masks if rule.band not in self.bands]
        if unknown:
            raise ValueError(f"masks name bands that {self.key} does not have: {unknown}")
        if (self.signing == "bearer") != (self.token_env is not None):
            raise ValueError(f"{self.key}: `signing: bearer` and `token_env` go together")
        return self

    def band(self, name: str) -> Band:
        """The band of that name.

        Raises:
            CollectionError: There is none; the message names close ones.
        """
        if name in self.bands:
            return self.bands[name]
        raise CollectionError(
            f"Collection {self.key} has no band {name!r}.",
            fix=_choices(name, self.bands),
            collection=self.key,
            band=name,
        )


def _choices(name: str, known: Mapping[str, Any]) -> str:
    by_lower = {key.lower(): key for key in known}
    close = [by_lower[hit] for hit in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}It can be: {', '.join(known)}."


@lru_cache(maxsize=1)
def collections() -> Mapping[str, Collection]:
    """All collections that Swath knows, by key, in order of keys; read once."""
    found: dict[str, Collection] = {}
    for path in sorted(files("swath.sources").joinpath("collections").iterdir(), key=lambda entry: entry.name):
        if path.name.endswith(".yaml"):
            facts = Collection.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            if path.name != f"{facts.key}.yaml":
                raise CollectionError(f"{path.name} holds the key {facts.key!r}.", fix="Give file and key one name.")
            found[facts.key] = facts
    return MappingProxyType(found)


def collection(key: str) -> Collection:
    """The facts of one collection by our key, or by the provider's id where only one provider uses it.

    Raises:
        CollectionError: Unknown, or an id that several providers use; the message names the choices.
    """
    known = collections()
    if key in known:
        return known[key]
    by_id = [facts for facts in known.values() if key in facts.ids]
    if len(by_id) == 1:
        return by_id[0]
    if by_id:
        raise CollectionError(
            f"Several providers publish a collection {key!r}.",
            fix=f"Name one of: {', '.join(facts.key for facts in by_id)}.",
            collection=key,
        )
    raise CollectionError(f"There are no facts of a collection {key!r}.", fix=_choices(key, known), collection=key)


def identify(item: Mapping[str, Any] | pystac.Item) -> Collection:
    """The collection of an item, by its collection id and the hosts of its hrefs.

    The same id means other numbers at another provider, so an id that several use is never guessed.

    Args:
        item: A STAC item.

    Raises:
        CollectionError: No facts fit, or several do.
    """
    doc: Mapping[str, Any] = item if isinstance(item, Mapping) else item.to_dict(transform_hrefs=False)
    properties = doc.get("properties", {})
    frozen = properties.get("swath:collection")
    if frozen:
        return collection(frozen)
    provider_id = doc.get("collection")
    same_id = [facts for facts in collections().values() if provider_id in facts.ids]
    hrefs = [asset.get("href", "") for asset in doc.get("assets", {}).values()]
    by_host = [facts for facts in same_id if any(host in href for host in facts.hosts for href in hrefs)]
    fits = by_host or [facts for facts in same_id if not facts.hosts] or same_id
    if len(fits) == 1:
        return fits[0]
    example = next((href for href in hrefs if href), "no href")
    raise CollectionError(
        f"Item {doc.get('id')!r} of collection {provider_id!r} ({example}) fits "
        + (f"several providers: {', '.join(facts.key for facts in fits)}." if fits else "no facts that Swath has."),
        fix="Name the collection in the product, or add a file to swath/sources/collections.",
        item=doc.get("id"),
    )


_warned: set[str] = set()


def warn_unverified(facts: Collection) -> None:
    """Warn once a process and collection if its facts were never checked on a real item."""
    if facts.verified or facts.key in _warned:
        return
    _warned.add(facts.key)
    warnings.warn(
        f"The facts of {facts.key} come from documents, not from a real item: look at the first map with care.",
        UnverifiedCollectionWarning,
        stacklevel=3,
    )
