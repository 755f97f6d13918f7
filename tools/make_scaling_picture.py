"""Draws docs/images/scaling.png, and writes the measured numbers into docs/distributed.md and its twin.

    python -m benchmarks.ranks --ranks 1 2 3 4 --output docs/images/scaling.json    # on an idle machine
    python tools/make_scaling_picture.py

Measured are the steps of one process and of a few ranks on one machine, the parts that a step is made of, and the
exchange between two ranks. All else is calculated from these by ``step_seconds``.
"""

from __future__ import annotations

import json
import re
from math import ceil, log2
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt

from glassnet.distributed.shards import number_of_shards, roots

DOCS = Path(__file__).parents[1] / "docs"
NUMBERS, PICTURE = DOCS / "images" / "scaling.json", DOCS / "images" / "scaling.png"
BATCH = 512
IDLE = 1.5
"""A machine with more load than that is no place to measure."""
MOST_OF_MACHINE = 64
"""Ranks that one machine has room for."""
COLOURS = "#0072b2", "#d55e00", "#009e73"


class Link(NamedTuple):
    """What lies between ranks: seconds until a message arrives, and bytes in a second."""

    name: str
    latency: float
    bandwidth: float


def local(exchange: dict[str, float]) -> Link:
    """The link between two ranks of one machine, from the times of a short and of a long exchange.

    One exchange of two ranks has three messages one after another, and moves the vector's bytes once.
    """
    short, long = exchange["1024"], exchange["1048576"]
    return Link("memory of one machine (measured)", short / 3, (1 << 20) / max(long - short, 1e-9))


def step_seconds(found: dict[str, Any], ranks: int, batch: int, link: Link) -> float:
    """Seconds of a step of a batch on so many ranks.

    The busiest rank calculates its shards and adds them up; the sums go around once each way, a message to each other
    rank in the all-to-all, log₂ R in each of the two all-gathers; all ranks do the same update.
    """
    pieces = found["pieces"]
    row = (found["steps"]["plain"]["cpu"] - pieces["update"]) / BATCH  # its processor's time: the same on any machine
    shards = number_of_shards(batch)
    busiest = ceil(shards / ranks)
    own = busiest * (batch / shards * row + pieces["add"]) + pieces["update"]
    if ranks == 1:
        return own
    sums = max(map(len, roots(shards, ranks)))  # that a rank sends
    messages = sums * (ranks - 1) + 2 * log2(ranks)
    moved = (sums + 1) * pieces["bytes"] * (ranks - 1) / ranks
    return own + messages * link.latency + moved / link.bandwidth


def main() -> None:
    found = json.loads(NUMBERS.read_text())
    links = [local(found["exchange"]), Link("100 Gbit/s, 2 µs", 2e-6, 12.5e9), Link("10 Gbit/s, 30 µs", 30e-6, 1.25e9)]
    draw(found, links)
    for name, words in (("distributed.md", ENGLISH), ("distributed.zh-CN.md", CHINESE)):
        page = DOCS / name
        text = page.read_text(encoding="utf-8")
        table = written(found, links[0], words)
        before, _, behind = re.split(r"(?<=<!-- measured -->\n)(.*?)(?=<!-- end -->)", text, flags=re.DOTALL)
        page.write_text(f"{before}{table}\n{behind}", encoding="utf-8")


