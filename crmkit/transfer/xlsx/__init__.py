"""Workbooks (ECMA-376) read as a stream, with the standard library alone."""
