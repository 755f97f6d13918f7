"""What the museum says, in both languages."""

from __future__ import annotations

_TEXTS = {
    "title": ("The illness museum", "病例馆"),
    "lead": (
        "Twenty networks that do not learn as they should. Guess what ails each, see what gn.diagnose says, and the "
        "cure.",
        "二十个学不好的网络。先猜猜毛病在哪里，再看 gn.diagnose 怎么说，以及怎么治。",
    ),
    "score": ("{} of {} guessed right", "猜对 {}，共 {}"),
    "network": ("network", "网络"),
    "loss": ("loss", "损失函数"),
    "optimizer": ("optimizer", "优化器"),
    "rows": ("{rows:,} rows, {columns} columns", "{rows:,} 行，{columns} 列"),
    "data": ("data", "数据"),
    "training": ("training, {} epochs", "训练 {} 轮"),
    "stopped": ("stopped in epoch {}: the loss is no finite number", "第 {} 轮中断：损失不再是有限的数"),
    "guess": ("What ails it?", "毛病在哪里？"),
    "right": ("Right: {}.", "猜对了：{}。"),
    "wrong": ("No, that is not it: {}.", "不对，不是这个：{}。"),
    "one_of": ("one of {}", "从这些里选：{}"),
    "diagnosis": ("Diagnosis and cure", "诊断与治法"),
    "playground": ("in the playground, behind its address:", "在 playground 的网址后面加上："),
    "loss_of": ("training loss", "训练损失"),
    "val_loss_of": ("validation loss", "验证损失"),
    "accuracy_of": ("training accuracy", "训练准确率"),
    "val_accuracy_of": ("validation accuracy", "验证准确率"),
}
MUSEUM = {language: {key: pair[place] for key, pair in _TEXTS.items()} for place, language in enumerate(("en", "zh"))}

CAUSES = {
    "learning_rate_too_high": ("the learning rate is too high", "学习率太大"),
    "learning_rate_too_low": ("the learning rate is too low", "学习率太小"),
    "targets_unscaled": ("the targets are not scaled", "目标没有缩放"),
    "unscaled_inputs": ("the inputs are not scaled", "输入没有缩放"),
    "equal_units": ("all units begin equal", "各单元初始权重全都相等"),
    "no_hidden_layer": ("there is no hidden layer", "没有隐藏层"),
    "unreachable_targets": ("the last activation cannot reach the targets", "最后的激活函数达不到目标"),
    "class_imbalance": ("one class is rare", "有一个类别太少"),
    "sigmoid_with_squared_error": ("a squared error behind a sigmoid", "sigmoid 配了平方误差"),
    "bottleneck": ("a layer is too narrow", "有一层太窄"),
    "penalty_too_strong": ("the penalty is too strong", "惩罚项太强"),
    "duplicate_rows": ("rows stand there twice", "有重复的行"),
    "unrelated_targets": ("rows and targets do not belong together", "数据和目标对不上"),
    "first_loss": ("the initial weights are too large", "初始权重太大"),
    "dead_relu": ("the ReLU units are dead", "ReLU 单元死了"),
    "vanishing_gradients": ("the gradients vanish", "梯度消失"),
    "exploding_gradients": ("the gradients explode", "梯度爆炸"),
}


def cause_in(name: str, language: str) -> str:
    """A cause in words."""
    return CAUSES[name][("en", "zh").index(language)]
