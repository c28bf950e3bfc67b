from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.integration.pytest import SybilItem
from sybil.parsers.abstract import AbstractCodeBlockParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

# A block with a caption is a file; tests/docs writes it where the page says, and runs the commands that follow.
_FENCED = FencedCodeBlockLexer(language=r".+", mapping={"language": "arguments", "source": "source"})


class _InOrder(PythonEvaluator):
    """Runs the blocks of a page in order, also where another process has run those before this one."""

    def __call__(self, example):
        done = example.document.__dict__.setdefault("blocks_done", set())
        for block in example.document.examples():
            if block.start <= example.start and block.start not in done:
                done.add(block.start)
                super().__call__(block)


# Each page is one story: its Python blocks share a namespace.
pytest_collect_file = Sybil(
    parsers=[AbstractCodeBlockParser([_FENCED], "python", _InOrder())], pattern="*.md", excludes=["_build/**"]
).pytest()

# Sybil 10 leaves its own part out of each traceback of a chain, and breaks the run where a cause is shorter than that.
_shortened = SybilItem._traceback_filter
SybilItem._traceback_filter = lambda item, info: _shortened(item, info) if len(info.traceback) > 1 else info.traceback
