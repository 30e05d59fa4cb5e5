"""Label-efficient diagnosis: did my student beat its teacher, by how much, and which labels do I need to know?

    from w2s_theory.diagnosis import diagnose, draw_next, read_answers

    found = diagnose(weak, student, gold, gold_is="random")      # plain arrays; NaN where there is no label
    found.verdict, found.main.gain, found.main.more              # "yes", an Estimate, labels until the sign is told

``answers`` reads arrays, ``table`` a CSV; ``record`` and ``draw_file`` draw the points to label and remember how; ``estimates``,
``sequential`` and ``limits`` say what follows, ``words`` puts it in English. The mathematics is in ``quantities.label_efficiency``.
"""

from __future__ import annotations

from .answers import Answers, answers_of
from .diagnose import diagnose, diagnose_answers
from .draw_file import read_draw, write_draw
from .outcome import Diagnosis, LossAnswer
from .ranking import Standing, rank_supervisors
from .record import DrawRecord, draw_next
from .table import Table, read_answers, read_supervisors

__all__ = [
    "Answers",
    "Diagnosis",
    "DrawRecord",
    "LossAnswer",
    "Standing",
    "Table",
    "answers_of",
    "diagnose",
    "diagnose_answers",
    "draw_next",
    "rank_supervisors",
    "read_answers",
    "read_draw",
    "read_supervisors",
    "write_draw",
]
