"""Flows: runs that run themselves. Prefect schedules, shows and cancels; the work is a job of its own.

| Word | Here |
|---|---|
| asked | what a person or a schedule asks for: pydantic models, which Prefect's form shows with their help |
| flow | thin: calls what the command line calls, in the same order |
| job | a spec in the store, carried out by a Ray cluster or a process of this machine; it outlives the flow |
| board | what a flow run shows: plan, progress, picture, failures, link to the report |

A flow run that is killed leaves its job going; the next one with the same parameters finds it. One that is cancelled
stops it.
"""

from __future__ import annotations

import os

# what Prefect would tell its makers; whoever wants that sets the variables
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

__all__ = ["FLOWS"]

#: Flows by name, as modules' attributes: what a deployment calls its entrypoint.
FLOWS = {
    "map": "swath.flows.maps.map_product",
    "update": "swath.flows.maps.update_maps",
    "train": "swath.flows.trainings.train_model",
    "tune": "swath.flows.trainings.tune_model",
    "release": "swath.flows.trainings.release_model",
    "assess": "swath.flows.trust.assess_map",
    "experiment": "swath.flows.experiment.experiment",
}
