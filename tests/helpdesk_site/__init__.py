"""A real django-helpdesk on this machine, for tests and for `make demo-helpdesk`. Nothing in it is for production.

``running_helpdesk`` in ``running.py`` starts it; ``python -m tests.helpdesk_site`` is what it starts.
"""
