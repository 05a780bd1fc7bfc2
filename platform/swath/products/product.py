"""A product: what is mapped, in one YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from swath.cube import COUNT, CubeSpec, Method, index_name
from swath.cube import check as check_cube
from swath.cube.scores import score
from swath.errors import ModelError, ProductError
from swath.forms import apply_overrides, commented, parse_yaml, suggest, validate
from swath.models.inputs import match_bands
from swath.models.spec import ModelSpec
from swath.products.composed import composed_layers, index_layer
from swath.products.digest import pixel_digest
from swath.products.inputs import MODEL_BANDS, Input
from swath.products.layers import Layer, apply_rules, contradiction
from swath.products.model import ModelUse
from swath.products.output import Output, Provider
from swath.sources.facts import Collection


class Product(BaseModel):
    """What is mapped: inputs, indices, output. Frozen; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        description="Lower case with dashes; the first folder in the store.",
        examples=["my-mosaic"],
    )
    version: str = Field(
        pattern=r"^[0-9]+(\.[0-9]+)*$",
        description="Quoted digits with dots; the second folder in the store. Raise it when the map's meaning changes.",
        examples=["1.0"],
    )
    title: str = Field(min_length=1, description="One line for readers.", examples=["My clear mosaic"])
    description: str = Field(default="", description="What the map shows and how it was made, for the STAC collection.")
    license: str = Field(
        default="other", min_length=1, description="SPDX identifier of the map's licence (`CC-BY-4.0`), or `other`."
    )
    providers: tuple[Provider, ...] = Field(default=(), description="Who stands behind the map: {name, roles, url}.")
    inputs: tuple[Input, ...] = Field(min_length=1, max_length=1, description="What is read: one collection.")
    index_of_composite: tuple[str, ...] = Field(
        default=(),
        description="Spectral indices of the composite's reflectance, by their spyndex names (NDVI, EVI, MNDWI); each "
        "is a layer, int16 x 0.0001 unless a rule of `layers` says otherwise.",
    )
    model: ModelUse | None = Field(
        default=None,
        description="A model between composite and layers: {kind: classes | values, legend, names, layers, "
        "probabilities}; null: the composite itself is written.",
    )
    per: Literal["any", "acquisition"] = Field(
        default="any", description="`acquisition`: a map of each acquisition by itself; other periods are refused."
    )
    output: Output = Field(default_factory=Output, description="What is written.")

    @classmethod
    def load(cls, name_or_path: str | Path) -> Product:
        """A product by its shipped name or from a YAML file.

        Raises:
            ProductError: No such name or file, or a fault in it; names file, field, value and choices.
        """
        text = str(name_or_path)
        if text in products():
            source = (resources.files("swath.products") / "shipped" / f"{text}.yaml").read_text("utf-8")
            return cls.parse(source, where=text)
        path = Path(text)
        if path.suffix not in (".yaml", ".yml"):
            raise ProductError(
                f"There is no product {text!r}.",
                fix=f"{suggest(text, products())} Or give the path of a YAML file.",
                value=text,
                choices=products(),
            )
        try:
            return cls.parse(path.read_text("utf-8"), where=text)
        except OSError as error:
            raise ProductError(
                f"Product file {text} cannot be read: {error.strerror or error}.", fix="Check the path.", file=text
            ) from error
        except UnicodeDecodeError as error:
            raise ProductError(f"Product file {text} is not UTF-8 text.", fix="Save it as UTF-8.", file=text) from error

    @classmethod
    def parse(cls, text: str, *, where: str) -> Product:
        """A product from YAML text; `where` names it in messages.

        Raises:
            ProductError: A fault; names field, value and choices.
        """
        return cls._build(parse_yaml(text, where=where), where=where)

    @classmethod
    def _build(cls, data: Any, *, where: str) -> Product:
        product = validate(cls, data, where=where)
        names = [index_name(name) for name in product.index_of_composite]
        if len(set(names)) < len(names):
            raise ProductError(
                f"{where}: index_of_composite names an index twice: {', '.join(names)}.",
                fix="Name each once.",
                field="index_of_composite",
            )
        method = product.inputs[0].composite.method
        if names and method is Method.PERCENTILE:
            raise ProductError(
                f"{where}: index_of_composite needs one value a band, and method {method.value!r} gives several.",
                fix="Drop the indices, or take another method.",
                field="index_of_composite",
            )
        if product.model is not None and (names or method is Method.PERCENTILE):
            raise ProductError(
                f"{where}: a model takes one value a band and gives the layers: index_of_composite is {names}, the "
                f"method {method.value!r}.",
                fix="Drop the indices; take another method.",
                field="model",
            )
        if (MODEL_BANDS in product.inputs[0].bands) != (product.model is not None):
            raise ProductError(
                f"{where}: inputs.0.bands is {list(product.inputs[0].bands)}; a product with a model reads the bands "
                f"that the model takes, [{MODEL_BANDS}], and only such a product.",
                fix=f"Write bands: [{MODEL_BANDS}] with `model`, names of bands without.",
                field="inputs.0.bands",
            )
        return product

    def with_model(self, spec: ModelSpec, digest: str) -> Product:
        """This product with a model package chosen.

        Raises:
            ProductError: The product takes no model, or the package gives what it does not map.
        """
        if self.model is None:
            raise ProductError(
                f"{self.name} takes no model, and {spec.name} was given.", fix="Leave --model out.", field="model"
            )
        return self.model_copy(update={"model": self.model.bind(spec, digest, where=self.name)})

    @property
    def model_spec(self) -> ModelSpec | None:
        """What the chosen model takes and gives; None for a product without.

        Raises:
            ProductError: The product needs a model, and none is chosen.
        """
        if self.model is None:
            return None
        if self.model.bound is None:
            raise ProductError(
                f"{self.name} maps with a model, and none is chosen.",
                fix="Give --model PACKAGE; `swath train` makes one, `swath models import` takes an ONNX file.",
                field="model.package",
            )
        return self.model.bound.spec

    def with_overrides(self, assignments: Sequence[str]) -> Product:
        """This product with fields set by `FIELD=VALUE` texts (values are YAML).

        Raises:
            ProductError: An unknown field path (the choices at that point are named) or a value that does not fit.
        """
        if not assignments:
            return self
        data = apply_overrides(type(self), self.model_dump(mode="json"), assignments)
        return self._build(data, where=f"{self.name} with --set")

    @property
    def model_digest(self) -> str:
        """Digest of the chosen model package; empty for a product without a model."""
        return "" if self.model is None or self.model.bound is None else self.model.bound.digest

    def cube_spec(self, collection: Collection) -> CubeSpec:
        """The cube that this product composites from `collection`.

        Raises:
            ProductError: The collection is another one than the product names, or lacks a band; names the choices.
        """
        wanted = self.inputs[0].collection
        if wanted not in ("auto", collection.key):
            raise ProductError(
                f"{self.name}: inputs.0.collection is {wanted!r}, and the items are of {collection.key!r}.",
                fix=f"Search {wanted!r}, or use --set inputs.0.collection={collection.key}.",
                field="inputs.0.collection",
                value=wanted,
            )
        model = self.model_spec
        bands = None if model is None else self._model_bands(model, collection)
        spec = self.inputs[0].cube_spec(collection, where=f"{self.name}: inputs.0", bands=bands)
        check_cube(spec, collection)
        if spec.method is Method.BEST:
            score(spec.score or "", spec.bands, collection)
        return spec

    def layers(self, collection: Collection) -> tuple[Layer, ...]:
        """The layers that are written, in order.

        The bands, `day` of a best-date composite, `count`, `flags` where `min_obs` asks for more than one, indices;
        with a model what it gives, and `count`.

        Raises:
            ProductError: As `cube_spec`; an index whose bands the cube lacks; a pattern of `output.layers` that fits
                no layer, or a rule that contradicts itself.
        """
        spec = self.cube_spec(collection)
        layers = composed_layers(spec, collection)
        if self.model is not None:
            count = [layer for layer in layers if layer.name == COUNT]
            layers = [*self.model.made_layers(where=f"{self.name}: model"), *count]
        where = f"{self.name}: index_of_composite"
        layers += [index_layer(name, spec, collection, where=where) for name in self.index_of_composite]
        self._check_patterns([layer.name for layer in layers])
        written = tuple(apply_rules(layer, self.output.layers) for layer in layers)
        for layer in written:
            if fault := contradiction(layer):
                raise ProductError(
                    f"{self.name}: output.layers: layer {layer.name!r}: {fault}.",
                    fix="Change the rule of the layer.",
                    field="output.layers",
                )
        return written

    def _model_bands(self, model: ModelSpec, collection: Collection) -> tuple[str, ...]:
        try:
            return match_bands(model.input, collection)
        except ModelError as error:
            raise ProductError(f"{self.name}: {error.message}", fix=error.fix, field="model", **error.facts) from error

    def _check_patterns(self, names: list[str]) -> None:
        for pattern in self.output.layers:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ProductError(
                    f"{self.name}: output.layers: no layer is called {pattern!r}.",
                    fix=suggest(pattern, names),
                    field="output.layers",
                    value=pattern,
                    choices=names,
                )

    def resolution(self, collection: Collection) -> float:
        """Edge of a pixel in metres: as the product says, else the model's, else the finest of the cube's bands."""
        if self.output.grid.resolution is not None:
            return self.output.grid.resolution
        if self.model_spec is not None:
            return self.model_spec.input.gsd
        return min(collection.bands[name].gsd for name in self.cube_spec(collection).bands)

    def grid_name(self, collection: Collection) -> str:
        """Name of the grid: as the product says, else the collection's own."""
        name = self.output.grid.name
        if name != "auto":
            return name
        return "EPSG:6933" if collection.grid == "equal-area" else collection.grid

    def pixel_digest(self, collection: Collection | None = None) -> str:
        """See `swath.products.digest.pixel_digest`."""
        return pixel_digest(self, collection)


def products() -> list[str]:
    """Names of the products that ship with Swath, sorted."""
    folder = resources.files("swath.products") / "shipped"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def template() -> str:
    """A commented product file made from the schema; it validates as it stands."""
    head = "# A Swath product: each field with its meaning, choices and default. What stands at its default can go.\n\n"
    return head + commented(Product)


def check(path: str | Path) -> Product:
    """Load a product and try all that can be known without items.

    Fields and indices always, bands and layers too if the product names its collection.

    Raises:
        ProductError: The first fault.
        CollectionError: The collection named has no facts.
    """
    product = Product.load(path)
    key = product.inputs[0].collection
    if key != "auto":
        from swath.sources import collection

        product.layers(collection(key))
    return product
