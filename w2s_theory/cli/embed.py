"""``w2s embed``: features of a table's texts, extracted once and kept."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import monotonic
from typing import Any

DESCRIPTION = """\
Extract the features of a table's texts, layer by layer, and keep them in a folder. What is there already is not computed again,
so that the same command goes on after an interruption.

SOURCE is a .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet file, or a data set of the hub: hub:NAME[@REVISION][:CONFIG[:SPLIT]].
The model is a name on the hub or a local folder. Code that comes with a data set or a model is never run.

examples:
  w2s embed reviews.csv --text review --model sentence-transformers/all-MiniLM-L6-v2
  w2s embed pairs.parquet --text first --text2 second --model ./my-model --layers 0,6 --local-files-only
  w2s embed reviews.csv --text review --model ./my-model --layers -2,-1       the last two layers
  w2s embed hub:imdb::test --text text --model Qwen/Qwen2.5-0.5B --pooling last --dtype bfloat16 --device cuda
  w2s embed --task stsb_en --model minilm              a real task of $W2S_DATA, the encoder of the extra 'encoder'
"""
EXIT_CODES = """\
exit codes:
  0    done; the folders and files are printed
  2    misuse: an option, file, column or model that can't be used; a store that is damaged (--repair) or in use
  3    the features could not be written (a full disk); what is finished stays
  130  interrupted (Ctrl-C); what is finished stays, and the same command goes on from there
"""


_REFUSED = (ValueError, TypeError, ImportError, RuntimeError, ArithmeticError, MemoryError)


def add(commands: Any) -> None:
    """Add the parser of ``embed``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "embed", help="extract features of texts and keep them", description=DESCRIPTION, epilog=EXIT_CODES
    )
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="the table")
    parser.add_argument("--task", metavar="NAME", help="a real task of $W2S_DATA, in the place of SOURCE and its columns")
    parser.add_argument("--text", metavar="COLUMN", help="the column of texts")
    parser.add_argument("--text2", metavar="COLUMN", help="the column of second texts, for pairs")
    parser.add_argument("--model", required=True, metavar="NAME", help="hub name or folder; 'minilm' is the packaged encoder")
    add_extraction(parser)
    parser.add_argument("--cache", metavar="FOLDER", help="where to keep features (default $W2S_CACHE, else ~/.cache/w2s_theory)")
    parser.add_argument(
        "--shard",
        type=int,
        default=1024,
        metavar="N",
        help="texts between two savings (default 1024); another N is another store: everything is extracted again",
    )
    parser.add_argument("--repair", action="store_true", help="compare all checksums first, and extract again what is damaged")
    parser.set_defaults(run=lambda options: _embed(options, parser))


def add_extraction(parser: Any) -> None:
    """The options that say how a model is read."""
    parser.add_argument("--revision", metavar="COMMIT", help="the model's branch, tag or commit on the hub")
    parser.add_argument(
        "--layers",
        default="all",
        metavar="K,…",
        help="0 = token embeddings, k = after block k, -1 = last; -2,-1 = last two (default all)",
    )
    parser.add_argument("--pooling", choices=("mean", "last", "first"), default="mean", help="over tokens (default mean)")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), default="float32", help="of the model's arithmetic"
    )
    parser.add_argument("--device", default="cpu", metavar="D,…", help="cpu, cuda, or several: cuda:0,cuda:1 (default cpu)")
    parser.add_argument("--local-files-only", action="store_true", help="never ask the hub")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="cut texts off there (default: what the model takes)")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")


def extractor(options: argparse.Namespace, model: str) -> Any:
    """The ``Extractor`` that the options of ``add_extraction`` describe, for one model."""
    from ..embeddings.extraction import Extractor

    if model == "minilm":
        from ..embeddings.offline import offline_encoder

        model = offline_encoder()
    try:
        layers = options.layers if options.layers == "all" else [int(k) for k in options.layers.split(",")]
    except ValueError:
        raise ValueError(f"--layers must be 'all' or whole numbers with commas between; it is {options.layers!r}.") from None
    return Extractor(
        model,
        revision=options.revision,
        layers=layers,
        pooling=options.pooling,
        dtype=options.dtype,
        devices=tuple(options.device.split(",")),
        local_files_only=options.local_files_only,
        max_tokens=options.max_tokens,
        compile=options.compile,
    )


