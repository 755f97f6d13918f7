"""Compiled programs from inside: their plans, their memory, and what a step costs besides its work."""

from __future__ import annotations

import gc
import os
import platform
import shlex
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from gradients import Affine, layer_cases, loss_cases, network_for, rows_for
from models import classifier, cut_finely
from test_recording import RULES

import glassnet as gn
from glassnet.compile import CompiledProgram, arena, graph, native
from glassnet.compile.items import Item
from glassnet.compile.stages import Group
from glassnet.kernels.activation import identity_backward, relu_backward, relu_forward
from glassnet.kernels.combine import concat_forward
from glassnet.kernels.dense import dense_backward, dense_forward
from glassnet.losses import Loss
from glassnet.runners import NumpyRunner, StepNumber
from glassnet.training import Rows
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.parts import Parts
from glassnet.training.steps import TrainingStep, step_program

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

TESTS = Path(__file__).parents[1]
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
LAYERS = list(layer_cases())
LOSSES = list(loss_cases())


def built(network: gn.Network, features: int, **settings: Any) -> gn.Model:
    dtype = settings.setdefault("dtype", "float32")
    network.build((features,), dtype=dtype)
    return gn.Model(network, "cross_entropy", gn.Adam(0.01), engine="compiled", **settings)


def two_layers() -> gn.Model:
    return built(gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dropout(0.2), gn.Dense(10)), 64)


# The plan.


def test_the_plan_lists_every_instruction() -> None:
    model = two_layers()
    plan = model.plan(32)
    assert sorted((line.layer, line.instruction) for line in plan.lines) == [
        ("", "collect"),
        ("", "gather"),
        ("", "gather"),
        ("0", "dense_backward"),  # ∂L/∂W alone: nobody reads the ∂L/∂x of the first layer
        ("0", "dense_forward"),
        ("1", "relu_backward"),
        ("1", "relu_forward"),
        ("2", "dropout_backward"),
        ("2", "dropout_forward"),
        ("3", "dense_backward"),
        ("3", "dense_backward"),
        ("3", "dense_forward"),
        ("loss", "cross_entropy_backward"),
        ("loss", "cross_entropy_forward"),
        ("loss", "weighted_sum"),
        ("optimizer", "adam_update"),
    ]
    assert (plan.batch_rows, plan.dtype) == (32, "float32")
    assert not plan.in_python
    assert [line.stage for line in plan.lines] == sorted(line.stage for line in plan.lines)
    assert 1 <= plan.checked_after < plan.lines[-1].stage


def test_the_plan_counts_the_work_of_dense_layers_exactly() -> None:
    lines = two_layers().plan(32).lines
    flops = {
        (line.layer, line.instruction, "dx" in line.shapes): line.flops for line in lines if "dense" in line.instruction
    }
    first, second = 2 * 32 * 64 * 128, 2 * 32 * 128 * 10
    assert flops == {
        ("0", "dense_forward", False): first,
        ("0", "dense_backward", False): first,
        ("3", "dense_forward", False): second,
        ("3", "dense_backward", False): second,
        ("3", "dense_backward", True): second,
    }
    assert two_layers().plan(64).flops > 1.9 * two_layers().plan(32).flops


def test_the_plan_says_which_arrays_take_part() -> None:
    lines = two_layers().plan(32).lines
    (forward,) = (line for line in lines if (line.layer, line.instruction) == ("0", "dense_forward"))
    assert forward.shapes == "x (32, 64), weight (64, 128), bias (128,), y (32, 128)"
    assert forward.bytes == 4 * (32 * 64 + 64 * 128 + 128 + 32 * 128)
    (update,) = (line for line in lines if line.layer == "optimizer")
    size = 64 * 128 + 128 + 128 * 10 + 10
    assert update.shapes == f"gradients ({size},), parameters ({size},), m ({size},), v ({size},)"
    assert update.bytes == 4 * 4 * size
    (dropout,) = (line for line in lines if line.instruction == "dropout_forward")
    assert dropout.bytes == (4 + 4 + 1) * 32 * 128


def test_calls_over_the_same_rows_are_fused() -> None:
    lines = two_layers().plan(32).lines
    groups: dict[tuple[int, str], list[str]] = {}
    pieces: dict[tuple[int, str], set[int]] = {}
    for line in lines:
        groups.setdefault((line.stage, line.group), []).append(line.instruction)
        pieces.setdefault((line.stage, line.group), set()).add(line.pieces)
    assert all(len(counts) == 1 for counts in pieces.values())
    forward = next(names for names in groups.values() if "dense_forward" in names)
    together = ["dense_forward", "relu_forward", "dropout_forward", "dense_forward", "cross_entropy_forward"]
    assert [name for name in forward if name in together] == together
    backward = next(names for names in groups.values() if "cross_entropy_backward" in names)
    after = ["cross_entropy_backward", "dense_backward", "dropout_backward", "relu_backward"]
    assert [name for name in backward if name in after] == after


