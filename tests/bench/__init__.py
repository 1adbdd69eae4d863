"""Benchmarks: each prints a table and writes build/bench/NAME.json. Run by make, never by the test run."""
