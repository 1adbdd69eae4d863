"""Helpdesks, one vendor a file: verify and read its webhooks, read its tickets, write notes back.

Law: nothing here decides what to write; nothing here sends to a customer unless told to in so many words.
"""
