"""Files that glassnet writes: whole or not at all, and in the place of nothing but their like."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core import files
from glassnet.core.kinds import MODEL, PAGE
from glassnet.interop import export_c
from glassnet.plots import network_diagram, plot_confusion_matrix
from glassnet.training import TrainingState

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
Write = Callable[[gn.Model, Path], Any]
WRITERS: dict[str, Write] = {
    "m.safetensors": lambda model, path: model.save(path),
    "report.html": lambda model, path: gn.report(model, X, Y, path),
    "trace.html": lambda model, path: gn.trace(model, X[:2], Y[:2]).to_html(path),
    "m.onnx": lambda model, path: model.export_onnx(path),
    "m.c": lambda model, path: export_c(model, path),
    "curves.png": lambda model, path: model.fit(X, Y, verbose=False).plot(path),
    "curves.svg": lambda model, path: model.fit(X, Y, verbose=False).plot(path),
    "curves.pdf": lambda model, path: model.fit(X, Y, verbose=False).plot(path),
    "network.svg": lambda model, path: network_diagram(model, path),
    "matrix.png": lambda model, path: plot_confusion_matrix(Y, Y, path=path),
}
"""Every door of the library by which a file is written, by a name that it takes."""
all_writers = pytest.mark.parametrize(("name", "write"), WRITERS.items(), ids=list(WRITERS))


@pytest.fixture
def model() -> gn.Model:
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(2)), "cross_entropy", gn.Adam(0.1))
    model.fit(X, Y, verbose=False)
    return model


@pytest.fixture(autouse=True)
def _pages_without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are written in the same way with pictures in them, which take time to draw."""
    monkeypatch.setattr("glassnet.reports.pictures.find_spec", lambda _: None)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a full disk, no file grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@all_writers
