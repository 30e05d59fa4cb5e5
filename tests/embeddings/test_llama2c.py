"""The llama2.c model: its files, its tokenizer, its forward pass against a second one in NumPy, and the stories it tells."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import FLOAT32_FORWARD, ROUNDING_FLOAT32
from w2s_theory.embeddings.llama2c import Llama2c, stories_model
from w2s_theory.embeddings.llama2c_files import START, Tokenizer, read_checkpoint
from w2s_theory.embeddings.store import embed

# width, inner, layers, heads, key/value heads, pieces, longest
SIZES = (16, 24, 3, 4, 2, 280, 32)
LETTERS = [b" ", b"a", b"b", b"c", b"d", "é".encode()]
JOINED = [b" a", b"ab", b"bc", b"abc", b" b", b"cd", b"dd", b" ab", b"bcd", b"dddd", b"ba", b"ca", b" c", b"da", b"aa"]


def write_checkpoint(path, sizes=SIZES, seed=0, head=False):
    """A random model in the oldest layout of llama2.c; the tables of angles are its formulas, position by position."""
    width, inner, layers, heads, pairs, pieces, longest = sizes
    rng = np.random.default_rng(seed)
    half, narrow = width // heads // 2, width // heads * pairs
    norm = [(layers, width)]
    shapes = [(pieces, width), *norm, (layers, width, width), (layers, narrow, width), (layers, narrow, width)]
    shapes += [(layers, width, width), *norm, (layers, inner, width), (layers, width, inner), (layers, inner, width), (width,)]
    arrays = [rng.standard_normal(shape) / 2.0 for shape in shapes]
    angles = np.arange(longest)[:, None] / 10000.0 ** (np.arange(half) / half)
    arrays += [np.cos(angles), np.sin(angles)] + [rng.standard_normal((pieces, width))] * head
    numbers = np.concatenate([array.ravel() for array in arrays]).astype("<f4")
    path.write_bytes(struct.pack("<7i", *sizes[:5], -pieces if head else pieces, longest) + numbers.tobytes())
    return path


def write_tokenizer(path, count=SIZES[5], seed=0):
    """Unknown, start, end, bytes, letters, joined pieces with random scores."""
    rng = np.random.default_rng(seed)
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(f"<0x{byte:02X}>".encode() for byte in range(256)), *LETTERS, *JOINED]
    assert len(pieces) == count
    scores = [0.0] * 259 + (-rng.permutation(count - 259) - 1.0).tolist()
    raw = [struct.pack("<fi", score, len(piece)) + piece for piece, score in zip(pieces, scores, strict=True)]
    path.write_bytes(struct.pack("<i", max(map(len, pieces))) + b"".join(raw))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama2c")
    return write_checkpoint(folder / "model.bin"), write_tokenizer(folder / "tokens.bin")


@pytest.fixture(scope="module")
def tiny(files):
    return Llama2c(*files)


@pytest.fixture(scope="module")
def stories(real_data):
    return stories_model(real_data("language_models/stories260K"))


def forward(checkpoint, tokens):
    """Hidden states (T, layers + 1, width) in float64, one position and one head at a time, as run.c has it: neighbouring entries turn."""
    w = {name: value.astype(np.float64) for name, value in checkpoint.weights.items()}
    size, shared = checkpoint.width // checkpoint.heads, checkpoint.heads // checkpoint.pairs

    def normed(x, gain):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-5) * gain

    def turned(rows):
        rows = rows.reshape(len(tokens), -1, size).copy()
        for position, row in enumerate(rows):
            c, s = w["cosines"][position], w["sines"][position]
            even, odd = row[:, 0::2].copy(), row[:, 1::2].copy()
            row[:, 0::2], row[:, 1::2] = even * c - odd * s, even * s + odd * c
        return rows

    x = w["embeddings"][tokens]
    states = [x]
    for layer in range(checkpoint.layers):
        h = normed(x, w["attention_norm"][layer])
        q, k = turned(h @ w["query"][layer].T), turned(h @ w["key"][layer].T)
        v = (h @ w["value"][layer].T).reshape(len(tokens), -1, size)
        seen = np.zeros((len(tokens), checkpoint.heads, size))
        for position in range(len(tokens)):
            for head in range(checkpoint.heads):
                scores = k[: position + 1, head // shared] @ q[position, head] / np.sqrt(size)
                weights = np.exp(scores - scores.max())
                seen[position, head] = weights / weights.sum() @ v[: position + 1, head // shared]
        x = x + seen.reshape(len(tokens), -1) @ w["output"][layer].T
        h = normed(x, w["inner_norm"][layer])
        gate = h @ w["gate"][layer].T
        x = x + (gate / (1.0 + np.exp(-gate)) * (h @ w["up"][layer].T)) @ w["down"][layer].T
        states.append(x)
    states[-1] = normed(x, w["norm"])
    return np.stack(states, axis=1)


def joined_globally(tokenizer, text):
    """Piece numbers by the rule itself: of all neighbours in the whole text, the best first; nothing is cut at spaces or kept."""
    numbers = {piece: number for number, piece in reversed(list(enumerate(tokenizer.pieces))) if number >= 259}
    ids = []
    for character in " " + text:
        raw = character.encode()
        ids += [numbers[raw]] if raw in numbers else [3 + byte for byte in raw]
    while True:
        best = None
        for i, (left, right) in enumerate(pairwise(ids)):
            both = tokenizer.pieces[left] + tokenizer.pieces[right]
            if left >= 259 and right >= 259 and both in numbers:
                score = tokenizer._score[both]
                if best is None or score > best[0]:
                    best = (score, i, numbers[both])
        if best is None:
            return [START, *ids]
        ids[best[1] : best[1] + 2] = [best[2]]


# ---- files --------------------------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_read_in_the_order_it_is_written_in(files):
    checkpoint = read_checkpoint(files[0])
    numbers = np.concatenate([value.ravel() for value in checkpoint.weights.values()])
    assert (checkpoint.width, checkpoint.layers, checkpoint.pairs, checkpoint.pieces) == (16, 3, 2, 280)
    assert numbers.astype("<f4").tobytes() == files[0].read_bytes()[28:]


def test_a_head_of_its_own_is_read_and_not_used(tmp_path, files):
    path = write_checkpoint(tmp_path / "headed.bin", head=True)
    assert read_checkpoint(path).weights["head"].shape == (280, 16)
    assert np.array_equal(Llama2c(path, files[1]).extract(["ab"]), Llama2c(*files).extract(["ab"]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: raw[:20], "ends after 20 bytes"),
        (lambda raw: raw[:-4], "must have .* bytes"),
        (lambda raw: raw + b"\0", "must have .* bytes"),
        (lambda raw: struct.pack("<i", 0x616B3432) + raw[4:], "newer one"),
        (lambda raw: struct.pack("<i", -16) + raw[4:], "seven sizes"),
        (lambda raw: raw[:12] + struct.pack("<i", 5) + raw[16:], "seven sizes"),
        (lambda raw: raw[:24] + struct.pack("<i", 2**31 - 1) + raw[28:], "must have .* bytes"),
        (lambda raw: raw[:-4] + struct.pack("<f", np.nan), "finite"),
    ],
    ids=["cut in the head", "cut", "too long", "newer layout", "negative", "heads", "huge", "nan"],
)
def test_a_damaged_checkpoint_is_named_and_never_guessed_at(files, tmp_path, damage, words):
    path = tmp_path / "damaged.bin"
    path.write_bytes(damage(files[0].read_bytes()))
    with pytest.raises(ValueError, match=words) as error:
        read_checkpoint(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: raw[:-1], "piece 279"),
        (lambda raw: raw[:2], "ends within piece 0"),
        (lambda raw: raw + b"\0", "left over"),
        (lambda raw: raw[:8] + struct.pack("<i", -5) + raw[12:], "length -5"),
        (lambda raw: raw[:4] + struct.pack("<f", np.nan) + raw[8:], "score nan"),
    ],
    ids=["cut", "empty", "too long", "negative length", "nan"],
)
def test_a_damaged_tokenizer_is_named(files, tmp_path, damage, words):
    path = tmp_path / "damaged.bin"
    path.write_bytes(damage(files[1].read_bytes()))
    with pytest.raises(ValueError, match=words) as error:
        Tokenizer(path, 280)
    assert str(path) in str(error.value)


def test_files_that_are_not_there_are_named(files, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.bin"):
        read_checkpoint(tmp_path / "absent.bin")
    with pytest.raises(FileNotFoundError, match=r"absent\.bin"):
        Tokenizer(tmp_path / "absent.bin", 280)


# ---- tokens -------------------------------------------------------------------------------------------------------------------------


@given(text=st.text(alphabet="abcd é日\n", min_size=1, max_size=24))
def test_words_one_by_one_give_what_the_rule_gives_on_the_whole_text(files, text):
    tokenizer = Tokenizer(files[1], 280)
    assert tokenizer._by_words
    assert tokenizer.encode(text) == joined_globally(tokenizer, text)


def test_a_tokenizer_with_a_space_within_a_piece_takes_the_text_as_a_whole(files, tmp_path):
    path = tmp_path / "spaced.bin"
    path.write_bytes(files[1].read_bytes().replace(struct.pack("<i", 2) + b"ba", struct.pack("<i", 2) + b"b "))
    tokenizer = Tokenizer(path, 280)
    assert not tokenizer._by_words
    for text in ("ab ab", "b b b", "cab abc"):
        assert tokenizer.encode(text) == joined_globally(tokenizer, text)


def test_a_long_text_without_spaces_costs_little_more_than_its_length(files):
    """Twenty thousand joins in well under the seconds that a scan of the text for every join takes; counted in comparisons, not time."""
    looked = 0

    class Counted(dict):
        def __contains__(self, key):
            nonlocal looked
            looked += 1
            return super().__contains__(key)

    tokenizer = Tokenizer(files[1], 280)
    tokenizer._score = Counted(tokenizer._score)
    text = "ab" * 2000
    found = tokenizer.encode(text)
    assert "".join(tokenizer.pieces[number].decode() for number in found[1:]) == " " + text
    assert looked < 5 * len(text)  # every character once, and twice for every join


def test_angles_of_another_base_are_refused(tmp_path, files):
    numbers = np.frombuffer(files[0].read_bytes()[28:], dtype="<f4").copy()
    angles = np.arange(SIZES[6])[:, None] / 500000.0 ** (np.arange(2) / 2)
    numbers[-2 * angles.size :] = np.concatenate([np.cos(angles).ravel(), np.sin(angles).ravel()])
    path = tmp_path / "other_base.bin"
    path.write_bytes(files[0].read_bytes()[:28] + numbers.tobytes())
    with pytest.raises(ValueError, match="angles of the base 10000") as error:
        read_checkpoint(path)
    assert str(path) in str(error.value)


def test_control_pieces_can_not_be_written_in_a_text(tiny):
    assert tiny.tokenizer.encode("\n<s>\n").count(START) == 1


def test_the_pieces_of_a_real_text_spell_it(stories):
    text = "Naïve 日本 cats — “quoted”,\nnew line\tand 12 %."
    spelled = b""
    for number in stories.tokenizer.encode(text)[1:]:
        spelled += bytes([number - 3]) if number < 259 else stories.tokenizer.pieces[number]
    assert spelled.decode() == " " + text


# ---- the model ----------------------------------------------------------------------------------------------------------------------


def states(model, tokens):
    """Hidden states (T, layers + 1, width) of one text by torch."""
    import torch

    with torch.inference_mode():
        found = model.model(input_ids=torch.tensor([tokens]), use_cache=False, output_hidden_states=True).hidden_states
    return torch.cat(found).numpy().swapaxes(0, 1)


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_torch_and_a_second_forward_pass_agree_on_a_random_model(tiny, files):
    tokens = tiny.tokenizer.encode("abc dd cab bcdda ca")
    assert len(tokens) > 8
    expected = forward(read_checkpoint(files[0]), tokens)
    assert relative(states(tiny, tokens), expected) < FLOAT32_FORWARD
    # Power: the same model with queries and keys left in the other order is somewhere else.
    wrong = read_checkpoint(files[0])
    for name in ("query", "key"):
        rows = wrong.weights[name].reshape(3, -1, 2, 2, 16)
        wrong.weights[name] = rows.swapaxes(2, 3).reshape(wrong.weights[name].shape)
    assert relative(forward(wrong, tokens), expected) > 0.01


def test_torch_and_a_second_forward_pass_agree_on_the_stories_model(stories, real_data):
    tokens = stories.tokenizer.encode("Once upon a time, there was a dog. It was a big, brown dog!")
    checkpoint = read_checkpoint(real_data("language_models/stories260K/stories260K.bin"))
    assert relative(states(stories, tokens), forward(checkpoint, tokens)) < FLOAT32_FORWARD


def test_the_model_tells_the_stories_that_other_programs_print_from_it(stories):
    """Greedy text for two beginnings, as llama2.c's own test expects it and as a port to another machine quotes it."""
    published = (
        (
            "Once",
            " upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big",
        ),
        ("Zoo", " was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball."),
    )
    embeddings = stories.model.embed_tokens.weight.numpy()
    for begun, expected in published:
        tokens = stories.tokenizer.encode(begun)
        told = ""
        while len(told) < len(expected):
            tokens.append(int(np.argmax(embeddings @ states(stories, tokens)[-1, -1])))
            told += stories.tokenizer.pieces[tokens[-1]].decode()
        assert told.startswith(expected)


