"""``w2s sweep``: a study, which is a function and a grid, becomes a table, a figure and a page."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from .misuse import Misuse, Unwritable, refused, written
from .options import Given
from .printing import print_json
from .workers import executor_of

if TYPE_CHECKING:
    from ..sweeps.result import SweepResult
    from ..sweeps.study import Study

#: Failures that are printed; the page and the table have the rest.
SHOWN = 5


@dataclass(frozen=True)
class Sweep:
    """Run a function over a grid of points, on all cores or a cluster, and write one table, a figure and a page.

    FILE.py has GRID, a list of points, and run_one(params, rng), which returns a dict or several (rows). Optional: TRIALS, SEED, SEED_AXES,
    NAME; X, Y, BY (columns for the figure) or draw(table). FILE.toml names such a function and writes the grid in TOML; the documentation of
    w2s_theory.sweeps.study_toml has its words.

    examples:
      w2s sweep --example > study.py            a small study to start from
      w2s sweep study.py                        all cores; Ctrl-C and a kill lose
                                                a fraction of a second of work
      w2s sweep study.py --dry-run              how many points, how many are done
      w2s sweep study.py --workers 1            here, where a debugger works
      w2s sweep study.py --scheduler tcp://10.0.0.1:8786

    The folder STUDY-sweep beside the file gets table.parquet (with table.json, its provenance), table.csv, figure.svg, figure.png and
    report.html. Finished points are kept in its folder "store": the same command goes on from there, also with a larger grid or more
    trials. The table does not depend on where or in which order points ran. A point that raises is a row with its error.

    exit codes:
      0    done
      1    some points failed (they are listed, and the rest is written), or
           the figure that the study asks for could not be drawn
      2    misuse: a file, option or package that can't be used
      3    a result could not be written (a full disk); what is finished stays
      130  interrupted (Ctrl-C); what is finished stays, and the same command
           goes on from there
    """

    file: Annotated[Positional[str], arg(metavar="FILE")] = ""
    """the study: a .py or .toml file"""
    out: Annotated[Given[str], arg(metavar="FOLDER")] = None
    """where results go (default: STUDY-sweep beside the file)"""
    workers: Annotated[Given[int], arg(metavar="N")] = None
    """processes on this machine (default: a core each; 1: no others)"""
    scheduler: Annotated[Given[str], arg(metavar="ADDRESS")] = None
    """a Dask cluster: tcp://host:8786; dask: one on this machine"""
    trials: Annotated[Given[int], arg(metavar="N")] = None
    """repetitions of every point, in the place of TRIALS"""
    seed: Annotated[Given[int], arg(metavar="N")] = None
    """another number gives other draws, in the place of SEED"""
    retry_failed: bool = False
    """run points again that raised; without it, they are run again when the code has changed"""
    code_version: Annotated[Given[str], arg(metavar="VERSION")] = None
    """go on with points of this version of the code, though it has changed since"""
    dry_run: bool = False
    """run nothing: say how many points there are, how many are finished and how long the rest may take"""
    example: bool = False
    """print a small study to start from"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Run what is missing, write what came out; return 1 where something failed."""
        from ..sweeps.study import EXAMPLE, StudyError, read_study

        if self.example:
            print(EXAMPLE, end="")
            return 0
        if not self.file:
            raise Misuse("FILE is missing: a .py or .toml file with a study. `w2s sweep --example > study.py` writes one.")
        with refused(StudyError, OSError):
            study = read_study(self.file)
        given = {"trials": self.trials, "seed": self.seed}
        study = dataclasses.replace(study, **{name: value for name, value in given.items() if value is not None})
        folder = Path(self.out) if self.out else study.file.with_name(f"{study.file.stem}-sweep")
        if self.dry_run:
            return self._preview(study, folder)
        result = self._result(study, folder)
        return self._report(study, result, folder)

    def _arguments(self, study: Study) -> dict[str, Any]:
        """What ``sweep`` and ``preview`` are both called with."""
        return {
            "trials": study.trials,
            "name": study.name,
            "seed": study.seed,
            "seed_axes": study.seed_axes,
            "version": self.code_version,
        }

    def _executor(self) -> str:
        with refused(ValueError):
            return executor_of(self.workers, self.scheduler)

    def _preview(self, study: Study, folder: Path) -> int:
        from ..sweeps.preview import preview
        from ..sweeps.progress import duration
        from ..sweeps.store import StoreError

        slots = self._executor().rpartition(":")[2]
        workers = int(slots) if slots.isdecimal() and self.scheduler is None else 1
        with refused(ValueError, TypeError, StoreError):
            found = preview(
                study.run_one, study.grid, store=folder / "store", retry_failed=self.retry_failed, **self._arguments(study)
            )
        left = None if found.seconds is None else found.seconds * found.left / workers
        if self.json:
            about = {"study": self.file, "folder": str(folder), "dry_run": True, "exit_code": 0, "estimated_seconds": left}
            print_json("sweep", about | dataclasses.asdict(found))
            return 0
        print(f"{found.points} points, {found.finished} finished, {found.failed} failed, {found.left} to run")
        print(
            f"code version {found.version}"
            + (f"; {found.other_versions} points of other versions are kept" if found.other_versions else "")
        )
        if found.left:
            time = (
                "not known before a point has ended"
                if left is None
                else f"{duration(left)} on {workers} worker{'s' * (workers > 1)}"
            )
            print(f"time for the rest: {time}")
        return 0

    def _result(self, study: Study, folder: Path) -> SweepResult:
        from ..sweeps.cluster import ClusterError
        from ..sweeps.engines import open_engine
        from ..sweeps.progress import Progress
        from ..sweeps.result import Interrupted
        from ..sweeps.run import sweep
        from ..sweeps.store import StoreError

        with refused(ValueError, ClusterError):
            opened = open_engine(self._executor())
        try:
            with opened as engine, refused(ValueError, TypeError, ClusterError):
                result = sweep(
                    study.run_one,
                    study.grid,
                    store=folder / "store",
                    executor=engine,
                    retry_failed=self.retry_failed,
                    progress=Progress(study.name),
                    **self._arguments(study),
                )
                result.arrow()  # read now: columns may mix kinds, files may have gone
            return result
        except Interrupted as stop:
            about = stop.result.provenance
            done = f"{about['finished']} of {about['points']} points are finished and kept in {folder / 'store'}"
            raise KeyboardInterrupt(f"{done}. To go on: {self._command()}") from None
        except StoreError as error:
            raise Unwritable(str(error)) from error

    def _command(self) -> str:
        """This command, as one types it."""
        words = ["w2s", "sweep", self.file]
        for field in dataclasses.fields(self)[1:]:
            value, flag = getattr(self, field.name), f"--{field.name.replace('_', '-')}"
            if value is not field.default:
                words += [flag] if value is True else [flag, str(value)]
        return shlex.join(words)

    def _report(self, study: Study, result: SweepResult, folder: Path) -> int:
        from ..sweeps.study_page import write_study

        with written():
            files, no_figure = write_study(study, result, folder)
        about, failures = result.provenance, result.failures
        asked = study.draw is not None or study.x or study.y or study.by
        code = 1 if failures or (no_figure and asked) else 0
        for each in failures[:SHOWN]:
            values = {axis: each[axis] for axis in about["axes"]}
            print(f"{each['status']}: {values}: {each['error']}", file=sys.stderr)
        if failures:
            more = f"; the first {SHOWN} are above" if len(failures) > SHOWN else ""
            print(
                f"{len(failures)} of {about['points']} points failed{more}. When the study has changed all points run again; to run only "
                f"these: --retry-failed --code-version {about['version']}",
                file=sys.stderr,
            )
        if no_figure:
            print(f"no figure: {no_figure}", file=sys.stderr)
        if self.json:
            kept = {"points": about["points"], "finished": about["finished"], "version": about["version"], "notes": result.notes}
            head = {
                "study": self.file,
                "folder": str(folder),
                "dry_run": False,
                "exit_code": code,
                "rows": len(result.table["error"]),
            }
            made = {
                "files": files,
                "no_figure": no_figure,
                "failed": len(failures),
                "failures": [_plain(each, about) for each in failures],
            }
            print_json("sweep", head | kept | made)
        else:
            print("\n".join(str(path) for path in files))
        return code


def _plain(failure: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    return {"point": {axis: failure[axis] for axis in about["axes"]}, "status": failure["status"], "error": failure["error"]}
