"""Flows that say how far a map can be trusted."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from swath.assessment.audit import Audit
from swath.cluster import Where
from swath.flows.asked import OnCluster, maps_of
from swath.flows.board import show_table
from swath.flows.ends import ENDS
from swath.flows.jobs import command
from swath.flows.limits import alone, name_of
from swath.flows.shown import audit_shown, report_shown
from swath.store import Store


class AssessAsked(OnCluster):
    """An assessment: the main options of `swath assess`, with an audit before it and a report after it."""

    store: str = Field(description="Store of the map.")
    product: str | None = Field(default=None, description="Name, or name/version, where a store has several.")
    step: str | None = Field(default=None, description="Time step, where a map has several.")
    reference: str | None = Field(
        default=None, description="What interpreters found or crews measured; without it the map is audited only."
    )
    column: str | None = Field(default=None, description="Of the reference class or value.")
    sample: str | None = Field(default=None, description="Name of the sample, of several.")
    regions: str | None = Field(default=None, description="Polygons: estimates for each of them too.")
    level: float = Field(default=0.95, ge=0.5, lt=1, description="Of the intervals.")
    more: list[str] = Field(default=[], title="Options", description="More options of swath assess, a word a line.")
    against: str | None = Field(default=None, description="Store of the version before, whose shares are compared.")

    @property
    def maps(self) -> str:
        """Which they are, in names of runs."""
        return maps_of(self.store, self.product)

    def arguments(self) -> tuple[str, ...]:
        """What follows `swath assess`, as a person would write it."""
        texts = {
            "--reference": self.reference,
            "--column": self.column,
            "--sample": self.sample,
            "--regions": self.regions,
            "--level": self.level,
            "--product": self.product,
            "--step": self.step,
        }
        given = [word for option, value in texts.items() if value is not None for word in (option, str(value))]
        return (self.store, *given, *self.more)


@flow(
    name="assess",
    flow_run_name="assess {asked.maps}",
    **ENDS,
)
def assess_map(asked: AssessAsked) -> State[dict[str, Any]]:
    """Audit a map, assess it by a reference where there is one, and write its report."""
    where, store = asked.where(), Store.open(asked.store)
    where.check_store(store)
    with alone(store, product=name_of(asked.product), wait_h=asked.wait_h):  # a map that is being made has no accuracy
        audit = audited(asked, store)
        values: dict[str, Any] = {"audit": audit.verdict, "audit_url": audit.url}
        if asked.reference is not None:
            values["assessed"] = assessed(asked, where)
        values["reports"] = reported(asked, store)
    if audit.verdict == "failed":
        return Failed(
            message=f"The audit of {audit.url} failed, and the map stays unpublished. Mend it, then run this again."
        )
    return Completed(message=f"Audit {audit.verdict}; {', '.join(values['reports'])}", data=values)


@task(task_run_name="audit {asked.maps}", cache_policy=NO_CACHE)
def audited(asked: AssessAsked, store: Store) -> Audit:
    """The verdict of a map."""
    return audit_shown(store, product=asked.product, step=asked.step, against=asked.against)


@task(task_run_name="assess {asked.maps} by {asked.reference}", cache_policy=NO_CACHE)
def assessed(asked: AssessAsked, where: Where) -> dict[str, Any]:
    """Accuracy, areas and totals, as a job."""
    found = command("assess", asked.arguments(), asked.store, where)
    rows = [{"figure": name, "value": value} for name, value in found.items() if isinstance(value, int | float | str)]
    show_table("assessed", rows, description=f"{asked.store} by {asked.reference}")
    return found


@task(task_run_name="report {asked.maps}", cache_policy=NO_CACHE)
def reported(asked: AssessAsked, store: Store) -> list[str]:
    """A picture and a report of each time step; where they are."""
    return report_shown(store, product=asked.product, step=asked.step)
