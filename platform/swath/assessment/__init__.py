"""How far a map can be trusted: samples, accuracy and areas with intervals, totals of a region.

| Word | Here |
|---|---|
| published map | `PublishedMap`: one time step of a product in a store |
| frame | `frame_of`: owned and mapped pixels by stratum, counted tile by tile |
| sample | `draw_sample`: which pixels, by seed; plots for interpreters, and apart from them what the map says |
| reference | `Reference.read`: what interpreters found |
| tally | `Tally`: units by stratum, map class and reference class |
| accuracy | `accuracy`, `assess_map`: estimates with intervals; `assess_class_plots`: of plots that others drew |
| survey | `Survey`: what a unit stands for, with its stratum and cluster |
| region | `areas_by_region`, `assess_values`, `assess_plots`, `assess_tracks`: means, totals and areas by region |
| total | `total_of`: of a region, by residuals that hang together, refits, and what all labels share |
"""

from __future__ import annotations

from swath.assessment.assess import Assessed, assess_map, chosen_sample, draw_sample
from swath.assessment.estimates import Accuracy, Estimate, accuracy
from swath.assessment.frame import Frame, frame_of
from swath.assessment.greg import RegionEstimate
from swath.assessment.plotted import Plotted, assess_class_plots
from swath.assessment.published import PublishedMap
from swath.assessment.reference import Reference
from swath.assessment.regional import Regional, areas_by_region, assess_plots, assess_tracks, assess_values
from swath.assessment.sample import Sample
from swath.assessment.spread import Spread, fit_spread
from swath.assessment.survey import Survey
from swath.assessment.surveys import PlotDesign
from swath.assessment.tally import Tally
from swath.assessment.totals import Total, total_of
from swath.assessment.variogram import Variogram, fit_variogram
from swath.assessment.zones import Zones

__all__ = [
    "Accuracy",
    "Assessed",
    "Estimate",
    "Frame",
    "PlotDesign",
    "Plotted",
    "PublishedMap",
    "Reference",
    "RegionEstimate",
    "Regional",
    "Sample",
    "Spread",
    "Survey",
    "Tally",
    "Total",
    "Variogram",
    "Zones",
    "accuracy",
    "areas_by_region",
    "assess_class_plots",
    "assess_map",
    "assess_plots",
    "assess_tracks",
    "assess_values",
    "chosen_sample",
    "draw_sample",
    "fit_spread",
    "fit_variogram",
    "frame_of",
    "total_of",
]
