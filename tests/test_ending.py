"""The end of a program while threads of it are at work: it is quiet, and the exit code is the program's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import atexit, sys, threading, time
import numpy as np

late = lambda: model.predict(x)
atexit.register(lambda: late())  # runs after glassnet's own

import glassnet as gn
from glassnet.core.ending import to_the_end
from tests.parts import Square, Swish

rng = np.random.default_rng()
x, y = rng.normal(size=(400, 20)).astype(np.float32), rng.integers(0, 3, 400)


def new(*layers, **settings):
    net = gn.Sequential(gn.Dense(32), *layers, gn.Dense(3))
    return gn.Model(net, "cross_entropy", gn.Adam(), threads=2, **settings)


def trained(**settings):
    model = new("relu", **settings)
    model.fit(x, y, verbose=False)
    return model


model = trained()
path = sys.argv[1]
model.save(path)
atexit.register(lambda: model.save(path))
own, stepping, with_callback = new(Swish(), Square()), trained(), trained()
for one in (own, stepping):
    one.step(x[:32], y[:32])

WORK = {
    "predict": lambda: model.predict(x),
    "a row": lambda: model.predict(x[:1]),
    "fit": lambda: with_callback.fit(x, y, epochs=3, verbose=False, callbacks=[lambda state: sum(range(500))]),
    "own layers": lambda: own.fit(x, y, epochs=3, verbose=False),
    "step": lambda: stepping.step(x[:32], y[:32]),
    "load": lambda: gn.load(path).predict(x[:2]),
    "save": lambda: stepping.save(path + ".other.safetensors"),
}
begun = threading.Barrier(1 + len(WORK))


def work(call):
    call()
    begun.wait()
    while True:
        call()


for call in WORK.values():
    threading.Thread(target=work, args=(call,), daemon=True).start()
begun.wait(60)
time.sleep(0.2 * rng.random())
"""
ONNX = """
import sys, threading, time
import numpy as np
import glassnet as gn

net = gn.Sequential(gn.Dense(8), "relu", gn.Dense(2))
net.build(3)
model = gn.Model(net, "cross_entropy", "adam")
begun = threading.Barrier(4)


def work(path):
    model.export_onnx(path)
    begun.wait()
    while True:
        model.export_onnx(path)
        gn.from_onnx(path)


for number in range(3):
    threading.Thread(target=work, args=(f"{sys.argv[1]}.{number}.onnx",), daemon=True).start()
begun.wait(60)
time.sleep(0.2 * np.random.default_rng().random())
"""
ENDS = {"": 0, "sys.exit(3)": 3}


@pytest.mark.parametrize("end", ENDS)
def test_daemon_threads_at_work(end: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT + end, str(tmp_path / "model.safetensors")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[1])
    assert (ran.returncode, ran.stdout, ran.stderr) == (ENDS[end], "", "")


def test_daemon_threads_within_the_libraries_of_others(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    command = [sys.executable, "-W", "ignore", "-c", ONNX, str(tmp_path / "model")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[1])
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_other_threads_are_waited_for(tmp_path: Path) -> None:
    script = SCRIPT.replace("while True:", "for _ in range(3):").replace("daemon=True", "daemon=False")
    command = [sys.executable, "-W", "ignore", "-c", script + "sys.exit(4)", str(tmp_path / "model.safetensors")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[1])
    assert (ran.returncode, ran.stdout, ran.stderr) == (4, "", "")
