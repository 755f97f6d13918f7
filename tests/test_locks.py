"""Locks between processes: the second is refused with the number of the first, and nothing is left over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import glassnet as gn
from glassnet.core.locks import PathLock

HOLDER = """
import os, sys, time
from glassnet.core.locks import PathLock
with PathLock(sys.argv[1], where="first"):
    print(os.getpid(), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "m.safetensors")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], how: signal.Signals | None = None) -> None:
    if how is None:
        process.communicate("\n", timeout=20)
    else:
        process.send_signal(how)
        process.communicate(timeout=20)


def test_a_second_process_is_told_the_first_ones_number(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "link.safetensors").symlink_to("m.safetensors")
    (tmp_path / "folder").mkdir()
    for name in ("m.safetensors", "link.safetensors", "folder/../m.safetensors"):
        with pytest.raises(gn.ConfigurationError, match=rf"m?.*process {holder.pid} is writing.*choose another path"):
            PathLock(tmp_path / name, where="second").take()
    with PathLock(tmp_path / "n.safetensors", where="other"):
        pass
    end(holder)
    with PathLock(tmp_path / "m.safetensors", where="third"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link.safetensors"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_what_a_killed_process_leaves_keeps_nobody_out(
    holder: subprocess.Popen[str], tmp_path: Path, how: signal.Signals
) -> None:
    end(holder, how)
    left = tmp_path / ".m.safetensors.lock"
    assert json.loads(left.read_text())["pid"] == holder.pid
    # Another process has the number now.
    left.write_text(json.dumps({"pid": os.getppid(), "host": "elsewhere"}))
    with PathLock(tmp_path / "m.safetensors", where="second"):
        assert json.loads(left.read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"pid": "x"}', "\0" * 100])
def test_a_lock_whose_holder_is_not_known(tmp_path: Path, text: str) -> None:
    with PathLock(tmp_path / "m", where="first"):
        (tmp_path / ".m.lock").write_text(text)
        with pytest.raises(gn.ConfigurationError, match="another process is writing"):
            PathLock(tmp_path / "m", where="second").take()


def test_two_trainings_of_one_process(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with (
        PathLock(path, where="first"),
        pytest.raises(gn.ConfigurationError, match=rf"this very process \({os.getpid()}\), in another training"),
    ):
        PathLock(path, where="second").take()


def test_a_lock_that_nobody_holds_any_more_is_given_back(tmp_path: Path) -> None:
    lock = PathLock(tmp_path / "m", where="first")
    lock.take()
    del lock
    assert list(tmp_path.iterdir()) == []


def test_a_child_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from glassnet.core.locks import PathLock
lock = PathLock({str(tmp_path / "m")!r}, where="first")
lock.take()
read, write = os.pipe()
child = os.fork()
if child == 0:
    try:
        lock.require_held()
    except Exception as error:
        os.write(1, f"{{error}}\\n".encode())
    os.read(read, 1)
    os._exit(0)
os.write(1, f"{{child}}\\n".encode())
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    lines = sorted(parent.stdout.readline() for _ in range(2))
    child = int(lines[0])
    assert "in a child process, whose parent writes it" in lines[1]
    with pytest.raises(gn.ConfigurationError, match=f"process {parent.pid} is writing"):
        PathLock(tmp_path / "m", where="second").take()
    parent.kill()
    parent.wait()
    try:
        with PathLock(tmp_path / "m", where="third"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
    parent.stdout.close()


def test_a_daemon_thread_at_the_programs_end_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
import threading, time
from glassnet.core.locks import PathLock
def work():
    with PathLock({str(tmp_path / "m")!r}, where="first"):
        there.set()
        time.sleep(60)
there = threading.Event()
threading.Thread(target=work, daemon=True).start()
there.wait()
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert list(tmp_path.iterdir()) == []


def test_never_two_at_once(tmp_path: Path) -> None:
    """Threads take and give back as fast as they can: what they count together is never wrong."""
    inside: list[int] = []
    most = taken = 0
    stop = time.monotonic() + 0.4

    def work(number: int) -> None:
        nonlocal most, taken
        while time.monotonic() < stop:
            try:
                with PathLock(tmp_path / "m", where=f"{number}"):
                    inside.append(number)
                    most, taken = max(most, len(inside)), taken + 1
                    inside.remove(number)
            except gn.ConfigurationError:
                pass

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert taken > 10
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("glassnet.core.locks._lock", no_locks)
    with PathLock(tmp_path / "m", where="first") as lock:
        assert lock.warning is not None
        assert "without locks" in lock.warning
        lock.require_held()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_where_no_lock_can_be_made(tmp_path: Path) -> None:
    with pytest.raises(gn.ConfigurationError, match="beside which no lock can be made"):
        PathLock(tmp_path / "missing" / "m", where="first").take()
    (tmp_path / ".m.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(gn.ConfigurationError, match="beside which no lock can be made"):
        PathLock(tmp_path / "m", where="first").take()
    assert not (tmp_path / "precious").exists()


def test_a_file_of_the_users_that_has_the_locks_name_stays(tmp_path: Path) -> None:
    own = tmp_path / ".m.safetensors.lock"
    own.write_text("my notes")
    with pytest.raises(gn.ConfigurationError, match="no lock of glassnet's"):
        PathLock(tmp_path / "m.safetensors", where="here").take()
    assert own.read_text() == "my notes"
    for left in (b"", b'{"pid": 12, "host": "there"}'):  # by a process that was killed
        own.write_bytes(left)
        with PathLock(tmp_path / "m.safetensors", where="here"):
            assert own.read_bytes() != left
        assert not own.exists()