def test_its_own_kind_of_text_is_likely_and_noise_is_not(stories):
    def nats(text):
        tokens = stories.tokenizer.encode(text)
        scores = states(stories, tokens)[:-1, -1] @ stories.model.embed_tokens.weight.numpy().T
        scores -= scores.max(axis=1, keepdims=True)
        chances = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -chances[np.arange(len(tokens) - 1), tokens[1:]].mean()

    assert nats("Lily and Tom went to the park. They saw a big dog. The dog was happy and wanted to play.") < np.log(512) / 3
    assert nats("qx zzv kkjw 55 !! pp") > np.log(512)


# ---- features -----------------------------------------------------------------------------------------------------------------------

TEXTS = ["ab", "abc dd cab bcdda", "é", "ca da ba", "dddd"]


@pytest.mark.parametrize("pooling", ["mean", "last", "first"])
def test_features_are_the_pooled_states_of_each_text_alone(files, tiny, pooling):
    model = Llama2c(*files, pooling=pooling)
    found = model.extract(TEXTS)
    assert found.shape == (5, 4, 16) and found.dtype == np.float32
    for text, features in zip(TEXTS, found, strict=True):
        alone = forward(read_checkpoint(files[0]), tiny.tokenizer.encode(text))
        expected = {"mean": alone.mean(axis=0), "last": alone[-1], "first": alone[0]}[pooling]
        assert relative(features, expected) < FLOAT32_FORWARD