def test_a_file_is_replaced_by_its_like_and_no_other_is(
    name: str, write: Write, model: gn.Model, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.touch(mode=0o640)  # an empty file, as mktemp makes it, holds nothing that could be lost
    write(model, path)
    assert path.stat().st_size > 100
    write(model, path)
    assert path.stat().st_mode & 0o777 == 0o640

    names = sorted(tmp_path.iterdir())
    path.write_text("the only copy of something\n")
    with pytest.raises(gn.ConfigurationError, match=r"a file that is not .*glassnet's.*move the file away"):
        write(model, path)
    assert path.read_text() == "the only copy of something\n"
    assert sorted(tmp_path.iterdir()) == names


@all_writers
def test_what_is_no_regular_file_is_refused(name: str, write: Write, model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(gn.ConfigurationError, match="a named pipe"):
        write(model, path)
    assert stat.S_ISFIFO(path.stat().st_mode)
    path.unlink()
    path.mkdir()
    with pytest.raises(gn.ConfigurationError, match="a folder"):
        write(model, path)
    assert sorted(own.name for own in tmp_path.iterdir()) == [name]


@all_writers
def test_a_link_is_followed_and_kept_also_to_another_disk(
    name: str, write: Write, model: gn.Model, tmp_path: Path, elsewhere: Path
) -> None:
    link, target = tmp_path / name, elsewhere / name
    link.symlink_to(target)
    write(model, link)  # the link leads to nothing yet
    assert target.stat().st_size > 100
    target.chmod(0o600)
    write(model, link)
    assert link.is_symlink()
    assert link.readlink() == target
    assert target.stat().st_mode & 0o777 == 0o600
    assert [own.name for own in elsewhere.iterdir() if own.name.startswith(".")] == []


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on another disk, where there is one."""
    from tempfile import TemporaryDirectory

    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == tmp_path_factory.getbasetemp().stat().st_dev:
        yield tmp_path_factory.mktemp("elsewhere")
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@all_writers
def test_a_full_disk_leaves_what_was_there_and_nothing_else(
    name: str, write: Write, model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / name
    write(model, path)
    before = {own: own.read_bytes() for own in tmp_path.iterdir()}
    for replaced in ("write_bytes", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(*{"write_bytes": (Path, "write_bytes"), "fsync": (os, "fsync")}[replaced], full)
            with pytest.raises(gn.WriteError, match=r"No space left.*make room on it") as caught:
                write(model, path)
        assert caught.value.errno == errno.ENOSPC
        assert isinstance(caught.value, OSError)
        assert "as it was before" in caught.value.__notes__[0]
        assert {own: own.read_bytes() for own in tmp_path.iterdir()} == before


def test_a_file_that_the_system_lets_grow_no_further(model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    before = path.read_bytes()
    large = gn.Model(gn.Sequential(gn.Dense(300), gn.Dense(2)), "cross_entropy", "adam")
    large.fit(X, Y, verbose=False)
    for size, moment in ((8192, "after the trial"), (1000, "in the trial")):
        with largest_file(size), pytest.raises(gn.WriteError, match="File too large"):
            large.save(path)
        assert path.read_bytes() == before, moment
        assert list(tmp_path.iterdir()) == [path], moment


def test_a_header_and_its_source_are_replaced_together(tmp_path: Path) -> None:
    large = gn.Model(gn.Sequential(gn.Dense(300), gn.Dense(2)), "cross_entropy", "adam")
    large.fit(X, Y, verbose=False)
    export_c(large, tmp_path / "m.c")
    before = {own: own.read_bytes() for own in tmp_path.iterdir()}
    assert len(before) == 2
    with largest_file(8192), pytest.raises(gn.WriteError, match=r"m\.c"):
        export_c(large, tmp_path / "m.c", function="other")  # the header has room
    assert {own: own.read_bytes() for own in tmp_path.iterdir()} == before


def test_a_checkpoint_on_a_full_disk_keeps_the_last_good_one(model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.fit(X, Y, verbose=False, callbacks=[gn.Checkpoint(path)])
    good = path.read_bytes()

    class Fills(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            if state.epoch == state.first_epoch + 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    with largest_file(100_000), pytest.raises(gn.WriteError, match="from the disk"):
        model.fit(X, Y, epochs=5, verbose=False, callbacks=[Fills(), gn.Checkpoint(path)])
    assert path.read_bytes() != good
    assert gn.load(path).epochs_trained == 3  # the second was the last that found room
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_one_who_writes_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for error in (ValueError("no"), FileNotFoundError(errno.ENOENT, "a table that is read meanwhile")):
        with pytest.raises(type(error)) as caught, files.replacing(path, MODEL):
            raise error
        assert caught.value is error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["dev", "dev link", "socket", "loop"])
def test_devices_sockets_and_loops_are_refused(
    place: str, model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m"
    ends = os.openpty()  # a device in a folder where nobody could put a file
    device = Path(os.ttyname(ends[1]))
    if place == "dev":
        path = device
    elif place == "dev link":
        path.symlink_to(device)
    elif place == "loop":
        path.symlink_to(path)
    else:
        monkeypatch.chdir(tmp_path)  # an address of a socket is short
        with socket.socket(socket.AF_UNIX) as own:
            own.bind("m")
    words = {"dev": "a device", "dev link": "a device", "loop": "leads to itself", "socket": "a socket"}[place]
    with pytest.raises(gn.ConfigurationError, match=words):
        model.save(path)
    assert stat.S_ISCHR(device.stat().st_mode)
    for end in ends:
        os.close(end)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no/such/m.safetensors", r"does not exist.*mkdir -p"),
        ("x" * 256, "too long"),
        ("猫" * 86, "too long"),
        ("file/m.safetensors", "no folder"),
        ("dangling", "does not exist"),
        ("a\0b", "no name that a file can have"),
        ("a\ud800b", "no name that a file can have"),
        ("", "'.', a folder"),
        (".", "a folder"),
        ("/sys/m.safetensors", "may not write|cannot be written"),
        (3, "3 as a path"),
        (b"m.safetensors", "as a path"),
        (None, "None as a path"),
    ],
    ids=lambda given: ascii(given)[:20],
)
def test_paths_that_cannot_be_written_are_refused_before_the_work(
    path: Any, words: str, model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("dangling").symlink_to("nowhere/m.safetensors")
    with pytest.raises(gn.ConfigurationError, match=words):
        files.require_writable(path, MODEL, where="test")
    with pytest.raises(gn.ConfigurationError, match=words):
        model.save(path)
    assert sorted(own.name for own in tmp_path.iterdir()) == ["dangling", "file"]


@pytest.mark.parametrize("name", ["y" * 255, "猫" * 85, ".hidden", "with space and 'quote'", "caf\udce9"], ids=ascii)
def test_names_that_a_disk_can_have_are_written(name: str, model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / name
    model.save(path)
    model.save(path)
    assert gn.load(path).epochs_trained == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_and_a_folder_that_may_not_be_written(model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    before = path.read_bytes()
    path.chmod(0o400)
    with _as_nobody(tmp_path), pytest.raises(gn.ConfigurationError, match="may not write"):
        model.save(path)
    path.chmod(0o600)
    tmp_path.chmod(0o555)
    with _as_nobody(tmp_path), pytest.raises(gn.ConfigurationError, match="may not write"):
        model.save(path)
    tmp_path.chmod(0o755)
    assert path.read_bytes() == before


@contextmanager
def _as_nobody(folder: Path) -> Iterator[None]:
    """As a user for whom rights count, which they do not for root; the folder and what is in it is that user's."""
    if os.geteuid():
        yield
        return
    nobody = 65534
    opened = [parent for parent in folder.parents if not parent.stat().st_mode & 1]
    modes = [parent.stat().st_mode for parent in opened]
    for own in (folder, *folder.iterdir()):
        os.chown(own, nobody, nobody)
    for parent in opened:
        parent.chmod(0o711)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)
        for parent, mode in zip(opened, modes, strict=True):
            parent.chmod(stat.S_IMODE(mode))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a file of another user's")
def test_rights_of_a_file_are_handed_on(model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    os.chown(path, 65534, 4321)
    path.chmod(0o660)
    model.save(path)
    own = path.stat()
    assert (own.st_uid, own.st_gid, own.st_mode & 0o777) == (65534, 4321, 0o660)
    with _as_nobody(tmp_path):
        os.seteuid(0)
        os.chown(path, 65534, 4321)
        path.chmod(0o660)
        os.seteuid(65534)
        model.save(path)
    own = path.stat()
    assert own.st_gid != 4321  # it may not give files to that group,
    assert own.st_mode & 0o777 == 0o600  # and another group gets no rights by that


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may act for somebody else")
def test_a_file_of_somebody_else_in_a_folder_for_all_is_refused_before_the_work(
    model: gn.Model, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    with _as_nobody(tmp_path):
        os.seteuid(0)
        os.chown(path, 4321, 4321)
        os.chown(tmp_path, 0, 0)
        path.chmod(0o666)
        tmp_path.chmod(0o1777)
        os.seteuid(65534)
        with pytest.raises(gn.ConfigurationError, match="somebody else's"):
            files.require_writable(path, MODEL, where="test")


def test_new_files_get_the_mode_of_the_process_without_a_touch_of_its_mask(
    model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", None)  # whoever calls it fails
            model.save(tmp_path / "m.safetensors")
            model.export_onnx(tmp_path / "m.onnx")
    finally:
        os.umask(before)
    assert {own.stat().st_mode & 0o777 for own in tmp_path.iterdir()} == {0o640}


def test_the_folder_goes_to_the_disk_after_the_file(
    model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def noted(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        synced.append("folder" if name == str(tmp_path.resolve()) else "file before it has its name")
        assert (tmp_path / "m.safetensors").exists() == (synced[-1] == "folder")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    model.save(tmp_path / "m.safetensors")
    assert synced == ["file before it has its name", "folder"]


def test_a_hard_link_keeps_what_it_has(model: gn.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "kept.safetensors").hardlink_to(tmp_path / "m.safetensors")
    model.fit(X, Y, verbose=False)
    model.save(tmp_path / "m.safetensors")
    assert gn.load(tmp_path / "kept.safetensors").epochs_trained == 1
    assert gn.load(tmp_path / "m.safetensors").epochs_trained == 2


def test_what_killed_processes_have_left_is_removed_but_no_file_in_use(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    left, young, other = (
        tmp_path / name for name in (f".{path.name}.0123abcd.new", ".m.safetensors.01234567.new", "x")
    )
    for file in (left, other):
        file.touch()
        os.utime(file, (0, time.time() - 3600))
    young.touch()
    with files.replacing(path, MODEL) as temporary:
        os.utime(temporary, (0, time.time() - 3600))
        files.require_writable(path, MODEL, where="test")
        assert temporary.exists()
        assert not left.exists()
        assert young.exists()
    assert other.exists()
    assert path.exists()


def test_a_file_that_comes_up_in_the_meantime_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(gn.ConfigurationError, match="not a page of glassnet's"), files.replacing(path, PAGE):
        path.write_text("mine")
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_other_models_than_glassnets_are_not_replaced(model: gn.Model, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "m.safetensors"
    save_file({"glassnet": np.ones(3)}, path, metadata={"format": "pt"})
    with pytest.raises(gn.ConfigurationError, match="not a model of glassnet's"):
        model.save(path)
    with pytest.raises(gn.ConfigurationError, match="Checkpoint"):
        model.fit(X, Y, verbose=False, callbacks=[gn.Checkpoint(path)])
    assert model.epochs_trained == 1
    with files.replacing_all(True):
        model.save(path)
    assert gn.load(path).epochs_trained == 1
