"""The truth, in SQL: SQLite in WAL by default, Postgres by URL, the same code for both.

``tables`` holds the schema, ``database`` opens it, and each other module the queries of one port.
"""
