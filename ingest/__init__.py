"""Documents → Snapshot: load, parse, chunk, embed, index.

Law: ingest knows the kernel, the ports and ``assistant.text``, nothing else of the assistant. Only
``load`` and ``sandbox`` touch the disk; read ``pipeline.py`` first.
"""
