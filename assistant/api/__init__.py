"""REST over the pipeline (FastAPI): ``app`` assembles, ``routes`` answer, ``errors`` tell what went wrong.

Law: adapters come from ``wiring`` only; work that takes long goes to the job store.
"""
