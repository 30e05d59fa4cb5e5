"""``w2s check-embeddings``: does the misfit theory predict what a strong model gains from a weak one on a task?"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

DESCRIPTION = """\
Two frozen language models and a task: how much does the strong one gain when it learns from the weak one's labels, does the misfit between
them predict it, and how far is the task from realizable? Every number comes with a 95 % interval.

  weak      a head on the weak model's features, trained on gold labels of a quarter of the rows (or --teacher: labels you have already)
  student   a head on the strong model's features, trained on the weak head's labels of half of the rows; it sees no gold label
  ceiling   the same head trained on gold labels of these rows
All are measured on the quarter that is left, on --splits random splits. Copies of a text stay on one side of a split.

A model is MODEL:LAYER. MODEL: a name on the hub, a local folder, "minilm" (the packaged encoder, layers 0 to 6), "stories" (the
small causal model of W2S_DATA, layers 0 to 5) or "tfidf"; for the task esol "fingerprints" or "descriptors". LAYER 0 = token embeddings,
k = after block k, -1 = the last. tfidf has min(128, texts - 1) components, and no layer.

examples:
  w2s check-embeddings --task stsb_en --weak minilm:0 --strong minilm:6
  w2s check-embeddings --task lexglue_tos_gpt35 --teacher gpt35 --strong minilm:6
  w2s check-embeddings --texts reviews.csv --text review --label stars --weak tfidf --strong minilm:6 --out report
  w2s check-embeddings --texts pairs.jsonl --text a --text2 b --label score --weak ./small:0 --strong ./large:-1 --kind regression
  w2s check-embeddings --arrays features.npz --kind classes --device cuda --side-by-side

units:
  squared        of the label's variance: predicting the mean costs 1 (ridge heads)
  cross-entropy  nats (softmax heads, classes only)
  accuracy       share of wrong answers (softmax heads, classes only)
"""
EXIT_CODES = """\
exit codes:
  0    done; no statement is violated on these data (most are out of scope on real data, and said so)
  1    a statement is VIOLATED or NONFINITE on these data
  2    misuse: an option, file, column or model that can't be used
  3    the report could not be written (a full disk, a closed pipe)
  130  interrupted; extracted features are kept
"""
_REFUSED = (ValueError, TypeError, ImportError, RuntimeError, ArithmeticError, MemoryError, KeyError)


def add(commands: Any) -> None:
    """Add the parser of ``check-embeddings``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check-embeddings",
        help="gain, misfit and realizability of two models on a task",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--task", metavar="NAME", help="a real task of $W2S_DATA (stsb_en, emobank, sst2, trec, …, or esol)")
    source.add_argument("--texts", metavar="FILE", help="a .csv, .jsonl, .parquet file (or .gz), or hub:NAME[:CONFIG[:SPLIT]]")
    source.add_argument(
        "--arrays",
        metavar="FILE.npz",
        help="arrays weak (N, d), strong (N, e), labels (N,): numbers or words, perhaps teacher, groups",
    )
    parser.add_argument("--text", metavar="COLUMN", help="the column of texts")
    parser.add_argument("--text2", metavar="COLUMN", help="the column of second texts, for pairs")
    parser.add_argument("--label", metavar="COLUMN", help="the column of gold labels")
    parser.add_argument("--teacher", metavar="COLUMN", help="labels of a supervisor of your own; then no weak model is needed")
    parser.add_argument("--weak", metavar="MODEL:LAYER", help="the weak model")
    parser.add_argument("--strong", metavar="MODEL:LAYER", help="the strong model")
    parser.add_argument("--kind", choices=("regression", "classes"), help="what the labels are, where it is not clear")
    parser.add_argument("--splits", type=int, default=10, metavar="S", help="random splits, 2 or more (default 10)")
    parser.add_argument("--sizes", default="0.25,0.5,0.25", metavar="W,T,E", help="weak, transfer, test rows: shares or counts")
    parser.add_argument("--seed", type=int, default=0, help="seed of splits (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu: NumPy (default); cuda, cuda:1: torch there; cpu-torch")
    parser.add_argument("--side-by-side", action="store_true", help="with a device: NumPy too, and a table of both")
    parser.add_argument("--pooling", choices=("mean", "last", "first"), default="mean", help="over tokens (default mean)")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), default="float32", help="of the models' arithmetic"
    )
    parser.add_argument("--max-tokens", type=int, metavar="N", help="cut texts off there (default: what the model takes)")
    parser.add_argument("--local-files-only", action="store_true", help="never ask the hub")
    parser.add_argument("--cache", metavar="FOLDER", help="where to keep features (default $W2S_CACHE, else ~/.cache/w2s_theory)")
    parser.add_argument("--out", metavar="FOLDER", help="write report.json, report.md and report.html with pictures there")
    parser.set_defaults(run=lambda options: _run(options, parser))


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    _refuse_combinations(options, parser)
    try:
        return _check(options)
    except KeyboardInterrupt:
        print("\nw2s check-embeddings: interrupted. Extracted features are kept.", file=sys.stderr)
        return 130
    except (*_REFUSED, FileNotFoundError, PermissionError, IsADirectoryError) as error:
        said = error.args[0] if isinstance(error, KeyError) and error.args else error
        print("w2s check-embeddings:", said, *getattr(error, "__notes__", ()), file=sys.stderr)
        return 2


