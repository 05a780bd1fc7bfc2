"""Real parts that tests start: servers on loopback, a Ray cluster, real scenes."""
