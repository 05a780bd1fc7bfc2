"""Assessment: what may be said of a map as a whole. Totals of a region, with their interval."""

from __future__ import annotations

from swath.assessment.spread import Spread, fit_spread
from swath.assessment.totals import Total, total_of
from swath.assessment.variogram import Variogram, fit_variogram

__all__ = ["Spread", "Total", "Variogram", "fit_spread", "fit_variogram", "total_of"]
