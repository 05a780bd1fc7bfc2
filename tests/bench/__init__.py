"""Benchmarks: `python -m tests.bench` runs all with short settings; each module runs alone too."""