def draw(found: dict[str, Any], links: list[Link]) -> None:
    """Speed-up of one batch, and efficiency where each rank brings rows of its own."""
    plain, alone = found["steps"]["plain"]["cpu"], found["steps"]["plain"]["step"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    few, many = list(range(1, 9)), [2**power for power in range(11)]
    for link, colour in zip(links, COLOURS, strict=True):
        ups = [plain / step_seconds(found, ranks, BATCH, link) for ranks in few]
        left.plot(few, ups, color=colour, label=link.name)
        within = [ranks for ranks in many if link is not links[0] or ranks <= MOST_OF_MACHINE]
        shares = [plain / step_seconds(found, ranks, ranks * BATCH, link) for ranks in within]
        right.plot(within, shares, color=colour, label=link.name)
    measured = {int(name): one["step"] for name, one in found["steps"].items() if name.isdigit()}
    fair = {ranks: step for ranks, step in measured.items() if ranks <= found["processors"]}
    if found["load"] <= IDLE:
        left.plot(list(fair), [alone / step for step in fair.values()], "ko", label="measured")
    left.plot(few, few, ":", color="#888888", label="as many times as ranks")
    left.set(xlabel="ranks", ylabel="times as fast as one process", title=f"one batch of {BATCH} rows")
    right.set(xlabel="ranks", ylabel="efficiency", title=f"{BATCH} rows for each rank", ylim=(0, 1.05), xscale="log")
    right.set_xscale("log", base=2)
    left.legend(fontsize=8)
    figure.suptitle("784-256-128-10: lines are calculated, dots (if any) are measured", fontsize=10)
    figure.savefig(PICTURE, dpi=130, metadata={"Software": "glassnet"})


def written(found: dict[str, Any], link: Link, words: dict[str, str]) -> str:
    """The table of a page, and the constants of the model."""
    plain = found["steps"]["plain"]["step"]
    lines = [words["head"], "|---|---:|---:|---:|", f"| {words['plain']} | {1000 * plain:.2f} ms | | 100% |"]
    for name, one in found["steps"].items():
        if name == "beside":
            lines.append(f"| {words['beside']} | {1000 * one['step']:.2f} ms | | {plain / 2 / one['step']:.0%} |")
        if not name.isdigit():
            continue
        ranks = int(name)
        told = f"{1000 * step_seconds(found, ranks, BATCH, link):.2f} ms" if ranks <= found["processors"] else "–"
        label = words["ranks"].format(ranks=ranks, s="s" if ranks > 1 else "")
        lines.append(f"| {label} | {1000 * one['step']:.2f} ms | {told} | {plain / ranks / one['step']:.0%} |")
    pieces = found["pieces"]
    constants = words["constants"].format(
        row=1e6 * (found["steps"]["plain"]["cpu"] - pieces["update"]) / BATCH,
        add=1e3 * pieces["add"],
        update=1e3 * pieces["update"],
        bytes=pieces["bytes"] / 1e6,
        latency=1e6 * link.latency,
        bandwidth=link.bandwidth / 1e9,
    )
    state = words["busy" if found["load"] > IDLE else "idle"].format(**found)
    return "\n".join(["", *lines, "", state, "", constants, ""])


ENGLISH = {
    "head": "| 784-256-128-10, batches of 512, one thread each | measured | calculated | efficiency |",
    "plain": "one process, `fit`",
    "beside": "two processes beside each other, `fit` with batches of 256 each, nothing exchanged",
    "ranks": "{ranks} rank{s}, `distributed=True`",
    "idle": "Measured on {processors} processors that no other work could take, the best of several rounds. Two "
    "processes beside each other are what this machine gives at most.",
    "busy": "Measured on {processors} processors that had much other work meanwhile (a load of {load:.0f}), so that "
    "ranks waited for each other in vain: the measured times are too long and the efficiencies too low, say nothing of "
    "an idle machine, and are not in the picture. `python -m benchmarks.ranks` measures them anew.",
    "constants": "The constants of the model, measured as well: {row:.1f} µs of a processor for a row forward and "
    "backward, {add:.2f} ms for adding up a vector of {bytes:.2f} MB, {update:.2f} ms for the update; between two "
    "ranks on one machine {latency:.0f} µs for a message and {bandwidth:.1f} GB/s.",
}
CHINESE = {
    "head": "| 784-256-128-10，每批 512 行，每个进程一个线程 | 实测 | 计算 | 效率 |",
    "plain": "单个进程，`fit`",
    "beside": "两个互不相干的进程同时各自 `fit`，每批 256 行，没有任何交换",
    "ranks": "{ranks} 个进程，`distributed=True`",
    "idle": "在 {processors} 个不被其他任务占用的处理器上测得，取多轮中的最好成绩。"
    "两个互不相干的进程就是这台机器的上限。",
    "busy": "测量时 {processors} 个处理器上还有大量其他任务（负载 {load:.0f}），各进程白白互相等待：实测时间偏长，"
    "效率偏低，不能代表空闲的机器，也没有画进图里。用 `python -m benchmarks.ranks` 可以重新测量。",
    "constants": "模型所用的常数同样是实测值：一行数据前向加反向占用处理器 {row:.1f} µs，"
    "累加一个 {bytes:.2f} MB 的向量 {add:.2f} ms，一次参数更新 {update:.2f} ms；"
    "同一台机器上两个进程之间，一条消息 {latency:.0f} µs，带宽 {bandwidth:.1f} GB/s。",
}

if __name__ == "__main__":
    main()
