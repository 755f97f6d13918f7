"""What a call costs whatever it is given: counted in calls of Python functions, which no other work on a machine moves.

Each takes about a microsecond. A bound is a tenth above what was counted; whoever passes it looks for what is done
twice, or is done for networks that do not need it. A process of its own counts: what other tests left alive would be
collected meanwhile, whose finalizers are calls, too.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from glassnet.compile import native

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled engine is missing")

COUNTS = """
import json, sys
import numpy as np
import glassnet as gn

rng = np.random.default_rng(0)
rows = rng.normal(size=(100, 64)).astype(np.float32), rng.integers(0, 10, 100)

def made():
    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
    return gn.Model(net, "cross_entropy", gn.Adam(1e-3), seed=0)

def calls_of_fit(model):
    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    model.fit(*rows, verbose=False)
    sys.setprofile(None)
    return calls.count("call")

first = [calls_of_fit(made()) for _ in range(3)]
model = made()
print(json.dumps({"like one before": first[-1], "further": [calls_of_fit(model) for _ in range(3)][-1]}))
"""


def test_fits_of_known_networks() -> None:
    done = subprocess.run([sys.executable, "-c", COUNTS], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    counts = json.loads(done.stdout)
    assert 1000 < counts["like one before"] < 1700
    assert 400 < counts["further"] < 750
