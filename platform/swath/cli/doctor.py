"""`swath doctor`: what of this machine is fit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil
import typer
from rich.console import Console

import swath
from swath.cli.options import Json
from swath.cli.output import reported
from swath.settings import settings

PACKAGES = (
    "ray",
    "torch",
    "dask",
    "xarray",
    "odc-stac",
    "stackstac",
    "pystac-client",
    "rasterio",
    "numba",
    "s3fs",
    "prefect",
    "kubernetes",
)
DRIVERS = ("COG", "GTiff", "VRT", "GPKG")
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL",
    "PC_SDK_SUBSCRIPTION_KEY", "EARTHDATA_TOKEN", "CDSE_TOKEN",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, what was found, and whether runs need it and it is missing."""

    name: str
    value: str
    bad: bool = False


def findings() -> dict[str, list[Finding]]:
    """What of this machine is fit, by topic. Credentials are named, never shown."""
    return {
        "versions": [
            Finding("swath", swath.__version__),
            Finding("python", platform.python_version()),
            *map(_package, PACKAGES),
        ],
        "rasters": _rasters(),
        "machine": _machine(),
        "credentials": [Finding(name, "set" if os.environ.get(name) else "not set") for name in CREDENTIALS]
        + [
            Finding("~/.aws/credentials", "there" if Path("~/.aws/credentials").expanduser().is_file() else "not there")
        ],
    }


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", bad=True)


def _rasters() -> list[Finding]:
    import pyproj
    import rasterio
    from rasterio.drivers import raster_driver_extensions
    from rasterio.env import GDALVersion
    from rasterio.session import DummySession

    # a session of its own, or rasterio looks for AWS credentials, and fails where AWS_PROFILE names none
    with rasterio.Env(session=DummySession()) as env:
        known = {"COG", *raster_driver_extensions().values(), *env.drivers()}
    drivers = [
        Finding(f"driver {name}", "yes" if name in known else "missing", bad=name not in known and name != "GPKG")
        for name in DRIVERS
    ]
    return [Finding("GDAL", str(GDALVersion.runtime())), Finding("PROJ", pyproj.proj_version_str), *drivers]


def _machine() -> list[Finding]:
    import torch

    memory = psutil.virtual_memory()
    cache = settings().cache.expanduser()
    home = next(folder for folder in (cache, *cache.parents) if folder.exists())
    disk = shutil.disk_usage(home)
    writable = os.access(home, os.W_OK)
    gpus = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return [
        Finding("cores", str(len(os.sched_getaffinity(0)))),
        Finding("memory", f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"),
        Finding("disk", f"{disk.free / 2**30:.0f} of {disk.total / 2**30:.0f} GiB free at {home}"),
        Finding("cache", f"{cache}{'' if writable else ' (not writable: set SWATH_CACHE)'}", bad=not writable),
        Finding("GPU", ", ".join(gpus) or "none"),
    ]


def _show(console: Console, topics: dict[str, list[Finding]]) -> None:
    for topic, found in topics.items():
        console.print(f"[bold]{topic}[/]")
        for finding in found:
            console.print(f"  {'[red]✗[/]' if finding.bad else '[green]✓[/]'} {finding.name:<24} {finding.value}")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="This machine")
    def doctor(as_json: Json = False) -> None:
        """What of this machine is fit: versions, GDAL drivers, GPU, memory, credentials present."""
        with reported(as_json) as out:
            topics = findings()
            out.result(
                {topic: {f.name: f.value for f in found} for topic, found in topics.items()},
                lambda console: _show(console, topics),
            )
            if any(finding.bad for found in topics.values() for finding in found):
                raise SystemExit(1)
