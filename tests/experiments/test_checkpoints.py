"""Checkpoints of a training: they come back as they were, survive a kill, and are not used when damaged or of another training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from experiments import _checkpoints as checkpoints
from experiments._store import StoreError

VALUES = {"step": 7, "weights": np.arange(5, dtype=np.float32) / 3, "rng": '{"state": 123}', "loss": 0.1 + 0.2}


def test_a_checkpoint_comes_back_bit_by_bit(tmp_path):
    path = tmp_path / "deep" / "one.npz"
    checkpoints.save(path, VALUES, "mark")
    found, why = checkpoints.load(path, "mark")
    assert why == "" and found is not None and found.keys() == VALUES.keys()
    assert found["weights"].dtype == np.float32
    np.testing.assert_array_equal(found["weights"], VALUES["weights"])
    assert {name: found[name] for name in ("step", "rng", "loss")} == {name: VALUES[name] for name in ("step", "rng", "loss")}
    assert type(found["step"]) is int and type(found["rng"]) is str


def test_a_damaged_byte_or_a_cut_is_noticed_wherever_it_is(tmp_path):
    path = tmp_path / "one.npz"
    checkpoints.save(path, VALUES, "mark")
    data = path.read_bytes()
    for position in range(0, len(data), 41):
        damaged = bytearray(data)
        damaged[position] ^= 1
        for wrong in (bytes(damaged), data[:position]):
            path.write_bytes(wrong)
            found, why = checkpoints.load(path, "mark")
            assert found is None and "is damaged" in why and str(path) in why


def test_an_absent_checkpoint_and_one_of_another_training_are_told_apart(tmp_path):
    path = tmp_path / "one.npz"
    assert checkpoints.load(path, "mark")[0] is None and "does not exist" in checkpoints.load(path, "mark")[1]
    checkpoints.save(path, VALUES, "mark")
    found, why = checkpoints.load(path, "other")
    assert found is None and "other settings, code or versions" in why


def test_a_fingerprint_sees_settings_and_where_one_part_ends():
    assert checkpoints.fingerprint(1, "x") == checkpoints.fingerprint(1, "x") != checkpoints.fingerprint(2, "x")
    assert checkpoints.fingerprint("ab", "c") != checkpoints.fingerprint("a", "bc")
    assert checkpoints.fingerprint(b"1") != checkpoints.fingerprint(b"2") and len(checkpoints.fingerprint()) == 16


def test_a_fingerprint_sees_what_code_does_and_not_how_it_is_written(tmp_path):
    code = tmp_path / "code.py"

    def of(text):
        code.write_text(text)
        return checkpoints.fingerprint(code)

    before = of('"""About."""\n\ndef f(x):\n    """Doubles."""\n    return 2 * x\n')
    assert before == of('"""Another title."""\n\n# a comment\ndef f(x):\n    """Twice x."""\n    return (2 *\n        x)\n')
    assert before != of('"""About."""\n\ndef f(x):\n    """Doubles."""\n    return 3 * x\n')


@pytest.mark.parametrize("values", [{"a": object()}, {"a": [1, "x", None]}, {"fingerprint": 1}])
def test_what_is_not_a_plain_array_is_refused_and_nothing_is_written(values, tmp_path):
    with pytest.raises(TypeError, match="must be arrays of numbers"):
        checkpoints.save(tmp_path / "one.npz", values, "mark")
    assert not list(tmp_path.iterdir())


def test_a_pickle_in_the_place_of_a_checkpoint_is_not_read(tmp_path):
    """A file with a valid checksum, but objects in it: NumPy refuses to unpickle them."""
    import hashlib
    import io

    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([object()]), fingerprint=np.asarray("mark"))
    (tmp_path / "one.npz").write_bytes(hashlib.sha256(buffer.getvalue()).hexdigest().encode() + b"\n" + buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle"):
        checkpoints.load(tmp_path / "one.npz", "mark")


def test_a_failed_write_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    checkpoints.save(path, VALUES, "mark")

    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StoreError, match="the disk is full"):
        checkpoints.save(path, VALUES | {"step": 8}, "mark")
    found, _ = checkpoints.load(path, "mark")
    assert found is not None and found["step"] == 7
    assert [left.name for left in tmp_path.iterdir()] == ["one.npz"]


def test_a_writer_killed_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    """A process that does nothing but write is killed, several times."""
    path = tmp_path / "one.npz"
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom experiments import _checkpoints\n"
        "step = 0\n"
        "while True:\n"
        "    step += 1\n"
        "    _checkpoints.save(Path(sys.argv[1]), {'step': step, 'weights': np.full(200000, float(step))}, 'mark')\n"
        "    print(step, flush=True)\n"
    )
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(5)]
        writer.kill()
        said += [int(line) for line in writer.communicate()[0].split()]
        found, why = checkpoints.load(path, "mark")
        assert why == "" and found is not None and found["step"] in (said[-1], said[-1] + 1)
        np.testing.assert_array_equal(found["weights"], np.full(200000, float(found["step"])))
