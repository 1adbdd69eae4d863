"""Documents → Snapshot: load, parse, chunk, embed, index.

Law: ingest knows the kernel, the ports and ``assistant.text``, nothing else of the assistant. Only ``load`` and ``sources``
touch the disk; what is read is parsed in a child process with bounds (``bounded``). Read ``pipeline.py`` first.
"""
