"""Misses against false alarms per hour, from recordings streamed through a detector.

``listeners`` are what can be scored: model files of kws and the peers' own models. ``hearing``
streams recordings through one and keeps the posteriors; ``counting`` decides on them as the
detector would, for any threshold; ``rates`` turns counts into rates with intervals. ``keyword``
and ``words`` put them together, ``fitting`` chooses a model's thresholds.
"""

from kws.scoring.keyword import score_keyword
from kws.scoring.words import score_words

__all__ = ["score_keyword", "score_words"]
