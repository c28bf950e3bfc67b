from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

# Each page is one story: its Python blocks run in order, in one namespace.
pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], pattern="*.md", excludes=["_build/**"]
).pytest()
