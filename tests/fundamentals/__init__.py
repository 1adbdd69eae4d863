"""A tutorial of Deskhand in tests: read the files in order, one concept each, real objects, no patches."""
