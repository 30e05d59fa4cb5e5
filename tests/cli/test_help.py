"""The command line as a whole: helps that teach and cost nothing, what is refused, interruptions, and a missing tyro."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.diagnosis.pools import class_pool, write_csv
from w2s_theory import cli
from w2s_theory.cli.misuse import Misuse
from w2s_theory.cli.parsing import parsed

ROOT = Path(__file__).parents[2]
#: What a help must not wait for.
HEAVY = ("typeguard", "numpy", "scipy", "torch", "transformers", "sklearn", "pyarrow", "matplotlib", "loky", "dask", "cvxpy")


@pytest.fixture
def run(capsys):
    def call(*words: str) -> tuple[int, str, str]:
        try:
            code = cli.main(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def python(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, **options)


def test_the_help_of_all_commands_imports_no_command_and_that_of_a_command_no_heavy_library():
    asked = [["--help"], *([*name.split(), "--help"] for name in cli.COMMANDS)]
    code = f"""
import contextlib, io, sys
from w2s_theory import cli
for words in {asked!r}:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        cli.main(words)
    assert "usage: w2s" in out.getvalue(), words
    if words == ["--help"]:
        assert "tyro" not in sys.modules and "w2s_theory.cli.verify" not in sys.modules
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    assert not loaded, (words, loaded)
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_the_help_of_all_commands_names_each_with_a_line(run):
    code, out, _ = run("--help")
    assert code == 0 and "examples:" in out and all(f"\n  {number:<5}" in out for number in (0, 1, 2, 3, 70, 130))
    for name, line in cli.COMMANDS.items():
        assert f"\n  {name:<18}{line}\n" in out
    assert [line for line in out.splitlines() if len(line) > 80] == []
    for words in commands_of(out.partition("examples:")[2]):
        command_of(words)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_help_teaches_within_80_columns_and_has_no_colours(run, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(*name.split(), "--help")
    assert code == 0 and out.startswith(f"usage: w2s {name} ") and "\nexamples:\n" in out and "\noptions:\n" in out
    assert all(re.search(rf"^  {code} ", out, flags=re.MULTILINE) for code in (0, 2, 3, 70, 130)), "an exit code is missing"
    assert [line for line in out.splitlines() if len(line) > 80] == []
    assert "\x1b" not in out and "│" not in out and "(default: )" not in out and "None" not in out


def commands_of(text: str) -> list[list[str]]:
    """The commands that a text shows on indented lines, without the explanations beside them."""
    text = re.sub(r"\\\n\s*", "", text)
    lines = re.findall(r"^ {2,}(w2s .*?)(?: {2,}.*| > .*)?$", text, flags=re.MULTILINE)
    return [shlex.split(line, comments=True)[1:] for line in lines]


def command_of(words: list[str]) -> object:
    """The command that ``words`` describe, parsed and not run."""
    name, rest = cli._named(words)
    return parsed(cli.command_class(name), name, rest)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_examples_of_a_help_are_valid_commands(name):
    shown = commands_of(cli.command_class(name).__doc__ or "")
    assert any(" ".join(words).startswith(name) for words in shown)
    for words in shown:
        if "FILE" not in words and words != ["diagnose", "plan"]:  # the forms of a command, not examples
            command_of(words)


def test_the_commands_of_the_readme_are_valid():
    shown = commands_of((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(shown) > 8
    for words in shown:
        command_of(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a COMMAND is missing: one of list, show, verify"),
        (("verfy",), "there is no command 'verfy'; did you mean 'verify'?"),
        (("qqq",), "there is no command 'qqq'; there are list, show, verify"),
        (("--verson",), "did you mean '--version'?"),
        (("verify", "--sed", "3"), "Unrecognized options: --sed, 3. Perhaps you meant: --seed N."),
        (("verify", "--seed", "x"), "--seed must be a whole number; it is 'x'."),
        (("diagnose", "plan", "--gain", "x"), "--gain must be a number; it is 'x'."),
        (("verify", "--seed"), "--seed needs a value."),
        (("verify", "--json=1"), "--json takes no value; it is given as '--json=1'"),
        (("embed", "t.csv", "--text", "t"), "there must be --model NAME."),
        (
            ("embed", "t.csv", "--model", "m", "--text", "t", "--pooling", "max"),
            "--pooling must be one of first, last, mean; it is 'max'.",
        ),
        (("diagnose", "a.csv", "--label-range", "1"), "--label-range must be numbers, FLOAT FLOAT; it is '1'."),
        (("diagnose", "a.csv", "--label-range", "a", "2"), "--label-range must be numbers, FLOAT FLOAT; it is 'a', '2'."),
        (("diagnose", "a.csv", "--epsilon", "x"), "--epsilon must be a number; it is 'x'."),
        (("embed", "t.csv", "--model", "m", "--max-tokens", "x"), "--max-tokens must be a whole number; it is 'x'."),
        (("check-embeddings", "--kind", "c"), "--kind must be one of classes, regression; it is 'c'."),
        (("check-embeddings", "--kind", "None"), "--kind must be one of classes, regression; it is 'None'."),
        (("diagnose", "plan", "--gain", "0.1", "--unit", "seeds"), "--unit seeds needs --pilot FILE.csv or --variances"),
    ],
)
def test_what_can_not_be_parsed_is_one_line_on_stderr_and_exit_code_2(run, words, message):
    code, out, err = run(*words)
    assert (code, out) == (2, "") and message in err
    assert err.startswith("w2s") and err.count("\n") == 1 and "error: " in err


def test_a_long_value_is_not_broken_into_lines(run):
    path = "/".join(["a-folder-with-a-long-name"] * 8)
    assert path in run("verify", "--no-such-option", path)[2]


def test_words_after_two_dashes_are_names(run):
    code, _, err = run("verify", "--", "--json=1")
    assert code == 2 and "no statement is called '--json=1'" in err


def test_without_tyro_a_command_says_how_to_install_it():
    code = "import sys; sys.modules['tyro'] = None; from w2s_theory.cli import main; sys.exit(main(sys.argv[1:]))"
    done = python("-c", code, "verify", "--list")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("w2s verify: error: tyro is not installed") and "pip install 'w2s-theory[cli]'" in done.stderr
    assert python("-c", code, "--help").returncode == 0


def test_ctrl_c_ends_with_130_and_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "w2s_theory", "verify"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        assert process.stdout is not None and process.stderr is not None
        assert "HOLDS" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130 and err == "\nw2s verify: interrupted.\n"


def test_an_output_that_has_no_greek_letters_gets_question_marks():
    done = python("-m", "w2s_theory", "verify", "identities", "--list", env={"PYTHONIOENCODING": "ascii", "PATH": ""})
    assert done.returncode == 0 and "?weak" in done.stdout


def test_a_report_records_the_command_as_it_is_typed(tmp_path):
    weak, student, gold = class_pool(30)
    answers = str(write_csv(tmp_path / "a.csv", weak=weak, student=student, gold=gold))
    done = python("-m", "w2s_theory", "diagnose", answers, "--out", str(tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    recorded = json.loads((tmp_path / "report" / "report.json").read_text())["provenance"]["command"]
    assert recorded == shlex.join(["w2s", "diagnose", answers, "--out", str(tmp_path / "report")])


def test_a_reader_that_has_gone_hears_no_complaint():
    process = subprocess.Popen(
        [sys.executable, "-m", "w2s_theory", "diagnose", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    with process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        err = process.stderr.read().decode()
    assert (process.returncode, err) == (3, "")


def test_a_mistake_of_ours_is_neither_a_violation_nor_misuse(run, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("not foreseen")

    monkeypatch.setattr("w2s_theory.theorems.find", broken)
    code, _, err = run("verify", "no.such")
    assert code == 70 and "Traceback" in err and "ZeroDivisionError: not foreseen" in err
    assert err.splitlines()[-1].startswith("w2s verify: error: this is a mistake of w2s")


def test_a_terminal_of_one_column_gets_a_narrow_help(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1")
    code, out, _ = run("show", "--help")
    assert code == 0 and "name of the" in out


def test_a_command_refuses_by_misuse():
    with pytest.raises(Misuse, match="See `w2s verify --help`"):
        command_of(["verify", "--seed", "x"])
