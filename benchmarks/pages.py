"""The results as tables and picture in docs/performance.md and its Chinese form.

python -m benchmarks.pages [--results benchmarks/results/latest.json] [--root .]
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, CONVOLUTIONAL, LANGUAGE, PREDICTIONS, SEQUENCES, TRAINING, WHOLE
from benchmarks.footprint import STEP_CASES
from benchmarks.languages import CHINESE, ENGLISH, Language
from benchmarks.picture import draw
from benchmarks.results import IMPORT, LATEST, LOOP, ROOT, Measured, Verdict, duration

BEGIN, END = "<!-- benchmark table -->", "<!-- end of benchmark table -->"
PICTURE = "docs/images/benchmark.png"
NONE = "–"
WHOLE_PEERS = ("numpy", "torch", "jax", "scikit-learn", "onnxruntime")
IMAGE_PEERS = ("torch", "jax", "onnxruntime")
SPELLED = {"numpy": "NumPy"}


def write_pages(report: dict[str, Any], root: Path = ROOT) -> None:
    """Replaces what stands between the markers in both pages, and the picture that they show."""
    cases = cases_of(report)
    draw([case for case in cases.values() if case.name != IMPORT], root / PICTURE)
    for language in (ENGLISH, CHINESE):
        path = root / language.file
        text = path.read_text(encoding="utf-8")
        if text.count(BEGIN) != 1 or text.count(END) != 1:
            raise SystemExit(f"{path}: expected {BEGIN} and {END} once each")
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        path.write_text(f"{before}{BEGIN}\n{section(report, language)}\n{END}{after}", encoding="utf-8")
        print(f"written: {path}")
    print(f"written: {root / PICTURE}")


def cases_of(report: dict[str, Any]) -> dict[str, Measured]:
    """The timed cases of a report that glassnet took part in."""
    found = {name: Measured.from_json(name, entry) for name, entry in report["cases"].items()}
    return {name: case for name, case in found.items() if case.ours}


def section(report: dict[str, Any], language: Language) -> str:
    """All between the markers."""
    cases = cases_of(report)
    trainings = [case for case in cases.values() if case.name in {training.name for training in TRAINING}]
    wholes = [cases[name] for name in (*(case.name for case in WHOLE), IMPORT) if name in cases]
    steps = [[_name(case), _what(case, language), *step_cells(case, language)] for case in trainings]
    rows = [[_name(case), _what(case, language), *whole_cells(case, language)] for case in wholes]
    rows += memory_row(report, language) + size_row(report, language)
    images = [cases[case.name] for case in (*CONVOLUTIONAL, *PREDICTIONS, *LANGUAGE, *SEQUENCES) if case.name in cases]
    lines = [[_name(case), _what(case, language), *image_cells(case, language)] for case in images]
    lines += step_memory_rows(report, language)
    parts = [
        f"![{language.picture}]({PICTURE.removeprefix('docs/')})",
        f"**{language.steps_title}**",
        table(_step_columns(language), steps),
        f"**{language.whole_title}**",
        table(_whole_columns(language), rows),
        *([f"**{language.images_title}**", table(_image_columns(language), lines)] if lines else []),
        notes(report, trainings, language),
    ]
    return "\n\n".join(parts)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown; all but the first two columns and the last two are aligned right."""
    columns = list(columns)
    sides = ["---" if i < 2 or i >= len(columns) - 2 else "---:" for i in range(len(columns))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, sides, *rows))


def _step_columns(language: Language) -> list[str]:
    peers = [language.by_hand, "torch", language.call_a_step, language.loop]
    ratios = [language.over_best, language.over_loop]
    return [language.case, language.what, "glassnet", *peers, *ratios, language.aim, language.met]


def _whole_columns(language: Language) -> list[str]:
    peers = [SPELLED.get(peer, peer) for peer in WHOLE_PEERS]
    return [language.case, language.what, "glassnet", *peers, language.over_best, language.aim, language.met]


def _image_columns(language: Language) -> list[str]:
    ratios = [language.floor, language.over_torch, language.over_onnxruntime]
    return [language.case, language.what, "glassnet", *IMAGE_PEERS, *ratios, language.aim, language.met]


def step_cells(case: Measured, language: Language) -> list[str]:
    """Times, ratios and aim of a training."""
    times = [_time(case, case.ours), *(_time(case, peer) for peer in ("numpy", "torch", "jax")), _loop_time(case)]
    ratios = [ratio(case.speedup(over)) for over in (case.rivals(), case.loop())]
    return [*times, *ratios, *aim_cells(case, language)]


def whole_cells(case: Measured, language: Language) -> list[str]:
    """The same of another timed case; what concerns jax's compiled loop shares a cell with the rest."""
    times = {peer: _time(case, peer) for peer in WHOLE_PEERS}
    over = ratio(case.speedup(case.rivals()))
    if case.loop():
        times["jax"] = language.loop_too.format(times["jax"], _loop_time(case))
        over = language.loop_too.format(over, ratio(case.speedup(case.loop())))
    return [_time(case, case.ours), *times.values(), over, *aim_cells(case, language)]


