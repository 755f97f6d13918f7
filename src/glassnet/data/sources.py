"""From what a user names, a path or "digits", to datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, FileFormatError, MissingFileError, did_you_mean
from glassnet.core.paths import readable_path
from glassnet.data.arrays import read_npz_parts
from glassnet.data.cifar import holds_cifar, read_cifar
from glassnet.data.dataset import Dataset
from glassnet.data.digits import digits
from glassnet.data.files import missing_hint
from glassnet.data.folders import holds_pictures, pictures_in, read_folder
from glassnet.data.images import holds_idx, read_idx, split_of
from glassnet.data.matrices import read_csv
from glassnet.data.pictures import PICTURE_ENDINGS, PictureOptions
from glassnet.data.sizes import within_memory
from glassnet.data.subsets import check_available, check_subset
from glassnet.data.tables import is_table

_UNDERSTOOD = (
    "digits (built in), a table (.csv, .tsv, either with .gz; .parquet, .xlsx), an .npz file, "
    "cifar-10-binary.tar.gz, cifar-100-binary.tar.gz or the folder of their .bin files, a folder with the idx files of "
    "MNIST or EMNIST, or one with a folder of pictures for each class"
)


@suggests
@within_memory
def open_source(
    source: str | Path,
    *,
    target: str | None = None,
    subset: tuple[int, int] | None = None,
    columns: Sequence[str] | None = None,
    pictures: PictureOptions | None = None,
    max_bytes: int | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Opens whatever the library can read.

    Args:
        source: ``"digits"``; or the path of a table of numbers (see ``read_csv``), of an ``.npz`` file, of the archive
            or folder of CIFAR-10 or CIFAR-100, of a folder with the files of MNIST or EMNIST (or of one file, where
            EMNIST's are of several sets), of a folder with pictures (see ``read_image_folder``). A folder called digits
            is named by ``Path("digits")``.
        target: the column to be predicted, for tables only.
        subset: rows to train with and rows to test with, from the start of each part; data of a single part are cut
            in two, the test rows following the training rows. None keeps all.
        columns: the feature columns of a table, in the order wanted. Other sources have no column names and
            pass over it.
        pictures: how pictures in folders are read; other sources refuse a size and pass over the rest.
        max_bytes: how much a file may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        The training part and the test part; None for the test part where the data have only one and no subset is given.

    Raises:
        ConfigurationError: a target for data without columns, a size for data that are no folder of pictures, or a
            subset that is not two whole numbers above 0.
        MissingFileError: nothing at the path.
        FileFormatError: nothing that is understood, or a file that is damaged or missing from its folder.
        DataError: what is in the file cannot be learned from, or a subset asks for more rows than there are.

    Example:
        >>> train, test = open_source("digits", subset=(1000, 500))
        >>> len(train), len(test)
        (1000, 500)
    """
    check_subset(subset)
    path = readable_path(source, where="open_source")
    suffix = path.suffix.lower()
    if target is not None and (source == "digits" or not is_table(path)):
        raise ConfigurationError(
            where=str(source),
            received=f"the target {target!r}",
            expected="a target only with a table, whose columns have names",
            fix="leave the target out",
        )
    if source != "digits" and not path.exists():
        raise MissingFileError(
            where=str(source),
            received="no such file or folder",
            expected=_UNDERSTOOD,
            fix=did_you_mean(str(source), ["digits"]) + missing_hint(path),
        )
    options = pictures or PictureOptions()
    options = options if max_bytes is None else replace(options, max_bytes=max_bytes)
    if source != "digits" and _is_folder_of_pictures(path):
        return read_folder(path, options, subset)
    refuse_size(source, options)
    if source == "digits":
        return _cut(digits(), subset)
    if path.is_dir():
        if holds_cifar(path):
            return read_cifar(path, subset=subset, max_bytes=max_bytes)
        if holds_idx(path):
            return read_idx(path, subset=subset, max_bytes=max_bytes)
    elif is_table(path):
        return _cut(read_csv(path, target, columns=columns, max_bytes=max_bytes), subset)
    elif suffix == ".npz":
        return _npz(path, subset, options, max_bytes)
    elif split_of(path.name) is not None:
        return read_idx(path.parent, split=split_of(path.name), subset=subset, max_bytes=max_bytes)
    elif path.name.lower().endswith((".tar.gz", ".tgz")):
        return read_cifar(path, subset=subset, max_bytes=max_bytes)
    raise FileFormatError(
        where=str(source),
        received="a folder without known files" if path.is_dir() else f"a file ending in {suffix or 'nothing'}",
        expected=_UNDERSTOOD,
        fix="name one of these; for files of images name the folder that holds them",
    )


def _npz(
    path: Path, subset: tuple[int, int] | None, options: PictureOptions, max_bytes: int | None
) -> tuple[Dataset, Dataset | None]:
    """An archive's own parts, or its only one cut in two."""
    train, test, left = read_npz_parts(path, max_bytes)
    if left and options.tell is not None:
        options.tell(f"passed over {left} rows for validation in {path.name}: it has others to test with")
    if test is None:
        return _cut(train, subset)
    if subset is None:
        return train, test
    for rows, part, name in zip(subset, (train, test), ("training", "test"), strict=True):
        check_available(rows, len(part), where=f"{path.name}, {name} part")
    return train.rows(slice(subset[0])), test.rows(slice(subset[1]))


def holds_pictures_or_sets(source: str | Path) -> bool:
    """Whether a folder holds pictures, or the files of a known set of them."""
    path = Path(source)
    return holds_cifar(path) or holds_idx(path) or holds_pictures(path)


def refuse_size(source: str | Path, options: PictureOptions) -> None:
    """Refuses a size for pictures with data that are none.

    Raises:
        ConfigurationError: there is one.
    """
    if options.size is not None:
        raise ConfigurationError(
            where=str(source),
            received=f"a size for pictures, {options.size}",
            expected="a size only with a folder of pictures",
            fix="leave it out (--resize)",
        )


def picture_files(source: str | Path) -> list[Path]:
    """The pictures that a source stands for, to predict them; none where it is something else.

    A file stands for itself; a folder for the pictures in it or, where there are none, for those in the folders of its
    classes, of the test part if it has one.
    """
    path = readable_path(source, where="open_source")
    if source != "digits" and _is_folder_of_pictures(path):
        return pictures_in(path)
    return [path] if path.suffix.lower() in PICTURE_ENDINGS and not path.is_dir() else []


def _is_folder_of_pictures(path: Path) -> bool:
    return path.is_dir() and not holds_cifar(path) and not holds_idx(path) and holds_pictures(path)


def _cut(dataset: Dataset, subset: tuple[int, int] | None) -> tuple[Dataset, Dataset | None]:
    if subset is None:
        return dataset, None
    train, test = subset
    check_available(train + test, len(dataset), where=dataset.name)
    return dataset.rows(slice(train)), dataset.rows(slice(train, train + test))