def test_layers_are_chosen_and_the_key_tells_every_choice(files, tiny):
    model = Llama2c(*files, layers=[0, -1])
    assert model.layers == (0, 3)
    np.testing.assert_allclose(model.extract(TEXTS), tiny.extract(TEXTS)[:, [0, 3]], rtol=0, atol=ROUNDING_FLOAT32)
    others = [model, Llama2c(*files, pooling="last"), Llama2c(*files, max_tokens=5)]
    assert len({str(each.key) for each in [tiny, *others]}) == 4
    with pytest.raises(ValueError, match="layers"):
        Llama2c(*files, layers=[4])
    with pytest.raises(ValueError, match="pooling"):
        Llama2c(*files, pooling="max")


def test_the_key_tells_another_model(files, tiny, tmp_path):
    assert Llama2c(write_checkpoint(tmp_path / "other.bin", seed=1), files[1]).key != tiny.key
    assert Llama2c(files[0], write_tokenizer(tmp_path / "other.tok", seed=1)).key != tiny.key


def test_long_texts_are_cut_and_counted(files):
    model = Llama2c(*files, max_tokens=4)
    found = model.extract(["dadadadada", "dadada", "d"])
    assert model.truncated == 2
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=ROUNDING_FLOAT32)  # they begin alike
    assert Llama2c(*files, max_tokens=1000).max_tokens == 32


def test_the_store_takes_it(tiny, tmp_path):
    made = embed(TEXTS, tiny, folder=tmp_path)
    assert np.array_equal(made.layer(2), tiny.extract(TEXTS)[:, 2])


def test_without_a_data_folder_the_way_out_is_named(monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="W2S_DATA"):
        stories_model()
