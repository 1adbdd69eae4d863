"""Answer one question, with evidence, or hand it to a human.

Law: assistant knows nothing of ingest and workers. Inside it
``cli | api > wiring > pipeline | adapters | engine | evaluation | config | models > stages > text > ports > kernel``.
Read ``pipeline.py`` first.
"""

__version__ = "0.1.0"