def test_elementwise_work_happens_in_place() -> None:
    lines = built(gn.Sequential(gn.Dense(8), gn.Dense(8), gn.Sigmoid(), gn.Sigmoid(), gn.Dense(3)), 4).plan(8).lines
    in_place = {line.instruction for line in lines if line.in_place}
    assert "sigmoid_backward" in in_place
    assert not {name for name in in_place if name.startswith("dense")}


def test_the_plan_names_what_runs_in_python() -> None:
    plan = built(gn.Sequential(gn.Dense(8), Affine(), gn.Dense(3)), 4).plan(8)
    assert {(line.layer, line.instruction) for line in plan.in_python} == {
        ("1", "python_forward"),
        ("1", "python_backward"),
    }
    assert all(line.pieces == 1 for line in plan.in_python)
    assert str(plan).count("in Python") == 2


def test_the_printed_plan_is_a_table() -> None:
    plan = two_layers().plan(32)
    text = str(plan)
    for line in plan.lines:
        assert line.instruction in text
        assert f"{line.flops:,}" in text
    for name in ("32 rows", "float32", f"{plan.memory:,} bytes", f"{plan.flops:,} FLOPs", "(64, 128)", "optimizer"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 130


def test_looking_at_the_plan_changes_nothing() -> None:
    model = two_layers()
    before = model.network.parameters.copy()
    assert str(model.plan(32)) == str(model.plan(32))
    np.testing.assert_array_equal(model.network.parameters, before)
    assert model.optimizer.steps == model.epochs_trained == 0
    assert not model.optimizer.state


def test_a_plan_needs_shapes_and_a_batch_size() -> None:
    with pytest.raises(gn.NotBuiltError, match="plan"):
        classifier().plan()
    with pytest.raises(gn.ConfigurationError, match="batch_size"):
        two_layers().plan(0)


# Memory. A program is simulated on its own arena, call by call, its pieces in any order and their calls interleaved, as
# threads might do it, beside a step of the NumPy engine. Whoever reads what another one wrote over is found out.


def sample(model: gn.Model, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Rows:
    """Checked data; the optimizer is prepared for them."""
    rows = model.rows(x, y, weights)
    model.optimizer.prepare(model.network.parameters)
    return rows


def pieces(group: Group) -> Iterator[tuple[int, int]]:
    for start in range(0, group.extent, group.size):
        yield start, min(start + group.size, group.extent)


class Simulation:
    """Carries out a program's stages, with the native kernels for single calls."""

    def __init__(self, model: gn.Model, rows: Rows, seed: int) -> None:
        self.parts = model.network, model.loss, model.optimizer
        self.program: CompiledProgram = step_program(*self.parts, model.seed, rows)
        self.rows = rows
        self.rng = np.random.default_rng(seed)
        self.collected = np.full((len(rows), *(model.network.output_shape or ())), np.nan, model.dtype)
        self.live = [model.network.parameters, *model.optimizer.state.values()]
        self.layout = model.network.layout
        self.sums_of: dict[int, int] = {}  # of how many pieces a buffer holds sums

    def run(self, step: int) -> None:
        """One step in a memory that is full of NaN before, but for what is computed once and for all."""
        for array in self.written():
            array.reshape(-1).view(np.uint8)[...] = 0xFF
        before = [array.copy() for array in self.live]
        for number, stage in enumerate(self.program.stages):
            waiting = [
                [(item, group, number_of_piece, piece) for item in group.items]
                for group in stage.groups
                for number_of_piece, piece in enumerate(pieces(group))
            ]
            while waiting:
                chosen = waiting[int(self.rng.integers(len(waiting)))]
                self.do(*chosen.pop(0), step)
                waiting = [left for left in waiting if left]
            if number < self.program.plan().checked_after:
                for array, kept in zip(self.live, before, strict=True):
                    for segment in self.layout if array is self.live[0] else ():
                        if not segment.trainable:  # running statistics belong to the forward pass
                            segment.view(kept)[...] = segment.view(array)
                    np.testing.assert_array_equal(array, kept, err_msg="changed before the loss is known")

    def written(self) -> Iterator[np.ndarray]:
        """What the calls of a step write in the arena."""
        for item in (item for stage in self.program.stages for group in stage.groups for item in group.items):
            names = [*item.call.kernel.writes, *item.call.kernel.updates] if item.call is not None else ["buffer"]
            for array in (item.arrays.get(name) for name in names):
                view = self.program.arena.view(array)
                if isinstance(view, np.ndarray) and np.may_share_memory(view, self.program.arena.memory):
                    yield view

    def do(self, item: Item, group: Group, number: int, piece: tuple[int, int], step: int) -> None:
        """A call, for its share of a piece of the group."""
        module = native()
        assert module is not None
        start, stop = max(piece[0] - item.origin, 0), min(piece[1] - item.origin, item.length)
        if start >= stop:
            return
        arrays = {name: self.program.arena.view(array) for name, array in item.arrays.items()}
        if item.name == "gather":
            source = next(s for s, buffer in self.program._step.sources if buffer is item.arrays["buffer"])
            arrays["buffer"][start:stop] = source[start:stop]
        elif item.name == "collect":
            self.collected[start:stop] = arrays["outputs"][start:stop]
        else:
            assert item.call is not None
            settings = {n: v.of(step) if isinstance(v, StepNumber) else v for n, v in item.call.settings.items()}
            if item.in_python:
                item.call.kernel.function(**arrays, **settings)
                return
            for name in item.by_piece:
                self.sums_of[id(item.arrays[name])] = group.pieces
                arrays[name] = arrays[name][number]
            if item.name == "add_pieces":
                parts = arrays["parts"]
                arrays["parts"] = parts.reshape(len(parts), -1)[: self.sums_of[id(item.arrays["parts"])]]
            cut = [name in item.cut for name in arrays]
            is_double = self.live[0].dtype == np.float64
            numbers = [float(value) for value in settings.values()]
            module.call(item.name, is_double, list(arrays.values()), numbers, cut, item.length, start, stop)

    @property
    def loss(self) -> np.ndarray:
        """The loss of the last step, and the total weight."""
        view = self.program.arena.view
        return np.concatenate([view(self.program._step.value), view(self.program._step.total)])


def check_memory(make: Callable[[], gn.Model], x: Any, y: Any, weights: Any = None) -> None:
    """Three steps in random orders, beside steps without any plan."""
    for seed in range(3):
        planned, plain = make(), make()
        rows = sample(planned, x, y, weights)
        plain_rows = sample(plain, x, y, weights)
        np.testing.assert_array_equal(planned.network.parameters, plain.network.parameters)
        simulation = Simulation(planned, rows, seed)
        for step in range(3):
            simulation.run(step)
            plain.optimizer.steps = step
            parts = Parts(plain.network, plain.loss, plain.optimizer, plain.seed)
            run = NumpyRunner(plain.seed, step)
            expected = TrainingStep(run, parts, plain_rows)
            expected.finish()
            pairs = [
                (simulation.loss, np.concatenate([expected.value, expected.total])),
                (simulation.collected, expected.outputs),
                *zip(simulation.live, [plain.network.parameters, *plain.optimizer.state.values()], strict=True),
            ]
            for found, wanted in pairs:
                np.testing.assert_allclose(found, wanted, 1e-9, 1e-9 * float(np.abs(wanted).max(initial=1e-3)))


@pytest.fixture(params=["whole", "in pieces"])
def pieces_of_any_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs as they are, and cut as far as they can be."""
    if request.param == "in pieces":
        cut_finely(monkeypatch)


@pytest.mark.usefixtures("pieces_of_any_size")
@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_memory_of_layers(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    example = gn.Sequential(build(), gn.Flatten())
    (outputs,) = example.build(shape)

    def make() -> gn.Model:
        return gn.Model(gn.Sequential(build(), gn.Flatten()), "mean_squared_error", gn.SGD(0.1), dtype="float64")

    check_memory(make, rows_for(example, rng, 13), rng.normal(size=(13, outputs)))


@pytest.mark.usefixtures("pieces_of_any_size")
@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_memory_of_losses(case: tuple[str, Loss, Callable[..., np.ndarray], str | None]) -> None:
    _, loss, targets, end = case
    rng = np.random.default_rng(0)

    def make() -> gn.Model:
        return gn.Model(network_for(loss, end), loss, gn.SGD(0.05), dtype="float64")

    check_memory(make, rng.normal(size=(13, 2)), targets(rng, 13, 3), rng.uniform(0.2, 2, 13))


@pytest.mark.usefixtures("pieces_of_any_size")
@pytest.mark.parametrize("name", RULES)
def test_memory_of_optimizers(name: str) -> None:
    rng = np.random.default_rng(0)

    def make() -> gn.Model:
        net = gn.Sequential(gn.Dense(17), gn.Tanh(), gn.Dropout(0.3), gn.Dense(9), gn.Dense(3))
        return classifier(network=net, optimizer=RULES[name](), dtype="float64")

    check_memory(make, rng.normal(size=(13, 2)), rng.integers(0, 3, 13))


def deep() -> gn.Sequential:
    """A network with branches in branches, whose layers are all of one width so that any buffer might share."""
    inner = gn.Residual(gn.Dense(6), gn.GELU(), gn.Dropout(0.2), gn.Dense(6))
    concat = gn.Concat([gn.Dense(3), gn.Tanh()], [gn.Sigmoid(), gn.Dense(3), gn.Softmax()])
    chain = [gn.SiLU(), gn.Sigmoid(), gn.Tanh(), gn.ReLU(), gn.Dropout(0.1), gn.Softplus(), gn.ELU(1.2)]
    middle = gn.Residual(inner, gn.Tanh(), gn.Residual(gn.Dense(6), gn.LeakyReLU(0.1)), shortcut=gn.Dense(6))
    tail = [gn.Sequential(gn.Dense(6), gn.Tanh()) for _ in range(6)]
    return gn.Sequential(gn.Dense(6), *chain, middle, concat, *tail, Affine(), gn.Dense(6))


def deep_model() -> gn.Model:
    return gn.Model(deep(), "cross_entropy", gn.Adam(0.05), dtype="float64")


def deep_data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(21, 6)), rng.integers(0, 6, 21)


@pytest.mark.usefixtures("pieces_of_any_size")
def test_memory_of_a_deep_network() -> None:
    check_memory(deep_model, *deep_data())


def test_memory_of_sums_that_each_piece_makes_for_itself() -> None:
    """Which have as many bytes here as the mask, 64 · 24 = 8 · 24 · 8, but lie otherwise: a part for each piece.

    Where a mask ended and a sum took its place, a piece that was ahead wrote into the mask of one that was behind.
    """
    rng = np.random.default_rng(0)

    def make() -> gn.Model:
        branch = gn.Residual(gn.Dense(24), gn.Sigmoid())
        net = gn.Sequential(gn.Dense(24), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.3), branch, gn.Dense(24), gn.Dense(3))
        return gn.Model(net, "cross_entropy", gn.Adam(0.05), dtype="float64")

    model = make()
    model.network.build((6,), dtype="float64")
    assert any("mask" in line.shapes and line.pieces > 1 for line in model.plan(64).lines)
    check_memory(make, rng.normal(size=(64, 6)), rng.integers(0, 3, 64))


def test_buffers_share_memory() -> None:
    model = deep_model()
    model.network.build((6,), dtype="float64")
    plan = model.plan(64)
    assert 0 < plan.memory < 0.8 * plan.requested


def test_a_deeper_chain_of_activations_needs_no_more_memory() -> None:
    """In a network without weights nothing but what the backward pass reads has to stay."""
    needed = []
    for depth in (4, 40):
        net = gn.Sequential(gn.Dense(16), *[gn.Identity() for _ in range(depth)], gn.Dense(3))
        needed.append(built(net, 4).plan(32).memory)
    assert needed[1] == needed[0]


def always_free(*_: Any) -> bool:
    return True


def unrelated(*_: Any) -> int:
    return -1


def fused(item: Item, later: Item, distance: Callable[[Item, Item], int] = graph._distance) -> int:
    return min(distance(item, later), 0)


def overlapping(slots: list[Any]) -> int:
    for slot in slots:
        slot.offset = 0
    return int(max(slot.size for slot in slots))


@pytest.mark.parametrize(
    ("module", "name", "mutant"),
    [
        (arena, "_is_free", always_free),
        (arena, "_place", overlapping),
        (graph, "_distance", unrelated),
        (graph, "_distance", fused),
    ],
    ids=["always free", "all in one place", "no order", "no stages"],
)
def test_a_mistake_in_the_plan_would_be_noticed(
    module: Any, name: str, mutant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_finely(monkeypatch)
    monkeypatch.setattr(module, name, mutant)
    x, _ = deep_data()
    with np.errstate(all="ignore"), pytest.raises((AssertionError, IndexError)):
        check_memory(lambda: gn.Model(deep(), "mean_squared_error", gn.Adam(0.05), dtype="float64"), x, np.tanh(x))


# What a step costs: no Python, no allocations.


class Watching:
    """Stands for a replay and counts how often it comes back to Python while it runs."""

    def __init__(self, replay: Any) -> None:
        self.replay = replay
        self.entries = self.calls = self.steps = 0

    def run(self, **arguments: Any) -> tuple[int, int]:
        frame = sys._getframe()

        def count(caller: FrameType, event: str, argument: Any) -> None:
            self.calls += event == "call"
            self.entries += event == "call" and caller.f_back is frame

        sys.setprofile(count)
        try:
            finished, end = self.replay.run(**arguments)
        finally:
            sys.setprofile(None)
        self.steps += finished
        return finished, end


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watching]:
    """The replays of all trainings to come."""
    found: list[Watching] = []
    record = CompiledEngine._record

    def recorded(self: CompiledEngine, task: Any) -> None:
        record(self, task)
        found.append(Watching(self._native))
        self._native = found[-1]

    monkeypatch.setattr(CompiledEngine, "_record", recorded)
    return found


@pytest.mark.parametrize("epochs", [1, 100])
@pytest.mark.parametrize(
    "settings",
    [{}, {"metrics": []}, {"optimizer": gn.Adam(gn.schedules.ExponentialDecay(0.1, every=7))}, {"threads": 2}],
    ids=["metrics", "alone", "schedule", "threads"],
)
def test_a_step_never_enters_python(watched: list[Watching], settings: dict[str, Any], epochs: int) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 3
    classifier(engine="compiled", **settings).fit(x, y, batch_size=4, epochs=epochs, verbose=False)
    (replay,) = watched
    assert (replay.steps, replay.calls) == (10 * epochs, 0)


@pytest.mark.parametrize("epochs", [1, 100])
def test_a_layer_in_numpy_enters_python_twice_a_step(watched: list[Watching], epochs: int) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 3
    model = classifier(network=gn.Sequential(gn.Dense(8), Affine(), gn.Dense(3)), engine="compiled")
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=False)
    (replay,) = watched
    assert (replay.steps, replay.entries) == (10 * epochs, 20 * epochs)


COUNTER = """
#include <atomic>
#include <cstddef>
#include <dlfcn.h>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

static std::atomic<long> count{0};
long allocations() { return count.load(); }
void* malloc(std::size_t size) { ++count; return __libc_malloc(size); }
void* calloc(std::size_t n, std::size_t size) { ++count; return __libc_calloc(n, size); }
void* realloc(void* old, std::size_t size) { ++count; return __libc_realloc(old, size); }
void* memalign(std::size_t to, std::size_t size) { ++count; return __libc_memalign(to, size); }
void* aligned_alloc(std::size_t to, std::size_t size) { ++count; return __libc_memalign(to, size); }
int posix_memalign(void** found, std::size_t to, std::size_t size) {
    ++count;
    *found = __libc_memalign(to, size);
    return *found == nullptr ? 12 : 0;
}
void* mmap(void* at, std::size_t size, int protection, int flags, int file, long offset) {
    using Mmap = void* (*)(void*, std::size_t, int, int, int, long);
    static const Mmap next = reinterpret_cast<Mmap>(dlsym(RTLD_NEXT, "mmap"));
    ++count;
    return next(at, size, protection, flags, file, offset);
}
}
"""

COUNT_ALLOCATIONS = """
import ctypes, sys
import numpy as np
import glassnet as gn
from glassnet.training.compiled_engine import CompiledEngine

allocations = ctypes.CDLL(None).allocations
allocations.restype = ctypes.c_long

class Counting:
    def __init__(self, replay):
        self.replay = replay

    def run(self, **arguments):
        before = allocations()
        result = self.replay.run(**arguments)
        counts.append(allocations() - before)
        steps.append(result[0])
        return result

def recorded(self, task):
    record(self, task)
    self._native, self._pace = Counting(self._native), 10**6

record, CompiledEngine._record = CompiledEngine._record, recorded

widths, batch, threads = eval(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
layers = [layer for width in widths[1:-1] for layer in (gn.Dense(width), gn.ReLU(), gn.Dropout(0.1))]
net = gn.Sequential(*layers, gn.Dense(widths[-1]))
model = gn.Model(net, "cross_entropy", "adam", engine="compiled", threads=threads)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(5 * batch - 1, widths[0])), rng.integers(0, widths[-1], 5 * batch - 1)
found = []
for epochs in (2, 2, int(sys.argv[4])):
    counts, steps = [], []
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=False)
    assert steps == [5 * epochs], steps
    found += counts
