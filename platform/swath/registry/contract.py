"""What a user of a model relies on: its inputs and its outputs, not how it computes."""

from __future__ import annotations

from typing import Any

from swath.models.spec import ClassesOutput, ModelSpec


def contract(spec: ModelSpec) -> dict[str, Any]:
    """Inputs and outputs of a model, as a mapping that is equal for models that can stand for one another.

    Windows, margins, normalisation and weights are the model's own; bands, units, sampling distance, time steps and the
    legend are not.
    """
    given, output = spec.input, spec.output
    made: dict[str, Any] = {
        "bands": [_band(band.model_dump(exclude_defaults=True)) for band in given.bands],
        "unit": given.unit,
        "sampling distance": given.gsd,
        "time steps": given.steps,
        "step that is mapped": given.target,
        "level": given.level,
        "task": spec.task,
    }
    if isinstance(output, ClassesOutput):
        return {**made, "classes": list(output.classes)}
    return {**made, "values": [f"{value.name} ({value.unit})" for value in output.values]}


def _band(told: dict[str, Any]) -> str:
    """A band by what finds it in a collection."""
    names = [str(told[name]) for name in ("input", "common_name") if name in told]
    return f"{told['name']} ({', '.join(names)})" if names else str(told["name"])


def differences(ours: ModelSpec, theirs: ModelSpec) -> list[str]:
    """In what two models differ for those who use them, as `sampling distance 10.0 (here 20.0)`; empty: in nothing.

    Args:
        ours: The one that would take the place.
        theirs: The one that stands there.
    """
    mine, other = contract(ours), contract(theirs)
    found = []
    for name in dict.fromkeys([*other, *mine]):
        if mine.get(name) == other.get(name):
            continue
        if isinstance(mine.get(name), list) and isinstance(other.get(name), list):
            found.append(f"{name}: {_lists(other[name], mine[name])}")
        else:
            found.append(f"{name} {other.get(name)} (here {mine.get(name)})")
    return found


def _lists(before: list[str], now: list[str]) -> str:
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    parts = [f"without {', '.join(gone)}"] if gone else []
    parts += [f"new {', '.join(new)}"] if new else []
    return "; ".join(parts) or f"the order is {', '.join(now)}, not {', '.join(before)}"
