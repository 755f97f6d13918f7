"""What a page says of thresholds, slices, effects and drift. English and Chinese."""

from __future__ import annotations

SECTIONS = {
    # thresholds
    "thresholds": ("From which probability on", "阈值取多少"),
    "thresholds_text": (
        "A row is taken for “{second}” from a probability on: the threshold. A false alarm (a row of "
        "“{first}” taken for "
        "it) costs {false_alarm}, a miss {miss}. On these rows {best} costs least: {cost} a row, against "
        "{half} at 0.5.",
        "概率达到阈值，就判为“{second}”。误报（把“{first}”判成它）的代价是 {false_alarm}，漏报的代价是 {miss}。"
        "在这些行上，阈值取 {best} 代价最小：平均每行 {cost}；取 0.5 则为 {half}。",
    ),
    "thresholds_chosen": (
        "That threshold was chosen on these very rows, so others will cost a little more: chosen on one half "
        "and measured "
        "on the other, a row costs {elsewhere}. If the probabilities can be taken at their word, {elkan} is the best.",
        "这个阈值就是在这些行上挑的，换别的数据代价会略高：在一半上挑、在另一半上测，平均每行 {elsewhere}。"
        "如果概率本身可信，最佳阈值是 {elkan}。",
    ),
    "threshold": ("threshold", "阈值"),
    "taken": ("taken for “{second}”", "判为“{second}”"),
    "precision": ("precision", "精确率"),
    "recall": ("recall", "召回率"),
    "false_alarms": ("false alarms", "误报"),
    "misses": ("misses", "漏报"),
    "cost": ("cost a row", "每行代价"),
    "least": ("least cost", "代价最小"),
    "by_costs": ("by the costs alone", "只按代价"),
    # slices
    "slices": ("Where it is worse", "哪里更差"),
    "slices_text": (
        "The rows were looked at in {looked} groups: by each column’s words and quarters, and where a value "
        "is missing. "
        "Named are those whose error is larger than chance explains, with {looked} looks taken into account.",
        "把数据按每一列的取值、四分位区间以及是否缺失分成 {looked} 组来看。下面列出的各组，误差大到无法用偶然来解释"
        "（已经计入看了 {looked} 次这一点）。",
    ),
    "slices_none": (
        "The rows were looked at in {looked} groups: by each column’s words and quarters, and where a value "
        "is missing. In "
        "none of them is the error larger than chance explains.",
        "把数据按每一列的取值、四分位区间以及是否缺失分成 {looked} 组来看，没有哪一组的误差超出偶然的范围。",
    ),
    "slices_rows": (" {rows} rows, drawn at random, were used.", "只用了随机抽出的 {rows} 行。"),
    "slices_left": ("The {listed} clearest of {count}.", "{count} 组中最明显的 {listed} 组。"),
    "missing_value": ("missing", "缺失"),
    "from_to": ("{low} to {high}", "{low} 到 {high}"),
    "wrong": ("wrong", "错误率"),
    "mean_error": ("mean error", "平均误差"),
    "relative_error": ("error, 1 for the mean", "相对误差（平均为 1）"),
    "elsewhere": ("elsewhere", "其他行"),
    "chance": ("by chance", "偶然概率"),
    "group": ("where", "范围"),
    # dependence
    "dependence": ("How answers change with a column", "答案怎样随一列变化"),
    "dependence_text": (
        "{rows} rows were given one value after the other in a column, all else as it is: the line is the mean {what}, "
        "the band holds eight of ten rows. A value may not go with the rest of a row; and what changes with "
        "a column need "
        "not be caused by it.",
        "取 {rows} 行，其余各列不动，把某一列依次换成不同的值：折线是{what}的平均，色带包含其中八成的行。"
        "有的取值与该行其余部分并不相容；答案随某一列变化，也不等于就是它造成的。",
    ),
    "dependence_of_class": ("probability of “{name}”", "“{name}”的概率"),
    "dependence_of_several": ("answer", "答案"),
    "dependence_of_amount": ("{name}", "{name}"),
    "dependence_caption": (
        "{what} by {column}: from {low} (at {low_at}) to {high} (at {high_at}) on average.",
        "{what}随 {column} 的变化：平均从 {low}（{low_at} 处）到 {high}（{high_at} 处）。",
    ),
    "dependence_range": ("mean goes from", "平均最低"),
    "dependence_to": ("to", "平均最高"),
    # explanations
    "explanations": ("What moved single answers", "单个答案由何而来"),
    "explanations_text": (
        "How much each column of a row adds to its answer, beside the mean answer to {background} rows. The "
        "parts add up "
        "to the answer, but for what is named as not explained. They say what the model does with a value, "
        "not what the "
        "value does in the world.",
        "与 {background} 行的平均答案相比，这一行的每一列各自把答案推高或拉低了多少。各部分相加等于答案，"
        "差额列为“未解释”。"
        "它说的是模型怎样使用一个值，不是这个值在现实中起什么作用。",
    ),
    "by_linear": (
        "The model is linear: an effect is weight · (value − mean), exactly.",
        "模型是线性的：每项影响恰好等于 权重 ×（取值 − 平均值）。",
    ),
    "by_integrated gradients": (
        "The effects are integrated gradients from other rows to this one.",
        "影响按积分梯度计算：从其他行走到这一行，沿途累加斜率。",
    ),
    "by_Shapley sampling": (
        "The effects are Shapley values, sampled; ± is their standard error.",
        "影响是抽样得到的 Shapley 值；± 后面是标准误。",
    ),
    "unit_log-odds": ("log-odds of “{name}”", "“{name}”的对数几率"),
    "unit_score": ("score of “{name}”", "“{name}”的得分"),
    "unit_amount": ("{name}", "{name}"),
    "unit_logarithm": ("logarithm of {name}", "{name} 的对数"),
    "worst": ("Row {row}: one of the worst answers", "第 {row} 行：错得最厉害的之一"),
    "typical": ("Row {row}: a typical answer", "第 {row} 行：有代表性的答案"),
    "said_class": (
        "The answer is “{said}” with a probability of {share}; “{actual}” is right.",
        "模型回答“{said}”，概率 {share}；正确的是“{actual}”。",
    ),
    "said_class_alone": (
        "The answer is “{said}” with a probability of {share}.",
        "模型回答“{said}”，概率 {share}。",
    ),
    "said_score": ("The answer is “{said}”; “{actual}” is right.", "模型回答“{said}”；正确的是“{actual}”。"),
    "said_score_alone": ("The answer is “{said}”.", "模型回答“{said}”。"),
    "said_amount": ("The answer is {said}; {actual} is right.", "模型回答 {said}；正确的是 {actual}。"),
    "said_amount_alone": ("The answer is {said}.", "模型回答 {said}。"),
    "effect": ("effect", "影响"),
    "base": ("mean answer", "平均答案"),
    "others": ("{count} other columns", "其余 {count} 列"),
    "not_explained": ("not explained", "未解释"),
    "the_answer": ("the answer", "这一行的答案"),
    # drift
    "drift": ("Are these rows like those of the training?", "这些数据与训练数据像吗"),
    "drift_none": (
        "In none of the {count} columns do the values lie otherwise than in training, beyond chance.",
        "{count} 列中没有一列的取值分布与训练时的差别超出偶然的范围。",
    ),
    "drift_some": (
        "In {moved} of {count} columns the values lie otherwise than in training, beyond chance. Figures of "
        "the test need "
        "not hold for such rows.",
        "{count} 列中有 {moved} 列的取值分布与训练时不同，超出了偶然的范围。测试得到的指标对这样的数据未必成立。",
    ),
    "drift_text": (
        "PSI, the population stability index, compares how often values fall in each tenth of the "
        "training’s, or in each "
        "word: from 0.1 on a moderate, from 0.25 on a strong change. Below the noise it says nothing.",
        "PSI（群体稳定性指数）比较取值落在训练数据各十分位区间（或各个词）的频率：达到 0.1 为中等变化，达到 "
        "0.25 为明显变化。"
        "低于噪声水平的，不说明任何问题。",
    ),
    "drift_unknown": (
        "The model’s file does not say how the training’s values were spread: it was written by an older version, or "
        "for rows without names. Train anew to be told of changes.",
        "模型文件里没有训练数据的分布信息：它由旧版本写成，或者训练数据没有列名。重新训练之后，才能看出变化。",
    ),
    "psi": ("PSI", "PSI"),
    "noise": ("noise up to", "噪声上限"),
    "verdict": ("change", "变化"),
    "verdict_none": ("none", "无"),
    "verdict_slight": ("slight", "轻微"),
    "verdict_moderate": ("moderate", "中等"),
    "verdict_strong": ("strong", "明显"),
    "gaps": ("missing, then and now", "缺失：训练时、现在"),
    "remarks": ("what is new", "有何不同"),
    "outside": ("{count} outside {low} to {high}", "{count} 个超出 {low} 到 {high}"),
    "new_words": ("new: {words}", "新出现：{words}"),
    "and_to_be_predicted": ("{name}, to be predicted", "{name}（预测目标）"),
    # rows without answers
    "without_answers": (
        "There are no answers beside these rows, so nothing is said of how good the model is on them.",
        "这些数据没有附带答案，所以无法说明模型在它们上面有多好。",
    ),
    "predictions": ("What it answers", "模型怎么回答"),
    "predicted_rows": ("predicted rows", "预测行数"),
    "share_training": ("share in training", "训练时占比"),
    "smallest": ("smallest", "最小"),
    "quarter": ("a quarter below", "四分之一低于"),
    "half": ("half below", "一半低于"),
    "three_quarters": ("three quarters below", "四分之三低于"),
    "largest": ("largest", "最大"),
}
