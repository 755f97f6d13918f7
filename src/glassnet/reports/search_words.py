"""The fixed words of a page about a search, in both languages."""

from __future__ import annotations

SEARCH = {
    "title": ("{name}: search for good settings", "{name}：超参数搜索"),
    "top": ("{trials} trials · {date} · glassnet {version}", "{trials} 次试验 · {date} · glassnet {version}"),
    "best": (
        "The best of {trials} trials is trial {number}: on {held} rows that it was not trained on its {metric} is "
        "{value}, after epoch {epoch}.",
        "{trials} 次试验里最好的是 {number} 号：第 {epoch} 轮之后，在没有用来训练的 {held} 行数据上，"
        "{metric} 为 {value}。",
    ),
    "typical": (
        " Half of the complete trials came to {value} or better.",
        "完整训练的试验中，有一半达到 {value} 或更好。",
    ),
    "chosen_by": (
        "The best of many is a little better on the rows it was chosen by than on others: measure the model on rows "
        "that took no part in the search.",
        "从许多次试验里挑出来的最好结果，在用来挑选的数据上总会显得略好一些：请在没有参与搜索的数据上再测一次模型。",
    ),
    "stopped": ("The search ended before all trials were done: {reason}.", "搜索没有做完全部试验就结束了：{reason}。"),
    "card_best": ("best {metric}", "最好的 {metric}"),
    "card_complete": ("complete", "完整训练"),
    "card_pruned": ("ended early", "提前结束"),
    "card_failed": ("failed", "失败"),
    "card_seconds": ("seconds of training", "训练用时（秒）"),
    "history": ("How the search went", "搜索过程"),
    "history_caption": (
        "Each trial by the best {metric} it came to; the line is the best so far.",
        "每次试验达到的最好 {metric}；折线是到当时为止的最好值。",
    ),
    "curves_caption": (
        "The {metric} of each trial by epoch; those that stop before the end were worse than the others there. The "
        "best in colour.",
        "每次试验的 {metric} 随轮数的变化；中途停下的，是在那里比别的试验差。彩色的是最好的一次。",
    ),
    "importance": ("What mattered", "哪些设置起作用"),
    "importance_text": (
        "How much each setting decides whether a trial is among the better ones (PED-ANOVA); the shares add up to 1. "
        "With few trials this is a hint and no more.",
        "每个设置在多大程度上决定一次试验能否进入较好的一批（PED-ANOVA），各项之和为 1。试验不多时，只能当作参考。",
    ),
    "slices_caption": (
        "The {metric} of the trials by the settings that mattered most; those that ended early are hollow.",
        "按最起作用的几个设置画出各次试验的 {metric}；空心的是提前结束的。",
    ),
    "settings": ("The best settings", "最好的设置"),
    "setting": ("setting", "设置"),
    "value": ("value", "取值"),
    "share": ("share", "占比"),
    "trials": ("The trials", "各次试验"),
    "trials_text": ("The {listed} best of {trials}.", "{trials} 次中最好的 {listed} 次。"),
    "number": ("trial", "试验编号"),
    "state": ("state", "状态"),
    "epochs": ("epochs", "轮数"),
    "seconds": ("seconds", "秒"),
    "complete": ("complete", "完整"),
    "pruned": ("ended early", "提前结束"),
    "failed": ("failed", "失败"),
    "failures": ("Why trials failed", "失败的原因"),
    "reason": ("reason", "原因"),
    "rows": (
        "{training} rows to train each trial with, {held} to judge it by, the same for all.",
        "每次试验用 {training} 行训练，用另外 {held} 行评判，所有试验都一样。",
    ),
    "missing": (
        'This report has no pictures, because matplotlib is not installed: run pip install "glassnet[plots]".',
        '这份报告没有图，因为没有安装 matplotlib：请运行 pip install "glassnet[plots]"。',
    ),
    "interrupted": ("interrupted", "被中断"),
    "the time was up": ("the time was up", "时间到了"),
}
