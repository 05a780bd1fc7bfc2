"""Where a training can go on: a folder an epoch, never half written, never a pickle."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from swath.errors import ModelError, StoreFullError, StoreWriteError
from swath.models.spec import ModelSpec
from swath.training.config import TrainConfig

FOLDER = "checkpoints"
_NETWORK, _OPTIMISER, _STATE = "network.safetensors", "optimiser.safetensors", "state.json"
_WALKING = "walking.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A network after an epoch, and what going on from there needs.

    Attributes:
        folder: Where it lies.
        epoch: Epochs that are done, from 1.
        spec: Of the model.
        config: Of the training.
        history: A reading an epoch, from the first one on.
    """

    folder: Path
    epoch: int
    spec: ModelSpec
    config: TrainConfig
    history: tuple[dict[str, Any], ...]

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read what it says; tensors are read by `network` and `optimiser`.

        Raises:
            ModelError: It cannot be read.
        """
        try:
            told = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            return cls(
                folder,
                int(told["epoch"]),
                ModelSpec.model_validate(told["spec"]),
                TrainConfig.model_validate(told["config"]),
                tuple(told["history"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"Checkpoint {folder} cannot be read: {error}.", fix="Delete it to go on from an earlier one."
            ) from error

    @property
    def best(self) -> dict[str, Any]:
        """The reading of the best epoch so far."""
        return best_of(self.history)

    def network(self) -> dict[str, Tensor]:
        """Weights by name."""
        return self._load(_NETWORK)

    def walking(self) -> dict[str, Tensor]:
        """Weights that the steps go on from: those of `network`, unless these are an average."""
        return self._load(_WALKING if (self.folder / _WALKING).exists() else _NETWORK)

    def optimiser(self) -> dict[int, dict[str, Tensor]]:
        """State of AdamW by number of the parameter."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self._load(_OPTIMISER).items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = tensor
        return state

    def _load(self, name: str) -> dict[str, Tensor]:
        try:
            return load_file(self.folder / name)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"Checkpoint {self.folder / name} cannot be read: {error}.",
                fix="Delete its folder to go on from an earlier one.",
            ) from error

    def check(self, spec: ModelSpec, config: TrainConfig) -> None:
        """Refuse to go on with another network, other data or another training.

        Raises:
            ModelError: The message names both.
        """
        fix = "Train into another folder, or delete its checkpoints."
        if self.spec.network != spec.network or self.spec.output != spec.output:
            raise ModelError(
                f"Checkpoint {self.folder} is of another network: it holds {_told(self.spec)}, "
                f"this training makes {_told(spec)}.",
                fix=fix,
            )
        if self.spec != spec:
            raise ModelError(
                f"Checkpoint {self.folder} was trained on other chips: {_difference(self.spec, spec)}.", fix=fix
            )
        changed = config.differences(self.config)
        if changed:
            raise ModelError(f"Checkpoint {self.folder} was trained with {', '.join(changed)}.", fix=fix)


def best_of(history: tuple[dict[str, Any], ...] | list[dict[str, Any]]) -> dict[str, Any]:
    """The reading with the highest score; the first of equals."""
    return max(history, key=lambda reading: reading["score"])


def save(
    out: Path,
    *,
    spec: ModelSpec,
    config: TrainConfig,
    history: list[dict[str, Any]],
    network: Mapping[str, Tensor],
    optimiser: Mapping[int, Mapping[str, Any]],
    walking: Mapping[str, Tensor] | None = None,
) -> Checkpoint:
    """Write the checkpoint of the last epoch of `history`; then leave only it and the best one.

    Args:
        out: Folder of the training.
        spec: Of the model.
        config: Of the training.
        history: A reading an epoch.
        network: Weights by name.
        optimiser: State of AdamW by number of the parameter.
        walking: Weights that the steps go on from, where those of `network` are their average.

    Raises:
        StoreFullError: No space is left; the checkpoint before stays as it was.
        StoreWriteError: It cannot be written for another reason.
    """
    epoch = int(history[-1]["epoch"])
    folder = _of_epoch(out, epoch)
    half = folder.with_name(f".{folder.name}.half")
    flat = {
        f"{number}.{key}": torch.as_tensor(value).detach().cpu().contiguous()
        for number, state in optimiser.items()
        for key, value in state.items()
    }
    told = {
        "epoch": epoch,
        "spec": spec.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "history": history,
    }
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        for name, weights in ((_NETWORK, network), (_WALKING, walking)):
            if weights is not None:
                save_file({key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()}, half / name)
        save_file(flat, half / _OPTIMISER)
        (half / _STATE).write_text(json.dumps(told, indent=1), encoding="utf-8")
        for file in half.iterdir():
            _sync(file)
        shutil.rmtree(folder, ignore_errors=True)
        half.rename(folder)
        _sync(folder.parent)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(half, ignore_errors=True)
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        kept = last(out)
        kind = StoreFullError if full else StoreWriteError
        raise kind(
            f"The checkpoint of epoch {epoch} could not be written to {folder}: {error}.",
            fix=f"{'Free space' if full else 'Make the folder writable'}; the same command goes on from "
            f"{f'epoch {kept.epoch}' if kept else 'the start'}.",
            path=str(folder),
        ) from error
    keep = {folder, _of_epoch(out, int(best_of(history)["epoch"]))}
    for other in _folders(out):
        if other not in keep:
            shutil.rmtree(other)
    return Checkpoint(folder, epoch, spec, config, tuple(history))


def last(out: Path) -> Checkpoint | None:
    """The checkpoint of the latest epoch, None where there is none."""
    folders = _folders(out)
    return Checkpoint.open(folders[-1]) if folders else None


def best(out: Path) -> Checkpoint | None:
    """The checkpoint of the best epoch, None where there is none."""
    latest = last(out)
    return Checkpoint.open(_of_epoch(out, int(latest.best["epoch"]))) if latest else None


def _of_epoch(out: Path, epoch: int) -> Path:
    return out / FOLDER / f"epoch-{epoch:05}"


def _folders(out: Path) -> list[Path]:
    return sorted((out / FOLDER).glob("epoch-[0-9]*"))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(spec: ModelSpec) -> str:
    """A network in a few words: `unet (width 16) + segmentation, 7 bands, 1 step, 8 classes`."""
    parts = []
    for part in (spec.network.encoder, spec.network.head) if spec.network else ():
        settings = ", ".join(f"{name} {value}" for name, value in part.settings.items())
        parts.append(f"{part.name} ({settings})" if settings else part.name)
    steps = f"{spec.input.steps} step{'s' if spec.input.steps > 1 else ''}"
    channels = ", ".join(spec.output.channels)
    return f"{' + '.join(parts)}, {len(spec.input.bands)} bands, {steps}, giving {channels}"


def _difference(held: ModelSpec, wanted: ModelSpec) -> str:
    """The first field in which two specs differ."""
    one, other = _flat(held.model_dump(mode="json")), _flat(wanted.model_dump(mode="json"))
    name = next(name for name in [*one, *other] if one.get(name) != other.get(name))
    return f"{name} is {one.get(name)} there and {other.get(name)} here"


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, part in pairs for k, v in _flat(part, f"{name}.{key}".lstrip(".")).items()}
    return {name: value}
