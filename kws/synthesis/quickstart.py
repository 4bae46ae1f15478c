"""The words of ``data/quickstart``, and how its clips are made."""

from collections.abc import Callable
from pathlib import Path

from kws.synthesis import kokoro_files
from kws.synthesis.synthesize import synthesize
from kws.utils.errors import KwsError

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
KEYWORD_CLIPS = 130
# What becomes _unknown_: other Speech Commands words, and words that sound like the keywords.
_OTHERS = """
zero one two three four five six seven eight nine bed bird cat dog happy house marvin sheila tree
wow low toe often top upper dawn light
"""
OTHERS = tuple(_OTHERS.split())
OTHER_CLIPS = 22


def make(out: Path | str, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write the clips of ``data/quickstart`` and their validation list to ``out``.

    Clips that are there are kept. Raises KwsError without Kokoro's files
    (``kws.synthesis.kokoro_files.fetch``), and as ``synthesize`` does.
    """
    if not kokoro_files.available():
        raise KwsError("the quickstart clips need Kokoro's voices; fetch them with 'make voices'")
    first = len(KEYWORDS) * KEYWORD_CLIPS
    total = first + len(OTHERS) * OTHER_CLIPS
    synthesize(KEYWORDS, KEYWORD_CLIPS, out, progress=lambda done, _: progress(done, total))
    synthesize(OTHERS, OTHER_CLIPS, out, progress=lambda done, _: progress(first + done, total))
