"""The figures: ``figures/<stem>.py`` draws the table of ``experiments/<stem>.py``.

A figure is a module with ``draw(table) -> matplotlib.figure.Figure``: it reads the table (a dictionary of columns), adds closed
forms from ``w2s_theory``, and never simulates. ``python -m experiments`` draws it under ``figures._style.style()`` and writes
``<stem>.svg`` and ``<stem>.png``; ``--figures-only`` redraws it from the table there is.
"""
