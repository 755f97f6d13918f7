"""Pictures of more than 8 bits a channel: their steps are kept, or they are refused by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import plain, write_picture
from PIL import Image, ImageCms

from glassnet.core.errors import DataError
from glassnet.data import PictureOptions, read_image_folder
from glassnet.data.pictures import decode

GREYS = np.array([[0, 1, 1000], [4095, 40000, 65535]])
TWELVE = np.array([[0, 1, 100], [2048, 4000, 4095]])


def write_png(file: Path, samples: np.ndarray, color: int, *, bits: int = 16, further: bytes = b"") -> Path:
    """A PNG by its specification; pillow writes no 16-bit colours. ``color``: 0 grey, 2 RGB, 4 LA, 6 RGBA."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = samples.shape[:2]
    kind = ">u2" if bits == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in samples.reshape(height, -1))
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    parts = chunk(b"IHDR", header) + (chunk(further[:4], further[4:]) if further else b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return file


SIZES = {3: (2, "H"), 4: (4, "I"), 9: (4, "i"), 11: (4, "f")}


def write_tiff(
    file: Path, samples: np.ndarray, kind: str, bits: int, *, sample_format: int = 1, photometric: int = 1,
    further: tuple[tuple[int, int, list[Any]], ...] = (), order: str = "<",
) -> Path:  # fmt: skip
    """A TIFF of one strip by its specification; ``kind`` is NumPy's, "12" packs two samples into three bytes."""
    (height, width), channels = samples.shape[:2], samples.shape[2] if samples.ndim == 3 else 1
    if kind == "12":
        rows = ["".join(f"{int(value):012b}" for value in row) for row in samples]
        padded = [row + "0" * (-len(row) % 8) for row in rows]
        content = b"".join(bytes(int(row[i : i + 8], 2) for i in range(0, len(row), 8)) for row in padded)
    else:
        content = samples.astype(kind).tobytes()
    tags = [
        (256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * channels), (259, 3, [1]), (262, 3, [photometric]),
        (273, 4, [0]), (277, 3, [channels]), (278, 4, [height]), (279, 4, [len(content)]),
        (339, 3, [sample_format] * channels), *further,
    ]  # fmt: skip
    tags.sort(key=lambda tag: tag[0])
    start = 8 + 2 + 12 * len(tags) + 4
    beside = sum(SIZES[form][0] * len(values) for _, form, values in tags if SIZES[form][0] * len(values) > 4)
    entries = extra = b""
    for number, form, values in tags:
        given = [start + beside] if number == 273 else values
        packed = struct.pack(order + SIZES[form][1] * len(given), *given)
        entries += struct.pack(order + "HHI", number, form, len(given))
        entries += packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(order + "I", start + len(extra))
        extra += packed if len(packed) > 4 else b""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "I", 8) + struct.pack(order + "H", len(tags))
    file.write_bytes(head + entries + struct.pack(order + "I", 0) + extra + content)
    return file


def read(file: Path, **settings: Any) -> np.ndarray:
    return decode(file, PictureOptions(**settings))


def expect(picture: np.ndarray, shares: np.ndarray) -> None:
    """Shares of white, from 0 to 255 in float32."""
    assert picture.dtype == np.float32
    np.testing.assert_allclose(picture, 255 * np.asarray(shares)[None], rtol=3e-7, atol=0)


def test_16_bit_grey_png_keeps_every_step(tmp_path: Path) -> None:
    expect(read(write_png(tmp_path / "a.png", GREYS, 0)), GREYS / 65535)
    every = np.arange(65536).reshape(256, 256)
    assert len(np.unique(read(write_png(tmp_path / "b.png", every, 0)))) == 65536
    # 12 bits in the upper part of 16, as the specification wants them, with the chunk that says so
    scaled = TWELVE << 4 | TWELVE >> 8
    expect(read(write_png(tmp_path / "c.png", scaled, 0, further=b"sBIT\x0c")), scaled / 65535)
    # and in the lower: dark, but with all their steps
    expect(read(write_png(tmp_path / "d.png", TWELVE, 0)), TWELVE / 65535)