def _refuse_combinations(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Options that don't belong together, before anything is read."""
    if options.seed < 0:
        parser.error(f"--seed must be >= 0; it is {options.seed}")
    columns = {name: getattr(options, name) for name in ("text", "text2", "label")}
    if options.texts is None and any(columns.values()):
        parser.error("--text, --text2 and --label name columns of --texts; --task and --arrays bring their own.")
    if options.texts is not None and not (options.text and options.label):
        parser.error("--texts needs --text and --label: the columns of the texts and of the gold labels.")
    if options.texts is not None:
        named = [(f"--{name}", column) for name, column in (*columns.items(), ("teacher", options.teacher)) if column]
        for k, (option, column) in enumerate(named):
            same = [other for other, also in named[:k] if also == column]
            if same:
                parser.error(f"{same[0]} and {option} must name different columns; both are {column!r}.")
    if options.arrays is not None:
        if options.weak or options.strong or options.teacher:
            parser.error("--arrays brings weak, strong and teacher itself: leave out --weak, --strong and --teacher.")
        return
    if options.strong is None:
        parser.error("--strong must name the strong model, as MODEL:LAYER.")
    if (options.weak is None) == (options.teacher is None):
        parser.error("name the weak model by --weak, or the column of its labels by --teacher: one of them.")
    if options.side_by_side and options.device == "cpu":
        parser.error("--side-by-side compares NumPy with a --device; name one.")


def _check(options: argparse.Namespace) -> int:
    from ..problems.devices import torch_device
    from ..real_tasks import answers, check_embeddings, sections, side_by_side
    from ..real_tasks.pages import counts, exit_code, reason
    from .task_sources import arrays_task, models_task

    if options.device != "cpu":
        torch_device(options.device)
    sizes = _sizes(options.sizes)
    made = arrays_task(options) if options.arrays is not None else models_task(options)

    def measured(device: str) -> Any:
        return check_embeddings(
            made.task,
            sizes=sizes,
            splits=options.splits,
            teacher=made.teacher,
            groups=made.groups,
            device=device,
            rng=np.random.default_rng(options.seed),
            progress=_Splits(f"splits on {device}"),
        )

    report = measured(options.device)
    parts = sections(report)
    _print_numbers(report)
    print("\n" + "\n".join(answers(report)))
    print(f"\nStatements on the first split: {counts(report)}. Identities hold for any three models: they check the arithmetic.")
    for check in report.verdicts:
        print(f"  {check.statement:<36} {check.verdict.name:<12} {reason(check)}".rstrip())
    if options.side_by_side:
        from ..report import Section

        both = side_by_side(measured("cpu"), report)
        parts.append(Section("NumPy and the device side by side", rows=both))
        _print_both(both, options.device)
    if options.out is not None:
        from ..report import provenance, write_report

        recorded = provenance(seed=options.seed, device=options.device, inputs=made.inputs)
        try:
            paths = write_report(
                f"Weak to strong: {made.task.name}", parts, options.out, plain=report.plain(), provenance=recorded
            )
        except OSError as error:
            print(f"w2s check-embeddings: {error}", file=sys.stderr)
            return 3
        print("", *paths[:3], sep="\n")
    return exit_code(report)


def _sizes(text: str) -> tuple[float, ...]:
    from ..problems.empirical import part_sizes

    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--sizes must be three numbers with commas between, such as 0.25,0.5,0.25; it is {text!r}.") from None
    if all(0.0 < size < 1.0 for size in sizes):
        try:
            part_sizes(sizes, 10**9)
        except ValueError:
            raise ValueError(f"--sizes must be three shares that sum to at most 1, or three counts; it is {text!r}.") from None
    return tuple(int(size) if size >= 1.0 and size.is_integer() else size for size in sizes)


class _Splits:
    """Splits done and the time left, on standard error."""

    def __init__(self, what: str) -> None:
        self.what, self.start = what, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        from .embed import duration

        terminal = sys.stderr.isatty()
        if not terminal and done < total:
            return
        left = (time.monotonic() - self.start) / done * (total - done)
        line = f"{self.what}: {done} of {total}" + (f", {duration(left)} left   " if done < total else "              ")
        print(
            f"{chr(13) if terminal else ''}{line.rstrip() if not terminal else line}",
            end="" if done < total else "\n",
            file=sys.stderr,
            flush=True,
        )


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
                refused = not np.isfinite(number.low) or (quantity == "pgr" and not beats_constant(report, loss, "ceiling"))
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
