"""``w2s check-embeddings``: does the misfit theory predict what a strong model gains from a weak one on a task?"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tyro.conf import arg

from .misuse import Misuse, refused, written
from .options import Given
from .printing import print_json

#: What reading the data, the library of the model and the arithmetic on what was read may raise.
REFUSED = (ValueError, TypeError, ImportError, RuntimeError, ArithmeticError, MemoryError, KeyError)


@dataclass(frozen=True)
class CheckEmbeddings:
    """Two frozen language models and a task: how much does the strong one gain when it learns from the weak one's labels, does the
    misfit between them predict it, and how far is the task from realizable? Every number comes with a 95 % interval.

      weak      a head on the weak model's features, trained on gold labels of a
                quarter of the rows (or --teacher: labels you have already)
      student   a head on the strong model's features, trained on the weak head's
                labels of half of the rows; it sees no gold label
      ceiling   the same head trained on gold labels of these rows

    All are measured on the quarter that is left, on --splits random splits. Copies of a text stay on one side of a split.

    A model is MODEL:LAYER. MODEL: a name on the hub, a local folder, "minilm" (the packaged encoder, layers 0 to 6), "stories" (the
    small causal model of W2S_DATA, layers 0 to 5) or "tfidf"; for the task esol "fingerprints" or "descriptors". LAYER 0 = token
    embeddings, k = after block k, -1 = the last. tfidf has min(128, texts - 1) components, and no layer.

    examples:
      w2s check-embeddings --task stsb_en --weak minilm:0 --strong minilm:6
      w2s check-embeddings --task lexglue_tos_gpt35 --teacher gpt35 \\
          --strong minilm:6
      w2s check-embeddings --texts reviews.csv --text review --label stars \\
          --weak tfidf --strong minilm:6 --out report
      w2s check-embeddings --texts pairs.jsonl --text a --text2 b \\
          --label score --kind regression --weak ./small:0 --strong ./large:-1
      w2s check-embeddings --arrays features.npz --kind classes \\
          --device cuda --side-by-side

    units:
      squared        of the label's variance: predicting the mean costs 1
                     (ridge heads)
      cross-entropy  nats (softmax heads, classes only)
      accuracy       share of wrong answers (softmax heads, classes only)

    exit codes:
      0    done; no statement is violated on these data (most are out of scope on
           real data, and said so)
      1    a statement is VIOLATED or NONFINITE on these data
      2    misuse: an option, file, column or model that can't be used
      3    the report could not be written (a full disk, a closed pipe)
      130  interrupted; extracted features are kept
    """

    task: Annotated[Given[str], arg(metavar="NAME")] = None
    """a real task of $W2S_DATA (stsb_en, emobank, sst2, trec, ..., or esol); one of --task, --texts and --arrays is needed"""
    texts: Annotated[Given[str], arg(metavar="FILE")] = None
    """a .csv, .jsonl, .parquet file (or .gz), or hub:NAME[:CONFIG[:SPLIT]]"""
    arrays: Annotated[Given[str], arg(metavar="FILE.npz")] = None
    """arrays weak (N, d), strong (N, e), labels (N,): numbers or words, perhaps teacher, groups"""
    text: Annotated[Given[str], arg(metavar="COLUMN")] = None
    """the column of texts"""
    text2: Annotated[Given[str], arg(metavar="COLUMN")] = None
    """the column of second texts, for pairs"""
    label: Annotated[Given[str], arg(metavar="COLUMN")] = None
    """the column of gold labels"""
    teacher: Annotated[Given[str], arg(metavar="COLUMN")] = None
    """labels of a supervisor of your own; then no weak model is needed"""
    weak: Annotated[Given[str], arg(metavar="MODEL:LAYER")] = None
    """the weak model"""
    strong: Annotated[Given[str], arg(metavar="MODEL:LAYER")] = None
    """the strong model"""
    kind: Given[Literal["regression", "classes"]] = None
    """what the labels are, where it is not clear"""
    splits: Annotated[int, arg(metavar="S")] = 10
    """random splits, 2 or more"""
    sizes: Annotated[str, arg(metavar="W,T,E")] = "0.25,0.5,0.25"
    """weak, transfer, test rows: shares or counts"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the splits"""
    device: Annotated[str, arg(metavar="D")] = "cpu"
    """cpu: NumPy; cuda, cuda:1: torch there; cpu-torch"""
    side_by_side: bool = False
    """with a device: NumPy too, and a table of both"""
    pooling: Literal["mean", "last", "first"] = "mean"
    """over the tokens of a text"""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of the models' arithmetic"""
    max_tokens: Annotated[Given[int], arg(metavar="N")] = None
    """cut texts off there, in tokens (default: what the model takes)"""
    local_files_only: bool = False
    """never ask the hub"""
    cache: Annotated[Given[str], arg(metavar="FOLDER")] = None
    """where to keep features (default: $W2S_CACHE, else ~/.cache/w2s_theory)"""
    out: Annotated[Given[str], arg(metavar="FOLDER")] = None
    """write report.json, report.md and report.html with pictures there"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Measure, print the numbers, the answers and the statements, and write the report."""
        self._refuse_combinations()
        try:
            return self._check()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Extracted features are kept: the same command takes them from there.") from None

    def _refuse_combinations(self) -> None:
        """Options that don't belong together, before anything is read."""
        if [self.task, self.texts, self.arrays].count(None) != 2:
            raise Misuse("one of --task, --texts and --arrays must be given, and only one.")
        if self.seed < 0:
            raise Misuse(f"--seed must be >= 0; it is {self.seed}.")
        columns = {"text": self.text, "text2": self.text2, "label": self.label}
        if self.texts is None and any(columns.values()):
            raise Misuse("--text, --text2 and --label name columns of --texts; --task and --arrays bring their own.")
        if self.texts is not None and not (self.text and self.label):
            raise Misuse("--texts needs --text and --label: the columns of the texts and of the gold labels.")
        if self.texts is not None:
            named = [(f"--{name}", column) for name, column in (*columns.items(), ("teacher", self.teacher)) if column]
            for k, (option, column) in enumerate(named):
                same = [other for other, also in named[:k] if also == column]
                if same:
                    raise Misuse(f"{same[0]} and {option} must name different columns; both are {column!r}.")
        if self.side_by_side and self.device == "cpu":
            raise Misuse("--side-by-side compares NumPy with a --device; name one.")
        if self.arrays is not None:
            if self.weak or self.strong or self.teacher:
                raise Misuse("--arrays brings weak, strong and teacher itself: leave out --weak, --strong and --teacher.")
            return
        if self.strong is None:
            raise Misuse("--strong must name the strong model, as MODEL:LAYER.")
        if (self.weak is None) == (self.teacher is None):
            raise Misuse("name the weak model by --weak, or the column of its labels by --teacher: one of them.")

    def _check(self) -> int:
        import numpy as np

        from ..problems.devices import torch_device
        from ..real_tasks import answers, check_embeddings, sections, side_by_side
        from ..real_tasks.pages import counts, exit_code, reason
        from ..sweeps.progress import Progress
        from .task_sources import arrays_task, models_task

        with refused(*REFUSED, OSError):
            if self.device != "cpu":
                torch_device(self.device)
            sizes = _sizes(self.sizes)
            made = arrays_task(self.arrays, self.kind) if self.arrays is not None else models_task(self)

        def measured(device: str) -> Any:
            progress = Progress(f"splits on {device}")
            progress(0, self.splits)
            with refused(*REFUSED):
                return check_embeddings(
                    made.task,
                    sizes=sizes,
                    splits=self.splits,
                    teacher=made.teacher,
                    groups=made.groups,
                    device=device,
                    rng=np.random.default_rng(self.seed),
                    progress=progress,
                )

        report = measured(self.device)
        both = side_by_side(measured("cpu"), report) if self.side_by_side else None
        if not self.json:
            _print_numbers(report)
            print("\n" + "\n".join(answers(report)))
            print(
                f"\nStatements on the first split: {counts(report)}. Identities hold for any three models: they check the arithmetic."
            )
            for check in report.verdicts:
                print(f"  {check.statement:<36} {check.verdict.name:<12} {reason(check)}".rstrip())
            if both is not None:
                _print_both(both, self.device)
        else:
            pairs = None if both is None else [_pair(row, self.device) for row in both]
            plain = {**report.plain(), "answers": answers(report), "side_by_side": pairs}
            print_json("check-embeddings", {"exit_code": exit_code(report), **plain})
        parts = sections(report)
        if both is not None:
            from ..report import Section

            parts.append(Section("NumPy and the device side by side", rows=both))
        if self.out is not None:
            from ..report import provenance, write_report

            title = f"Weak to strong: {made.task.name}"
            with written():
                recorded = provenance(seed=self.seed, device=self.device, inputs=made.inputs)
                files = write_report(title, parts, self.out, plain=report.plain(), provenance=recorded)
            print("", *files[:3], sep="\n", file=sys.stderr if self.json else sys.stdout)
        return exit_code(report)


