"""Pure values that the stages hand to each other. Only the standard library and pydantic; no I/O."""