def test_a_transparent_grey_lies_over_white(tmp_path: Path) -> None:
    shares = GREYS / 65535
    shares[0, 2] = 1
    expect(read(write_png(tmp_path / "a.png", GREYS, 0, further=b"tRNS" + struct.pack(">H", 1000))), shares)


@pytest.mark.parametrize(
    ("color", "channels", "words"), [(2, 3, "red, green and blue"), (4, 2, "grey and"), (6, 4, "blue and")]
)
def test_16_bits_of_several_channels_are_refused_in_png(tmp_path: Path, color: int, channels: int, words: str) -> None:
    samples = np.stack([GREYS] * channels, axis=-1)
    with pytest.raises(DataError, match=rf"a\.png: received 16 bits for each channel of .*{words}"):
        read(write_png(tmp_path / "a.png", samples, color))
    assert read(write_png(tmp_path / "b.png", samples % 256, color, bits=8)).dtype == np.uint8


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_keeps_every_step(tmp_path: Path, order: str) -> None:
    file = tmp_path / "a.tif"
    expect(read(write_tiff(file, GREYS, f"{order}u2", 16, order=order)), GREYS / 65535)
    if order == "<":  # pillow knows no others of these
        expect(read(write_tiff(file, TWELVE, "12", 12)), TWELVE / 4095)
        expect(read(write_tiff(file, GREYS, "<u4", 32)), GREYS / 65535)
    expect(read(write_tiff(file, GREYS // 2, f"{order}i2", 16, sample_format=2, order=order)), GREYS // 2 / 32767)
    expect(read(write_tiff(file, GREYS, f"{order}i4", 32, sample_format=2, order=order)), GREYS / 65535)
    expect(read(write_tiff(file, GREYS / 65535, f"{order}f4", 32, sample_format=3, order=order)), GREYS / 65535)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff_does_too(tmp_path: Path, compression: str) -> None:
    every = np.arange(65536).reshape(256, 256).astype(np.uint16)
    file = write_picture(tmp_path / "a.tif", every, compression=compression)
    expect(read(file), every / 65535)
    shares = (every / 65535).astype(np.float32)
    expect(read(write_picture(tmp_path / "b.tif", shares, compression=compression)), shares)


def test_tags_tell_black_and_white(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    top = 4_000_000_000
    tags = (340, 4, [0]), (341, 4, [top])
    expect(read(write_tiff(file, GREYS * 61_000, "<u4", 32, further=tags)), GREYS * 61_000 / top)
    signed = GREYS - 30_000
    tags = (340, 9, [-30_000]), (341, 9, [40_000])
    expect(read(write_tiff(file, signed, "<i4", 32, sample_format=2, further=tags)), GREYS / 70_000)
    tags = (340, 11, [-2.0]), (341, 11, [2.0])
    expect(read(write_tiff(file, GREYS / 65535, "<f4", 32, sample_format=3, further=tags)), GREYS / 65535 / 4 + 0.5)


@pytest.mark.parametrize(("kind", "bits", "sample_format"), [("<u2", 16, 1), ("<f4", 32, 3)])
def test_white_may_be_zero(tmp_path: Path, kind: str, bits: int, sample_format: int) -> None:
    white = 1 if sample_format == 3 else 65535
    shares = TWELVE / 4095
    samples = shares * white if sample_format == 3 else np.round(shares * white)
    file = write_tiff(tmp_path / "a.tif", samples, kind, bits, sample_format=sample_format, photometric=0)
    expect(read(file), 1 - samples / white)
    plain_file = write_tiff(tmp_path / "b.tif", TWELVE % 256, "u1", 8, photometric=0)
    np.testing.assert_array_equal(read(plain_file)[0], 255 - TWELVE % 256)


@pytest.mark.parametrize(
    ("samples", "kind", "bits", "sample_format", "words"),
    [
        (GREYS - 5, "<i2", 16, 2, "16-bit numbers as pixels, from -25541"),
        (GREYS * 2, "<i4", 32, 2, "32-bit numbers as pixels, from 0 to 131070, expected numbers between 0 for black"),
        (GREYS * 65537, "<u4", 32, 1, "32-bit numbers as pixels, from 0 to 4.29"),
        (GREYS / 100, "<f4", 32, 3, "real numbers as pixels, from 0 to 655.35, .* 1 for white"),
        (GREYS / 65535 - 0.1, "<f4", 32, 3, "real numbers as pixels, from -0.1"),
        (GREYS / np.nan, "<f4", 32, 3, "real numbers as pixels, from nan"),
        (TWELVE % 100 - 50, "i1", 8, 2, "8 signed bits"),
        (np.stack([GREYS] * 3, -1), "<u2", 16, 1, "16 bits for each of 3 channels"),
    ],
)
def test_what_has_no_known_black_and_white_is_refused(
    tmp_path: Path, samples: np.ndarray, kind: str, bits: int, sample_format: int, words: str
) -> None:
    photometric = 2 if samples.ndim == 3 else 1
    file = write_tiff(tmp_path / "a.tif", samples, kind, bits, sample_format=sample_format, photometric=photometric)
    with pytest.raises(DataError, match=rf"a\.tif: received {words}"):
        read(file)


def test_size_and_channels_keep_the_steps(tmp_path: Path) -> None:
    file = write_png(tmp_path / "a.png", np.full((6, 8), 300), 0)
    picture = read(file, size=(3, 2), color="rgb")
    assert picture.shape == (3, 3, 2)
    np.testing.assert_allclose(picture, 300 / 257, rtol=1e-6)
    steep = np.repeat([[0, 600]], 40, axis=0).repeat(20, axis=1)
    halves = read(write_png(tmp_path / "b.png", steep, 0), size=(2, 2))
    assert 0 < halves[0, 0, 0] < 0.5 < 1.8 < halves[0, 0, 1] < 600 / 257


def test_deep_pictures_beside_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    write_png(tmp_path / "a" / "deep.png", np.full((4, 4), 1), 0)
    write_picture(tmp_path / "b" / "plain.png", plain(255))
    data, _ = read_image_folder(tmp_path)
    assert data.x.shape == (2, 1, 4, 4)
    assert data.scale == 255
    np.testing.assert_allclose(data.x[:, 0, 0, 0], [1 / 257, 255], rtol=1e-6)
    write_picture(tmp_path / "b" / "plain.png", plain(7, channels=3))
    data, _ = read_image_folder(tmp_path)
    np.testing.assert_allclose(data.x[:, :, 0, 0], [[1 / 257] * 3, [7] * 3], rtol=1e-6)


TURNED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}
"""What each EXIF orientation asks for (EXIF 2.3, table 6: where row 0 and column 0 lie)."""


@pytest.mark.parametrize("orientation", TURNED)
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = TURNED[orientation](grey)
    for name in ("a.png", "a.tif", "a.webp"):
        settings = {"lossless": True} if name.endswith("webp") else {}
        file = write_picture(tmp_path / name, grey, exif=exif, **settings)
        np.testing.assert_array_equal(read(file, color="grey")[0], upright, err_msg=name)
    deep = write_tiff(tmp_path / "deep.tif", GREYS, "<u2", 16, further=((274, 3, [orientation]),))
    expect(read(deep), TURNED[orientation](GREYS) / 65535)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_shows_its_colour(tmp_path: Path, mode: str) -> None:
    is_grey = mode in ("1", "L", "LA")
    colors = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]], [[0, 0, 255], [0, 255, 0], [255, 255, 0]]], np.uint8)
    colors = np.repeat(colors[..., :1], 3, axis=-1) if is_grey else colors
    picture = Image.fromarray(colors).convert("L" if mode == "1" else "RGB").convert(mode)
    file = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    picture.save(file)
    try:
        with Image.open(file) as opened:
            opened.load()
    except OSError:  # before 13 it wrote TIFF files in YCbCr that end too early
        pytest.skip("this Pillow cannot read what it wrote")
    expected = colors.transpose(2, 0, 1)[: 1 if is_grey else 3]
    np.testing.assert_allclose(read(file), expected, atol=2 if mode == "YCbCr" else 0)


def test_lab_colours(tmp_path: Path) -> None:
    colors = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [10, 200, 30]]], np.uint8)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(Image.fromarray(colors), *profiles, outputMode="LAB")
    assert lab is not None
    lab.save(tmp_path / "a.tif")
    np.testing.assert_allclose(read(tmp_path / "a.tif").transpose(1, 2, 0), colors, atol=12)
