"""Where a training can go on: a folder an epoch in a store, never half written, never a pickle.

`state.json` is written last and removed first: without it an epoch is not there, on a disk and on S3 alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from swath.errors import ModelError, StoreError, StoreWriteError, SwathError
from swath.models.spec import ModelSpec
from swath.store import Store
from swath.training.config import TrainConfig

FOLDER = "checkpoints"
_NETWORK, _OPTIMISER, _STATE = "network.safetensors", "optimiser.safetensors", "state.json"
_WALKING = "walking.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A network after an epoch, and what going on from there needs.

    Attributes:
        store: Of the training.
        key: Of its folder in the store.
        epoch: Epochs that are done, from 1.
        spec: Of the model.
        config: Of the training.
        history: A reading an epoch, from the first one on.
    """

    store: Store
    key: str
    epoch: int
    spec: ModelSpec
    config: TrainConfig
    history: tuple[dict[str, Any], ...]

    @classmethod
    def open(cls, store: Store, key: str) -> Checkpoint:
        """Read what it says; tensors are read by `network` and `optimiser`.

        Raises:
            ModelError: It cannot be read.
        """
        try:
            told = json.loads(store.read_bytes(f"{key}/{_STATE}"))
            return cls(
                store,
                key,
                int(told["epoch"]),
                ModelSpec.model_validate(told["spec"]),
                TrainConfig.model_validate(told["config"]),
                tuple(told["history"]),
            )
        except (StoreError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"Checkpoint {store.url(key)} cannot be read: {error}.", fix="Delete it to go on from an earlier one."
            ) from error

    @property
    def where(self) -> str:
        """Path or URL of its folder."""
        return self.store.url(self.key)

    @property
    def best(self) -> dict[str, Any]:
        """The reading of the best epoch so far."""
        return best_of(self.history)

    @property
    def by_object(self) -> bool:
        """Whether labels are of whole objects, whose pixels are scored together."""
        return self.config.loss.by_object

    def network(self) -> dict[str, Tensor]:
        """Weights by name."""
        return self._load(_NETWORK)

    def walking(self) -> dict[str, Tensor]:
        """Weights that the steps go on from: those of `network`, unless these are an average."""
        return self._load(_WALKING if self.store.exists(f"{self.key}/{_WALKING}") else _NETWORK)

    def optimiser(self) -> dict[int, dict[str, Tensor]]:
        """State of AdamW by number of the parameter."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self._load(_OPTIMISER).items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = tensor
        return state

    def _load(self, name: str) -> dict[str, Tensor]:
        key = f"{self.key}/{name}"
        try:
            return load_file(self.store.url(key)) if self.store.is_local else load(self.store.read_bytes(key))
        except (OSError, StoreError, SafetensorError) as error:
            raise ModelError(
                f"Checkpoint {self.store.url(key)} cannot be read: {error}.",
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
                f"Checkpoint {self.where} is of another network: it holds {_told(self.spec)}, "
                f"this training makes {_told(spec)}.",
                fix=fix,
            )
        if self.spec != spec:
            raise ModelError(
                f"Checkpoint {self.where} was trained on other chips: {_difference(self.spec, spec)}.", fix=fix
            )
        changed = config.differences(self.config)
        if changed:
            raise ModelError(f"Checkpoint {self.where} was trained with {', '.join(changed)}.", fix=fix)


def best_of(history: tuple[dict[str, Any], ...] | list[dict[str, Any]]) -> dict[str, Any]:
    """The reading with the highest score; the first of equals."""
    return max(history, key=lambda reading: reading["score"])


def save(
    out: Store | Path,
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
        out: Store of the training, or its folder.
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
    store = _store(out)
    epoch = int(history[-1]["epoch"])
    key = _of_epoch(epoch)
    flat = {f"{number}.{name}": torch.as_tensor(v) for number, state in optimiser.items() for name, v in state.items()}
    told = {
        "epoch": epoch,
        "spec": spec.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "history": history,
    }
    try:
        _remove(store, key)  # what an earlier try left of this epoch
        for name, tensors in ((_NETWORK, network), (_WALKING, walking), (_OPTIMISER, flat)):
            if tensors is not None:
                plain = {part: tensor.detach().cpu().contiguous() for part, tensor in tensors.items()}
                store.put_bytes(f"{key}/{name}", to_bytes(plain))
        store.put_bytes(f"{key}/{_STATE}", json.dumps(told, indent=1).encode())
    except StoreWriteError as error:
        with suppress(SwathError):  # a part of an epoch is of no use, and takes space
            _remove(store, key)
        kept = last(store)
        raise type(error)(
            f"The checkpoint of epoch {epoch} could not be written: {error.message}",
            fix=f"{error.fix} The same command goes on from {f'epoch {kept.epoch}' if kept else 'the start'}.",
            **error.facts,
        ) from error
    keep = {key, _of_epoch(int(best_of(history)["epoch"]))}
    for other in _folders(store) - keep:
        _remove(store, other)
    return Checkpoint(store, key, epoch, spec, config, tuple(history))


def last(out: Store | Path) -> Checkpoint | None:
    """The checkpoint of the latest epoch, None where there is none."""
    store = _store(out)
    folders = _folders(store)
    return Checkpoint.open(store, max(folders)) if folders else None


def best(out: Store | Path) -> Checkpoint | None:
    """The checkpoint of the best epoch, None where there is none."""
    latest = last(out)
    return Checkpoint.open(latest.store, _of_epoch(int(latest.best["epoch"]))) if latest else None


def _store(out: Store | Path) -> Store:
    return out if isinstance(out, Store) else Store.open(out)


def _of_epoch(epoch: int) -> str:
    return f"{FOLDER}/epoch-{epoch:05}"


def _folders(store: Store) -> set[str]:
    """Keys of the epochs that are there as a whole."""
    return {key.removesuffix(f"/{_STATE}") for key, _ in store.list(FOLDER) if key.endswith(f"/{_STATE}")}


def _remove(store: Store, folder: str) -> None:
    store.delete(f"{folder}/{_STATE}")
    store.delete([key for key, _ in store.list(folder)])


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
