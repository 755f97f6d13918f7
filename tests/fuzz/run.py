"""Fuzzing with coverage guidance (atheris): each door for some seconds, beginning with its seeds.

    python tests/fuzz/run.py [--seconds 60] [door ...]

What atheris finds worth keeping goes to build/fuzz/corpus, what breaks a door to build/fuzz/broken. Exits with 1 if
anything did. Each door runs in a process of its own, with at most 2 GB of memory and 20 s for an input.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "build" / "fuzz"


def fuzz(name: str, options: list[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    sys.path.insert(0, str(HERE.parent))
    import atheris

    with atheris.instrument_imports(include=["glassnet"], enable_loader_override=False):
        from fuzz.targets import DOORS
    atheris.Setup([sys.argv[0], *options], DOORS[name])
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doors", nargs="*", help="all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each door")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    doors = asked.doors or sorted(path.name for path in (HERE / "seeds").iterdir())
    broken: list[str] = []
    for name in doors:
        corpus, found = OUT / "corpus" / name, OUT / "broken" / name
        for folder in (corpus, found):
            folder.mkdir(parents=True, exist_ok=True)
        limits = [f"-max_total_time={asked.seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=20000"]
        options = [*limits, f"-artifact_prefix={found}/", str(corpus), str(HERE / "seeds" / name)]
        if asked.one:
            fuzz(name, options)
        print(f"{name}: {asked.seconds} s", flush=True)
        done = subprocess.run([sys.executable, __file__, "--one", "--seconds", str(asked.seconds), name],
                              capture_output=True, text=True, errors="replace", check=False)  # fmt: skip
        summary = [line for line in done.stderr.splitlines() if line.startswith(("#", "Done", "==", "stat"))][-1:]
        print(f"  {' '.join(summary)}", flush=True)
        if done.returncode:
            broken.append(name)
            print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", flush=True)
    print(f"{len(doors) - len(broken)} of {len(doors)} doors held; broken: {', '.join(broken) or 'none'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
