"""What a systematic design gains over a simple random one, figure by figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.sample import Sample
from swath.assessment.stratified import Figures, shares
from swath.assessment.survey import geary
from swath.assessment.surveys import survey_of_sample
from swath.assessment.tally import Tally
from swath.errors import SampleError

Array = NDArray[np.float64]


def effects_of(tally: Tally, sample: Sample, joined: pd.DataFrame) -> Array:
    """(F,) Geary's ratio of the residuals of each figure of `Figures.of`: below 1 where neighbours err alike.

    Args:
        tally: The sample, counted.
        sample: As drawn: systematic.
        joined: A row a unit: plot, stratum, `map_class`, `reference`.

    Raises:
        SampleError: The sample is not systematic.
    """
    if sample.design["design"] != "systematic":
        raise SampleError(
            f"A local variance is for a systematic sample, {sample.design['name']!r} is {sample.design['design']}.",
            fix="Take --variance simple.",
        )
    survey = survey_of_sample(sample, joined)
    figures = Figures.of(tally.classes)
    ratio = np.nan_to_num(figures.ratios(shares(tally)))
    residual = figures.above - ratio[:, None, None] * figures.below  # (F, K, K)
    place = {name: number for number, name in enumerate(tally.classes)}
    told, true = (joined[name].map(place).to_numpy(np.int64) for name in ("map_class", "reference"))
    return np.array([geary(one[told, true], survey) for one in residual])
