"""A training whose package says where it is applicable."""

from __future__ import annotations

from dataclasses import replace

from swath.errors import LabelError
from swath.models.applicability import ARRAYS
from swath.planning import Said
from swath.training.chipset import HeldOut
from swath.training.fit import Fitted
from swath.training.validation.applicability import ApplicabilitySettings
from swath.training.validation.importance import band_importance
from swath.training.validation.pixels import applicability_of, feature_bands


def with_applicability(
    fitted: Fitted, source: HeldOut, settings: ApplicabilitySettings | None, *, say: Said = lambda _: None
) -> tuple[Fitted, dict[str, bytes]]:
    """A training with what it has seen, and the files of its package for that; as it is where that cannot be told.

    Args:
        fitted: The training.
        source: Its chips, with what was held out.
        settings: How; None: not at all.
        say: Told the threshold, or why there is none.
    """
    if settings is None:
        return fitted, {}
    spec = fitted.best.spec
    try:
        weights = None
        if settings.weights == "importance":
            weights = band_importance(fitted.best, source, feature_bands(spec))
        found = applicability_of(spec, source, settings, weights=weights)
    except LabelError as error:
        say(f"the package does not know where it is applicable: {error.message}")
        return fitted, {}
    say(found.told.text)
    best = replace(fitted.best, spec=spec.model_copy(update={"applicability": found.told}))
    return replace(fitted, best=best), {ARRAYS: found.to_bytes()}