before = allocations()
kept = np.empty(10**7)
assert allocations() > before, "the counter counts nothing"
print(*found)
"""

COMPILER = shlex.split(os.environ.get("CXX", "c++"))


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that counts allocations where it is loaded before all others."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("allocations are counted under glibc")
    if SANITIZED:
        pytest.skip("the sanitizer allocates by itself")
    if shutil.which(COMPILER[0]) is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("counter")
    source, library = folder / "counter.cpp", folder / "counter.so"
    source.write_text(COUNTER, encoding="utf-8")
    flags = ["-std=c++20", "-O1", "-fno-builtin", "-shared", "-fPIC"]
    command = [*COMPILER, *flags, str(source), "-o", str(library), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("widths", "batch", "epochs"),
    [([4, 8, 3], 8, 200), ([784, 256, 10], 128, 20), ([1100, 1000, 10], 16, 10), ([300, 64, 2], 6, 200)],
    ids=str,
)
def test_a_step_allocates_nothing(counter: Path, widths: list[int], batch: int, epochs: int, threads: int) -> None:
    """Whether its products are small or large, plain or with few columns or rows."""
    arguments = [str(widths), str(batch), str(threads), str(epochs)]
    _, few_steps, many_steps = map(int, run(COUNT_ALLOCATIONS, *arguments, LD_PRELOAD=str(counter)).split())
    assert many_steps == few_steps
    assert few_steps < 100


def run(script: str, *arguments: str, **variables: str) -> str:
    """What a script prints, in a process of its own."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path} | variables
    command = [sys.executable, "-c", script, *arguments]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


