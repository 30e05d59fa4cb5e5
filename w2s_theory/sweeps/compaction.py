"""Merging the parts of a store, in levels: so many files of one level become one of the next, and each row is rewritten a few times only.

Any number of processes may merge at the same time. A part is deleted only when every point of it is in another one that is on the disk;
what two of them both merged is there twice, and counts once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from . import parts, tables
from .folder import Folder

#: When so many files of one level lie there, they are merged into one of the next: 10⁵ units then lie in a few hundred files at most.
FAN = 256
#: Files that are merged in one go at most, where far more lie there: none of them is rewritten twice.
MOST = 4096
#: Merged files stay about below this size, and files above half of it are not merged again: merging holds one of them in memory.
LARGEST = 256 * 2**20


def merge_level(folder: Folder) -> bool:
    """Merge the files of the highest level that has ``FAN`` or more; False when there is none, or another process was at them."""
    names = folder.names()
    levels = Counter(parts.level(name) or 0 for name in names)
    for level in sorted((level for level, count in levels.items() if count >= FAN), reverse=True):
        small = _small(folder, sorted(name for name in names if parts.level(name) == level))
        if len(small) >= FAN:
            return all(merge(folder, batch, level + 1) for batch in _batches(small))
    return False


def merge_all(folder: Folder) -> None:
    """Merge all files into as few as possible."""
    names = sorted(folder.names())
    level = max([1, *(parts.level(name) or 0 for name in names)])
    for batch in _batches(_small(folder, names)):
        merge(folder, batch, level)
    folder.remove_left_overs()


def merge(folder: Folder, names: Sequence[str], level: int) -> bool:
    """Replace the files ``names`` by one of ``level`` for each sweep and version; more where columns mix kinds.

    False, and nothing is done, when one of them is gone: another process has merged it.
    """
    found = {name: folder.load(name, parts.whole) for name in names}
    if any(made is None and name not in folder.damaged for name, made in found.items()):
        return False
    groups: dict[tuple[str, str], list[tuple[str, Any]]] = defaultdict(list)
    for name, made in found.items():
        if made is not None:
            groups[made[0]].append((name, made[1]))
    for (sweep, version), members in groups.items():
        if len(members) == 1:
            folder.rename(members[0][0], parts.at_level(members[0][0], level))
            continue
        written = set()
        for group in tables.groups_that_agree([table for _, table in members]):
            name, data = parts.encoded(tables.chosen(group), sweep, version, level)
            folder.write(name, data)
            written.add(name)
        for name, _ in members:  # only now: each of their points is in a file that is on the disk
            if name not in written:
                folder.delete(name)
    return True


def _small(folder: Folder, names: Sequence[str]) -> list[tuple[str, int]]:
    """Names and sizes of the files that are worth merging."""
    sizes = [(name, folder.size(name)) for name in names]
    return [(name, size) for name, size in sizes if 0 < size <= LARGEST // 2]


def _batches(files: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Files that fit one merged file together, two or more at a time."""
    batch: list[str] = []
    total = 0
    for name, size in files:
        if total + size > LARGEST or len(batch) == MOST:
            yield batch
            batch, total = [], 0
        batch.append(name)
        total += size
    if len(batch) > 1:
        yield batch
