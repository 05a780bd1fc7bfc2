"""From a config and what the chips are to the spec of the model that is trained."""

from __future__ import annotations

import inspect
import math
from typing import Literal

import torch

from swath.errors import ModelError
from swath.models.encoders import encoder
from swath.models.features import Encoder, Head
from swath.models.heads import head
from swath.models.network import without_place
from swath.models.parts import part_class
from swath.models.spec import (
    LOCATION,
    ClassesOutput,
    InputSpec,
    Layout,
    ModelSpec,
    NetworkSpec,
    PartSpec,
    ValuesOutput,
)
from swath.training.config import TrainConfig
from swath.training.said import outputs_of
from swath.training.source import ChipFacts
from swath.training.statistics import Statistics
from swath.training.suitability import HEAD, suitability_output

_WINDOW = 256  # pixels, at least: smaller ones are mostly margin
_MARGINS = 6  # window / margin: (6 / 4)^2 = 2.25 times the pixels of the map are then computed


def design(config: TrainConfig, facts: ChipFacts, statistics: Statistics, *, name: str) -> ModelSpec:
    """The spec of the model that a training makes, windows of its release included.

    Args:
        config: Network and windows.
        facts: Of the chips.
        statistics: Of the training part.
        name: Of the model.

    Raises:
        ModelError: Parts or settings that do not exist, a head for other labels, a chip, window, stride or margin that
            does not fit the network.
    """
    front = part_class("encoders", config.encoder.name, Encoder)
    back = part_class("heads", config.head.name, Head)
    kind = facts.output.kind
    if back.kind != kind and config.head.name != HEAD:
        raise ModelError(f"Head {config.head.name} gives {back.kind}, the labels are {kind}.", fix="Change the head.")
    if config.chip != facts.size:
        raise ModelError(
            f"The config says chips of {config.chip} px, these have {facts.size} px.",
            fix=f"Set chip to {facts.size}, or cut the chips anew.",
        )
    several = facts.steps > 1
    given = InputSpec(
        bands=tuple(
            # the place is told in degrees: its encoder makes of them what it needs
            band if band.input == LOCATION else band.model_copy(update={"mean": float(mean), "std": float(std)})
            for band, mean, std in zip(facts.bands, statistics.mean, statistics.std, strict=True)
        ),
        unit=facts.unit,
        gsd=facts.gsd,
        window=facts.size,
        stride=facts.size,
        layout=Layout.NTCHW if several else Layout.NCHW,
        steps=facts.steps,
        target=facts.target,
        day_of_year=several and front.takes_day,
        valid=several and front.takes_valid,
        level=facts.level,
    )
    output = _output(config, facts, statistics)
    reach, multiple = _reach(config, given, outputs=len(output.channels))
    if facts.size % multiple:
        raise ModelError(
            f"Chips of {facts.size} px do not fit encoder {config.encoder.name}: it needs multiples of {multiple}.",
            fix=f"Use chips of {max(1, facts.size // multiple) * multiple} px, or fewer levels.",
        )
    windows = _windows(config, reach, multiple)
    return ModelSpec(
        name=name,
        task=back.task,
        input=InputSpec.model_validate({**given.model_dump(), **windows, "is_global": reach is None}),
        output=output,
        network=NetworkSpec(
            encoder=config.encoder,
            head=_started(config.head, back, statistics),
            location=config.location,
            members=config.members,
        ),
    )


def _reach(config: TrainConfig, given: InputSpec, *, outputs: int) -> tuple[int | None, int]:
    """Radius of the receptive field (None: the whole window), and what windows are multiples of."""
    with torch.device("meta"):  # no memory, no random numbers
        seen = given if config.location is None else without_place(given)
        front = encoder(config.encoder.name, seen, **config.encoder.settings)
        back = head(config.head.name, front.channels, front.vector_size, outputs=outputs, **config.head.settings)
    if front.reaches is None or back.reaches is None:
        return None, front.multiple
    return max(a + b for a, b in zip(front.reaches, back.reaches, strict=True)), front.multiple


def _windows(config: TrainConfig, reach: int | None, multiple: int) -> dict[str, int]:
    """Window, stride and margin: those of the config, and what follows from the network for the others.

    Raises:
        ModelError: They leave nothing of a window, or are not multiples of what the network needs.
    """
    margin = config.margin if config.margin is not None else _up(reach or 0, multiple)
    window = config.window if config.window is not None else _up(max(_WINDOW, _MARGINS * margin), multiple)
    # a network that sees the whole window has seams: half-overlapping windows blend them
    left = window // 2 if reach is None and not margin else window - 2 * margin
    stride = config.stride if config.stride is not None else left // multiple * multiple
    told = f"window {window}, stride {stride}, margin {margin}"
    if not 0 < stride <= window - 2 * margin or (window - stride) % 2:
        raise ModelError(
            f"Windows do not fit: {told}; a margin on both sides leaves {window - 2 * margin} px.",
            fix="Make the window larger, or margin or stride smaller; window and stride differ by an even number.",
        )
    if window % multiple or stride % multiple:
        raise ModelError(
            f"Windows do not fit encoder {config.encoder.name}: {told}, and it needs multiples of {multiple}.",
            fix=f"Make window and stride multiples of {multiple}.",
        )
    return {"window": window, "stride": stride, "margin": margin}


def _output(config: TrainConfig, facts: ChipFacts, statistics: Statistics) -> ClassesOutput | ValuesOutput:
    """The output of the labels, as far as the head gives it."""
    if config.head.name == HEAD:
        return suitability_output(facts, config.head)
    if isinstance(facts.output, ClassesOutput):
        return facts.output.model_copy(update={"activation": _SOFTMAX})
    if len(facts.output.values) != 1:
        raise ModelError(f"Labels give {len(facts.output.values)} values.", fix="Train one value at a time.")
    made = outputs_of(config.head, facts.output.values[0], mean=statistics.value_mean, std=statistics.value_std)
    return made.model_copy(update={"name": facts.output.name})


def _started(told: PartSpec, made: type[Head], statistics: Statistics) -> PartSpec:
    """The head, begun at the training labels where it learns logs and no start is given.

    Scores that are no logs are centred by the output's scale and begin at 0. Logs are not: a network that begins at 0
    spends its first epochs on the mean alone. The start is the mean of the normal distribution whose exponential has
    the mean and deviation of labels + shift (Aitchison and Brown 1957, The Lognormal Distribution, section 2.3).
    """
    known = inspect.signature(made).parameters
    if "start" not in known or "start" in told.settings or not told.settings.get("log", False):
        return told
    raised = statistics.value_mean + float(told.settings.get("shift", known["shift"].default))
    if raised <= 0:
        return told  # no such distribution: the labels are refused where the logs are taken
    start = math.log(raised) - 0.5 * math.log1p((statistics.value_std / raised) ** 2)
    return told.model_copy(update={"settings": {**told.settings, "start": round(start, 6)}})


_SOFTMAX: Literal["softmax"] = "softmax"


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
