"""Folders of pictures: a sub-folder for each class, in one part or in train and test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import DataError, FileFormatError
from glassnet.core.output import readable
from glassnet.core.paths import readable_path
from glassnet.core.shapes import Array
from glassnet.data.dataset import Dataset, quoted
from glassnet.data.files import unreadable
from glassnet.data.pictures import PICTURE_ENDINGS, PictureOptions, is_picture, read_pictures
from glassnet.data.sizes import within_memory
from glassnet.data.subsets import check_available, check_subset

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")
_LITTER = ("thumbs.db", "desktop.ini", "__macosx")


@suggests
@within_memory
def read_image_folder(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    color: str | None = None,
    on_error: str = "stop",
    subset: tuple[int, int] | None = None,
    tell: Callable[[str], None] | None = None,
    max_bytes: int | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Reads pictures that are sorted into a folder for each class.

    Pictures are files ending in .png, .jpg, .jpeg, .bmp, .gif, .webp, .tif or .tiff directly in the folder of their
    class. They are turned upright as their EXIF data say; what is transparent lies over white; animations give their
    first frame; grey of more than 8 bits keeps its steps, as fractions. The rows take turns through the classes, by
    name within each, so that the first rows are of all classes.

    Args:
        path: a folder with a sub-folder for each class, or with ``train`` and ``test`` (or ``val``) sub-folders that
            hold those. The names of the classes, sorted, give the labels.
        size: height and width to which all pictures are resized, whatever their proportions; None demands one size.
        color: ``"grey"`` for one channel, ``"rgb"`` for three; None for one where all pictures are grey, else three.
        on_error: ``"stop"`` raises at a picture that cannot be read; ``"skip"`` leaves it out and says so afterwards.
        subset: rows to train with and rows to test with, from the start of each part; a single part is cut in two.
        tell: is called with a line of text for what was passed over; None for a ``UserWarning``.
        max_bytes: how much a picture may unpack to, and all of a part; None for a hundred times the size of the files,
            and 256 MiB at least.

    Returns:
        The training part and the test part, or None where there is a single part and no subset: x (N, C, H, W) float32
        from 0 to 255; y (N,) labels; ``class_names`` the folders' names; ``scale`` 255.

    Raises:
        MissingExtraError: pillow is not installed.
        MissingFileError: no such folder.
        FileFormatError: a file, a folder without folders of pictures, or pictures larger than ``max_bytes``.
        DataError: a picture that cannot be read, different sizes, a class without pictures or unknown to the training
            part, or a subset larger than what there is.
        ConfigurationError: settings outside these.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for kind in ("cat", "dog"):
        ...         Path(folder, kind).mkdir()
        ...         Image.new("RGB", (6, 4), "red").save(Path(folder, kind, "1.png"))
        ...     train, test = gn.data.read_image_folder(folder, size=(8, 8))
        >>> train.x.shape, train.class_names, test
        ((2, 3, 8, 8), ('cat', 'dog'), None)
    """
    return read_folder(
        readable_path(path, where="read_image_folder"),
        PictureOptions(size, color, on_error, tell, max_bytes=max_bytes),
        subset,
    )


def read_folder(
    folder: Path, options: PictureOptions, subset: tuple[int, int] | None
) -> tuple[Dataset, Dataset | None]:
    """``read_image_folder`` with its options in one object."""
    check_subset(subset)
    if not folder.exists():
        raise unreadable(folder)
    if not folder.is_dir():
        raise FileFormatError(
            where=str(folder),
            received="a file",
            expected="a folder with a folder of pictures for each class",
            fix="name the folder",
        )
    train_folder, test_folder = _parts(folder)
    name = readable(folder.resolve().name)
    train_rows, test_rows = subset or (None, None)
    if test_folder is None:
        data = _read_part(train_folder, name, options, None, None if subset is None else sum(subset))
        return (data, None) if subset is None else (data.rows(slice(subset[0])), data.rows(slice(subset[0], None)))
    _note_beside(folder, {train_folder, test_folder}, options)
    train = _read_part(train_folder, name, options, None, train_rows)
    test = _read_part(test_folder, name, options, train.class_names, test_rows)
    return _alike(train, test, folder)


def holds_pictures(folder: Path) -> bool:
    """Whether pictures lie in a folder, or in the folders for classes in it."""
    parts = [part for part in _parts(folder) if part is not None]
    return any(is_picture(entry) for entry in folder.iterdir()) or any(
        is_picture(entry) for part in parts for inside in _folders(part) for entry in inside.iterdir()
    )


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder; where there are none, those in its classes' folders, of the test part if it has one."""
    train, test = _parts(folder)
    return _pictures(folder) or [file for inside in _folders(test or train) for file in _pictures(inside)]


