"""A model package: a folder with a card and weights. Opening it runs no code, and refuses a changed byte."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swath.errors import ModelError
from swath.forms import validate
from swath.models.applicability import ARRAYS
from swath.models.files import CARD, FileFacts, check_free, facts_of, put, swap, writing
from swath.models.mlm import DIGEST, MEDIA_TYPES, MLM_PREFIX, SHA256, SPEC, model_item
from swath.models.provenance import Provenance
from swath.models.spec import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

ONNX = "model.onnx"
WEIGHTS = "weights.safetensors"
CARD_LIMIT = 16 * 2**20  #: bytes; a card with the ids of a hundred thousand items takes 5 MB
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[a-z]+")


@dataclass(frozen=True)
class Package:
    """A model package that has been checked.

    Attributes:
        folder: Where it lies.
        spec: What the model computes.
        card: `model.json`: a STAC item with the MLM extension.
        digest: sha256, hex, of what decides a result: the spec and the weights, not texts, dates or metrics.
        files: Names of its files beside the card.
    """

    folder: Path
    spec: ModelSpec
    card: dict[str, Any] = field(repr=False)
    digest: str
    files: frozenset[str]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Package:
        """Check a package: each file that its card names, byte for byte. Other files in the folder are ignored.

        Raises:
            ModelError: It is no package, or not what its card says. Facts: path.
        """
        folder = Path(folder)
        card = _read_card(folder)
        properties = card["properties"]
        spec = validate(
            ModelSpec, properties.get(SPEC), where=f"{folder / CARD}: {SPEC}", what="model", error=ModelError
        )
        files = {name: _checked(folder, name, facts) for name, facts in _assets(folder, card).items()}
        if not files.keys() & {ONNX, WEIGHTS}:
            raise _broken(folder, f"it has neither {ONNX} nor {WEIGHTS}")
        if spec.applicability is not None and ARRAYS not in files:
            raise _broken(folder, f"its card tells where it is applicable, and it has no {ARRAYS}")
        digest = digest_of(spec, files)
        if properties.get(DIGEST) != digest:
            raise _broken(folder, f"its {SPEC} is not the one that was written: the digest differs")
        package = cls(folder=folder, spec=spec, card=card, digest=digest, files=frozenset(files))
        if WEIGHTS in files:
            package.check_weights(build=ONNX not in files)
        return package

    @classmethod
    def write(
        cls,
        folder: str | os.PathLike[str],
        spec: ModelSpec,
        *,
        provenance: Provenance,
        onnx: bytes | Path | None = None,
        weights: Mapping[str, Tensor] | Path | None = None,
        extras: Mapping[str, bytes] | None = None,
        replace: bool = False,
    ) -> Package:
        """Write a package: all of it, or nothing.

        Args:
            folder: To make; its parent is made where it lacks.
            spec: What the model computes.
            provenance: Where it comes from.
            onnx: The graph, or a file of it.
            weights: Tensors by name, or a safetensors file of them; needs `spec.network`.
            extras: More files by name (`metrics.json`, `curves.png`).
            replace: Put it in the place of a package that stands there.

        Raises:
            ModelError: There is nothing to write, weights are not those of the network, or the folder is taken.
            StoreFullError: No space left: nothing has changed.
            StoreWriteError: The folder cannot be written.
        """
        folder = Path(os.path.abspath(folder))
        if onnx is None and weights is None:
            raise ModelError(f"Model {spec.name} has no weights.", fix="Give an ONNX graph, safetensors, or both.")
        for name in extras or {}:
            if not _NAME.fullmatch(name) or Path(name).suffix not in MEDIA_TYPES or name in (CARD, ONNX, WEIGHTS):
                raise ModelError(
                    f"A package cannot hold a file {name!r}.", fix=f"A plain name with one of {', '.join(MEDIA_TYPES)}."
                )
        for path in (onnx, weights):
            if isinstance(path, Path) and not path.is_file():
                raise ModelError(f"There is no file {path}.", fix="Check the path.", path=str(path))
        check_free(folder, replace=replace)
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                made.chmod(0o755)
                for name, data in {ONNX: onnx, WEIGHTS: weights, **(extras or {})}.items():
                    put(made / name, data)
                files = {path.name: facts_of(path) for path in sorted(made.iterdir())}
                digest = digest_of(spec, files)
                card = model_item(spec, provenance, files, digest)
                text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
                put(made / CARD, text.encode())
                package = cls.open(made)
                if WEIGHTS in files:
                    package.check_weights(build=True)
                swap(made, folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
        return cls(folder=folder, spec=package.spec, card=package.card, digest=digest, files=package.files)

    def has(self, name: str) -> bool:
        """Whether it has this file."""
        return name in self.files

    def path(self, name: str) -> Path:
        """Where a file of it lies.

        Raises:
            ModelError: It has none of that name.
        """
        if name not in self.files:
            raise ModelError(
                f"Model {self.spec.name} has no {name}.", fix=f"It has {', '.join(sorted(self.files))}.", name=name
            )
        return self.folder / name

    def check_weights(self, *, build: bool = False) -> None:
        """Check the header of `weights.safetensors`; no tensor is read.

        Args:
            build: Hold names and shapes against the network of the spec as well; this imports torch.

        Raises:
            ModelError: It is no safetensors file, or not of this network. Facts: tensor.
        """
        shapes = weight_shapes(self.path(WEIGHTS))
        if self.spec.network is None:
            raise _broken(self.folder, f"it has {WEIGHTS}, and the spec names no network for them")
        if build:
            import torch

            from swath.models.network import Network, check_shapes

            # without memory, and without drawing from the random numbers of a training
            with torch.device("meta"):
                network = Network.build(self.spec)
            check_shapes(network, shapes, where=f"The weights in {self.folder / WEIGHTS}")


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a safetensors file, from its header.

    Raises:
        ModelError: It is no such file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in sorted(file.keys())}
    except SafetensorError as error:
        raise ModelError(
            f"{path} is no safetensors file: {error}.", fix="Write it with safetensors.torch.save_file.", path=str(path)
        ) from error


def digest_of(spec: ModelSpec, files: Mapping[str, FileFacts]) -> str:
    """sha256, hex, of a spec and weights. Fields at their default are left out, so that a new one changes no digest."""
    weights = {name: files[name].sha256 for name in (ONNX, WEIGHTS, ARRAYS) if name in files}
    value = {"spec": spec.model_dump(mode="json", exclude_defaults=True), "weights": weights}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        fix = "Give the folder of a model package."
        if folder.suffix == ".onnx":
            fix = f"Make a package of it: swath models import {folder} --card FILE."
        raise ModelError(f"{folder} is no model package: there is no {CARD} in it.", fix=fix, path=str(folder))
    _inside(folder, CARD)
    if path.stat().st_size > CARD_LIMIT:
        raise _broken(folder, f"{CARD} has {path.stat().st_size} bytes, and {CARD_LIMIT} are allowed")
    try:
        card = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _broken(folder, f"{CARD} is no JSON: {error}") from error
    extensions = card.get("stac_extensions") if isinstance(card, dict) else None
    known = isinstance(extensions, list) and any(str(uri).startswith(MLM_PREFIX) for uri in extensions)
    properties = card.get("properties") if known else None
    if not isinstance(properties, dict) or SPEC not in properties or not isinstance(card.get("assets"), dict):
        raise ModelError(
            f"{path} is not the card of a Swath model: a STAC item with MLM 1.5, assets and {SPEC}.",
            fix="Other people's models come in by `swath models import FILE.onnx --card FILE`.",
            path=str(path),
        )
    return dict(card)


def _assets(folder: Path, card: Mapping[str, Any]) -> dict[str, FileFacts]:
    files = {}
    for key, asset in card["assets"].items():
        values = asset if isinstance(asset, dict) else {}
        href, size, checksum = (values.get(name) for name in ("href", "file:size", "file:checksum"))
        name = str(href).removeprefix("./")
        if not _NAME.fullmatch(name) or name == CARD:
            raise _broken(folder, f"asset {key!r} has href {href!r}, which is not a file of the package")
        if not isinstance(size, int) or not re.fullmatch(SHA256 + "[0-9a-f]{64}", str(checksum)):
            raise _broken(folder, f"asset {key!r} has no file:size, or no file:checksum of sha256")
        files[name] = FileFacts(size=size, sha256=str(checksum).removeprefix(SHA256))
    return files


def _checked(folder: Path, name: str, wanted: FileFacts) -> FileFacts:
    path = folder / name
    _inside(folder, name)
    if not path.is_file():
        raise _broken(folder, f"{name} is missing")
    size = path.stat().st_size
    if size != wanted.size:
        raise _broken(folder, f"{name} has {size} bytes, the card says {wanted.size}")
    got = facts_of(path)
    if got != wanted:
        raise _broken(folder, f"{name} was changed: its sha256 is {got.sha256}, the card says {wanted.sha256}")
    return got


def _inside(folder: Path, name: str) -> None:
    if (folder / name).resolve().parent != folder.resolve():
        raise _broken(folder, f"{name} is a link that leaves the folder")


def _broken(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"Model package {folder} is refused: {what}.", fix="Take the package anew from where it came.", path=str(folder)
    )
