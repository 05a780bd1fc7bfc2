"""What a person may decide about calibration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class CalibrationSettings(BaseModel):
    """How a model's uncertainty is made true on blocks that it has not learned from; never on the test fold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["validation", "folds"] = Field(
        default="validation",
        description="Whose labels it is fitted on: those of the validation fold; or those of every fold but the test, "
        "each told by a network that has not seen it, which takes a training more for each fold (those of `doubt` "
        "serve again). With --folds it is always the latter, and takes no training more.",
    )
    level: float = Field(
        default=0.9,
        gt=0.5,
        lt=1,
        description="Of prediction sets: share of labels that they hold. Intervals of values are those of q05 and q95.",
    )
    wrong: Annotated[float, Field(ge=0, le=0.5)] | Literal["estimate"] = Field(
        default=0.0,
        description="Of classes: share of labels that are wrong by chance, or `estimate`; probabilities and sets are "
        "then those of the truth. 0 believes all labels: where some are wrong, a map is surer than it says. The "
        "estimate takes labels that a network contradicts though it is sure for wrong: for labels known to be so.",
    )
    biases: bool = Field(
        default=True,
        description="Of classes: whether biases and a scale of their own may be fitted, where blocks left out gain by "
        "it: they change which class a map shows, to the commoner ones if the loss weighed rare ones up. False: one "
        "scale for all, which leaves the class of each pixel as it is.",
    )
    errors: Literal["kept", "taken off"] = Field(
        default="kept",
        description="Of values: what known errors of labels are. `kept`: intervals hold labels as they stand, and the "
        "truth more often than they say. `taken off`: the interval is held against the label with its error added, and "
        "is only ever widened; footprints and plots are larger than a pixel, so that pixels are then held less often.",
    )
    least_blocks: int = Field(
        default=30,
        ge=2,
        description="Blocks with labels that a fit takes, and a bin of predictions of its own; with fewer, nothing is "
        "fitted, and the training says so.",
    )
