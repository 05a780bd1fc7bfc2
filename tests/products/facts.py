"""Facts of a collection, small, for the tests of products."""

from swath.sources import Band, Collection, MaskRule
from swath.sources.facts import BandKind


def band(kind: BandKind, common_name: str | None = None, **kwargs: object) -> Band:
    fields: dict = {"asset": "x", "kind": kind, "dtype": "uint16", "nodata": 0, "gsd": 10} | kwargs
    return Band(common_name=common_name, **fields)


TOY = Collection(
    key="toy-optical",
    title="Toy",
    source="made for tests",
    verified=True,
    sensor="other",
    ids=("toy",),
    bands={
        "B03": band(BandKind.REFLECTANCE, "green", scale=0.0001, offset=-0.1),
        "B04": band(BandKind.REFLECTANCE, "red", scale=0.0001, offset=-0.1, wavelength=0.665, width=0.03),
        "B05": band(BandKind.REFLECTANCE, "rededge", gsd=20, wavelength=0.705),
        "B07": band(BandKind.REFLECTANCE, "rededge", gsd=20, wavelength=0.783),
        "B08": band(BandKind.REFLECTANCE, "nir", scale=0.0001, offset=-0.1),
        "B01": band(BandKind.REFLECTANCE, "coastal", gsd=60, optional=True),
        "ST": band(BandKind.TEMPERATURE, "lwir", scale=0.00341802, offset=149, unit="K", gsd=30),
        "SCL": band(BandKind.CLASSES, dtype="uint8", gsd=20),
        "QA": band(BandKind.BITS),
    },
    masks=(MaskRule(band="SCL", drop=(0, 1, 3, 8, 9, 10)),),
)


RADAR = Collection(
    key="toy-radar",
    title="Toy radar",
    source="made for tests",
    verified=True,
    sensor="sentinel-1",
    ids=("toy-radar",),
    bands={
        "VV": band(BandKind.BACKSCATTER, dtype="float32", nodata=-32768),
        "VH": band(BandKind.BACKSCATTER, dtype="float32", nodata=-32768),
        "VV_dB": band(BandKind.BACKSCATTER, dtype="float32", nodata=-32768, unit="dB", optional=True),
    },
)
HEIGHT = Collection(
    key="toy-height",
    title="Toy heights",
    source="made for tests",
    verified=True,
    sensor="other",
    ids=("toy-height",),
    bands={"data": band(BandKind.QUANTITY, dtype="float32", gsd=30, unit="m")},
)
