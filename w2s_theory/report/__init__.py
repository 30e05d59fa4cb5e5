"""Static reports that a non-author can read: sections with prose, a table and a picture, as JSON, Markdown and one HTML page.

    sections = [
        Section("What the student gained", "Positive: the student is closer to the truth than its teacher.", rows=table,
                picture=lambda axes: gain_by_loss(axes, table), caption="Gain by loss, with 95 % intervals."),
    ]
    write_report("My task", sections, "report", plain=result.plain(), provenance=provenance(seed=0, inputs={"labels.csv": path}))

``report.json`` is for a program (everything), ``report.md`` for a repository, ``report.html`` for everybody (nothing is loaded from
elsewhere). ``pictures`` has the drawings, ``style`` the colours by role.
"""

from __future__ import annotations

from .provenance import digest, provenance
from .sections import Section, interval
from .writing import write_report

__all__ = ["Section", "digest", "interval", "provenance", "write_report"]
