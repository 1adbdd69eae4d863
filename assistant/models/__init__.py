"""Model files: the catalogue that names them, and getting them onto this disk whole and checked."""