class Progress:
    """Texts done, texts per second of this run, and the time left, on standard error: one line that is rewritten on a terminal."""

    def __init__(self, what: str) -> None:
        self.what, self.start, self.first, self.shown = what, monotonic(), -1, 0.0
        self.done = self.total = 0
        self.is_old = False

    def __call__(self, done: int, total: int) -> None:
        """Show where it stands, at most once a second but for the first and the last time."""
        self.done, self.total, now = done, total, monotonic()
        if self.first < 0:
            self.first, self.start = done, now
            self.is_old = done == total
            if done:
                self._show(f"{done:,} of {total:,} texts are there already" if done < total else f"all {total:,} texts are there")
        elif self.is_old:
            return  # nothing was computed in this run: there is no rate
        elif done == total or now - self.shown >= 1.0:
            rate = (done - self.first) / max(now - self.start, 1e-9)
            left = "" if done == total or not rate else f", {duration((total - done) / rate)} left"
            self._show(f"{done:,} of {total:,} texts, {rate:,.0f} texts/s{left}")
            self.shown = now

    def _show(self, line: str) -> None:
        terminal = sys.stderr.isatty()
        end = "" if terminal and self.done < self.total else "\n"
        print(f"{chr(13) if terminal else ''}{self.what}: {line}{'  ' if terminal else ''}", end=end, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _embed(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if (options.source is None) == (options.task is None):
        parser.error("one of SOURCE and --task must be given, and only one.")
    if options.source is not None and options.text is None:
        parser.error("--text must name the column of SOURCE that holds the texts.")
    if options.task is not None and (options.text or options.text2):
        parser.error("--task brings its own columns: leave out --text and --text2.")
    from ..embeddings.store import embed

    try:
        sides = _texts(options)
        model = extractor(options, _one_model(options.model))
    except (*_REFUSED, OSError) as error:
        return _failed(2, error)
    try:
        for name, texts in sides.items():
            store = embed(texts, model, folder=options.cache, shard=options.shard, progress=Progress(name), repair=options.repair)
            store.verify()
            print(f"{name}: {len(store):,} texts, width {store.width}, layers {', '.join(map(str, store.layers))}")
            print(f"  {store.folder}")
            if store.truncated:
                print(
                    f"w2s embed: {name}: {store.truncated:,} texts were longer than the model takes, and were cut off.",
                    file=sys.stderr,
                )
        print(
            "To read: layer_K.npy is (texts, width) in float32, a row per text in their order, for numpy.load; or "
            "Embeddings.open(folder).layer(K), from w2s_theory.embeddings.store."
        )
    except KeyboardInterrupt:
        print(
            "\nw2s embed: interrupted. The shards that are finished are kept; the same command goes on from there.",
            file=sys.stderr,
        )
        return 130
    except BlockingIOError as error:
        return _failed(2, error)
    except OSError as error:
        return _failed(3, error)
    except _REFUSED as error:
        return _failed(2, error)
    return 0


def _one_model(model: str) -> str:
    """The model, unless it is written as ``check-embeddings`` takes features: with a layer, or without a model."""
    if Path(model).exists():
        return model
    if model == "tfidf":
        raise ValueError("--model must be a model; tfidf is none, and needs no embedding: pass it to `w2s check-embeddings`.")
    name, colon, layer = model.rpartition(":")
    if colon and layer.lstrip("-").isdecimal():
        raise ValueError(f"--model must be a model without a layer; it is {model!r}. Say --model {name} --layers {layer}.")
    return model


def _texts(options: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """The texts of each side, by the name of their column."""
    from ..embeddings.texts import checked_texts, read_columns

    if options.task is not None:
        from ..embeddings.real_tasks import text_task

        task = text_task(options.task)
        return {"text": task.texts} | ({} if task.texts2 is None else {"text2": task.texts2})
    columns = [column for column in (options.text, options.text2) if column is not None]
    found = read_columns(options.source, columns)
    name = Path(options.source).name
    return {column: checked_texts(f"{name}: the column {column!r}", values, len(values)) for column, values in found.items()}


def _failed(code: int, error: BaseException) -> int:
    print("w2s embed:", error, *getattr(error, "__notes__", ()), file=sys.stderr)
    return code
