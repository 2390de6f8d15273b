"""What the journal says after any kind of death."""

from __future__ import annotations

import fcntl
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery import append_file
from newsletter.delivery import journal as journal_module
from newsletter.delivery.journal import Journal, Key, dead_journals, is_alive, read
from newsletter.store.deliveries import Outcome


def outcome(key: Key, state: str = "sent", reply: str = "2.0.0 ok") -> Outcome:
    return Outcome(key.id, key.attempts, state, 1_700_000_000, 5, 6, "main", 250, reply, True)


def test_an_intent_without_a_reply_is_in_doubt_and_a_released_one_is_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w1")
    one, two, three, four = (Key(number, 0) for number in range(1, 5))
    journal.release([one, two, three, four])
    journal.write((), one)
    journal.write([outcome(one)], two)
    journal.write((), three)
    journal.hand_back(three)
    replay = read(journal.path.read_bytes(), "")
    assert replay.worker == "w1" and replay.is_whole
    assert replay.in_doubt == {two}
    assert replay.released == {four}
    assert replay.outcomes == (outcome(one),)
    journal.close()


def test_after_a_reboot_everything_released_without_a_reply_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "w1")
    one, two = Key(1, 0), Key(2, 0)
    journal.release([one, two])
    journal.write([], one)
    data = journal.path.read_bytes()
    journal.close()
    monkeypatch.setattr(journal_module, "boot_id", lambda: "another boot")
    assert read(data, "").in_doubt == {one, two}


@given(st.integers(min_value=0, max_value=400), st.binary(max_size=40))
def test_a_torn_tail_never_invents_and_never_forgets_what_came_before(cut: int, tail: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), "w1")
        keys = [Key(number, 0) for number in range(1, 8)]
        sizes = []
        for key in keys:
            journal.write((), key)
            sizes.append(journal.path.stat().st_size)
        data = journal.path.read_bytes()
        journal.close()
    whole = [key for key, size in zip(keys, sizes, strict=True) if size <= len(data) - cut]
    if cut:
        replay = read(data[:-cut] + tail, "w1")
        assert replay.intents >= set(whole)
        assert not replay.outcomes


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    assert read(data, "w1").outcomes == ()


@given(st.text(max_size=600), st.integers(0, 2**60), st.sampled_from(["sent", "due", "failed"]))
def test_an_outcome_comes_back_as_it_was_written(reply: str, delivery: int, state: str) -> None:
    import tempfile

    reply = reply.replace("\0", "").encode("utf-8", "replace").decode()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), "w1")
        journal.write([outcome(Key(delivery, 3), state, reply)], None)
        assert read(journal.path.read_bytes(), "").outcomes == (outcome(Key(delivery, 3), state, reply),)
        journal.close()


def test_the_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w1")
    journal.write((), Key(1, 0))
    assert list(dead_journals(tmp_path)) == []
    assert is_alive(tmp_path, "w1") is True
    journal.close()
    assert is_alive(tmp_path, "w1") is False
    assert [path.name for path, _ in dead_journals(tmp_path)] == ["w1.journal"]
    assert is_alive(tmp_path, "w2") is None


def test_a_long_journal_is_written_anew_with_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "ROTATE_AT", 2000)
    journal = Journal(tmp_path, "w1")
    hanging = Key(99_999, 0)
    journal.write((), hanging)
    for number in range(200):
        key = Key(number, 0)
        journal.release([key])
        journal.write((), key)
        journal.write([outcome(key)], None)
        journal.forget([key])
    assert len(journal.path.read_bytes().rstrip(b"\0")) < 4000
    assert hanging in read(journal.path.read_bytes(), "").intents
    assert is_alive(tmp_path, "w1") is True
    assert [path.name for path in tmp_path.iterdir()] == ["w1.journal"]
    journal.close()


def test_a_full_disk_is_reported_and_leaves_a_journal_that_can_be_read(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for a full disk: room for more comes back short, then is refused."""
    script = """
import resource, signal, sys
from pathlib import Path
from newsletter.delivery.journal import Journal, Key
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]), "w1")
resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 100, resource.RLIM_INFINITY))
written = 0
try:
    for number in range(1, 50_000):
        journal.write((), Key(number, 0))
        written = number
except OSError as error:
    print(written)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.write((), Key(1000, 0))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    written = int(done.stdout)
    assert 0 < written < 49_999
    replay = read((tmp_path / "w1.journal").read_bytes(), "")
    assert replay.intents == {Key(number, 0) for number in (*range(1, written + 1), 1000)}


def test_a_journal_that_another_process_took_for_a_dead_ones_is_made_anew(tmp_path: Path) -> None:
    """Two workers start at the same moment: one recovers, and finds the other's file before its lock."""
    path = tmp_path / "w1.journal"
    path.touch()
    other = os.open(path, os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    made: list[Journal] = []
    maker = threading.Thread(target=lambda: made.append(Journal(tmp_path, "w1")))
    maker.start()
    time.sleep(0.1)
    assert not made
    path.unlink()
    os.close(other)
    maker.join(5)
    assert is_alive(tmp_path, "w1") is True
    made[0].write((), Key(1, 0))
    assert read(path.read_bytes(), "").intents == {Key(1, 0)}
    made[0].close()


@pytest.mark.parametrize("room", [0, 20])
def test_a_full_disk_leaves_no_journal_without_its_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """What follows a torn head could not be read; and no attempt may leave a descriptor behind."""
    write = os.pwrite

    def short_of_space(descriptor: int, data: bytes, offset: int) -> int:
        if not room:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:room], offset)

    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    with monkeypatch.context() as patched:
        patched.setattr(append_file.os, "pwrite", short_of_space)
        for _ in range(3):
            with pytest.raises(OSError, match=r"(?i)no space|disk is full"):
                Journal(tmp_path, "w1")
    assert list(tmp_path.iterdir()) == []
    assert before == (len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for number in range(20):
        journal = Journal(tmp_path, f"w{number}")
        journal.release([Key(1, 0)])
        journal.close()
    list(dead_journals(tmp_path))
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after == before
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0
