"""GEDI L4A as published: HDF5 granules, or tables of their columns; another product or version is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from swath.errors import LabelError
from swath.training.label_columns import text_table

HDF = (".h5", ".hdf5", ".he5")
_PRODUCT = "GEDI L4A version 2"
#: Columns without which there is nothing to learn.
NEEDED = ("agbd", "lat_lowestmode", "lon_lowestmode", "l4_quality_flag", "degrade_flag", "sensitivity", "shot_number")
#: Further ones that are read where they are there; in a granule some stand in a group of their own.
FURTHER = {
    "agbd_t": "agbd_t", "agbd_t_se": "agbd_t_se", "agbd_pi_lower": "agbd_pi_lower", "agbd_pi_upper": "agbd_pi_upper",
    "delta_time": "delta_time", "pft_class": "land_cover_data/pft_class",
    "leaf_off_flag": "land_cover_data/leaf_off_flag",
}  # fmt: skip
#: What tells another product of GEDI by its columns.
_OTHERS = (
    ("GEDI L1B", ("rxwaveform", "rx_sample_count")),
    ("GEDI L2A", ("rh", "rh_98", "rh98", "quality_flag")),
    ("GEDI L2B", ("pai", "cover", "fhd_normal", "l2b_quality_flag")),
    ("GEDI L4C", ("wsci", "wsci_quality_flag")),
)


def footprint_files(path: Path) -> list[Path]:
    """The file, or all granules and tables of a folder by name.

    Raises:
        LabelError: The folder holds none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in (*HDF, ".parquet", ".pq", ".csv"))
    if not files:
        raise LabelError(f"{path} holds no granule or table.", fix=f"Put files of {_PRODUCT} there.", file=str(path))
    return files


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Footprints of several files or beams, with the columns that all have."""
    lacking = [name for name in FURTHER if any(name not in part for part in parts)]
    return pd.concat([part.drop(columns=lacking, errors="ignore") for part in parts], ignore_index=True)


def read_footprints(path: Path) -> pd.DataFrame:
    """Footprints of a granule (HDF5) or a table (Parquet, CSV), a row each, with the columns that are there.

    Raises:
        LabelError: Missing, unreadable, another product or version, or without a column that is needed.
    """
    if not path.exists():
        raise LabelError(f"There is no file {str(path)!r}.", fix=f"Give {_PRODUCT} as HDF5, Parquet or CSV.")
    try:
        frame = _granule(path) if path.suffix.lower() in HDF else _table(path)
    except (OSError, ValueError) as error:
        raise LabelError(f"{path} cannot be read: {error}.", fix=f"Give {_PRODUCT} as HDF5, Parquet or CSV.") from error
    if frame.empty:
        raise LabelError(f"{path} has no footprints.", fix="Give a file with footprints.", file=str(path))
    return frame


def _table(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else text_table(path)
    named = {str(name): str(name).rpartition("/")[2] for name in frame.columns}
    frame = frame.rename(columns=named)
    check_columns([str(name) for name in frame.columns], path)
    return frame[[name for name in (*NEEDED, *FURTHER) if name in frame.columns]]


def _granule(path: Path) -> pd.DataFrame:
    import h5py

    with h5py.File(path) as file:
        _check_version(_identity(file), path)
        beams = [name for name in file if name.startswith("BEAM")]
        if not beams:
            raise LabelError(f"{path} has no beams.", fix=f"Give a granule of {_PRODUCT}.", file=str(path))
        parts = []
        for beam in beams:
            group = file[beam]
            check_columns([name for name in group], path)
            places = {name: name for name in NEEDED} | FURTHER
            found = {name: group[place][()] for name, place in places.items() if place in group}
            lengths = {len(column) for column in found.values()}
            if len(lengths) != 1:
                raise LabelError(
                    f"{path}: columns of {beam} are of {len(lengths)} lengths.",
                    fix="Download it again.",
                    file=str(path),
                )
            parts.append(pd.DataFrame(found))
    return joined(parts)


def _identity(file: Any) -> dict[str, str]:
    """What a granule says that it is: attributes of the root and of METADATA/DatasetIdentification."""
    told = dict(file.attrs)
    for place in ("METADATA/DatasetIdentification", "METADATA"):
        if place in file:
            told |= dict(file[place].attrs)
    return {str(name).lower(): _text(value) for name, value in told.items()}


def _text(value: Any) -> str:
    value = value[0] if isinstance(value, np.ndarray) and value.size else value
    return value.decode() if isinstance(value, bytes) else str(value)


def _check_version(told: dict[str, str], path: Path) -> None:
    product = told.get("short_name") or told.get("shortname") or ""
    if product and re.sub(r"[^A-Z0-9]", "", product.upper()) not in ("GEDIL4A", "GEDI04A"):
        raise LabelError(
            f"{path} is {product}, not {_PRODUCT}.", fix="Download GEDI_L4A_AGB_Density_V2_1.", file=str(path),
            product=product,
        )  # fmt: skip
    version = told.get("versionid") or told.get("version") or ""
    named = re.search(r"_V(\d+)", path.name)
    version = version or (named.group(1) if named else "")
    number = re.search(r"\d+", version)
    if number and int(number.group()) != 2:
        raise LabelError(
            f"{path} is version {version} of GEDI L4A; footprints of version 2 differ in place and value.",
            fix="Download GEDI_L4A_AGB_Density_V2_1.",
            file=str(path),
            version=version,
        )


def check_columns(columns: list[str], path: Path) -> None:
    """Refuse columns that are not those of L4A, and say of which product they are.

    Raises:
        LabelError: A needed column is not there.
    """
    missing = [name for name in NEEDED if name not in columns]
    if not missing:
        return
    others = [name for name, marks in _OTHERS if "agbd" not in columns and any(mark in columns for mark in marks)]
    what = f"it looks like {others[0]}" if others else "it is another product or version"
    if "agbd" in columns and "l4_quality_flag" not in columns:
        what = "it is a version of L4A before the first release, or a table without its flags"
    raise LabelError(
        f"{path} lacks columns of {_PRODUCT}: {', '.join(missing)}; {what}.",
        fix="Give the granule as published (GEDI_L4A_AGB_Density_V2_1), or a table with these columns.",
        file=str(path),
        missing=missing,
    )
