"""``w2s check-embeddings``: arrays, a table of texts through tiny models, what it prints and writes, its refusals and exit codes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.embeddings.tiny_models import WORDS, save_bert
from w2s_theory import cli
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.real_tasks import check_embeddings


@pytest.fixture
def run(capsys, tmp_path):
    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = cli.main(["check-embeddings", *arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def arrays(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    strong = rng.standard_normal((160, 5))
    weak = strong[:, :2] + rng.standard_normal((160, 2))
    made = {"weak": weak, "strong": strong, "labels": strong @ np.ones(5) + rng.standard_normal(160)} | changes
    return {name: array for name, array in made.items() if array is not None}


@pytest.fixture
def archive(tmp_path):
    def save(**changes: np.ndarray | None) -> str:
        np.savez(tmp_path / "features.npz", **arrays(**changes))
        return str(tmp_path / "features.npz")

    return save


def test_arrays_give_the_numbers_of_the_library_and_a_report(run, archive, tmp_path):
    code, out, err = run("--arrays", archive(), "--splits", "3", "--seed", "4", "--out", str(tmp_path / "report"))
    assert code == 0
    made = arrays()
    task = EmpiricalTask(made["weak"], made["strong"], made["labels"], "features")
    expected = check_embeddings(task, splits=3, groups=None, rng=np.random.default_rng(4))
    gain = expected.number("gain")
    assert f"{gain.value:8.4f} [{gain.low:.4f}, {gain.high:.4f}]" in out
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert written["result"]["gains"]["squared"] == list(expected.gains["squared"])
    assert written["provenance"]["seed"] == 4 and "features.npz" in written["provenance"]["inputs"]
    assert (tmp_path / "report" / "report.html").is_file() and (tmp_path / "report" / "picture_3.png").is_file()
    assert "realizable" in out and "charikar2024.cross_term" in out and "HOLDS" in out
    assert "splits on cpu  [" in err and "3/3  done in" in err and "kept" not in err


def test_classes_with_a_teacher_and_groups(run, archive):
    rng = np.random.default_rng(1)
    labels = (arrays()["labels"] > 0).astype(np.int64)
    teacher = np.where(rng.random(160) < 0.2, 1 - labels, labels).astype(float)
    teacher[:7] = np.nan
    code, out, _ = run(
        "--arrays", archive(weak=None, labels=labels, teacher=teacher, groups=np.arange(160) // 2), "--splits", "3"
    )
    assert code == 0
    assert "153 rows (7 left out)" in out and "accuracy" in out and "no gain in cross-entropy" in out


def test_numpy_and_torch_side_by_side(run, archive):
    pytest.importorskip("torch")
    code, out, _ = run("--arrays", archive(), "--splits", "2", "--device", "cpu-torch", "--side-by-side")
    assert code == 0
    table = out.split("side by side:")[1].splitlines()[1:]
    assert len(table) >= 6 and all(line.endswith("agree") and "DISAGREE" not in line for line in table if line.strip())


def test_a_table_of_texts_goes_through_two_models(run, tmp_path):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[:7], size=rng.integers(2, 7))) for _ in range(60)]
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        rows = [(text, f"{len(text) / 7.0:.3f}", f"{len(text) / 7.0 + rng.standard_normal():.3f}") for text in texts]
        csv.writer(file).writerows([("text", "length", "guess"), *rows])
    model = str(save_bert(tmp_path / "bert"))
    options = ("--texts", str(path), "--text", "text", "--label", "length", "--cache", str(tmp_path / "cache"), "--splits", "2")
    code, out, err = run(*options, "--weak", f"{model}:0", "--strong", f"{model}:-1")
    assert code == 0, err
    assert "table: 60 rows" in out and "squared" in out and "cross-entropy" not in out
    code, out, _ = run(*options, "--teacher", "guess", "--strong", f"{model}:1")
    assert code == 0 and "into 0 weak" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "one of --task, --texts and --arrays must be given"),
        (("--task", "stsb_en"), "--strong must name"),
        (("--task", "stsb_en", "--strong", "minilm:6"), "one of them"),
        (("--task", "stsb_en", "--strong", "minilm:6", "--weak", "minilm:0", "--text", "t"), "columns of --texts"),
        (("--texts", "t.csv", "--strong", "minilm:6", "--weak", "minilm:0"), "needs --text and --label"),
        (("--arrays", "a.npz", "--weak", "minilm:0"), "leave out"),
        (("--task", "stsb_en", "--strong", "a:1", "--weak", "b:1", "--seed", "-1"), "--seed must be >= 0"),
        (("--task", "stsb_en", "--strong", "a:1", "--weak", "b:1", "--side-by-side"), "name one"),
        (("--arrays", "absent.npz"), "absent.npz"),
        (("--texts", "t.csv", "--strong", "a:1", "--weak", "b:1", "--text", "t", "--label", "t"), "must name different columns"),
        (("--arrays", "absent.npz", "--sizes", ".5,.5,.5"), "--sizes must be three shares that sum to at most 1"),
        (("--arrays", "absent.npz", "--sizes", "a,b"), "--sizes must be three numbers"),
        (("--arrays", "absent.npz", "--device", "gpu"), "device must be"),
    ],
)
def test_misuse_is_exit_code_2_and_says_why(run, arguments, words):
    code, _, err = run(*arguments)
    assert code == 2 and words in err


def test_damaged_and_wrong_archives_are_named(run, archive, tmp_path):
    for changes, words in (
        ({"labels": None}, "it lacks ['labels']"),
        ({"more": np.zeros(3)}, "holds ['labels', 'more'"),
        ({"weak": np.zeros((3, 2))}, "weak must have one row per label, 160"),
        ({"strong": np.zeros(160)}, "strong must be numbers (N, d)"),
        ({"strong": np.full((160, 2), np.nan)}, "must be finite"),
        ({"labels": np.zeros((160, 2))}, "labels must be numbers (N,)"),
        ({"labels": np.array(["no", "yes"] * 80), "teacher": np.array(["no", "si"] * 80)}, "'si' is none of"),
        ({"labels": np.array([{}] * 160, dtype=object)}, "not an npz file of plain arrays"),
    ):
        code, _, err = run("--arrays", archive(**changes))
        assert code == 2 and words in err and "features.npz" in err, err
    whole = (tmp_path / "features.npz").read_bytes()
    (tmp_path / "features.npz").write_bytes(whole[: len(whole) // 2])
    code, _, err = run("--arrays", str(tmp_path / "features.npz"))
    assert code == 2 and "damaged" in err


def test_a_table_given_as_arrays_is_sent_to_texts_without_a_word_of_pickles(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\na,1\n")
    code, _, err = run("--arrays", str(tmp_path / "t.csv"))
    assert code == 2 and "t.csv" in err and "--texts" in err and "pickle" not in err


def test_words_as_labels_of_arrays_are_classes_in_sorted_order(run, archive):
    made = (arrays()["labels"] > 0).astype(np.int64)
    by_number, by_word = (
        run("--arrays", archive(labels=labels, teacher=teacher), "--splits", "2")
        for labels, teacher in ((made, made[::-1]), (np.array(["no", "yes"])[made], np.array(["no", "yes"])[made[::-1]]))
    )
    assert by_number[0] == by_word[0] == 0 and by_number[1] == by_word[1] and "accuracy" in by_word[1]
    code, _, err = run("--arrays", archive(labels=np.array(["no", "yes"])[made]), "--kind", "regression")
    assert code == 2 and "Try --kind classes" in err


def test_word_labels_of_a_table_as_a_regression_are_pointed_to_classes(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "a word,positive\n" * 9)
    columns = ("--texts", str(tmp_path / "t.csv"), "--text", "text", "--label", "label", "--kind", "regression")
    code, _, err = run(*columns, "--weak", "tfidf", "--strong", "tfidf")
    assert code == 2 and "row 1 holds 'positive'" in err and "--kind classes" in err


def test_an_unknown_task_is_told_the_close_names_and_esol(run):
    code, _, err = run("--task", "stsb", "--weak", "tfidf", "--strong", "tfidf")
    assert code == 2 and "close: 'stsb_en'" in err and "esol" in err


def test_a_layer_that_a_model_lacks_is_refused_before_texts_go_through(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"{WORDS[k % 5]} word,{k / 3}\n" for k in range(12)))
    columns = ("--texts", str(tmp_path / "t.csv"), "--text", "text", "--label", "label", "--cache", str(tmp_path / "cache"))
    model = str(save_bert(tmp_path / "bert"))
    code, _, err = run(*columns, "--weak", f"{model}:0", "--strong", f"{model}:9")
    assert (
        code == 2
        and ":9: the layer must be one of 0 to 3, or counted from the end; it is 9" in err
        and not (tmp_path / "cache").exists()
    )


def test_few_rows_and_tfidf_of_few_texts_run_with_a_word_of_caution(run, tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{' '.join(rng.choice(WORDS[:7], size=5))},{rng.standard_normal():.3f}\n" for _ in range(40)]
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(lines))
    columns = ("--texts", str(tmp_path / "t.csv"), "--text", "text", "--label", "label", "--cache", str(tmp_path / "cache"))
    code, out, err = run(*columns, "--weak", "tfidf", "--strong", "tfidf", "--splits", "2")
    assert code == 0, err
    assert "Caution: there are only 10 weak and 20 transfer and 10 test rows" in out


def test_a_model_must_name_its_layer(run, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"word {k},{k / 3}\n" for k in range(12)))
    columns = ("--texts", str(path), "--text", "text", "--label", "label")
    for name in ("minilm", "minilm:top", ":3"):
        code, _, err = run(*columns, "--weak", name, "--strong", "minilm:6")
        assert code == 2 and "MODEL:LAYER" in err


def test_a_report_that_can_not_be_written_is_exit_code_3(run, archive, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, err = run("--arrays", archive(), "--splits", "2", "--out", str(tmp_path / "file"))
    assert code == 3 and "file" in err


def test_help_teaches(run):
    code, out, _ = run("--help")
    assert code == 0 and "exit codes:" in out and "--weak minilm:0 --strong minilm:6" in out and "units:" in out


def test_a_real_task_with_its_real_teacher(run, real_data, tmp_path):
    """TF-IDF as the strong model, so that no encoder is needed."""
    real_data("text/lexglue_tos_gpt35.csv.gz")
    pytest.importorskip("sklearn")
    code, out, err = run(
        "--task", "lexglue_tos_gpt35", "--teacher", "gpt35", "--strong", "tfidf", "--splits", "2", "--cache", str(tmp_path)
    )
    assert code == 0, err
    assert "1,000 rows (0 left out), 2 splits into 0 weak" in out and "In accuracy the student" in out
    code, _, err = run("--task", "sst2", "--teacher", "gpt35", "--strong", "tfidf")
    assert code == 2 and "has no teacher" in err
