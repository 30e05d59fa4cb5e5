"""Which text embeddings a grid asks for, and whether they are here: they are data, and not shipped."""

from __future__ import annotations

from collections.abc import Iterable

from w2s_theory.embeddings.tasks import EMBEDDING_TASKS, embedding_folder


def missing(tasks: Iterable[str]) -> str:
    """Why the embeddings of ``tasks`` can't be read here, "" when they can. Names of other tasks (digits, synthetic worlds) ask for none."""
    asked = set(tasks)
    wanted = [name for name in EMBEDDING_TASKS if name in asked]
    if not wanted:
        return ""
    try:
        folder = embedding_folder()
    except FileNotFoundError as error:
        return str(error)
    absent = [f"{name}.npz" for name in wanted if not (folder / f"{name}.npz").is_file()]
    return f"W2S_DATA/embeddings lacks {', '.join(absent)}" if absent else ""
