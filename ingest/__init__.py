"""Documents → Snapshot: load, parse, chunk, embed, index.

Law: ingest knows the kernel, the ports and ``assistant.text``, nothing else of the assistant. Only
``load`` touches the disk; read ``pipeline.py`` first.
"""
