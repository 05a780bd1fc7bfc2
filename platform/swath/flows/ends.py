"""What happens when a flow run ends: somebody is told, and a cancelled one stops its job."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger

from swath.cluster import JobPlace, Jobs, LocalJobs, Where, free
from swath.cluster.where import HERE, KUBERAY
from swath.errors import SwathError
from swath.flows.board import JOB, jobs_of


def tell(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Tell the block that the run was told of how it ended."""
    block = dict(flow_run.parameters.get("asked") or {}).get("notify")
    if not block:
        return
    from prefect.blocks.core import Block

    subject = f"Swath: {flow_run.name}: {state.name}"
    try:
        notifier: Any = Block.load(block)
        notifier.notify(body=f"{subject}\n{state.message or ''}", subject=subject)
    except Exception as error:  # whoever is told lives elsewhere: that he cannot be reached must not hide how it ended
        flow_run_logger(flow_run, flow).error("%s was not told: %s: %s", block, type(error).__name__, error)


def stop_jobs(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Stop what a cancelled flow run has begun: its jobs, and the clusters that were made or are being made for it."""
    logger = flow_run_logger(flow_run, flow)  # hooks have no context of a run
    with get_client(sync_client=True) as client:
        told = client.read_artifacts(
            artifact_filter=ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]), key=ArtifactFilterKey(any_=[JOB])
            )
        )
    asked = dict(flow_run.parameters.get("asked") or {})

    def stop(one: Mapping[str, str]) -> None:
        try:
            logger.info("%s: %s", one["job"] or one["run"], _stop(one, asked))
        except SwathError as error:
            # the cluster was made for the run and is gone, or does not answer: its own end is the launcher's to see to
            logger.warning("%s was not stopped: %s", one["job"] or one["run"], error)

    with ThreadPoolExecutor(8) as pool:  # an experiment has many, and each takes its time to end
        list(pool.map(stop, jobs_of(told)))


def _stop(told: Mapping[str, str], asked: Mapping[str, Any]) -> str:
    """Stop a job, or take its cluster away where that was made for it; says how it stands."""
    where = Where.of(told["cluster"], spec=asked.get("cluster_spec")) if told["cluster"] == KUBERAY else None
    if where is not None:
        return "its cluster is deleted" if free(where, told["run"]) else "its cluster was gone"
    place: JobPlace = LocalJobs() if told["cluster"] in HERE else Jobs(told["cluster"])
    return place.stop(told["job"]).status


#: Hooks of every flow.
ENDS: dict[str, Any] = {
    "on_completion": [tell],
    "on_failure": [tell],
    "on_crashed": [tell],
    "on_cancellation": [stop_jobs, tell],
}
