"""Columns of a data set of the hub, or of a local folder of tables, through the package datasets."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import numpy as np

from .._validation import MissingExtra
from .columns import plain, positions

HUB = "hub:"


def read_hub(source: str, wanted: list[str]) -> dict[str, np.ndarray]:
    """The wanted columns of ``hub:NAME[@REVISION][:CONFIG[:SPLIT]]``; ``tables.read_columns`` says what it returns and raises."""
    try:
        import datasets
        import datasets.packaged_modules
    except ImportError as error:
        raise MissingExtra("hub", "datasets") from error
    name, revision, config, split = _parts(source.removeprefix(HUB))
    if not name:
        raise ValueError(f"{source!r} must name a data set: hub:NAME[@REVISION][:CONFIG[:SPLIT]].")
    if name in {module.name for module in pkgutil.iter_modules(datasets.packaged_modules.__path__)}:
        raise ValueError(
            f"{source} must name a data set; {name!r} is a reader of files in the package datasets, and would read those of the current "
            f"folder. Name the file itself, or say {HUB}./{name} for a folder of that name."
        )
    quiet = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        data = datasets.load_dataset(name, config or None, split=split or None, revision=revision or None)
    except Exception as error:
        raise _unreadable(source, error) from error
    finally:
        if not quiet:
            datasets.enable_progress_bars()
    if isinstance(data, dict):
        if len(data) > 1:
            raise ValueError(
                f"{source} has the splits {', '.join(map(str, data))}. Name one: hub:{name}:{config}:{next(iter(data))}."
            )
        data = next(iter(data.values()))
    positions(source, data.column_names, wanted)  # type: ignore[union-attr]
    found = {}
    for column in wanted:
        try:
            values, feature = data[column][:], data.features[column]  # type: ignore[index, union-attr]
        except Exception as error:
            raise _unreadable(f"{source}: the column {column!r}", error) from error
        if isinstance(feature, datasets.ClassLabel):  # -1 stands for a label that is kept secret
            values = [None if value is None or value < 0 else feature.int2str(value) for value in values]
        found[column] = plain(source, column, values)
    return found


def _unreadable(where: str, error: Exception) -> ValueError:
    """For whatever datasets raises, which has no common class: the user needs the name of the source."""
    return ValueError(f"{where} could not be read ({type(error).__name__}: {error}). Check its name, config and split.")


def _parts(named: str) -> tuple[str, str, str, str]:
    """Name, revision, config and split. The name of a local folder that is there is not taken apart at its own ":" and "@".

    >>> _parts("owner/set@v2:en:train[1:]")
    ('owner/set', 'v2', 'en', 'train[1:]')
    """
    pieces = named.split(":")
    folders = [count for count in range(1, len(pieces) + 1) if (folder := ":".join(pieces[:count])) and Path(folder).is_dir()]
    count = max(folders, default=1)
    name, rest = ":".join(pieces[:count]), ":".join(pieces[count:])
    revision = ""
    if not folders:
        name, _, revision = name.partition("@")
    config, _, split = rest.partition(":")
    return name, revision, config, split
