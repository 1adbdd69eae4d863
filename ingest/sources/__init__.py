"""Where documents come from. Each module yields a Source or a Problem for every document it comes to.

Law: nothing here parses a document; nothing is held that can be read piece by piece.
"""
