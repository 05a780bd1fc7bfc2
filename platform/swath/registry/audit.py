"""Is what the registry keeps still what was registered, and does it run?"""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from swath.errors import ModelError, SwathError
from swath.models import Package
from swath.models.backends import make_backend
from swath.models.files import check_free, swap, writing
from swath.registry.registry import Registry, Version


@dataclass(frozen=True)
class Verdict:
    """What was found of a version.

    Attributes:
        version: Of the model.
        fault: What is wrong, None where nothing is.
        bytes: That were read.
    """

    version: Version
    fault: str | None
    bytes: int


def verify(registry: Registry, version: Version) -> Verdict:
    """Read every byte of a version, hold it against its checksums, load it and run it once."""
    try:
        with registry.borrowed(version) as package:
            size = sum(path.stat().st_size for path in package.folder.iterdir())
            run_once(package)
    except (SwathError, OSError) as error:
        return Verdict(version, getattr(error, "message", str(error)), 0)
    return Verdict(version, None, size)


def run_once(package: Package) -> None:
    """Run a model on a window without signal.

    Raises:
        ModelError: It cannot be loaded, or gives what is no number.
    """
    backend = make_backend(package, backend="auto", device="cpu", threads=1, batch=None, compiled=False)
    scores = backend.start(backend.empty())()
    if not np.isfinite(scores).all():
        raise ModelError(
            f"Model {package.spec.name} gives NaN or infinity on a window of zeros.", fix="Train or export it anew."
        )


def export(registry: Registry, version: Version, out: str | os.PathLike[str], *, replace: bool = False) -> Path:
    """Write a version as a folder, or as a tar file where the name ends with `.tar`.

    Args:
        registry: That has it.
        version: Of the model.
        out: To write.
        replace: Put it in the place of what stands there.

    Raises:
        ModelError: The place is taken.
        StoreFullError: No space left.
    """
    target = Path(os.path.abspath(out))
    packed = target.suffix == ".tar"
    if packed and target.exists() and not replace:
        raise ModelError(f"{target} exists already.", fix="Choose another name, or ask to replace it.")
    if not packed:
        check_free(target, replace=replace)
    with registry.borrowed(version) as package, writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.parent / f".{target.name}-{os.getpid()}"
        try:
            if packed:
                _pack(package, made, name=f"{version.name}-{version.version}")
                os.replace(made, target)
            else:
                shutil.copytree(package.folder, made)
                swap(made, target)
        finally:
            if made.is_dir():
                shutil.rmtree(made, ignore_errors=True)
            made.unlink(missing_ok=True)
    return target


def _pack(package: Package, file: Path, *, name: str) -> None:
    """A tar of plain files, the same bytes whoever makes it and when."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(package.folder.iterdir()):
            entry = tarfile.TarInfo(f"{name}/{path.name}")
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as data:
                tar.addfile(entry, data)
