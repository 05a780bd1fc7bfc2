"""Checks of files: bytes as the items say, cloud-optimised, all on the grid and with the facts of the collection."""

from __future__ import annotations

from typing import Any

import numpy as np
from rasterio.crs import CRS

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import Header, UnitRead
from swath.grid import Tile

SHA256 = "1220"  #: of a multihash: sha2-256, 32 bytes


class Checksums:
    """Each file is there, with the size and the sha-256 that its item tells (`file:checksum`, `file:size`)."""

    name = "checksums"

    def __init__(self) -> None:
        self._offences, self._files, self._bytes = Offences(), 0, 0

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        if read.item is None:
            return 0, [("", "its item is not there or no JSON", "items missing")]
        faults = []
        assets = read.item.get("assets", {})
        for layer, file in read.files.items():
            asset = assets.get(layer)
            if file.size < 0:
                faults.append((layer, file.fault, "files missing"))
            elif asset is None:
                faults.append((layer, "its item does not name it", "files not named"))
            elif "file:checksum" not in asset:
                faults.append((layer, "its item has no file:checksum", "without checksum"))
            elif asset["file:checksum"] != SHA256 + file.sha256:
                told = f"sha-256 {file.sha256[:12]}…, its item says {asset['file:checksum'][4:16]}…"
                faults.append((layer, told, "checksums wrong"))
            elif asset.get("file:size") != file.size:
                faults.append((layer, f"{file.size} bytes, its item says {asset.get('file:size')}", "sizes wrong"))
        strange = sorted(set(assets) - set(read.files))
        faults += [(layer, "the collection does not have this layer", "layers unknown") for layer in strange]
        return sum(max(0, file.size) for file in read.files.values()), faults

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        size, faults = measured
        self._files, self._bytes = self._files + 1, self._bytes + size
        for layer, reason, kind in faults:
            self._offences.add(unit, reason, layer=layer, kind=kind)

    def finding(self) -> Finding:
        """See `Check`."""
        return Finding.of(
            self.name, self._offences, bad=Verdict.FAILED, good="each file is as its item says",
            read=f"{self._files:,} items, {self._bytes / 1e6:,.1f} MB of files", counts={"bytes": self._bytes},
        )  # fmt: skip


class Cogs:
    """Each file is a valid cloud-optimised GeoTIFF that can be decoded (rio-cogeo's validator)."""

    name = "cogs"

    def __init__(self) -> None:
        self._bad, self._odd, self._files = Offences(), Offences(), 0

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        there = {layer: file for layer, file in read.files.items() if file.size >= 0}
        return [
            (layer, [*([file.fault] if file.fault else []), *file.cog_errors], list(file.cog_warnings))
            for layer, file in there.items()
        ]

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        for layer, errors, warnings in measured:
            self._files += 1
            if errors:
                self._bad.add(unit, "; ".join(errors), layer=layer, kind="files that are no COG")
            elif warnings:
                self._odd.add(unit, "; ".join(warnings), layer=layer, kind="files with warnings")

    def finding(self) -> Finding:
        """See `Check`."""
        bad = Verdict.FAILED if self._bad.number else Verdict.WARNED
        offences = self._bad if self._bad.number else self._odd
        return Finding.of(
            self.name, offences, bad=bad, good="all are valid", read=f"{self._files:,} files",
            counts={"with warnings": self._odd.number},
        )  # fmt: skip


class Grids:
    """CRS, affine and shape are the tile's; dtype, no-data, scale and legend are the same over all tiles."""

    name = "grids"

    def __init__(self, facts: dict[str, LayerFacts]) -> None:
        self._facts, self._offences, self._files = facts, Offences(), 0
        self._first: dict[str, dict[str, Any]] = {}

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        found = []
        for layer, file in read.files.items():
            if file.header is not None:
                asset = (read.item or {}).get("assets", {}).get(layer, {})
                found.append((layer, _off_grid(file.header, read.unit.tile), _told(file.header, asset)))
        return found, [] if read.item is None else _item_off_grid(read.item, read.unit.tile)

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        files, item_faults = measured
        for fault in item_faults:
            self._offences.add(unit, fault, kind="items off the grid")
        for layer, faults, told in files:
            self._files += 1
            for fault in faults:
                self._offences.add(unit, fault, layer=layer, kind="files off the grid")
            # what the collection does not say is taken from the first unit
            expected = _expected(self._facts[layer], self._first.setdefault(layer, told))
            for name, value in expected.items():
                if not _same(told[name], value):
                    reason = f"{name} is {_short(told[name])}, of the map {_short(value)}"
                    self._offences.add(unit, reason, layer=layer, kind=f"files with another {name}")

    def finding(self) -> Finding:
        """See `Check`."""
        return Finding.of(
            self.name, self._offences, bad=Verdict.FAILED, good="all lie on the grid and are alike",
            read=f"{self._files:,} headers",
        )  # fmt: skip


def _off_grid(header: Header, tile: Tile) -> list[str]:
    faults = []
    if header.bands != 1:
        faults.append(f"it has {header.bands} bands")
    if header.crs is None or header.crs != CRS.from_user_input(tile.crs):
        faults.append(f"its CRS is {header.crs}, the tile's {tile.crs}")
    if not header.affine.almost_equals(tile.affine, precision=1e-6):
        faults.append(f"it starts at {header.affine.c:g}, {header.affine.f:g} with pixels of {header.affine.a:g}")
    if header.shape != tile.shape:
        faults.append(f"it has {header.shape} pixels, the tile {tile.shape}")
    return faults


def _item_off_grid(item: dict[str, Any], tile: Tile) -> list[str]:
    wanted = {
        "proj:code": tile.crs,
        "proj:shape": list(tile.shape),
        "proj:transform": [float(v) for v in tuple(tile.affine)[:6]],
    }
    told = item.get("properties", {})
    return [
        f"{name} is {told.get(name)}, of the tile {value}" for name, value in wanted.items() if told.get(name) != value
    ]


def _told(header: Header, asset: dict[str, Any]) -> dict[str, Any]:
    """What must be alike in all files of a layer."""
    legend = asset.get("classification:classes")
    return {
        "dtype": header.dtype,
        "no-data": header.nodata,
        "scale": (header.scale, header.offset),
        "legend": None if legend is None else {int(one["value"]): str(one["name"]) for one in legend},
        "colour table": header.colors,
    }


def _expected(facts: LayerFacts, first: dict[str, Any]) -> dict[str, Any]:
    colors = {**dict.fromkeys(first["colour table"], (0, 0, 0)), **facts.colors}
    return {
        "dtype": facts.dtype or first["dtype"],
        "no-data": facts.nodata,
        "scale": (facts.scale, facts.offset),
        "legend": facts.legend,
        "colour table": colors if facts.colors else first["colour table"],
    }


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (np.isnan(one) and np.isnan(other))
    return bool(one == other)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else f"{text[:57]}…"
