from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.integration.pytest import SybilItem
from sybil.parsers.abstract import AbstractCodeBlockParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

# A block with a caption is a file; tests/docs writes it where the page says, and runs the commands that follow.
_FENCED = FencedCodeBlockLexer(language=r".+", mapping={"language": "arguments", "source": "source"})

# Each page is one story: its Python blocks run in order, in one namespace.
pytest_collect_file = Sybil(
    parsers=[AbstractCodeBlockParser([_FENCED], "python", PythonEvaluator())], pattern="*.md", excludes=["_build/**"]
).pytest()

# Sybil 10 leaves its own part out of each traceback of a chain, and breaks the run where a cause is shorter than that.
_shortened = SybilItem._traceback_filter
SybilItem._traceback_filter = lambda item, info: _shortened(item, info) if len(info.traceback) > 1 else info.traceback
