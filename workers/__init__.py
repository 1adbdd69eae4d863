"""The same verbs, later: jobs that a worker process or a thread of the service runs.

Law: workers know ingest and the assistant's wiring; never its HTTP layer.
"""