RESIDENT = """
import gc
import sys
from pathlib import Path
import numpy as np
import glassnet as gn
from gradients import Affine
from models import classifier, cut_finely

def resident():
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

x, y = np.random.default_rng(0).normal(size=(4000, 4)), np.arange(4000) % 3
"""

STEPS = """
seen = {}
def look(state):
    seen[state.step] = resident()

classifier(engine="compiled", threads=2).fit(x, y, batch_size=4, epochs=20, callbacks=[look], verbose=False)
print(0, seen[20_000] - seen[1_000])
"""

FITS = """
network = gn.Sequential(gn.Dense(8), *([Affine()] if sys.argv[1] == "python" else []), gn.Dropout(0.1), gn.Dense(3))
model = classifier(network=network, engine="compiled", threads=2)
def work(times):
    for _ in range(times):
        model.fit(x[:64], y[:64], epochs=2, batch_size=10, verbose=False)
        model.threads = 3 - model.threads
        model.predict(x)
        model.predict(x[:1])

work(30)
sizes = [resident()]
for _ in range(5):
    work(50)
    sizes.append(resident())
print(int(np.median(np.diff(sizes))), sizes[-1] - sizes[0])
"""

needs_proc = pytest.mark.skipif(
    SANITIZED or not Path("/proc/self/status").is_file(), reason="no /proc that says how much memory is used"
)


