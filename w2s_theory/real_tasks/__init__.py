"""The checks of the misfit theory on a data set of frozen representations: ``check_embeddings`` and its ``EmbeddingReport``.

``answers`` says the report in plain English, ``sections`` makes the parts of a page of it, ``side_by_side`` compares two devices.
"""

from .answers import answers
from .check import SIZES, check_embeddings
from .pages import sections, side_by_side
from .report import EmbeddingReport, Number, PathPoint

__all__ = ["SIZES", "EmbeddingReport", "Number", "PathPoint", "answers", "check_embeddings", "sections", "side_by_side"]
