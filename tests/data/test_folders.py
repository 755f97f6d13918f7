"""Folders of pictures: modes, endings and layouts; broken pictures and folders."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from image_files import idx_files, write_files
from pictures import plain, write_picture
from PIL import Image

from glassnet.core.errors import (
    ConfigurationError,
    DataError,
    FileFormatError,
    MissingExtraError,
    MissingFileError,
)
from glassnet.data import Dataset, PictureOptions, open_source, read_image_folder
from glassnet.data.pictures import decode, parse_size


def labels(data: Dataset) -> list[int]:
    assert data.y is not None
    return list(data.y.tolist())


def values(data: Dataset) -> list[float]:
    """The first pixel of each picture."""
    return list(data.x[:, 0, 0, 0].tolist())


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three dogs, one cat, two birds; all of 4 × 4 grey pixels."""
    for name, greys in {"dog": (10, 11, 12), "cat": (20,), "bird": (30, 31)}.items():
        for i, grey in enumerate(greys):
            write_picture(tmp_path / "pets" / name / f"{i}.png", plain(grey))
    return tmp_path / "pets"


def test_names_of_folders_are_the_classes_in_order(pets: Path) -> None:
    data, test = read_image_folder(pets)
    assert test is None
    assert data.class_names == ("bird", "cat", "dog")
    assert (data.name, data.scale, data.x.dtype) == ("pets", 255.0, np.float32)
    assert data.x.shape == (6, 1, 4, 4)
    assert data.y is not None
    assert data.y.dtype == np.int64


def test_classes_take_turns(pets: Path) -> None:
    data, _ = read_image_folder(str(pets))
    assert labels(data) == [0, 1, 2, 0, 2, 2]
    assert values(data) == [30, 20, 10, 31, 11, 12]


def test_a_subset_cuts_a_single_part_in_two_and_reads_no_more(pets: Path) -> None:
    (pets / "dog" / "2.png").write_bytes(b"")
    train, test = read_image_folder(pets, subset=(3, 2))
    assert test is not None
    assert (labels(train), labels(test)) == ([0, 1, 2], [0, 2])
    with pytest.raises(DataError, match="asks for 7 rows, expected at most 6"):
        read_image_folder(pets, subset=(4, 3))
    with pytest.raises(ConfigurationError, match="two whole numbers"):
        read_image_folder(pets, subset=(0, 3))


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "VAL"), ("training", "validation")])
def test_train_and_test_in_folders_of_their_own(pets: Path, names: tuple[str, str]) -> None:
    pets.rename(pets.parent / "inner")
    pets.mkdir()
    (pets.parent / "inner").rename(pets / names[0])
    write_picture(pets / names[1] / "dog" / "a.png", plain(70))
    train, test = read_image_folder(pets)
    assert test is not None
    assert (len(train), len(test), train.name) == (6, 1, "pets")
    assert train.class_names == test.class_names == ("bird", "cat", "dog")
    assert labels(test) == [2]
    train, test = read_image_folder(pets, subset=(2, 1))
    assert labels(train) == [0, 1]


def test_parts_share_channels_and_size(pets: Path) -> None:
    (pets / "train").mkdir()
    for name in ("dog", "cat", "bird"):
        (pets / name).rename(pets / "train" / name)
    write_picture(pets / "test" / "cat" / "a.png", plain(70, channels=3))
    train, test = read_image_folder(pets)
    assert test is not None
    assert train.x.shape[1:] == test.x.shape[1:] == (3, 4, 4)
    assert np.ptp(train.x, axis=1).max() == 0
    write_picture(pets / "test" / "cat" / "a.png", plain(70, (5, 6)))
    with pytest.raises(DataError, match=r"4 × 4 pixels .* of 5 × 6, expected one size.*--resize 4x4"):
        read_image_folder(pets)


def test_a_class_of_the_test_part_that_training_does_not_know(pets: Path) -> None:
    (pets / "train").mkdir()
    (pets / "dog").rename(pets / "train" / "dog")
    (pets / "test").mkdir()
    (pets / "cat").rename(pets / "test" / "cat")
    with pytest.warns(UserWarning, match=r"passed over bird in .*pets"), pytest.raises(DataError) as caught:
        read_image_folder(pets)
    caught.match("the class 'cat', expected only those of the training part, 'dog'")


