"""``w2s embed``: features of a table's texts, extracted once and kept."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from .misuse import Misuse, Unwritable, refused
from .options import Given
from .printing import print_json

#: What the reader of texts and the library of the model may raise.
REFUSED = (ValueError, TypeError, ImportError, RuntimeError, ArithmeticError, MemoryError)


@dataclass(frozen=True, kw_only=True)
class Embed:
    """Extract the features of a table's texts, layer by layer, and keep them in a folder. What is there already is not computed
    again, so that the same command goes on after an interruption.

    SOURCE is a .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet file, or a data set of the hub: hub:NAME[@REVISION][:CONFIG[:SPLIT]].
    The model is a name on the hub or a local folder. Code that comes with a data set or a model is never run.

    examples:
      w2s embed reviews.csv --text review --model ./my-model
      w2s embed pairs.parquet --text first --text2 second --model ./my-model
      w2s embed reviews.csv --text review --model ./my-model --layers -2,-1
      w2s embed hub:imdb::test --text text --model Qwen/Qwen2.5-0.5B \\
          --pooling last --dtype bfloat16 --device cuda
      w2s embed --task stsb_en --model minilm
                      a real task of $W2S_DATA, the encoder of the extra 'encoder'

    exit codes:
      0    done; the folders and files are printed
      2    misuse: an option, file, column or model that can't be used;
           a store that is damaged (--repair) or in use
      3    the features could not be written (a full disk); what is finished stays
      130  interrupted (Ctrl-C); what is finished stays, and the same command
           goes on from there
    """

    source: Annotated[Positional[Given[str]], arg(metavar="[SOURCE]")] = None
    """the table"""
    task: Annotated[Given[str], arg(metavar="NAME")] = None
    """a real task of $W2S_DATA, in the place of SOURCE and its columns"""
    text: Annotated[Given[str], arg(metavar="COLUMN")] = None
    """the column of texts"""
    text2: Annotated[Given[str], arg(metavar="COLUMN")] = None
    """the column of second texts, for pairs"""
    model: Annotated[str, arg(metavar="NAME")]
    """hub name or folder; 'minilm' is the packaged encoder"""
    revision: Annotated[Given[str], arg(metavar="COMMIT")] = None
    """the model's branch, tag or commit on the hub"""
    layers: Annotated[str, arg(metavar="K,...")] = "all"
    """0 = token embeddings, k = after block k, -1 = last; -2,-1 = last two"""
    pooling: Literal["mean", "last", "first"] = "mean"
    """over the tokens of a text"""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of the model's arithmetic"""
    device: Annotated[str, arg(metavar="D,...")] = "cpu"
    """cpu, cuda, or several: cuda:0,cuda:1"""
    local_files_only: bool = False
    """never ask the hub"""
    max_tokens: Annotated[Given[int], arg(metavar="N")] = None
    """cut texts off there, in tokens (default: what the model takes)"""
    compile: bool = False
    """torch.compile the model"""
    cache: Annotated[Given[str], arg(metavar="FOLDER")] = None
    """where to keep features (default: $W2S_CACHE, else ~/.cache/w2s_theory)"""
    shard: Annotated[int, arg(metavar="N")] = 1024
    """texts between two savings; another N is another store: everything is extracted again"""
    repair: bool = False
    """compare all checksums first, and extract again what is damaged"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Extract, and print the folders."""
        if (self.source is None) == (self.task is None):
            raise Misuse("one of SOURCE and --task must be given, and only one.")
        if self.source is not None and self.text is None:
            raise Misuse("--text must name the column of SOURCE that holds the texts.")
        if self.task is not None and (self.text or self.text2):
            raise Misuse("--task brings its own columns: leave out --text and --text2.")
        with refused(*REFUSED, OSError):
            sides = self._texts()
            model = self._extractor(_one_model(self.model))
        stores = [self._store(name, texts, model) for name, texts in sides.items()]
        if self.json:
            print_json("embed", {"model": self.model, "stores": stores})
        else:
            print(
                "To read: layer_K.npy is (texts, width) in float32, a row per text in their order, for numpy.load; or "
                "Embeddings.open(folder).layer(K), from w2s_theory.embeddings.store."
            )
        return 0

    def _store(self, name: str, texts: tuple[str, ...], model: Any) -> dict[str, Any]:
        """The store of one side, extracted, verified and printed."""
        from ..embeddings.store import embed
        from ..sweeps.progress import Progress

        try:
            with refused(*REFUSED, BlockingIOError):
                progress = Progress(f"texts of {name}")
                store = embed(texts, model, folder=self.cache, shard=self.shard, progress=progress, repair=self.repair)
                store.verify()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("The shards that are finished are kept; the same command goes on from there.") from None
        except OSError as error:
            raise Unwritable(str(error)) from error
        if not self.json:
            print(f"{name}: {len(store):,} texts, width {store.width}, layers {', '.join(map(str, store.layers))}")
            print(f"  {store.folder}", flush=True)
        if store.truncated:
            print(
                f"w2s embed: {name}: {store.truncated:,} texts were longer than the model takes, and were cut off.",
                file=sys.stderr,
            )
        return {
            "column": name,
            "texts": len(store),
            "cut_off": store.truncated,
            "width": store.width,
            "layers": list(store.layers),
            "folder": str(store.folder),
        }

    def _texts(self) -> dict[str, tuple[str, ...]]:
        """The texts of each side, by the name of their column."""
        from ..embeddings.texts import checked_texts, read_columns

        if self.source is None:
            from ..embeddings.real_tasks import text_task

            task = text_task(str(self.task))
            return {"text": task.texts} | ({} if task.texts2 is None else {"text2": task.texts2})
        columns = [column for column in (self.text, self.text2) if column is not None]
        found = read_columns(self.source, columns)
        name = Path(self.source).name
        return {column: checked_texts(f"{name}: the column {column!r}", values, len(values)) for column, values in found.items()}

    def _extractor(self, model: str) -> Any:
        from ..embeddings.extraction import Extractor

        if model == "minilm":
            from ..embeddings.offline import offline_encoder

            model = offline_encoder()
        try:
            layers = self.layers if self.layers == "all" else [int(k) for k in self.layers.split(",")]
        except ValueError:
            raise Misuse(f"--layers must be 'all' or whole numbers with commas between; it is {self.layers!r}.") from None
        return Extractor(
            model,
            revision=self.revision,
            layers=layers,
            pooling=self.pooling,
            dtype=self.dtype,
            devices=tuple(self.device.split(",")),
            local_files_only=self.local_files_only,
            max_tokens=self.max_tokens,
            compile=self.compile,
        )


def _one_model(model: str) -> str:
    """The model, unless it is written as ``check-embeddings`` takes features: with a layer, or without a model."""
    if Path(model).exists():
        return model
    if model == "tfidf":
        raise Misuse("--model must be a model; tfidf is none, and needs no embedding: pass it to `w2s check-embeddings`.")
    name, colon, layer = model.rpartition(":")
    if colon and layer.lstrip("-").isdecimal():
        raise Misuse(f"--model must be a model without a layer; it is {model!r}. Say --model {name} --layers {layer}.")
    return model
