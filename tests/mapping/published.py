"""A small product with its facts, tiles, units and files, for the tests of what is published."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from swath.grid import Tile, parse_tile
from swath.mapping.cog import Cog, encode_cog
from swath.mapping.item import unit_item
from swath.mapping.units import Unit
from swath.products import Layer, LayerKind, Legend, LegendClass, Product
from swath.sources import Band, Collection, Scene
from swath.sources.facts import BandKind

LEGEND = Legend(
    classes=(
        LegendClass(code=10, name="tree cover", color="#006400", description="Trees over 10 % of the ground"),
        LegendClass(code=80, name="water", color="#0064c8"),
    )
)
COLLECTION = Collection(
    key="toy-optical",
    title="Toy",
    source="made for tests",
    verified=True,
    sensor="other",
    ids=("toy",),
    bands={
        "B04": Band(
            asset="B04",
            kind=BandKind.REFLECTANCE,
            dtype="uint16",
            nodata=0,
            gsd=10,
            scale=0.0001,
            offset=-0.1,
            common_name="red",
            wavelength=0.665,
            width=0.03,
        ),
        "B08": Band(
            asset="B08",
            kind=BandKind.REFLECTANCE,
            dtype="uint16",
            nodata=0,
            gsd=10,
            scale=0.0001,
            offset=-0.1,
            common_name="nir",
        ),
        "SCL": Band(asset="SCL", kind=BandKind.CLASSES, dtype="uint8", nodata=0, gsd=20),
    },
)
PRODUCT = Product.load("mosaic").with_overrides(
    [
        "index_of_composite=[NDVI]",
        "license=CC-BY-4.0",
        "providers=[{name: An agency, roles: [producer, licensor], url: 'https://agency.example'}]",
    ]
)
CLASSES = Layer("landcover", LayerKind.CLASSES, "Land cover", "uint8", nodata=0, overviews="mode", legend=LEGEND)


@dataclass(frozen=True)
class Recipe:
    product: Product = PRODUCT
    collection: Collection = COLLECTION
    layers: tuple[Layer, ...] = (*PRODUCT.layers(COLLECTION), CLASSES)

    @property
    def collections(self) -> tuple[Collection, ...]:
        return (self.collection,)


def unit_of(tile: Tile, step: str = "2023", key: str = "0123456789ab") -> Unit:
    year = int(step)
    return Unit(
        id=f"{tile.id}_{step}",
        tile=tile.id,
        step=step,
        start=datetime(year, 1, 1, tzinfo=UTC),
        end=datetime(year + 1, 1, 1, tzinfo=UTC),
        bbox=tile.bbox,
        scenes=3,
        items=(0, 1, 2),
        key=key,
        content="ba9876543210",
        km2=1.0,
        bytes=10,
        seconds=1.0,
    )


def scenes() -> list[Scene]:
    return [
        Scene(
            row=row,
            id=f"S2{name}",
            collection="toy-optical",
            platform=f"sentinel-2{name[0]}",
            datetime=datetime(2023, 5, 1 + row, tzinfo=UTC),
            observation=f"sentinel-2{name[0]}/{name[1]}",
            epsg=32633,
            bbox=(0, 0, 1, 1),
            dn_shift=0,
            assets={},
        )
        for row, name in enumerate(["a1-west", "a1-east", "b2"])
    ]


def layer_numbers(layer: Layer, tile: Tile) -> np.ndarray:
    rng = np.random.default_rng(len(layer.name))
    choices = [10, 80] if layer.legend else range(1, 200)
    return rng.choice(np.array(choices), tile.shape).astype(layer.dtype)


def cogs_of(tile: Tile, recipe: Recipe) -> dict[str, Cog]:
    return {
        layer.name: encode_cog(layer_numbers(layer, tile), layer, affine=tile.affine, crs=tile.crs)
        for layer in recipe.layers
    }


def item_of(tile_id: str, *, step: str = "2023", skipped: list | None = None, recipe: Recipe | None = None) -> dict:
    tile, recipe = parse_tile(tile_id), recipe or Recipe()
    cogs = {name: cog.without_data() for name, cog in cogs_of(tile, recipe).items()}
    return unit_item(
        unit=unit_of(tile, step), tile=tile, plan=recipe, cogs=cogs, scenes=scenes(), skipped=skipped or []
    )
