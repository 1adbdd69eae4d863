"""Ingest and retrieval beside Haystack and LlamaIndex: same texts, same embedding model, same machine, in turns.

Each rival is the pipeline that its own guide builds (split, embed, search by meaning and by words, join by ranks), in a Python of
its own (``make bench-rivals`` makes it), in its usual sizes. The query is the turn before the last one and the last one together.
"""
