"""What a product reads: collection, bands, masks, and how dates become one value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.cube.spec import Adjust, CubeSpec, Method, Resampling
from swath.errors import ProductError
from swath.forms import suggest
from swath.sources.facts import Band, BandKind, Collection, MaskRule

#: Stands in `bands` for those that the product's model takes.
MODEL_BANDS = "model"
_PIXEL_KINDS = (BandKind.CLASSES, BandKind.BITS)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mask(_Part):
    """Which pixels of a date are dropped before compositing."""

    rules: Literal["default", "none"] | tuple[MaskRule, ...] = Field(
        default="default",
        description="`default`: the collection's rules; `none`; or own rules, a list of {band, drop: [classes], "
        "drop_bits: [bits from 0]}.",
    )
    dilate_m: float = Field(default=0.0, ge=0, le=1000, description="Dropped pixels grow by this many metres.")


class Composite(_Part):
    """How the dates of a pixel become one value."""

    method: Method = Field(default=Method.MEDIAN, description="How dates are reduced.")
    percentiles: tuple[Annotated[float, Field(ge=0, le=100, multiple_of=1)], ...] = Field(
        default=(), description="For `percentile`: which, in whole percent; each gives a layer `<band>_p<NN>`."
    )
    score: str | None = Field(default=None, description="For `best`: the named score that picks the date.")
    min_obs: int = Field(default=1, ge=1, le=1000, description="Pixels with fewer clear dates are flagged.")
    max_cloud: float = Field(
        default=100.0,
        ge=0,
        le=100,
        description="Items with more cloud cover than this, percent, are left out.",
    )

    @model_validator(mode="after")
    def _method_and_its_fields(self) -> Composite:
        if (self.method is Method.PERCENTILE) != bool(self.percentiles):
            raise ValueError(
                f"method is {self.method.value!r} and percentiles are {list(self.percentiles)}; "
                "give percentiles with method 'percentile', and only then"
            )
        if (self.method is Method.BEST) != (self.score is not None):
            raise ValueError(
                f"method is {self.method.value!r} and score is {self.score!r}; "
                "give a score with method 'best', and only then"
            )
        if len(set(self.percentiles)) != len(self.percentiles):
            raise ValueError(f"percentiles {list(self.percentiles)} name one twice")
        return self


Wanted = str | int | float | bool


class Input(_Part):
    """One collection and the composite made of it."""

    name: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]*$",
        description="By which a model names it, of several inputs; the first may go without. Not `location`: that one "
        "every model has.",
    )
    collection: str = Field(
        default="auto",
        description="Key of a collection's facts (a file of swath/sources/collections), or `auto`: what the items say.",
    )
    bands: tuple[str, ...] = Field(
        min_length=1,
        description="Names or common names of bands (B04, red), or kinds (reflectance, temperature, backscatter, "
        "quantity), or `all`. A kind or `all` takes those bands that every item of the collection has. `[model]` in a "
        "product with a model: those that it takes.",
        examples=[["reflectance"]],
    )
    source: str | None = Field(
        default=None, description="Where it is searched, as --source names it; null: where the first input is."
    )
    where: dict[str, Wanted | tuple[Wanted, ...]] = Field(
        default_factory=dict,
        description="Only items whose properties have these values: {sat:orbit_state: ascending}; a list allows "
        "several.",
        examples=[{}],
    )
    static: bool | Literal["timeless"] = Field(
        default=False,
        description="Its items are of no time step and serve every one. `true`: none may be later than the step that "
        "it serves; `timeless` allows it (elevation).",
    )
    optional: bool = Field(
        default=False,
        description="A tile and step without items of it is made nevertheless, if the model can do without its bands. "
        "Else it is left aside and counted. Names its collection, and is not the first.",
    )
    mask: Mask = Field(default_factory=Mask, description="Which pixels are dropped.")
    composite: Composite = Field(default_factory=Composite, description="How dates become one value.")
    resampling: Resampling = Field(
        default="nearest",
        description="How continuous bands come to the tile's lattice when refined or warped; coarsening is always by "
        "area mean, masks and classes are always nearest.",
    )
    band_resampling: dict[str, Resampling] = Field(
        default_factory=dict, description="Exceptions of `resampling`, by band name or common name."
    )
    adjust: Adjust = Field(
        default="none",
        description="Landsat: coefficients that bring TM and ETM+ to OLI; without them a mix of the two is refused. "
        "roy-2016: Roy et al. 2016, doi:10.1016/j.rse.2015.12.024.",
    )
    on_missing: Literal["fail", "skip"] = Field(
        default="fail",
        description="A band file that cannot be read: `fail` the unit, or `skip` that date and list the file.",
    )

    def cube_spec(self, collection: Collection, *, where: str, bands: tuple[str, ...] | None = None) -> CubeSpec:
        """The cube of this input.

        Args:
            collection: Facts to resolve band names and masks with.
            where: Product and field path, for the message (`mosaic: inputs.0`).
            bands: Names of the collection's bands, where they are not those of the field `bands`.

        Raises:
            ProductError: A band or mask that the collection does not have; names field and choices.
        """
        if bands is None:
            bands = resolve_bands(self.bands, collection, where=f"{where}.bands")
        if isinstance(self.mask.rules, str):
            masks = collection.masks if self.mask.rules == "default" else ()
        else:
            masks = self.mask.rules
        for number, rule in enumerate(masks):
            _check_rule(rule, collection, where=f"{where}.mask.rules.{number}")
        _check_power(self.composite.method, bands, collection, where=where)
        exceptions: dict[str, Resampling] = {}
        for name, how in self.band_resampling.items():
            for band in resolve_bands((name,), collection, where=f"{where}.band_resampling"):
                exceptions[band] = how
        return CubeSpec(
            bands=bands,
            masks=masks,
            dilate_m=self.mask.dilate_m,
            method=self.composite.method,
            percentiles=self.composite.percentiles,
            score=self.composite.score,
            min_obs=self.composite.min_obs,
            max_cloud=self.composite.max_cloud,
            resampling=self.resampling,
            band_resampling=exceptions,
            adjust=self.adjust,
            on_missing=self.on_missing,
        )


def resolve_bands(wanted: tuple[str, ...], collection: Collection, *, where: str) -> tuple[str, ...]:
    """Names of the collection's bands, in the order asked for, each once.

    Args:
        wanted: Names, common names, kinds, or `all`.
        collection: Facts.
        where: Product and field path, for the message.

    Raises:
        ProductError: A name that is none of these, a common name that two bands share, or a kind without bands.
    """
    names: dict[str, None] = {}
    for name in wanted:
        names |= dict.fromkeys(_resolve(name, collection, where=where))
    return tuple(names)


def _resolve(name: str, collection: Collection, *, where: str) -> list[str]:
    bands = collection.bands
    if name in bands:
        if bands[name].kind in _PIXEL_KINDS:
            raise ProductError(
                f"{where}: {name!r} of collection {collection.key!r} holds {bands[name].kind}, no values.",
                fix=f"Take it in `mask`, or choose among: {', '.join(_labels(collection))}.",
                field=where,
                value=name,
            )
        return [name]
    if name == "all" or name in set(BandKind) - set(_PIXEL_KINDS):
        found = [
            n
            for n, band in bands.items()
            if band.kind not in _PIXEL_KINDS and name in ("all", band.kind) and not band.optional
        ]
    else:
        found = [n for n, band in bands.items() if band.common_name == name and band.kind not in _PIXEL_KINDS]
        if len(found) > 1:
            raise ProductError(
                f"{where}: {name!r} is the common name of {len(found)} bands of collection {collection.key!r}.",
                fix=f"Name one: {', '.join(found)}.",
                field=where,
                value=name,
                choices=found,
            )
    if not found:
        choices = [n for n, b in bands.items() if b.kind not in _PIXEL_KINDS]
        choices += sorted({b.common_name for b in bands.values() if b.common_name} - set(choices))
        choices += [
            *sorted({str(b.kind) for b in bands.values() if b.kind not in _PIXEL_KINDS and not b.optional}),
            "all",
        ]
        what = f"bands of kind {name!r} in every item" if name in set(BandKind) else f"band {name!r}"
        raise ProductError(
            f"{where}: collection {collection.key!r} has no {what}.",
            fix=suggest(name, choices),
            field=where,
            value=name,
            choices=choices,
        )
    return found


def _check_rule(rule: MaskRule, collection: Collection, *, where: str) -> None:
    choices = [n for n, b in collection.bands.items() if b.kind in _PIXEL_KINDS]
    band: Band | None = collection.bands.get(rule.band)
    if band is None or band.kind not in _PIXEL_KINDS:
        raise ProductError(
            f"{where}.band: collection {collection.key!r} has no quality band {rule.band!r}.",
            fix=suggest(rule.band, choices) or "Use `mask: {rules: none}`.",
            field=f"{where}.band",
            value=rule.band,
            choices=choices,
        )
    if not rule.drop and not rule.drop_bits:
        raise ProductError(
            f"{where}: the rule on {rule.band!r} drops nothing.",
            fix="Give `drop` (classes) or `drop_bits`.",
            field=where,
        )


def _check_power(method: Method, bands: tuple[str, ...], collection: Collection, *, where: str) -> None:
    """Refuse a mean of decibels: backscatter is averaged in power (SCIENCE.md, Sentinel-1)."""
    logarithms = [
        name
        for name in bands
        if collection.bands[name].kind is BandKind.BACKSCATTER and collection.bands[name].unit.lower() == "db"
    ]
    if logarithms and method in (Method.MEAN, Method.GEOMEDIAN):
        raise ProductError(
            f"{where}.composite.method: {method.value} of {', '.join(logarithms)} of {collection.key!r}, which are "
            "decibels: backscatter is averaged in power.",
            fix="Take median or first, or a collection of linear power.",
            field=f"{where}.composite.method",
            value=method.value,
        )


def _labels(collection: Collection) -> list[str]:
    return [
        f"{name} ({band.common_name})" if band.common_name else name
        for name, band in collection.bands.items()
        if band.kind not in _PIXEL_KINDS
    ]