@needs_proc
@pytest.mark.parametrize(
    "script", [[STEPS], [FITS, "native"], [FITS, "python"]], ids=["steps", "fits", "fits in Python"]
)
def test_memory_stays_as_it_is(script: list[str]) -> None:
    """Over 20,000 steps, and over 160 trainings and predictions: within a megabyte; in most rounds of 50 in 64 KB.

    What a thread, an allocator or Python's own tables set up once may fall into any of these rounds.
    """
    in_most, in_all = map(int, run(RESIDENT + script[0], *script[1:]).split())
    assert in_most < 64
    assert in_all < (1024 if script[0] is STEPS else 1024 * 250 // 160)


def test_programs_end_with_their_training(monkeypatch: pytest.MonkeyPatch) -> None:
    programs: list[weakref.ref[Any]] = []
    record = CompiledEngine._record

    def recorded(self: CompiledEngine, task: Any) -> None:
        record(self, task)
        programs.extend(weakref.ref(program) for program in self.programs)

    monkeypatch.setattr(CompiledEngine, "_record", recorded)
    x, y = np.ones((50, 4)), np.arange(50) % 3
    for layer in (Affine(), gn.Tanh()):
        classifier(network=gn.Sequential(gn.Dense(8), layer, gn.Dense(3)), engine="compiled").fit(x, y, verbose=False)
    gc.collect()
    assert len(programs) == 4
    assert [reference() for reference in programs] == [None] * 4


OUT_OF_MEMORY = """
import resource
import numpy as np
import glassnet as gn
from models import classifier, cut_finely, middling

def limit(megabytes):
    status = open("/proc/self/status").read()
    used = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (used * 1024 + megabytes * 2**20, resource.RLIM_INFINITY))

def refused(work):
    try:
        work()
    except MemoryError:
        return
    raise AssertionError("there should not be enough memory")

rng = np.random.default_rng(0)
model, x, y = middling(2)
model.fit(x, y, epochs=2, batch_size=128, verbose=False)
expected = model.predict(x)
many = np.zeros((200_000, 64), np.float32)
labels = np.zeros(200_000, np.int64)

# A network without weights, whose rows are so wide that each thread of a prediction needs megabytes.
wide = gn.Sequential(gn.Tanh(), gn.Tanh())
wide.build((100_000,))
lanes = gn.Model(wide, "mean_squared_error", "sgd", engine="compiled", threads=4)
rows = rng.normal(size=(64, 100_000)).astype(np.float32)
first = lanes.predict(rows[:1])

limit(28)
refused(lambda: lanes.predict(rows))
np.testing.assert_array_equal(lanes.predict(rows[:1]), first)

limit(150)
trained = model.network.parameters.copy()
refused(lambda: model.fit(many, labels, batch_size=None, verbose=False))
np.testing.assert_array_equal(model.network.parameters, trained)
refused(lambda: middling(2)[0].fit(np.zeros((200_000, 64), np.float32), labels, batch_size=None, verbose=False))
wider = gn.Sequential(gn.Flatten())
wider.build((64,))
refused(lambda: gn.Model(wider, "mean_squared_error", "sgd", engine="compiled").predict(np.zeros((500_000, 64), "f4")))

np.testing.assert_array_equal(model.predict(x), expected)
small = classifier(engine="compiled", threads=2)
history = small.fit(x[:, :2], y % 3, epochs=3, verbose=False)
assert np.isfinite(history["loss"]).all()
print("survived")
"""


@needs_proc
def test_too_little_memory_is_an_error_and_not_the_end() -> None:
    assert run(OUT_OF_MEMORY).strip() == "survived"


# Arrays that a native kernel cannot take.

Change = Callable[[gn.Runner, np.ndarray], np.ndarray]


class Odd(gn.Layer):
    """A ReLU that hands its kernels whatever ``change`` makes of their arrays."""

    def __init__(self, place: str, change: Change) -> None:
        self.place, self.change = place, change

    def made(self, run: gn.Runner, place: str, array: np.ndarray) -> np.ndarray:
        return self.change(run, array) if place == self.place else array

    def forward(self, run: gn.Runner, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, np.ndarray]:
        x = self.made(run, "x", x)
        y = self.made(run, "y", run.empty(x.shape, x.dtype))
        run(self, relu_forward, x=x, y=y)
        return y, x

    def backward(self, run: gn.Runner, dy: np.ndarray, cache: np.ndarray) -> np.ndarray:
        middle = run.empty(dy.shape, dy.dtype)
        run(self, relu_backward, dy=dy, y=cache, dx=middle)
        dx = self.made(run, "dx", run.empty(dy.shape, dy.dtype))
        run(self, identity_backward, dy=middle, dx=dx)
        return dx


def read_only(run: gn.Runner, array: np.ndarray) -> np.ndarray:
    array = array.view()
    array.flags.writeable = False
    return array


CHANGES: dict[str, Change] = {
    "columns backwards": lambda run, array: array[:, ::-1],
    "rows backwards": lambda run, array: array[::-1],
    "every other row": lambda run, array: run.empty((2 * len(array), *array.shape[1:]), array.dtype)[::2],
    "Fortran order": lambda run, array: run.empty(array.shape[::-1], array.dtype).T,
    "Fortran order of its own": lambda run, array: np.empty(array.shape, array.dtype, order="F"),
    "float64": lambda run, array: run.empty(array.shape, np.float64),
    "integers": lambda run, array: run.empty(array.shape, np.int32),
    "the other byte order": lambda run, array: run.empty(array.shape, array.dtype.newbyteorder()),
    "read-only": read_only,
}
ODD = [(place, name) for place in ("x", "y", "dx") for name in CHANGES if (place, name) != ("x", "read-only")]


def odd_model(layer: gn.Layer) -> gn.Model:
    return built(gn.Sequential(gn.Dense(6), layer, gn.Flatten(), gn.Dense(3)), 4)


def both_ways(layer: gn.Layer) -> list[Any]:
    """Of each engine the parameters after two steps and the predictions, or the kind of error."""
    found: list[Any] = []
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    for engine in ("numpy", "compiled"):
        model = odd_model(deepcopy(layer))
        model.engine = engine
        try:
            model.fit(x, y, batch_size=4, verbose=False)
            found.append((model.network.parameters.copy(), model.predict(x)))
        except Exception as error:  # noqa: BLE001 - which kind, is compared
            found.append(type(error))
    return found


def assert_same(found: list[Any]) -> None:
    one, other = found
    assert isinstance(one, tuple) == isinstance(other, tuple), found
    if isinstance(one, tuple):
        for expected, array in zip(one, other, strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)
    else:
        assert one is other


# A new array in the place of x holds nothing.
SENSIBLE = [(place, name) for place, name in ODD if place != "x" or name in ("columns backwards", "rows backwards")]


@pytest.mark.parametrize(("place", "name"), SENSIBLE)
def test_arrays_that_a_native_kernel_cannot_take_train_and_predict_as_by_numpy(place: str, name: str) -> None:
    """A layer that hands such arrays out is called in Python."""
    assert_same(both_ways(Odd(place, CHANGES[name])))


@pytest.mark.parametrize(("place", "name"), [c for c in ODD if c[1] not in ("Fortran order of its own", "float64")])
def test_a_program_itself_refuses_arrays_that_a_native_kernel_cannot_take(place: str, name: str) -> None:
    model = odd_model(Odd(place, CHANGES[name]))
    kernel = {"x": "relu_forward", "y": "relu_forward", "dx": "identity_backward"}[place]
    rows = model.rows(np.ones((4, 4)), np.zeros(4, int))
    with pytest.raises(gn.ConfigurationError, match=rf"layer 1, {kernel}.* for {place} .*numpy"):
        step_program(model.network, model.loss, model.optimizer, 0, rows)


class Some(gn.Layer):
    """A ReLU of some of the columns, which it hands to its kernels as they stand."""

    def __init__(self, columns: slice) -> None:
        self.columns = columns

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        return (len(range(*self.columns.indices(input_shape[0]))),)

    def forward(self, run: gn.Runner, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, tuple[int, ...]]:
        part = x[:, self.columns]
        y = run.empty(part.shape, x.dtype)
        run(self, relu_forward, x=part, y=y)
        return y, x.shape

    def backward(self, run: gn.Runner, dy: np.ndarray, cache: tuple[int, ...]) -> np.ndarray:
        dx = run.empty(cache, dy.dtype)
        run(self, concat_forward, part=dy, y=dx, start=0)
        return dx


class SomeInNumpy(Some):
    """The same with a backward pass that leaves nothing unwritten."""

    def backward(self, run: gn.Runner, dy: np.ndarray, cache: tuple[int, ...]) -> np.ndarray:
        dx = np.zeros(cache, dy.dtype)
        dx[:, self.columns] = dy
        return dx


@pytest.mark.parametrize("columns", [slice(3), slice(2, 4), slice(None, None, 2), slice(3, 4)], ids=str)
def test_columns_of_a_buffer_are_what_they_are_by_numpy(columns: slice) -> None:
    """A kernel that takes them for rows of their own would read others."""
    assert_same(both_ways(SomeInNumpy(columns)))
    model = odd_model(Some(columns))
    rows = model.rows(np.ones((4, 4)), np.zeros(4, int))
    with pytest.raises(gn.ConfigurationError, match="layer 1, relu_forward.* for x .*numpy"):
        step_program(model.network, model.loss, model.optimizer, 0, rows)


class Average(gn.Layer):
    """Mixes the columns by a matrix that nobody keeps."""

    def forward(self, run: gn.Runner, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, Any]:
        y, weight = run.empty(x.shape, x.dtype), self.matrix(x)
        run(self, dense_forward, x=x, weight=weight, bias=None, y=y)
        return y, x

    def backward(self, run: gn.Runner, dy: np.ndarray, cache: Any) -> np.ndarray:
        dx, weight = run.empty(dy.shape, dy.dtype), self.matrix(dy)
        run(self, dense_backward, dy=dy, x=cache, weight=weight, dx=dx, dweight=np.empty_like(weight), dbias=None)
        return dx

    def matrix(self, x: np.ndarray) -> np.ndarray:
        return np.full((x.shape[1], x.shape[1]), 1 / x.shape[1], x.dtype)


def test_constants_of_a_layer_live_as_long_as_its_program() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 40)), np.arange(30) % 3
    models = []
    for engine in ("numpy", "compiled"):
        net = gn.Sequential(gn.Dense(40), Average(), gn.Dense(3))
        models.append(gn.Model(net, "cross_entropy", "adam", dtype="float64", engine=engine))
        models[-1].fit(x, y, epochs=3, batch_size=8, verbose=False)
    expected, found = models
    np.testing.assert_allclose(found.network.parameters, expected.network.parameters, 1e-9, 1e-9)
    for _ in range(3):
        np.testing.assert_allclose(found.predict(x), expected.predict(x), 1e-9, 1e-9)
        assert len([np.full((40, 40), np.nan) for _ in range(50)]) == 50  # which take the place of what was freed
