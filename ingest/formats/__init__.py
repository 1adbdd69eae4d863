"""One module a family of formats: bytes or text in, title and blocks out. Each leans on a library that is made for it."""
