"""An address to run on; knows nothing of maps."""

from __future__ import annotations

from swath.cluster.connect import Address, Cluster, connect
from swath.cluster.job import Job, JobPlace
from swath.cluster.jobs import Jobs
from swath.cluster.local_jobs import LocalJobs
from swath.cluster.nodes import Node, nodes
from swath.cluster.sizes import Size, fewest, gpus_fed, workers_for
from swath.errors import ClusterError

__all__ = [
    "Address",
    "Cluster",
    "ClusterError",
    "Job",
    "JobPlace",
    "Jobs",
    "LocalJobs",
    "Node",
    "Size",
    "connect",
    "fewest",
    "gpus_fed",
    "nodes",
    "workers_for",
]
