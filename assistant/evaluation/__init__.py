"""Measure what Deskhand does: retrieval, drafts, and whether a run repeats. Knows the pipeline, not the adapters."""
