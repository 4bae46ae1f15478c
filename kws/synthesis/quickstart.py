"""How ``data/quickstart`` is made: its words, and one command that makes it again."""

from collections.abc import Callable
from pathlib import Path

from kws.synthesis import kokoro
from kws.synthesis.synthesize import synthesize
from kws.utils.errors import KwsError

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
KEYWORD_CLIPS = 130
# What becomes _unknown_: other Speech Commands words, and words that sound like the keywords.
OTHERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "bed"),
    *("bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow", "low", "toe"),
    *("often", "top", "upper", "dawn", "light"),
)
OTHER_CLIPS = 22


def make(out: Path | str, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write the clips of ``data/quickstart`` and their validation list to ``out``.

    Needs Kokoro's files (``kws.corpus.voices.fetch``). Clips that are there are kept.
    Raises KwsError without Kokoro's files, and as ``synthesize`` does.
    """
    if not kokoro.available():
        raise KwsError("the quickstart clips need Kokoro's voices; fetch them with 'make voices'")
    total = len(KEYWORDS) * KEYWORD_CLIPS + len(OTHERS) * OTHER_CLIPS
    first = len(KEYWORDS) * KEYWORD_CLIPS
    synthesize(KEYWORDS, KEYWORD_CLIPS, out, progress=lambda done, _: progress(done, total))
    synthesize(OTHERS, OTHER_CLIPS, out, progress=lambda done, _: progress(first + done, total))
