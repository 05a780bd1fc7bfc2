"""An address to run on; knows nothing of maps."""

from __future__ import annotations

from swath.cluster.connect import Address, Cluster, connect
from swath.cluster.nodes import Node, nodes
from swath.errors import ClusterError

__all__ = ["Address", "Cluster", "ClusterError", "Node", "connect", "nodes"]
