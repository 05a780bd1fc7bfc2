"""How far the map can be trusted: audited, sampled, interpreted by one who knows the truth, and reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swath.cli.demos.stage import Stage

if TYPE_CHECKING:
    from swath.assessment.published import PublishedMap
    from swath.synthetic import Published

UNITS = 300
YEAR = 2023


@dataclass(frozen=True)
class Trust:
    """What is known of the map.

    Attributes:
        audit: Verdict.
        accuracy: Overall, estimated from the sample.
        low: Of its 95 % interval.
        high: Of it.
        true_accuracy: Over all pixels, which only a simulated Earth tells.
        report: URL of the page.
    """

    audit: str
    accuracy: float
    low: float
    high: float
    true_accuracy: float
    report: str

    @property
    def lines(self) -> list[tuple[str, str]]:
        """For people."""
        estimate = f"{self.accuracy:.1%} ({self.low:.1%} to {self.high:.1%}) by {UNITS} plots"
        told = f"{estimate}, {self.true_accuracy:.1%} in truth"
        return [("audit", self.audit), ("accuracy", told), ("report", self.report)]


def trusted(stage: Stage, product: str, made: Published) -> Trust:
    """Audit a map of land cover, assess it from a sample, and report it."""
    from swath.assessment import PublishedMap, assess_map, draw_sample
    from swath.assessment.audit import audit_map
    from swath.assessment.report import write_report

    store = str(stage.folder / "store")
    audit = audit_map(store, product=product, say=stage.out.say)
    map_ = PublishedMap.open(store, product=product)
    sample = draw_sample(map_, number=UNITS, say=stage.out.say)
    found, accuracy = _interpreted(map_, sample.drawn, made)
    plots = stage.folder / "interpreted.csv"
    found.assign(map=map_.id)[["plot", "map", "class"]].to_csv(plots, index=False)
    stage.out.say(f"{len(found)} plots interpreted by one who knows the truth: {plots}")
    assessed = assess_map(map_, plots)
    overall = assessed.accuracy.of("overall_accuracy")
    report = write_report(map_, say=stage.out.say)
    return Trust(str(audit.verdict), overall.value, overall.low, overall.high, accuracy, report.page)


def _interpreted(map_: PublishedMap, drawn: Any, made: Published) -> tuple[Any, float]:
    """The plots with their true class, and the share of all mapped pixels that are right."""
    from swath.assessment.published import NOT_OWNED, UNMAPPED

    right = total = 0
    classes: dict[int, str] = {}
    for unit in map_.units:
        truth, codes = made.world.landcover(unit.tile.geobox, YEAR), map_.codes(unit)
        mapped = (codes != UNMAPPED) & (codes != NOT_OWNED)
        right += int((codes == truth)[mapped].sum())
        total += int(mapped.sum())
        for row in drawn[drawn["tile"] == unit.tile.id].itertuples():
            classes[row.plot] = map_.legend[int(truth[row.row, row.column])]
    return drawn.assign(**{"class": drawn["plot"].map(classes)}), right / total