def _sizes(text: str) -> tuple[float, ...]:
    from ..problems.empirical import part_sizes

    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise Misuse(f"--sizes must be three numbers with commas between, such as 0.25,0.5,0.25; it is {text!r}.") from None
    if all(0.0 < size < 1.0 for size in sizes):
        try:
            part_sizes(sizes, 10**9)
        except ValueError:
            raise Misuse(f"--sizes must be three shares that sum to at most 1, or three counts; it is {text!r}.") from None
    return tuple(int(size) if size >= 1.0 and size.is_integer() else size for size in sizes)


def _print_numbers(report: Any) -> None:
    """A short table: a line per quantity, a column per loss, the headline's intervals."""
    from ..real_tasks.answers import beats_constant

    about = report.about
    print(
        f"{about['task']}: {about['rows']:,} rows ({about['rows_left_out']} left out), {about['splits']} splits into {about['weak_rows']} weak, "
        f"{about['transfer_rows']} transfer and {about['test_rows']} test rows; 95 % intervals for a new data set"
    )
    print(f"{'':<15}" + "".join(f"{loss:<30}" for loss in report.losses))
    for quantity in dict.fromkeys(number.quantity for number in (*report.numbers, *report.baselines)):
        cells = []
        for loss in report.losses:
            cell = ""
            if report.has(quantity, loss):
                number = report.number(quantity, loss)
                refused = not math.isfinite(number.low) or (quantity == "pgr" and not beats_constant(report, loss, "ceiling"))
                cell = " refused" if refused else f"{number.value:8.4f} [{number.low:.4f}, {number.high:.4f}]"
            cells.append(f"{cell:<30}")
        print(f"{quantity.replace('_', ' '):<15}" + "".join(cells).rstrip())


def _print_both(rows: list[dict[str, Any]], device: str) -> None:
    print(f"\nNumPy and {device} side by side:")
    for row in rows:
        one, other = row["cpu margin"], row[f"{device} margin"]
        print(
            f"  {row['what']:<36} {row['cpu']:<12} {row[device]:<12} {one: .6g} {other: .6g}  difference {row['difference']:.1g}  "
            f"{'agree' if row['agree'] else 'DISAGREE'}"
        )


def _pair(row: dict[str, Any], device: str) -> dict[str, Any]:
    """A row of ``side_by_side`` under names that don't depend on the device."""
    sides = {name: {"verdict": row[on], "margin": row[f"{on} margin"]} for name, on in (("numpy", "cpu"), ("device", device))}
    return {"what": row["what"], **sides, "difference": row["difference"], "agree": row["agree"]}
