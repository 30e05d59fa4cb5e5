"""The pages of the API reference, by floor: which module stands on which page. What they say is in the docstrings."""

from __future__ import annotations

import importlib
import pkgutil

import w2s_theory

#: Module -> the line under its title; from the top of the house down. A package that exports nothing is shown module by module.
MODULES = {
    "sweeps": "A grid, a function, an engine and a store.",
    "plotting": "Plots of your own results.",
    "falsification": "Hunts for counterexamples.",
    "testing": "Hypothesis strategies for problems.",
    "diagnosis": "Did my student beat its teacher, and which labels tell.",
    "real_tasks": "The misfit theory on a data set of frozen representations.",
    "worst_case": "The problem that leaves a statement least room.",
    "report": "Static reports.",
    "theorems": "The catalogue and its checks. The statements have pages of their own.",
    "catalogue": "The statements as pages.",
    "schemas": "JSON Schemas of what is written for programs.",
    "quantities": "Numbers of the field.",
    "embeddings": "Frozen models and the features they make of real data.",
    "pipelines": "From a problem to weak labels, students and ceilings.",
    "protocol": "The weak-to-strong protocol on arrays.",
    "students": "What a strong model may do with weak labels.",
    "problems": "What nature fixes.",
    "design": "Features factorised once.",
    "checking": "The checking routine of each kind of claim.",
    "divergences": "Losses, and the residual of each.",
    "statements": "A published claim as a value.",
    "linalg": "Linear algebra that several floors share.",
    "montecarlo": "Means and proportions with their intervals.",
    "triple": "Weak labels, student and target on one sample.",
    "outcomes": "How things went, as values.",
}


def pages() -> dict[str, str]:
    """Path -> Markdown of every page of the reference."""
    found = {"api/public.md": _public()}
    for name, says in MODULES.items():
        found[f"api/{name}.md"] = f"# {name}\n\n{says}\n\n" + "\n\n".join(_entries(name))
    return found


def _public() -> str:
    """The names of ``w2s_theory.__all__``, each where it is used from."""
    text = "# Public names\n\nWhat `import w2s_theory` gives. Names load on first use.\n\n"
    return text + "\n\n".join(f"::: w2s_theory.{name}" for name in sorted(w2s_theory.__all__, key=str.lower))


def _entries(name: str) -> list[str]:
    package = importlib.import_module(f"w2s_theory.{name}")
    exported = getattr(package, "__all__", None)
    if name == "theorems" or not hasattr(package, "__path__"):
        members = [] if exported is None else [f"        members: [{', '.join(exported)}]"]
        return [_entry(package.__name__, *members)]
    if exported is not None:
        return [_entry(package.__name__, "        members: false"), *(_entry(f"{package.__name__}.{each}") for each in exported)]
    return [
        _entry(package.__name__, "        members: false"),
        *(
            _entry(found.name)
            for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
            if not found.name.rsplit(".", 1)[-1].startswith("_") and not _is_inside_exported(found.name, package.__name__)
        ),
    ]


def _is_inside_exported(name: str, top: str) -> bool:
    """Whether a package below ``top`` exports its names: then its modules have none of their own to show."""
    parent = name.rsplit(".", 1)[0]
    return parent != top and hasattr(importlib.import_module(parent), "__all__")


def _entry(path: str, *options: str) -> str:
    return "\n".join([f"::: {path}", *(["    options:", *options] if options else [])])
