"""The index as tables of a Postgres with pgvector, which many machines search."""
