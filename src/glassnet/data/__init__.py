"""Data: what networks learn from, read from files into arrays and checked at the door."""

from glassnet.core.blocks import Blocks
from glassnet.core.ragged import Padded, pad
from glassnet.data.arrays import read_npz
from glassnet.data.block_sources import blocks
from glassnet.data.cifar import read_cifar10, read_cifar100
from glassnet.data.dataset import Dataset, split, test_rows
from glassnet.data.digits import digits
from glassnet.data.folders import read_image_folder
from glassnet.data.images import read_idx
from glassnet.data.lanes import lanes
from glassnet.data.matrices import read_csv
from glassnet.data.pictures import PictureOptions
from glassnet.data.sources import open_source
from glassnet.data.subsets import parse_subset
from glassnet.data.tables import read_table
from glassnet.data.texts import read_texts
from glassnet.series import ForecastErrors, Windows, windows

__all__ = [
    "Blocks",
    "Dataset",
    "ForecastErrors",
    "Padded",
    "PictureOptions",
    "Windows",
    "blocks",
    "digits",
    "lanes",
    "open_source",
    "pad",
    "parse_subset",
    "read_cifar10",
    "read_cifar100",
    "read_csv",
    "read_idx",
    "read_image_folder",
    "read_npz",
    "read_table",
    "read_texts",
    "split",
    "test_rows",
    "windows",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
