"""Finding and loading models: local folders, the hub's cache, fingerprints, and everything that is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.embeddings.tiny_models import BLOCKS, POSITIONS, TEXTS, WIDTH, alone, save_bert, save_model
from tests.tolerances import FLOAT32_FORWARD
from w2s_theory.embeddings.extraction import Extractor
from w2s_theory.embeddings.model_files import TOKENIZER_FILES, find_model
from w2s_theory.embeddings.models import load_model, load_tokenizer, shape

pytest.importorskip("transformers")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    """A copy of the encoder to be damaged."""
    return Path(shutil.copytree(bert, tmp_path / "copy"))


@pytest.fixture
def hub_cache(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache as a download leaves it, with the encoder as owner/tiny; the hub is out of reach. Returns the snapshot."""
    snapshot = tmp_path / "models--owner--tiny" / "snapshots" / COMMIT
    shutil.copytree(bert, snapshot)
    reference = tmp_path / "models--owner--tiny" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return snapshot


def rewrite(path: Path, change: Callable[[dict], object]) -> None:
    """Change a JSON file."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_a_folder_loads_with_the_shape_that_its_configuration_says(bert: Path) -> None:
    files = find_model(str(bert))
    assert shape(files, load_tokenizer(files)) == (BLOCKS, WIDTH, POSITIONS)
    model = load_model(files, "bfloat16")
    assert not model.training
    assert {str(weight.dtype) for weight in model.parameters()} == {"torch.bfloat16"}
    assert not any(weight.requires_grad for weight in model.parameters())
    assert model.config._attn_implementation == "sdpa"


def test_the_fingerprint_of_a_folder_is_the_hash_of_names_and_contents(bert: Path) -> None:
    lines = ""
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        lines += f"{name}\0{hashlib.sha256((bert / name).read_bytes()).hexdigest()}\n"
    assert find_model(bert).fingerprint == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_the_fingerprint_follows_weights_configuration_and_tokenizer_and_nothing_else(copy: Path, bert: Path) -> None:
    first = find_model(copy).fingerprint
    assert first == find_model(bert).fingerprint
    (copy / "README.md").write_text("words")
    assert find_model(copy).fingerprint == first
    seen = {first}
    for name in ("config.json", "tokenizer.json"):
        rewrite(copy / name, lambda values: values.update(_note="changed"))
        seen.add(find_model(copy).fingerprint)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    seen.add(find_model(copy).fingerprint)
    assert len(seen) == 4


def test_weights_in_one_file_are_read_and_hashed_before_those_of_an_index(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    save_file({name: 2 * value for name, value in weights.items()}, copy / "part.safetensors", {"format": "pt"})
    (copy / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, "part.safetensors")})
    )
    files = find_model(copy)
    assert [path.name for path in files.weights] == ["model.safetensors"]
    name = "embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(load_model(files).state_dict()[name].numpy(), weights[name])
    (copy / "model.safetensors").unlink()
    np.testing.assert_array_equal(load_model(find_model(copy)).state_dict()[name].numpy(), 2 * weights[name])


@pytest.mark.parametrize(
    ("file", "entry", "value"),
    [
        ("config.json", "transformers_weights", "other.safetensors"),
        ("config.json", "configuration_files", ["config.4.0.json"]),
        ("config.json", "quantization_config", {"quant_method": "fp8"}),
        ("tokenizer_config.json", "fast_tokenizer_files", ["tokenizer.4.0.json"]),
    ],
)
def test_entries_that_lead_to_files_or_numbers_that_are_not_hashed_are_refused(
    copy: Path, file: str, entry: str, value: object
) -> None:
    rewrite(copy / file, lambda values: values.update({entry: None}))
    find_model(copy)
    rewrite(copy / file, lambda values: values.update({entry: value}))
    with pytest.raises(ValueError, match=rf"{file} must not have '{entry}'.*save_pretrained"):
        find_model(copy)


def test_an_adapter_is_refused_because_other_weights_would_be_read_as_well(copy: Path) -> None:
    (copy / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/other", "peft_type": "LORA"}))
    with pytest.raises(ValueError, match=r"adapter_config\.json makes the folder an adapter.*Merge the two"):
        find_model(copy)


def test_every_file_that_a_tokenizer_of_transformers_reads_is_fetched_and_hashed(copy: Path) -> None:
    transformers = pytest.importorskip("transformers")
    models = Path(transformers.__file__).parent / "models"
    names = {name for path in models.glob("*/tokenization*.py") for name in re.findall(r'_file": "([^"/]+)"', path.read_text())}
    assert {"spm.model", "vocab.txt", "merges.txt", "entity_vocab.json"} <= names
    assert not {name for name in names if not any(Path(name).match(pattern) for pattern in TOKENIZER_FILES)}
    seen = {find_model(copy).fingerprint}
    for name in ("spm.model", "dict.txt", "tokenizer.model.v3", "qwen.tiktoken"):
        (copy / name).write_text("words")
        seen.add(find_model(copy).fingerprint)
    assert len(seen) == 5


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_files_that_are_changed_between_the_fingerprint_and_the_loading_are_noticed(copy: Path, name: str) -> None:
    import os

    files = find_model(copy)
    load_model(files)
    path, before = copy / name, (copy / name).stat()
    other = copy / "other"
    other.write_bytes(path.read_bytes())  # of the same size and age
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    with pytest.raises(ValueError, match=rf"{name} was changed after the fingerprint"):
        load_model(files)
    load_model(find_model(copy))


def test_a_file_that_was_replaced_by_one_of_the_same_size_and_age_is_hashed_again(copy: Path) -> None:
    import os

    first, path = find_model(copy).fingerprint, copy / "model.safetensors"
    before, weights = path.stat(), bytearray(path.read_bytes())
    weights[-1] ^= 1
    path.write_bytes(weights)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find_model(copy).fingerprint != first


def test_positions_that_begin_behind_the_padding_are_not_counted(copy: Path) -> None:
    rewrite(copy / "config.json", lambda values: values.update(model_type="roberta", pad_token_id=1))
    rewrite(copy / "tokenizer_config.json", lambda values: values.pop("model_max_length"))
    files = find_model(copy)
    assert shape(files, load_tokenizer(files)).max_tokens == POSITIONS - 2


def test_a_hub_name_is_resolved_to_a_commit_and_read_from_the_hub_s_cache(hub_cache: Path) -> None:
    cases: list[dict[str, Any]] = [
        {"local_files_only": True},
        {},
        {"revision": "main"},
        {"revision": COMMIT, "local_files_only": True},
    ]
    for options in cases:
        files = find_model("owner/tiny", **options)
        assert (files.folder, files.revision, files.fingerprint) == (hub_cache.resolve(), COMMIT, f"commit:{COMMIT}")
    assert load_model(files).config.hidden_size == WIDTH


def test_the_key_of_a_hub_model_names_the_commit_whatever_it_was_asked_for_by(hub_cache: Path, bert: Path) -> None:
    made = [Extractor("owner/tiny", revision=revision, local_files_only=True) for revision in (None, "main", COMMIT)]
    assert [each.key for each in made] == [made[0].key] * 3
    assert (made[0].key["revision"], made[0].key["model"]) == (COMMIT, f"commit:{COMMIT}")
    np.testing.assert_array_equal(made[1].extract(TEXTS), Extractor(bert).extract(TEXTS))


@pytest.mark.parametrize("revision", [None, "v2"])
def test_a_hub_model_that_is_neither_cached_nor_within_reach_says_both(hub_cache: Path, revision: str | None) -> None:
    name = "owner/other" if revision is None else "owner/tiny"
    with pytest.raises(
        FileNotFoundError, match=rf"{name}'.*not in the local hub cache, and it could not be fetched.*pass a local folder"
    ):
        find_model(name, revision=revision)
    with pytest.raises(FileNotFoundError, match="local_files_only forbids to fetch it"):
        find_model(name, revision=revision, local_files_only=True)


def test_a_hub_model_whose_weights_were_never_fetched_says_so(hub_cache: Path) -> None:
    (hub_cache / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"owner/tiny.*lacks model.safetensors"):
        find_model("owner/tiny", local_files_only=True)


def test_only_the_weights_that_the_index_names_are_needed(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    whole = find_model(copy).fingerprint
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    half = len(weights) // 2
    names = {name: f"model-0000{1 + (k >= half)}-of-00002.safetensors" for k, name in enumerate(weights)}
    for file in sorted(set(names.values())):
        save_file({name: weights[name] for name in names if names[name] == file}, copy / file, metadata={"format": "pt"})
    (copy / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    files = find_model(copy)
    assert [path.name for path in files.weights] == sorted(set(names.values()))
    assert files.fingerprint != whole
    load_model(files)
    files.weights[1].unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks model-00002-of-00002\.safetensors"):
        find_model(copy)
    rewrite(copy / "model.safetensors.index.json", lambda values: values["weight_map"].update(x="../elsewhere.safetensors"))
    with pytest.raises(ValueError, match="must map weights to files beside it"):
        find_model(copy)


def test_what_is_not_a_folder_or_a_name_is_refused_before_the_network_is_asked(tmp_path: Path) -> None:
    for name in ("./nowhere", str(tmp_path / "nowhere"), "a/b/c", ""):
        with pytest.raises(FileNotFoundError, match="must be a local folder or a name on the hub"):
            find_model(name)


def test_a_folder_without_a_configuration_and_a_revision_of_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        find_model(tmp_path)
    with pytest.raises(ValueError, match=r"revision is 'main', but .* is a local folder"):
        find_model(tmp_path, revision="main")


def test_pickled_weights_are_refused_with_the_way_out(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"as a pickle \(pytorch_model\.bin\).*never loaded.*save_pretrained"):
        find_model(copy)


@pytest.mark.parametrize("kept", [0, 5, 100, -1], ids=["nothing", "half a length", "part of the header", "all but a byte"])
def test_a_truncated_safetensors_file_is_named(copy: Path, kept: int) -> None:
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors is truncated or damaged"):
        find_model(copy)


def test_a_damaged_configuration_is_named(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": "be')
    with pytest.raises(ValueError, match=r"config\.json"):
        load_model(find_model(copy))


def test_a_model_with_code_of_its_own_is_refused_and_the_code_is_not_run(copy: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (copy / "own.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Config: pass\nclass Model: pass\n")
    names = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    rewrite(copy / "config.json", lambda values: values.update(model_type="its_own", auto_map=names))
    files = find_model(copy)
    for load in (load_model, lambda files: shape(files, load_tokenizer(find_model(copy)))):
        with pytest.raises(ValueError, match="needs code of its own"):
            load(files)
    assert not trace.exists()


def test_a_model_type_that_transformers_does_not_know_is_named(copy: Path) -> None:
    rewrite(copy / "config.json", lambda values: values.update(model_type="unheard_of"))
    with pytest.raises(ValueError, match=r"can't load the configuration in .*unheard_of"):
        load_model(find_model(copy))


def test_weights_that_are_missing_are_never_made_up(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "layer.1.output" not in name},
        copy / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ValueError, match=r"lacks weights that the model needs, 4 of them, such as encoder\.layer\.1\.output"):
        load_model(find_model(copy))


def test_weights_of_another_size_are_refused(copy: Path) -> None:
    rewrite(copy / "config.json", lambda values: values.update(intermediate_size=48))
    with pytest.raises(ValueError, match="copy"):
        load_model(find_model(copy))


def test_the_pooler_that_hidden_states_do_not_need_may_be_missing(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "pooler" not in name}, copy / "model.safetensors", {"format": "pt"}
    )
    load_model(find_model(copy))


@pytest.mark.parametrize("entry", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("value", ["owner/kernel", "eager", {"": "owner/kernel"}], ids=str)
def test_attention_is_ours_to_choose_and_no_kernel_is_fetched(copy: Path, entry: str, value: object) -> None:
    rewrite(copy / "config.json", lambda values: values.update({entry: value}))
    assert load_model(find_model(copy)).config._attn_implementation == "sdpa"


def test_of_an_encoder_with_a_decoder_the_encoder_is_read_and_it_may_be_saved_without_the_decoder(tmp_path: Path) -> None:
    from transformers import T5EncoderModel

    sizes = {"d_model": WIDTH, "d_kv": 8, "d_ff": 2 * WIDTH, "num_layers": BLOCKS, "num_decoder_layers": 2, "num_heads": 4}
    both = save_model(tmp_path / "both", "T5Model", "T5Config", **sizes)
    encoder = Path(shutil.copytree(both, tmp_path / "encoder"))
    (encoder / "model.safetensors").unlink()
    T5EncoderModel.from_pretrained(both).save_pretrained(encoder)
    wanted = alone(both, TEXTS, kind="T5EncoderModel")
    for folder in (both, encoder):
        found = Extractor(folder, batch_tokens=44).extract(TEXTS)
        far = np.linalg.norm(found - wanted, axis=-1) / np.linalg.norm(wanted, axis=-1)
        assert far.max() <= FLOAT32_FORWARD


def test_a_folder_without_a_tokenizer_is_refused(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    with pytest.raises(ValueError, match="tokenizer"):
        load_tokenizer(find_model(copy))


def test_loading_leaves_the_terminal_and_the_settings_of_transformers_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    folder = save_bert(tmp_path / "bert")
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    capfd.readouterr()
    load_model(find_model(folder))
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
