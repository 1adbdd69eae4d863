"""Batches: many tickets in, a row with a summary out for each, several of them under way at once.

``lines`` makes a row of a line, ``work`` does so for many, ``stored`` for those that came over REST. No I/O here.
"""