def image_cells(case: Measured, language: Language) -> list[str]:
    """The same of a convolutional network, in training or predicting one image."""
    times = [_time(case, peer) for peer in (case.ours, *IMAGE_PEERS)]
    floor = duration(case.floor) if case.floor else NONE
    return [*times, floor, ratio(case.over("torch")), ratio(case.over("onnxruntime")), *aim_cells(case, language)]


def aim_cells(case: Measured, language: Language) -> list[str]:
    """What was aimed at, and whether it was reached; what was not is named with its number."""
    verdicts = case.verdicts()
    aims = [("≤ " if v.part == "microseconds" else "≥ ") + _part(v, v.wanted, language) for v in verdicts]
    missed = [_part(v, v.reached, language) for v in verdicts if not v.met]
    met = language.no.format(language.comma.join(missed)) if missed else language.yes
    return [language.comma.join(aims) or NONE, met if verdicts else NONE]


def memory_row(report: dict[str, Any], language: Language) -> list[list[str]]:
    """Memory of a long training, if it was measured."""
    if (found := report.get("memory")) is None:
        return []
    peaks = " → ".join(f"{found[moment]['peak'] / 1e6:.1f}" for moment in ("first", "last")) + " MB"
    what = language.works["memory"].format(*(f"{found[moment]['steps']:,}" for moment in ("first", "last")))
    others = [NONE] * (len(WHOLE_PEERS) + 1)
    met = language.yes if found["met"] else language.no.format(peaks)
    return [["`memory`", what, peaks, *others, language.flat_peak, met]]


def step_memory_rows(report: dict[str, Any], language: Language) -> list[list[str]]:
    """Memory that the training of convolutional networks takes, as far as it was measured for both libraries."""
    rows = []
    for name, found in report.get("step_memory", {}).items():
        if "met" in found:
            ours, torch = (f"{found['peers'][library]['step'] / 1e6:.1f} MB" for library in ("glassnet", "torch"))
            what = language.step_memory.format(STEP_CASES[name])
            met = language.yes if found["met"] else language.no.format(ours)
            rows.append([f"`{name}`", what, ours, torch, *[NONE] * 5, language.at_most_torch, met])
    return rows


def size_row(report: dict[str, Any], language: Language) -> list[list[str]]:
    """Installed sizes, if they were measured."""
    found = report.get("size", {})
    if "over_numpy" not in found:
        return []
    sizes = {name: megabytes(entry["bytes"]) for name, entry in found["libraries"].items()}
    over = megabytes(found["over_numpy"])
    ours = language.above_numpy.format(sizes["glassnet"], over)
    met = language.yes if found["met"] else language.no.format(f"NumPy + {over}")
    aim = language.at_most_above.format(megabytes(found["wanted"]))
    peers = [sizes.get(peer, NONE) for peer in WHOLE_PEERS]
    return [["`size`", language.works["size"], ours, *peers, NONE, aim, met]]


def notes(report: dict[str, Any], trainings: list[Measured], language: Language) -> str:
    """How to read the tables, and the machine."""
    repeated = [_name(case) for case in trainings if "repeated" in case.counted(case.ours or "")]
    versions = [f"{SPELLED.get(library, library)} {version}" for library, version in report["versions"].items()]
    facts = report["machine"] | {"date": report["date"], "versions": language.comma.join(versions)}
    sentences = [
        *([language.quick] if report["quick"] else []),
        language.notes.format(rounds=report["rounds"]),
        *([language.repeated.format(language.comma.join(repeated))] if repeated else []),
        language.machine.format(**facts),
    ]
    return (language.stop.join(sentences) + language.stop).rstrip()


def ratio(number: float) -> str:
    """With three digits, or a dash where there was nothing to compare with."""
    return NONE if number != number else f"{_digits(number)}×"


def megabytes(size: float) -> str:
    """Of a million bytes each."""
    return f"{size / 1e6:.0f} MB"


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 99.5 else f"{number:.3g}"


def _part(verdict: Verdict, number: float, language: Language) -> str:
    forms = {"microseconds": duration(number), "floor_share": f"{number:.0%}"}
    return language.parts[verdict.part].format(forms.get(verdict.part, _digits(number)))


def _name(case: Measured) -> str:
    return f"`{case.name}`"


def _what(case: Measured, language: Language) -> str:
    return language.works[IMPORT] if case.name == IMPORT else language.describe(CASES[case.name])


def _time(case: Measured, peer: str | None) -> str:
    return duration(case.microseconds(peer)) if peer in case.peers and peer else NONE


def _loop_time(case: Measured) -> str:
    return duration(case.microseconds("jax", LOOP)) if case.loop() else NONE


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="Puts the results into docs/performance.md and its Chinese form.")
    parser.add_argument("--results", type=Path, default=LATEST, help="what a run wrote (the latest)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder with docs (this project's)")
    options = parser.parse_args()
    write_pages(json.loads(options.results.read_text()), options.root)


if __name__ == "__main__":
    main()
