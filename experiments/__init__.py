"""The experiments: one file per figure or table, run by ``python -m experiments`` (``--help`` says how).

``experiments/<stem>.py`` and ``figures/<stem>.py`` share a stem. An experiment is a module with

* a docstring whose first line is its title, and ``SOURCE``, where the figure or table is printed;
* ``SCALES = {"quick": [...], "full": [...]}``: two grids, each a list of points (flat dictionaries of plain values);
* ``SEED_AXES``: the names of the values that key the random draw. Points that agree on them share their draws (so two methods are
  compared on the same samples), and a new point disturbs no other;
* ``run_one(params, *, rng) -> rows``: flat dictionaries of str, int, float or bool. The runner adds the values of the point,
  ``scale`` and (unless a row says otherwise) ``device = "cpu"``;
* ``findings(table) -> list[Finding]``: its lines in the ledger, computed from the table (a dictionary of columns);
* optionally ``SHOWS = ("charikar2024.theorem_1", ...)``, a literal: the statements whose content the figure shows. Their pages name the
  figure (``python -m w2s_theory.catalogue.shown`` writes the index that the library reads);
* optionally ``unavailable(scale) -> str``: why the grid of that scale can't run here ("" when it can), for data that is not shipped.

Code that several experiments share lives in ``experiments/_<name>.py``: files whose names start with an underscore are not
experiments. A change of the code in the experiment's own file, in one of those that it imports or in ``w2s_theory`` makes unfinished
runs start afresh. Points run in several processes, in any order, so that an experiment whose points write files gives each point its own.
"""
