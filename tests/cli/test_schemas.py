"""Every --json output keeps to its published schema, and no schema lets an unknown key through."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from tests.diagnosis.pools import class_pool, fill_in, number_pool, probability_pool, write_csv
from tests.embeddings.tiny_models import WORDS, save_bert
from w2s_theory import cli
from w2s_theory.schemas import names, schema
from w2s_theory.statements import Sides
from w2s_theory.sweeps import sweep
from w2s_theory.theorems import STATEMENTS

#: Commands whose output the tests of their own check, because it takes a checkout's tables to make it.
ELSEWHERE = {"report"}


def validated(name: str, out: str) -> dict:
    """What a command printed, after the schema has had its say."""
    answer = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    Draft202012Validator(schema(name)).validate(answer)
    assert next(iter(answer)) == "schema" and answer["schema"] == schema(name)["$id"]
    return answer


@pytest.fixture
def run(capsys):
    def call(*words: object, name: str = "", code: int = 0) -> dict:
        try:
            found = cli.main([*map(str, words), "--json"])
        except SystemExit as stop:
            found = stop.code
        captured = capsys.readouterr()
        assert found == code, captured.err
        return validated(name or str(words[0]), captured.out)

    return call


def test_every_command_with_json_has_a_schema_and_is_run_here_or_by_its_own_tests():
    with_json = {name for name in cli.COMMANDS if "json" in {field.name for field in dataclasses.fields(cli.command_class(name))}}
    assert with_json == set(cli.COMMANDS), "a command gives no result for a program"
    assert {name.replace(" ", "-") for name in with_json} <= set(names())
    for name in with_json - ELSEWHERE:
        stem = f"test_{re.sub('[- ]', '_', name)}"
        assert any(test == stem or test.startswith(f"{stem}_") for test in globals()), f"no test here runs w2s {name} --json"


@pytest.mark.parametrize("name", names())
def test_a_schema_is_valid_named_with_its_version_described_and_closed(name):
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert re.fullmatch(rf"w2s-theory/{name}/[1-9]\d*", found["$id"])
    assert found["title"] and False in (found.get("additionalProperties"), found.get("unevaluatedProperties"))
    messages = [error.message for error in Draft202012Validator(found).iter_errors({"_no_such_key": 1})]
    assert any("_no_such_key" in message for message in messages)


def test_an_unknown_schema_is_answered_with_the_names():
    with pytest.raises(KeyError, match="there are check-embeddings, diagnose"):
        schema("verfy")


def test_verify(run, monkeypatch):
    answer = run("verify", "identities.squared", "charikar2024.theorem_1")
    assert [row["verdict"] for row in answer["checks"]] == ["HOLDS", "HOLDS"]
    for sides, verdict in ((Sides(1.0, 2.0), "VIOLATED"), (Sides(np.nan, np.inf), "NONFINITE")):
        wrong = replace(STATEMENTS["identities.squared"], sides=lambda triple, sides=sides: sides)
        monkeypatch.setitem(STATEMENTS, "identities.squared", wrong)
        answer = run("verify", "identities.squared", code=1)
        assert [row["verdict"] for row in answer["checks"]] == [verdict] and answer["exit_code"] == 1
        run("show", "identities.squared")
        run("worst-case", "identities.squared", "--draws", 1, "--hunt", 0, "--workers", 1, code=1)
    listed = run("verify", "charikar2024", "--list", name="list")
    assert {row["paper"] for row in listed["statements"]} == {"charikar2024"}


def test_verify_on_a_device(run):
    pytest.importorskip("torch")
    answer = run("verify", "identities.squared", "lang2024.coverage", "--device", "cpu-torch")
    assert ["on_device" in row for row in answer["checks"]] == [True, False]


def test_list(run):
    assert run("list", "--paper", "charikar2024")["count"] > 3


def test_show(run):
    run("show", "charikar2024.theorem_1")


def test_worst_case(run):
    run("worst-case", "identities.squared", "--draws", 2, "--hunt", 2, "--workers", 1)


def test_figures_list(run):
    assert run("figures", "--list")["experiments"]


def test_sweep(run, tmp_path):
    (tmp_path / "study.py").write_text(
        "GRID = [{'n': n} for n in range(4)]\n"
        "def run_one(params, rng):\n    return {'inverse': 1 / params['n'], 'draw': rng.normal()}\n"
    )
    assert run("sweep", tmp_path / "study.py", "--dry-run")["points"] == 4
    answer = run("sweep", tmp_path / "study.py", "--workers", 1, code=1)
    assert (answer["rows"], answer["failed"]) == (4, 1)


def test_the_store_of_a_sweep_keeps_to_the_schemas_that_its_files_name(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")

    def run_one(params, rng):
        if params["n"] == 2:
            raise ValueError("no")
        return [] if params["n"] == 3 else [{"x": 1.0, "is_odd": True}, {"x": 2, "word": "a"}]

    sweep(run_one, [{"n": n} for n in range(4)], trials=2, store=tmp_path, name="t", version="v")
    validator, seen = Draft202012Validator(schema("sweep-points")), set()
    for path in tmp_path.glob("*.parquet"):
        table = parquet.read_table(path)
        assert json.loads(table.schema.metadata[b"w2s_theory"])["schema"] == schema("sweep-points")["$id"]
        for row in table.to_pylist():
            validator.validate(row | {"_key": row["_key"].hex()})
            seen.add((row["_status"], row["_row"]))
    assert seen == {("ok", 0), ("ok", 1), ("ok", -1), ("failed", 0)}
    assert not validator.is_valid(row | {"_key": row["_key"].hex(), "_new": 1})
    (about,) = (json.loads(path.read_text()) for path in tmp_path.glob("run-*.json"))
    Draft202012Validator(schema("sweep-run")).validate(about)
    assert about["schema"] == schema("sweep-run")["$id"]


@pytest.mark.parametrize("kind", ["regression", "classes"])
def test_check_embeddings(run, tmp_path, kind):
    rng = np.random.default_rng(0)
    strong = rng.standard_normal((160, 5))
    labels = strong @ np.ones(5) + rng.standard_normal(160)
    if kind == "classes":
        labels = (labels > 0).astype(np.int64)
    np.savez(tmp_path / "f.npz", weak=strong[:, :2] + rng.standard_normal((160, 2)), strong=strong, labels=labels)
    answer = run("check-embeddings", "--arrays", tmp_path / "f.npz", "--splits", 2, "--out", tmp_path / "report")
    written = json.loads((tmp_path / "report" / "report.json").read_text())["result"]
    assert written == {key: answer[key] for key in written} and answer["side_by_side"] is None
    for loss, gains in answer["gains"].items():
        (gain,) = {row["value"] for row in answer["numbers"] if (row["loss"], row["quantity"]) == (loss, "gain")}
        assert np.mean(gains) == pytest.approx(gain)


def test_check_embeddings_side_by_side(run, tmp_path):
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    strong = rng.standard_normal((80, 3))
    np.savez(tmp_path / "f.npz", strong=strong, labels=strong.sum(1), teacher=strong.sum(1) + rng.standard_normal(80))
    words = ("--arrays", tmp_path / "f.npz", "--splits", 2, "--device", "cpu-torch", "--side-by-side")
    answer = run("check-embeddings", *words)
    assert answer["side_by_side"] and all(row["agree"] for row in answer["side_by_side"])


def test_embed(run, tmp_path):
    (tmp_path / "t.csv").write_text("text\n" + "\n".join(WORDS[:4]))
    model = save_bert(tmp_path / "bert")
    answer = run("embed", tmp_path / "t.csv", "--text", "text", "--model", model, "--cache", tmp_path / "c", "--layers", "-2,-1")
    (store,) = answer["stores"]
    assert np.load(f"{store['folder']}/layer_{store['layers'][0]}.npy").shape == (store["texts"], store["width"])


def test_diagnose_next_and_diagnose_with_a_draw_a_ceiling_or_no_label(run, tmp_path):
    weak, student, gold = class_pool(80)
    whole = write_csv(tmp_path / "whole.csv", weak=weak, student=student, gold=gold, ceiling=gold)
    assert run("diagnose", whole, "--gold-is", "random")["diagnosis"]["ceiling"] is not None
    unlabelled = write_csv(tmp_path / "none.csv", weak=weak, student=student)
    assert run("diagnose", unlabelled)["diagnosis"]["answers"][0]["gain"] is None
    drawn = run("diagnose", "next", unlabelled, "--count", 9, "--out", tmp_path / "d.csv", name="diagnose-next")
    assert len(drawn["points"]) == 9 and drawn["written"] == [str(tmp_path / "d.csv"), str(tmp_path / "d.json")]
    fill_in(tmp_path / "d.csv", gold)
    for words in ((), ("--sequential",)):
        assert run("diagnose", unlabelled, "--draw", tmp_path / "d.csv", *words)["diagnosis"]["labelled"] == 9


@pytest.mark.parametrize("pool", [number_pool, probability_pool])
def test_diagnose_of_numbers_and_probabilities(run, tmp_path, pool):
    weak, student, gold = pool(40)
    if weak.ndim == 2:
        columns = {
            f"{role}_{k}": values[:, k] for role, values in (("weak", weak), ("student", student)) for k in range(weak.shape[1])
        }
    else:
        columns = {"weak": weak, "student": student}
    path = write_csv(tmp_path / "a.csv", **columns, gold=gold)
    assert run("diagnose", path, "--gold-is", "random")["diagnosis"]["labelled"] == 40


def test_diagnose_rank(run, tmp_path):
    weak, student, gold = class_pool(60)
    files = [
        write_csv(tmp_path / f"{k}.csv", weak=one, student=other, gold=gold)
        for k, (one, other) in enumerate([(weak, student), (student, weak)])
    ]
    assert run("diagnose", "rank", *files, name="diagnose-rank")["ranking"]["may_be_best"] == [True, False]


def test_diagnose_plan(run):
    for words in (
        ("--misfit", 0.1),
        ("--deviation", 0.5, "--classical", 0.7),
        ("--unit", "seeds", "--variances", 1e-4, 0.02, 0.1),
        ("--unit", "test-points", "--variances", 1e-4, 0.02, 0.1, "--seeds", "2,30"),
    ):
        run("diagnose", "plan", "--gain", 0.02, *words, name="diagnose-plan")


def test_what_json_can_not_say_prints_nothing(capsys):
    from w2s_theory.cli.printing import print_json

    with pytest.raises(TypeError, match=r"result\.checks"):
        print_json("verify", {"version": "1", "checks": object()})
    print_json("verify", {"seed": float("nan"), "checks": [np.inf, np.arange(2)]})
    assert json.loads(capsys.readouterr().out) == {"schema": "w2s-theory/verify/1", "seed": None, "checks": [None, [0, 1]]}
