"""Proof by force that jobs lose nothing and double nothing.

The real service runs with its broker, workers and models; a helpdesk and a receiver of events stand in for the
world. Things are killed, stopped, filled up and repeated; then it is counted what arrived, at the places where it
should have arrived. ``make chaos`` runs all of it, ``make test`` a shorter form.
"""
