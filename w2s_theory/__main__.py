"""``python -m w2s_theory`` is the ``w2s`` command."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.argv[0] = "w2s"  # what a report records as its command
    sys.exit(main())