def test_train_may_be_the_name_of_a_class(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_picture(tmp_path / name / "0.png", plain(1))
    data, test = read_image_folder(tmp_path)
    assert test is None
    assert data.class_names == ("test", "train")


@pytest.mark.parametrize("ending", ["png", "PNG", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"])
def test_every_ending(tmp_path: Path, ending: str) -> None:
    file = write_picture(tmp_path / f"a.{ending}", plain(200, (3, 5), 3))
    picture = decode(file, PictureOptions(color="rgb"))
    assert (picture.shape, picture.dtype) == ((3, 3, 5), np.uint8)
    assert np.abs(picture.astype(int) - 200).max() <= 2


def test_planes_are_red_green_blue(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    picture = decode(write_picture(tmp_path / "a.png", pixels), PictureOptions())
    np.testing.assert_array_equal(picture, pixels.transpose(2, 0, 1))


def test_grey_of_every_depth(tmp_path: Path) -> None:
    grey = np.array([[0, 51, 255]], np.uint8)
    cases = {
        "8.png": grey,
        "16.png": grey.astype(np.uint16) * 257,
        "32.tif": grey.astype(np.int32) * 257,
        "alpha.png": np.stack([grey, np.full_like(grey, 255)], axis=-1),
    }
    for name, pixels in cases.items():
        picture = decode(write_picture(tmp_path / name, pixels), PictureOptions())
        np.testing.assert_array_equal(picture, grey[None], err_msg=name)
    Image.fromarray(grey).convert("P").save(tmp_path / "palette.gif")
    np.testing.assert_array_equal(decode(tmp_path / "palette.gif", PictureOptions()), grey[None])
    Image.fromarray(grey > 100).save(tmp_path / "1.png")
    assert decode(tmp_path / "1.png", PictureOptions()).tolist() == [[[0, 0, 255]]]


@pytest.mark.parametrize(("dtype", "words"), [(np.float32, "real numbers"), (np.int32, "32-bit numbers")])
def test_numbers_without_black_and_white_are_refused(tmp_path: Path, dtype: type, words: str) -> None:
    file = write_picture(tmp_path / "a.tif", np.full((2, 2), 70_000, dtype))
    with pytest.raises(DataError, match=rf"a\.tif: received {words} as pixels"):
        decode(file, PictureOptions())


def test_what_is_transparent_lies_over_white(tmp_path: Path) -> None:
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    picture = decode(write_picture(tmp_path / "a.png", pixels), PictureOptions())
    assert picture.transpose(1, 2, 0).tolist() == [[[200, 0, 0], [255, 255, 255], [204, 204, 204]]]


def test_exif_turns_a_picture_upright(tmp_path: Path) -> None:
    pixels = np.array([[0, 0, 0, 0], [255, 255, 255, 255]], np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to show it
    picture = decode(write_picture(tmp_path / "a.jpg", pixels, exif=exif, quality=100), PictureOptions())
    assert picture.shape == (1, 32, 16)
    assert picture[0, :, 15].max() < 10  # the top row has become the right column
    assert picture[0, :, 0].min() > 245


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(plain(grey)) for grey in (40, 90)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert decode(tmp_path / "a.gif", PictureOptions()).ravel().tolist() == [40] * 16


def test_grey_becomes_three_channels_beside_colour(pets: Path) -> None:
    write_picture(pets / "cat" / "0.png", np.full((4, 4, 3), [1, 2, 3], np.uint8))
    data, _ = read_image_folder(pets)
    assert data.x.shape == (6, 3, 4, 4)
    assert data.x[1, :, 0, 0].tolist() == [1, 2, 3]
    assert data.x[0, :, 0, 0].tolist() == [30, 30, 30]
    assert read_image_folder(pets, color="grey")[0].x.shape == (6, 1, 4, 4)
    (pets / "cat" / "0.png").unlink()
    write_picture(pets / "cat" / "0.png", plain(20))
    assert read_image_folder(pets, color="rgb")[0].x.shape == (6, 3, 4, 4)


def test_sizes_that_differ_name_two_files(pets: Path) -> None:
    write_picture(pets / "dog" / "1.png", plain(11, (6, 9)))
    with pytest.raises(DataError) as caught:
        read_image_folder(pets, on_error="skip")
    caught.match(r"bird/0\.png has 4 × 4 pixels \(height × width\), .*dog/1\.png 6 × 9")
    caught.match(r"size=\(4, 4\), on the command line --resize 4x4")
    data, _ = read_image_folder(pets, size=(2, 3))
    assert data.x.shape == (6, 1, 2, 3)
    assert values(data) == [30, 20, 10, 31, 11, 12]


def test_resizing_averages_what_a_pixel_covers(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40), np.uint8)
    pixels[::2] = 200
    picture = decode(write_picture(tmp_path / "a.png", pixels), PictureOptions(size=(4, 5)))
    assert picture.shape == (1, 4, 5)
    assert np.abs(picture.astype(int) - 100).max() <= 5


def broken_pictures(folder: Path) -> dict[str, Path]:
    whole = write_picture(folder / "whole.png", np.random.default_rng(0).integers(0, 255, (30, 30), np.uint8))
    content = whole.read_bytes()
    jpeg = write_picture(folder / "whole.jpg", plain(100, (30, 30)))
    found = {
        "an empty file": b"",
        "no picture that pillow knows": b"GLASS" * 20,
        "cannot be decoded": content[: len(content) // 2],
    }
    files = {}
    for number, (words, start) in enumerate(found.items()):
        files[words] = folder / f"broken-{number}.png"
        files[words].write_bytes(start)
    cut = folder / "broken-cut.jpg"
    cut.write_bytes(jpeg.read_bytes()[:-40])
    return files | {"truncated": cut}


def test_broken_pictures_are_named(tmp_path: Path) -> None:
    for words, file in broken_pictures(tmp_path).items():
        with pytest.raises(DataError) as caught:
            decode(file, PictureOptions())
        assert caught.value.where == str(file)
        assert words in caught.value.received.lower()
        assert "--on-error skip" in caught.value.fix


def test_any_damage_is_a_picture_or_a_named_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for ending in ("png", "jpg", "gif", "bmp", "webp", "tif"):
        file = write_picture(tmp_path / f"a.{ending}", rng.integers(0, 255, (9, 7, 3), np.uint8))
        content = file.read_bytes()
        for _ in range(40):
            damaged = bytearray(content)
            for place in rng.integers(0, len(content), 3):
                damaged[place] = rng.integers(256)
            file.write_bytes(bytes(damaged[: rng.integers(1, len(content) + 1)]))
            with contextlib.suppress(DataError):
                assert decode(file, PictureOptions()).ndim == 3


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_picture(tmp_path / "a.png", plain(0, (40, 40)))
    for limit in (1000, 500):  # pillow warns above its limit and raises above twice as many
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match=rf"more pixels than is safe.*at most {limit:,}"):
            decode(file, PictureOptions())


def test_skipping_says_which_were_left_out(pets: Path) -> None:
    (pets / "dog" / "0.png").write_bytes(b"")
    (pets / "bird" / "1.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"dog/0\.png: received an empty file"):
        read_image_folder(pets)
    told: list[str] = []
    data, _ = read_image_folder(pets, on_error="skip", tell=told.append)
    assert (labels(data), values(data)) == ([0, 1, 2, 2], [30, 20, 11, 12])
    assert len(told) == 1
    assert told[0].startswith("left out 2 of 6 pictures: ")
    assert "dog/0.png (an empty file), " in told[0]
    assert "bird/1.png (no picture that pillow knows)" in told[0]
    with pytest.warns(UserWarning, match="left out 2 of 6"):
        read_image_folder(pets, on_error="skip")
    train, test = read_image_folder(pets, on_error="skip", subset=(2, 2), tell=told.append)
    assert (len(train), len(test or [])) == (2, 2)
    for file in pets.rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="received an empty file"):
        read_image_folder(pets, on_error="skip")


def test_what_lies_beside_is_passed_over_with_a_note(pets: Path) -> None:
    write_picture(pets / "stray.png", plain(1))
    (pets / "README").write_text("text")
    (pets / "dog" / "notes.txt").write_text("text")
    for litter in (".DS_Store", "dog/Thumbs.db", "dog/._0.png"):
        (pets / litter).write_bytes(b"\x00")
    (pets / ".hidden").mkdir()
    told: list[str] = []
    data, _ = read_image_folder(pets, tell=told.append)
    assert len(data) == 6
    assert told == [
        f"passed over stray.png in {pets}: in no folder of a class",
        "passed over notes.txt in the folders of classes: no picture",
    ]


def test_a_class_without_pictures(pets: Path) -> None:
    (pets / "eel").mkdir()
    with pytest.raises(DataError, match=r"eel: received an empty folder, expected pictures of the class 'eel'"):
        read_image_folder(pets)
    (pets / "eel" / "a.heic").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no pictures, but files ending in \.heic, expected .*\.webp"):
        read_image_folder(pets)
    (pets / "eel" / "a.heic").unlink()
    write_picture(pets / "eel" / "deeper" / "a.png", plain(1))
    with pytest.raises(DataError, match=r"no pictures, but folders, expected .*directly in this folder"):
        read_image_folder(pets)


def test_folders_that_hold_no_classes(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="received no such file"):
        read_image_folder(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileFormatError, match="received a file, expected a folder"):
        read_image_folder(tmp_path / "file")
    with pytest.raises(FileFormatError, match=r"a folder without pictures"):
        read_image_folder(tmp_path)
    for i in range(3):
        write_picture(tmp_path / f"{i}.png", plain(i))
    with pytest.raises(FileFormatError, match=r"3 pictures in no class's folder.*make a folder for each class"):
        read_image_folder(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"on_error": "ignore"}, "on_error='ignore'.*'stop', 'skip'"),
        ({"color": "red"}, "color='red'.*'grey', 'rgb'"),
        ({"size": (0, 3)}, r"the size \(0, 3\)"),
        ({"size": (3,)}, r"the size \(3,\)"),
        ({"size": (3, 2.5)}, r"the size \(3, 2.5\)"),
        ({"size": (100_000, 3)}, "from 1 to 10,000"),
    ],
)
def test_settings_are_checked_first(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_image_folder(tmp_path / "nothing", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "x", "32x", "0x3", "3,3", "3x4x5", "-3", "1e3", "99999"])
def test_parse_size_refuses_anything_else(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--resize: received"):
        parse_size(text, where="--resize")


def test_without_pillow_the_command_is_named(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'no pillow.*run pip install "glassnet\[images\]"'):
        read_image_folder(pets)


def test_open_source_reads_folders_of_pictures(pets: Path) -> None:
    data, test = open_source(pets)
    assert test is None
    assert data.class_names == ("bird", "cat", "dog")
    train, test = open_source(str(pets), subset=(3, 1), pictures=PictureOptions((2, 2)))
    assert test is not None
    assert (train.x.shape, len(test)) == ((3, 1, 2, 2), 1)


@pytest.mark.parametrize("source", ["digits", "points.npz", "mnist"])
def test_a_size_is_for_folders_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("points.npz", x=np.ones((2, 2)))
    write_files(tmp_path / "mnist", idx_files())
    with pytest.raises(ConfigurationError, match=rf"{source}: received a size .*a folder of pictures"):
        open_source(source, pictures=PictureOptions((8, 8)))


def test_folders_of_other_things_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.txt").write_text("x")
    with pytest.raises(FileFormatError, match="a folder without known files.*folder of pictures for each class"):
        open_source(tmp_path)


def test_a_folder_named_like_a_picture_is_none(tmp_path: Path) -> None:
    (tmp_path / "a" / "b.png").mkdir(parents=True)
    with pytest.raises(FileFormatError, match="a folder without pictures"):
        open_source(tmp_path)


def test_a_damaged_tiff_is_refused_and_libtiff_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "one.tif", compression="tiff_deflate")
    file = tmp_path / "a" / "one.tif"
    content = bytearray(file.read_bytes())
    content[content.index(b"\x78") + 40] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(DataError, match="cannot be decoded"):
        read_image_folder(tmp_path)
    assert capfd.readouterr() == ("", "")
