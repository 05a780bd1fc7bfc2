"""The report of a map: one page that opens offline, its numbers as JSON and as a spreadsheet.

| Word | Here |
|---|---|
| contents | `Contents.of`: all that the store knows of a map, JSON-ready |
| canvas | `Canvas`: the plane that a whole map is shown on |
| picture | `pictures`: layers of a map with their legends, in colours that everybody can tell apart |
| result | `regions_of`: what `swath assess` left of regions; `plots_of_others`: accuracy by plots without a sample |
| bill | `bill_of`: what a run was to take, what it took, and which rates are measured |
| applicability | `applicability_of`: hectares where the model may be applied, and where not |
| report | `write_report`: page, numbers and sheets in the folder of the map's time step |
"""

from __future__ import annotations

from swath.assessment.report.contents import Contents
from swath.assessment.report.overview import Canvas
from swath.assessment.report.write import PAGE, Report, write_report

__all__ = ["PAGE", "Canvas", "Contents", "Report", "write_report"]