def _parts(folder: Path) -> tuple[Path, Path | None]:
    """The folders with the classes to train with and those to test with."""
    inside = {entry.name.lower(): entry for entry in _folders(folder)}
    train = next((inside[name] for name in _TRAIN if name in inside), None)
    test = next((inside[name] for name in _TEST if name in inside and _folders(inside[name])), None)
    return (train, test) if train is not None and _folders(train) else (folder, None)


def _read_part(
    folder: Path, name: str, options: PictureOptions, known: tuple[str, ...] | None, most: int | None
) -> Dataset:
    classes = {readable(found): files for found, files in _classes(folder, options).items()}
    names = known or tuple(classes)
    labels = {found: label for label, found in enumerate(names)}
    unknown = [found for found in classes if found not in labels]
    if unknown:
        raise DataError(
            where=str(folder),
            received=f"the class{'es' if len(unknown) > 1 else ''} {quoted(unknown)}",
            expected=f"only those of the training part, {quoted(names)}",
            fix="take these folders away, or put pictures of them into the training part",
        )
    # Sorted by their place within the class first, so that the classes take turns.
    ordered = sorted(
        (place, labels[found], file) for found, files in classes.items() for place, file in enumerate(files)
    )
    check_available(most or 0, len(ordered), where=str(folder))
    x, kept = read_pictures([file for _, _, file in ordered], options, most=most)
    check_available(most or 0, len(x), where=str(folder))
    y = np.array([label for _, label, _ in ordered], dtype=np.int64)[kept]
    return Dataset(x, y, class_names=names, name=name, scale=255.0)


def _classes(folder: Path, options: PictureOptions) -> dict[str, list[Path]]:
    """The pictures of each class, by the sorted names of the folders."""
    classes = {inside.name: _pictures(inside) for inside in _folders(folder)}
    if not any(classes.values()):
        beside = len(_pictures(folder))
        raise FileFormatError(
            where=str(folder),
            received=f"{beside} pictures in no class's folder" if beside else "a folder without pictures",
            expected=f"a folder for each class, holding pictures ({', '.join(PICTURE_ENDINGS)})",
            fix="make a folder for each class, named after it, and move its pictures there",
        )
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise DataError(
            where=str(folder / empty[0]),
            received=_contents(folder / empty[0]),
            expected=f"pictures of the class {empty[0]!r} ({', '.join(PICTURE_ENDINGS)}), directly in this folder",
            fix="put pictures there, or take the folder away",
        )
    _note_beside(folder, {folder / name for name in classes}, options)
    strange = [entry for name in classes for entry in _visible(folder / name) if not is_picture(entry)]
    if strange:
        options.note(f"passed over {_listed(strange)} in the folders of classes: no picture")
    return classes


def _note_beside(folder: Path, read: set[Path], options: PictureOptions) -> None:
    """Says which pictures and folders lie beside those that are read."""
    beside = [entry for entry in _visible(folder) if entry not in read and (entry.is_dir() or is_picture(entry))]
    if beside:
        options.note(f"passed over {_listed(beside)} in {folder}: in no folder of a class")


def _listed(entries: list[Path]) -> str:
    return entries[0].name + (f" and {len(entries) - 1} more" if len(entries) > 1 else "")


def _alike(train: Dataset, test: Dataset, folder: Path) -> tuple[Dataset, Dataset]:
    """Both parts with as many channels; their sizes have to agree."""
    if train.x.shape[2:] != test.x.shape[2:]:
        sizes = [" × ".join(map(str, part.x.shape[2:])) for part in (train, test)]
        size = "x".join(map(str, train.x.shape[2:]))
        raise DataError(
            where=str(folder),
            received=f"training pictures of {sizes[0]} pixels (height × width) and test pictures of {sizes[1]}",
            expected="one size for both",
            fix=f"resize them all: size={train.x.shape[2:]}, on the command line --resize {size}",
        )
    channels = max(train.x.shape[1], test.x.shape[1])
    return _with_channels(train, channels), _with_channels(test, channels)


def _with_channels(data: Dataset, channels: int) -> Dataset:
    if data.x.shape[1] == channels:
        return data
    x: Array = np.repeat(data.x, channels, axis=1)  # (N, 1, H, W) -> (N, C, H, W)
    return Dataset(x, data.y, class_names=data.class_names, name=data.name, scale=data.scale)


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _visible(folder) if entry.is_dir()]


def _pictures(folder: Path) -> list[Path]:
    return [entry for entry in _visible(folder) if is_picture(entry) and not entry.is_dir()]


def _visible(folder: Path) -> Iterator[Path]:
    """What is in a folder, by name, without what systems hide or leave there."""
    for entry in sorted(folder.iterdir()):
        if not entry.name.startswith(".") and entry.name.lower() not in _LITTER:
            yield entry


def _contents(folder: Path) -> str:
    endings = sorted({entry.suffix or entry.name for entry in _visible(folder) if entry.is_file()})
    if endings:
        return f"no pictures, but files ending in {', '.join(endings[:5])}"
    return "no pictures, but folders" if _folders(folder) else "an empty folder"
