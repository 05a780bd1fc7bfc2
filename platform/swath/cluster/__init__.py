"""An address to run on; knows nothing of maps."""

from __future__ import annotations

from swath.cluster.commands import command_on, run_command
from swath.cluster.connect import Address, Cluster, connect
from swath.cluster.elsewhere import Elsewhere, elsewhere, free
from swath.cluster.job import Job, JobGoneError, JobPlace
from swath.cluster.jobs import Jobs
from swath.cluster.local_jobs import LocalJobs
from swath.cluster.nodes import Node, nodes
from swath.cluster.submitted import error_of, follow_job, submit_spec, without_end
from swath.cluster.where import Where
from swath.errors import ClusterError

__all__ = [
    "Address",
    "Cluster",
    "ClusterError",
    "Elsewhere",
    "Job",
    "JobGoneError",
    "JobPlace",
    "Jobs",
    "LocalJobs",
    "Node",
    "Where",
    "command_on",
    "connect",
    "elsewhere",
    "error_of",
    "follow_job",
    "free",
    "nodes",
    "run_command",
    "submit_spec",
    "without_end",
]
