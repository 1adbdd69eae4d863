"""Learning from people: their feedback as training data, and what the knowledge base lacks as proposed articles.

Stages do the work on masked values; nothing here reads a file, a socket or a model of language.
"""
