"""Snapshots as folders: ``TENANT/gen-N`` with vectors (FAISS), words (BM25), texts (SQLite) and a manifest.

``TENANT/CURRENT`` names the generation in use and is replaced by rename, so a reader sees the old
one or the new one, never half of each. The one before is kept for rollback.
"""
