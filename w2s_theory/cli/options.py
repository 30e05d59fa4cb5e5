"""The type of an option that may be left out."""

from __future__ import annotations

from typing import TypeVar, Union

Value = TypeVar("Value")
#: ``Given[int]`` is ``int | None``. For the latter tyro loads a library that checks types, which costs a third of the time of a help.
Given = Union[None, Value]  # noqa: UP007
