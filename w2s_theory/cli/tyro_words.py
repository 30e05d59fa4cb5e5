"""What tyro prints in boxes, as plain text: helps that can be piped and read aloud, errors as one sentence in our words."""

from __future__ import annotations

import re

#: How tyro says what is wrong, and how we do. What matches none stays as it is.
IN_OUR_WORDS = (
    (
        r"Error parsing (\S+): no type matching INT could be instantiated from \[(.*?)\]\..*",
        r"\1 must be a whole number; it is \2.",
    ),
    (r"Error parsing (\S+): no type matching FLOAT could be instantiated from \[(.*?)\]\..*", r"\1 must be a number; it is \2."),
    (
        r"Error parsing (\S+): no type matching \{(FLOAT(?: FLOAT)*)\} could be instantiated from \[(.*?)\]\..*",
        r"\1 must be numbers, \2; it is \3.",
    ),
    (
        r"Error parsing (\S+): no type matching \{(.*?)\} could be instantiated from \[(.*?)\]\..*",
        r"\1 must be one of \2; it is \3.",
    ),
    (r"Error parsing (\S+): invalid literal for int\(\) with base 10: (.*?)\.?$", r"\1 must be a whole number; it is \2."),
    (r"Error parsing (\S+): could not convert string to float: (.*?)\.?$", r"\1 must be a number; it is \2."),
    (r"invalid choice (.*) for argument '(.*)'\. Expected one of \((.*)\)\.", r"\2 must be one of \3; it is \1."),
    (r"Missing value for argument '(.*)'\. Expected (\d+) values?\.", r"\1 needs a value."),
    (r"Missing from w2s .*?: ", "there must be "),
)


def unframed(said: str) -> str:
    """tyro's boxes as headed paragraphs.

    >>> print(unframed("╭─ options ────────────╮\\n│ --seed INT  the seed │\\n╰──────────────────────╯"))
    options:
      --seed INT  the seed
    <BLANKLINE>
    """
    lines = []
    for line in said.splitlines():
        if title := re.fullmatch("╭─+ (.+?) ─*╮", line):
            lines.append(f"{title[1]}:")
        else:
            lines.append("" if re.fullmatch("╰─+╯", line) else re.sub("^│", " ", re.sub(r"\s*│?$", "", line)))
    # The order of choices is that of a set where an option may be left out: another in every process.
    return re.sub(r"(?<=\{)[\w,-]+(?=\})", lambda found: ",".join(sorted(found[0].split(","))), "\n".join(lines))


def sentence(said: str) -> str:
    """tyro's box of an error as sentences, without its title and its reference to the help.

    >>> sentence("╭─ Missing ────────────────────────────────────────────────╮\\n│ Missing value for argument '--seed'. Expected 1 values. │")
    '--seed needs a value.'
    """
    blocks: list[list[str]] = [[]]
    for line in unframed(said).splitlines()[1:]:
        inside = line[2:]
        if re.fullmatch(r"\s*─+", inside):
            blocks.append([])
        elif inside.strip() and not inside.startswith(" " * 8):  # the help of an option stands there
            blocks[-1].append(inside.strip())
    kept = [" ".join(lines) for lines in blocks if lines and not lines[0].startswith(("For full helptext", "Argument helptext"))]
    return " ".join(_reworded(f"{text.rstrip('.')}.") for text in kept)


def _reworded(text: str) -> str:
    # An option that may be left out has None among its choices, in any place.
    text = re.sub(r"'None', |, 'None'(?=\))", "", text)
    for theirs, ours in IN_OUR_WORDS:
        text = re.sub(theirs, ours, text)
    return re.sub(r"(?<=must be one of )(.*?)(?=; it is)", lambda found: ", ".join(sorted(re.findall(r"[\w-]+", found[0]))), text)
