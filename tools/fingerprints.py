"""Whether a change moved a bit: hashes of what some 60 small networks learn, predict, save, plan and trace.

    python tools/fingerprints.py write FILE          # before the change
    python tools/fingerprints.py compare FILE        # after it: prints what differs, exit code 1 then

Each thing has a name ENGINE/DTYPE/NETWORK/THING, such as ``_native_avx2/float32/convolutions/parameters``; the engine
is ``numpy`` or a variant of the native module (``described`` and ``planned`` are what no engine changes). ``--only
'rule-*'`` takes some networks, ``--engine numpy`` some engines, ``--dtype float32`` one dtype. Each engine runs in a
process of its own, on one thread of BLAS.

What depends on the moment (the time of a file) or on the version is left out of the hashes. The networks are in
``fingerprint_cases.py``; nothing but the public interface is used.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import print_exc
from typing import Any

if __name__ == "__main__":  # before NumPy is imported
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from fingerprint_cases import CASES, Case
from fingerprint_parts import CUSTOM

import glassnet as gn

ENGINES = ("numpy", "_native", "_native_avx2", "_native_avx512")
PLANNED = ("_native", "_native_avx2")
"""One of which each processor has, for what no variant changes."""
DTYPES = ("float32", "float64")
ROWS, TRAINED = 300, 67
NOT_HERE = 3
"""Exit status of an engine that this processor or installation does not have."""


Things = Iterator[tuple[str, Callable[[], Any]]]
"""Each thing by its name, to be asked for before the next one is."""


def digest(thing: Any) -> str:
    """The first 16 digits of the SHA-256 of arrays, bit by bit with dtype and shape, and of all else as JSON."""
    if isinstance(thing, np.ndarray):
        data = f"{thing.dtype.str}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes()
    elif isinstance(thing, bytes):
        data = thing
    else:
        data = json.dumps(thing, sort_keys=True, default=digest).encode()
    return hashlib.sha256(data).hexdigest()[:16]


def take(x: Any, rows: int) -> Any:
    return {name: values[:rows] for name, values in x.items()} if isinstance(x, dict) else x[:rows]


def read_file(path: Path) -> tuple[dict[str, Any], bytes]:
    """A model's description without time, version and checksums, and the bytes of its tensors with their places.

    What it says of the latest fit is left out: NumPy has a part in histories and in what a ``Watch`` sums up.
    """
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    description = json.loads(header.pop("__metadata__")["glassnet"])
    for name in ("written", "glassnet_version", "checksums", "latest_fit", "profiles"):
        description.pop(name, None)
    first, content = 8 + length, b""
    for name in sorted(header, key=lambda name: header[name]["data_offsets"][0]):
        if name.startswith("latest_fit/"):
            del header[name]
            continue
        start, stop = header[name]["data_offsets"]
        header[name]["data_offsets"] = [len(content), len(content) + stop - start]
        content += data[first + start : first + stop]
    return description, json.dumps(header, sort_keys=True).encode() + content


def model_of(case: Case, engine: str, dtype: str) -> tuple[gn.Model, Any, Any]:
    """The model, not yet trained, with its rows and targets."""
    rng = np.random.default_rng(7)
    x, y = case.x(rng, ROWS), case.y(rng, ROWS)
    name = "numpy" if engine == "numpy" else "compiled"
    model = gn.Model(
        case.network(), case.loss, case.optimizer, case.metrics, seed=3, dtype=dtype, engine=name, threads=1
    )
    if case.prepare is not None:
        x, y = case.prepare(model, x, y)
    return model, x, y


def train(case: Case, model: gn.Model, x: Any, y: Any) -> tuple[gn.History, Any]:
    """Some epochs with a batch that is shorter than the others; and the weights of the rows, or None."""
    weights = np.random.default_rng(5).uniform(0, 2, TRAINED) if case.weighted else None
    settings = {"epochs": 3, "batch_size": 16} | case.fit
    settings["callbacks"] = settings["callbacks"]() if "callbacks" in settings else ()
    history = model.fit(take(x, TRAINED), take(y, TRAINED), sample_weight=weights, verbose=False, **settings)
    return history, weights


def c_outputs(model: gn.Model, x: Any, folder: Path) -> Any:
    """What the model's C source predicts."""
    source, _ = gn.interop.export_c(model, folder / "model.c")
    library = folder / f"{source.stat().st_mtime_ns}.so"
    command = [str(shutil.which("cc")), "-O1", "-ffp-contract=off", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run([*command, "-lm"], check=True)
    outputs = np.zeros_like(model.predict(x), np.float32)
    pointer = ctypes.POINTER(ctypes.c_float)
    for row, result in zip(np.ascontiguousarray(x, np.float32), outputs, strict=True):
        ctypes.CDLL(str(library)).predict(row.ctypes.data_as(pointer), result.ctypes.data_as(pointer))
    return outputs


def onnx_outputs(model: gn.Model, x: Any, folder: Path) -> Any:
    """What onnxruntime makes of the model's ONNX file."""
    import onnxruntime

    path = folder / "model.onnx"
    model.export_onnx(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {}
    for given in session.get_inputs():
        dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}.get(given.type)
        values = x[given.name] if isinstance(x, dict) else x
        if dtype is None:
            feed[given.name] = np.array(values, dtype=object)[:, None]
        else:
            array = np.array(values, dtype) if not isinstance(values, list) else as_column(values)
            feed[given.name] = array.astype(dtype)
    return session.run(None, feed)


def as_column(values: list[Any]) -> Any:
    """A table's column as its ONNX file takes it: a number for each row, NaN for a gap."""
    texts = (str(float(v) if isinstance(v, bool) else "nan" if v is None else v) for v in values)
    return np.array([[float(text.split()[0].replace(",", "."))] for text in texts])


def learned(case: Case, engine: str, dtype: str, folder: Path, *, brief: bool) -> Things:
    """Everything that one network leaves behind in one engine."""
    model, x, y = model_of(case, engine, dtype)
    history, weights = train(case, model, x, y)
    yield "parameters", lambda: dict(model.network.named_parameters())
    yield "optimizer", lambda: {name: np.asarray(values) for name, values in model.optimizer.state.items()}
    yield (
        "history",
        lambda: [history.epochs, {name: list(map(float, v)) for name, v in sorted(history.metrics.items())}],
    )
    for rows in (1, 7, ROWS):
        yield f"predictions-{rows}", partial(model.predict, take(x, rows))
    model.threads = 2
    yield "predictions-threads", lambda: model.predict(x)
    model.threads = 1
    yield "evaluation", lambda: model.evaluate(take(x, TRAINED), take(y, TRAINED), weights)
    path = folder / "model.safetensors"
    model.save(path)
    description, tensors = read_file(path)
    yield "file-description", lambda: description
    yield "file-tensors", lambda: tensors
    again = gn.load(path, custom=CUSTOM)
    again.engine, again.threads = model.engine, 2
    yield "loaded", lambda: again.predict(take(x, 7))
    again.fit(take(x, TRAINED), take(y, TRAINED), batch_size=16, sample_weight=weights, verbose=False)
    yield "resumed", lambda: again.network.parameters
    batches = [(take(x, 9), take(y, 9)), (take(x, 5), take(y, 5))]
    yield "steps", lambda: [model.step(*batches[0]), model.step(*batches[1]), model.step_over(batches)]
    yield "stepped", lambda: model.network.parameters
    for kind in case.exports if dtype == "float32" and not brief else ():
        yield kind, partial(onnx_outputs if kind == "onnx" else c_outputs, again, take(x, 7), folder)


def described(case: Case, dtype: str, *, brief: bool) -> Things:
    """What does not depend on the engine: texts, and the derivatives."""
    model, x, y = model_of(case, "numpy", dtype)
    train(case, model, x, y)
    few, labels = take(x, 4), take(y, 4)
    yield "summary", lambda: str(model.summary())
    if brief and case.name.startswith(("loss-", "rule-")):  # whose text takes longest, for little that is its own
        calls = gn.trace(model, few, labels).calls
        yield "trace", lambda: [[call.kernel, call.path, call.outputs] for call in calls]
    else:
        yield "trace", lambda: str(gn.trace(model, few, labels))
    found = model.gradients(few, labels)
    yield "gradients", lambda: [found.loss, found.flat, found.input, found.layers]
    rng = np.random.default_rng(2)
    direction = {name: rng.normal(size=values.shape) for name, values in found.parameters.items()}
    outputs = model.predict(few)
    if not isinstance(few, dict):
        yield "vjp", lambda: gn.vjp(model, few, rng.normal(size=outputs.shape), wrt="parameters")
    yield "jvp", lambda: gn.jvp(model, few, direction, wrt="parameters")
    yield "hvp", lambda: gn.hvp(model, few, labels, direction)
    yield "saliency", lambda: gn.saliency(model, few, 0)
    yield "integrated", lambda: gn.integrated_gradients(model, few, 0, steps=5)


def planned(case: Case, dtype: str) -> Things:
    """The text of the program."""
    model, x, y = model_of(case, "compiled", dtype)
    train(case, model, x, y)
    for size in (16, 3):
        yield f"plan-{size}", partial(lambda size: str(model.plan(size)), size)


def hashed(things: Things) -> Iterator[tuple[str, str]]:
    """A hash for each thing; where the library refuses one, the kind of error."""
    for name, thing in things:
        try:
            yield name, digest(thing())
        except gn.GlassnetError as error:
            yield name, type(error).__name__


def fingerprints(engine: str, dtypes: Sequence[str], only: str, *, brief: bool) -> dict[str, str]:
    """The hashes of this process's engine; ``brief`` leaves out exports and, in float64, texts and derivatives."""
    found: dict[str, str] = {}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in (case for case in CASES if fnmatch(case.name, only)):
            for dtype in dtypes:
                parts = {engine: learned(case, engine, dtype, Path(folder), brief=brief)}
                if engine == "numpy" and (dtype == "float32" or not brief):
                    parts["described"] = described(case, dtype, brief=brief)
                elif engine in PLANNED:
                    parts["planned"] = planned(case, dtype)
                for part, things in parts.items():
                    place = f"{part}/{dtype}/{case.name}"
                    try:
                        found |= {f"{place}/{name}": value for name, value in hashed(things)}
                    except Exception as error:  # noqa: BLE001 - said, and the other networks still have their turn
                        print_exc()
                        found[f"{place}/fails"] = f"{type(error).__name__}: {error}"
    return found


def everywhere(options: Namespace) -> dict[str, str]:
    """The hashes of all engines, each from a process of its own."""
    found: dict[str, str] = {}
    for engine in options.engine:
        chosen = ["--engine", engine, "--dtype", *options.dtype, "--only", options.only]
        environment = os.environ | ({} if engine == "numpy" else {"GLASSNET_VARIANT": engine})
        command = [sys.executable, __file__, "here", *chosen, *(["--brief"] if options.brief else [])]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == NOT_HERE:
            print(f"{engine}: not on this processor, or not installed", file=sys.stderr)
        elif done.returncode:
            sys.exit(f"{engine}: failed")
        else:
            found |= json.loads(done.stdout)
    return found


def here(options: Namespace) -> None:
    """Prints this process's hashes."""
    (engine,) = options.engine
    if engine != "numpy":
        try:
            gn.Model(gn.Dense(1), "mean_squared_error", "sgd", engine="compiled")
        except gn.ConfigurationError:
            sys.exit(NOT_HERE)
    print(json.dumps(fingerprints(engine, options.dtype, options.only, brief=options.brief)))


def main() -> None:
    parser = ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument(
        "command", choices=("write", "compare", "here"), help="here: prints one engine's, in this process"
    )
    parser.add_argument("file", type=Path, nargs="?", default=Path("fingerprints.json"))
    parser.add_argument("--only", default="*", help="networks whose name matches")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--brief", action="store_true", help="without exported files, and less in float64")
    options = parser.parse_args()
    if options.command == "here":
        here(options)
        return
    found = everywhere(options)
    if options.command == "write":
        options.file.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{len(found)} hashes of {gn.__file__} in {options.file}")
        return
    expected = json.loads(options.file.read_text(encoding="utf-8"))
    engines = {*options.engine} | {"described" for e in options.engine if e == "numpy"}
    engines |= {"planned" for e in options.engine if e in PLANNED}
    expected = {
        name: value
        for name, value in expected.items()
        for engine, dtype, case, _ in [name.split("/")]
        if engine in engines and dtype in options.dtype and fnmatch(case, options.only)
    }
    differ = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
    for name in differ:
        print(f"{name}: {expected.get(name, 'not there before')} -> {found.get(name, 'not there any more')}")
    print(f"{len(differ)} of {len(expected)} differ ({gn.__file__})")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
