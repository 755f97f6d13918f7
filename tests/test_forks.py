"""Forks while other threads are at work: nothing in a child waits for a thread that it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FORKING = '''
import os, random, signal, sys, threading, time, traceback
import numpy as np
import glassnet as gn


def fork(call, number):
    """Lets a child do something, and ends the program if it does not come to an end in good time."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            call(number)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    until = time.monotonic() + 60
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            sys.exit(f"child {number} hangs")
        time.sleep(0.0005)
    if status:
        sys.exit(f"child {number} ended with {status}")
'''

AT_WORK = '''
from tests.parts import Swish

rng = np.random.default_rng(0)
x, y = rng.normal(size=(300, 16)).astype(np.float32), rng.integers(0, 3, 300)


def new(*layers, engine):
    net = gn.Sequential(gn.Dense(24), *layers, gn.Dense(3))
    model = gn.Model(net, "cross_entropy", gn.Adam(), threads=2, engine=engine)
    model.fit(x, y, verbose=False)
    return model


model, own, plain = new("relu", engine="compiled"), new(Swish(), engine="compiled"), new("relu", engine="numpy")
expected, row = model.predict(x), model.predict(x[:1])
others = [new("relu", engine="compiled") for _ in range(2)]


def for_ever(call):
    while True:
        call()


for call in (
    lambda: model.predict(x),
    lambda: model.predict(x[:1]),
    lambda: own.predict(x[:40]),
    lambda: plain.predict(x[:40]),
    lambda: others[0].fit(x, y, epochs=2, verbose=False),
    lambda: others[1].step(x[:32], y[:32]),
):
    threading.Thread(target=for_ever, args=(call,), daemon=True).start()


def child(number):
    """What a child does: the same as the threads of its parent, on the same models and on one of its own."""
    assert np.array_equal(model.predict(x), expected)
    assert np.array_equal(model.predict(x[:1]), row)
    others[number % 2].predict(x[:5])
    if number % 8 == 0:
        plain.predict(x[:5]), own.predict(x[:5])
        others[0].step(x[:32], y[:32])
        new("relu", engine="compiled")
        others[1].fit(x, y, verbose=False)


for number in range(int(sys.argv[1])):
    time.sleep(random.random() * 0.002)
    fork(child, number)
print("all children ended")
'''


FIRST_USE = """
x, y = np.zeros((20, 4), np.float32), np.arange(20) % 3


def use(_=None):
    model = gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(3)), "cross_entropy", gn.Adam())
    model.fit(x, y, verbose=False)
    model.predict(x)


thread = threading.Thread(target=use)
thread.start()
number = 0
while thread.is_alive():
    number += 1
    fork(use if number % 4 == 0 else lambda number: gn.Dense(3), number)
print("all children ended")
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")


def ends_well(script: str, forks: int) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKING + script, str(forks)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120 + forks, cwd=Path(__file__).parents[1])
    assert (ran.stdout, ran.stderr, ran.returncode) == ("all children ended\n", "", 0)


def test_while_threads_predict_and_train() -> None:
    ends_well(AT_WORK, int(os.environ.get("GLASSNET_FORKS", "100")))


def test_while_a_thread_loads_what_it_uses() -> None:
    ends_well(FIRST_USE, 0)


def test_no_attribute_is_worked_out_under_a_lock_that_a_fork_leaves_behind() -> None:
    """That of ``functools.cached_property``, up to Python 3.11."""
    sources = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))
    assert len(sources) > 300
    assert [path.name for path in sources if "import cached_property" in path.read_text(encoding="utf-8")] == []
