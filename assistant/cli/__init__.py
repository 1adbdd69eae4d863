"""The ``deskhand`` command. As the place where everything is started, it alone may import ingest and workers."""
