"""Text tables in the encodings that people have, from a few letters to many."""

from __future__ import annotations

from pathlib import Path

import pytest

import glassnet as gn

ROWS = "".join(f"{i % 9 + 1},{i * 37 % 100:02};{{}};{i % 28 + 1}.{i % 12 + 1}.2021\n" for i in range(40))
TABLES = {
    "Chinese among numbers": ("gb18030", "长;地点;日期\n" + ROWS.format(*["成都", "Ulm", "Bern", "X"] * 10)),
    "Chinese twice, and many numbers": (
        "gb18030",
        "长;Ort;gebaut;neu;Preis\n"
        + "".join(
            f"{i % 9 + 1},{i * 37 % 100:02};{['成都', 'Munich', 'Ulm'][i % 3]};{i % 28 + 1}.{i % 12 + 1}.2021;"
            f"{'true' if i * 7 % 5 > 2 else 'false'};{1000 + 100 * (i % 3) + 10 * (i % 9)},5\n"
            for i in range(120)
        ),
    ),
    "Chinese in the header alone": ("gb18030", "长度,地点\n" + "1,Ulm\n" * 40),
    "one Chinese cell": ("gb18030", "a,b\n1,北京\n2,x\n"),
    "Chinese punctuation": ("gb18030", "题目,答\n“你好，世界！”,是\n《红楼梦》—曹雪芹,否\n"),
    "German among numbers": ("cp1252", "Länge;Ort;gebaut\n" + ROWS.format(*["Köln", "München", "Bern", "X"] * 10)),
    "French": ("cp1252", "prénom,créée\nAndré,été\nNoël,Éléonore\nça,œuvre\n"),
    "Spanish": ("cp1252", "año,niño\nseñor,corazón\nÁvila,Cádiz\n"),
    "Icelandic": ("cp1252", "nafn,það\nGuðrún,Þórður\náð,æði\n"),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("other", [None, "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_table_is_read_in_its_encoding(name: str, other: str | None, tmp_path: Path) -> None:
    encoding, text = TABLES[name]
    path = tmp_path / "table.csv"
    if other == "utf-16-le" and encoding != "cp1252":
        other = "utf-16"  # without a mark only Latin letters tell it
    path.write_bytes(text.encode(other or encoding))
    frame = gn.data.read_table(path)
    expected = text.splitlines()
    sign = ";" if ";" in text else ","
    assert list(frame) == expected[0].split(sign)
    assert frame.height == len(expected) - 1
    words = {n: {str(own) for own in frame[n].values} for n in frame if frame[n].kind == "words"}
    for place, column in enumerate(frame):
        if column in words:
            assert words[column] == {line.split(sign)[place] for line in expected[1:]}
    assert words or "header alone" in name
