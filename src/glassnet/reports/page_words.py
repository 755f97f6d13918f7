"""What a page says of every model: how good it is, how it has learned, what it was made from. English and Chinese."""

from __future__ import annotations

TEXTS = {
    "predicts": ("Predicts {target}", "预测 {target}"),
    "forecasts": ("Forecasts {targets}", "预报 {targets}"),
    "top": ("{what} · {date} · glassnet {version}", "{what} · {date} · glassnet {version}"),
    "the_class": ("the class", "类别"),
    "the_amount": ("the amount", "数值"),
    "the_target": ("the target", "目标"),
    "missing": (
        'This report has no pictures, because matplotlib is not installed: run pip install "glassnet[plots]".',
        '这份报告没有图，因为没有安装 matplotlib：请运行 pip install "glassnet[plots]"。',
    ),
    # how good it is
    "classes_lead": (
        "Of {rows} rows that it was not trained on, the model classifies {share} correctly. Always answering "
        "“{class_}”, "
        "the most frequent class, would be correct for {baseline}.",
        "在没有用来训练的 {rows} 行数据上，模型有 {share} 判断正确。如果总是回答最常见的类别“{class_}”，"
        "正确率会是 {baseline}。",
    ),
    "classes_nothing": (
        " So it has learned nothing that shows in its accuracy.",
        "也就是说，从准确率看，它还没有学到东西。",
    ),
    "amounts_lead": (
        "On {rows} rows that it was not trained on, the model’s {target} is off by {error} on average. "
        "Always answering "
        "the mean would be off by {baseline}.",
        "在没有用来训练的 {rows} 行数据上，模型给出的 {target} 平均偏差 {error}。如果总是回答平均值，"
        "平均偏差会是 {baseline}。",
    ),
    "amounts_nothing": (" So it has learned nothing of use yet.", "也就是说，它还没有学到有用的东西。"),
    "always": ("always {which}: {value}", "总是回答{which}：{value}"),
    "quoted": ("“{name}”", "“{name}”"),
    "the_mean": ("the mean", "平均值"),
    "the_shares": ("the classes’ shares", "各类占比"),
    "interval": ("95 %: {low} to {high}", "95%：{low} 到 {high}"),
    "intervals_text": (
        "The intervals hold what other rows of the same kind would give, 95 times out of 100: the rows were drawn anew "
        "{resamples} times (bootstrap). They say nothing of another training.",
        "区间的含义：换一批同类的数据再测，100 次里有 95 次落在其中。做法是把这些行重新抽样 {resamples} 次（自助法）。"
        "它不反映重新训练带来的差异。",
    ),
    "of_class": ("{measure} of “{name}”", "“{name}”的{measure}"),
    "measure_accuracy": ("Accuracy", "准确率"),
    "measure_roc_auc": ("ROC AUC", "ROC 曲线下面积"),
    "measure_f1": ("F1", "F1 值"),
    "measure_r2": ("R²", "R²"),
    "measure_log_loss": ("Log loss", "对数损失"),
    "measure_loss": ("Loss", "损失"),
    "measure_mean_absolute_error": ("Mean absolute error", "平均绝对误差"),
    "measure_mean_squared_error": ("Mean squared error", "均方误差"),
    "measure_root_mean_squared_error": ("Root mean squared error", "均方根误差"),
    "measure_precision": ("Precision", "精确率"),
    "measure_recall": ("Recall", "召回率"),
    "questions": ("Each answer by itself", "逐项结果"),
    "answer": ("answer", "目标"),
    "without": ("obvious answer", "直观基准"),
    "interval_95": ("95 % interval", "95% 区间"),
    "figure": ("figure", "指标"),
    "value": ("value", "数值"),
    "first_questions": (
        "In what follows the first {shown} of {count} are shown one by one.",
        "下面只逐一展示 {count} 项中的前 {shown} 项。",
    ),
    # learning curves
    "learning": ("Learning curves", "学习曲线"),
    "lowest_at_end": (
        "The validation loss was lowest at the end, after epoch {epoch}: {lowest}. More epochs may make it lower.",
        "验证损失在最后、即第 {epoch} 轮之后最低：{lowest}。再多训练几轮也许会更低。",
    ),
    "lowest": (
        "The validation loss was lowest after epoch {epoch} of {epochs}: {lowest}; at the end it is {last}.",
        "验证损失在 {epochs} 轮中的第 {epoch} 轮之后最低：{lowest}；结束时为 {last}。",
    ),
    "stopped": ("Training stopped early: {reason}.", "训练提前结束：{reason}。"),
    "by_epoch": ("{measure} by epoch", "{measure}随轮数的变化"),
    # errors
    "how_far": ("How far it is off", "偏差有多大"),
    "residuals_caption": (
        "Left: the dashed line is where predictions are exact. Right: how far predictions are off.",
        "左图：虚线处预测与实际完全一致。右图：预测偏差的分布。",
    ),
    "where_it_errs": ("Where it errs", "错在哪里"),
    "confusion_caption": (
        "Rows of each true class by what they were taken for; the diagonal is right.",
        "各真实类别的行被判成了什么；对角线上是判对的。",
    ),
    "roc_caption": (
        "Class 1 is “{second}”, class 0 “{first}”. The nearer to the upper left corner the better.",
        "类别 1 是“{second}”，类别 0 是“{first}”。曲线越靠近左上角越好。",
    ),
    "precision_recall_caption": (
        "Class 1 is “{second}”. Each point is a threshold: how many of class 1 are found, and how many of "
        "those taken for "
        "it are of it. The dashed line is what taking rows at random reaches.",
        "类别 1 是“{second}”。每个点对应一个阈值：找出了多少类别 1，判为类别 1 的里面又有多少是对的。"
        "虚线是随机挑选能达到的水平。",
    ),
    "calibration_caption": (
        "On the diagonal probabilities can be taken at their word; below it the model is too sure.",
        "在对角线上，概率说多少就是多少；低于对角线，说明模型过于自信。",
    ),
    "calibration_of": ("Class 1 is “{second}”. ", "类别 1 是“{second}”。"),
    "no_mistake": ("It made no mistake.", "没有一处判错。"),
    "frequent_mistakes": ("Most frequent mistakes", "最常见的错误"),
    "true_class": ("true class", "真实类别"),
    "taken_for": ("taken for", "被判为"),
    "rows": ("rows", "行数"),
    "of_true_class": ("of the true class", "占真实类别"),
    "surest_mistakes": ("Its surest mistakes", "最有把握却判错的"),
    "surest_caption": ("Its wrong answers, those it was surest of first.", "判错的例子，按模型的把握从大到小排列。"),
    # importance
    "importance": ("What its answers depend on", "答案取决于什么"),
    "importance_too_many": (
        "Not measured: {count} columns, more than {most}.",
        "没有测量：共 {count} 列，超过了 {most} 列。",
    ),
    "importance_text": (
        "Each column’s values were shuffled among {rows} held-out rows, three times: so much the {measure} "
        "{verb}. About "
        "0 means that the column is hardly used, or that another one says the same.",
        "在 {rows} 行测试数据里，把每一列的值分别打乱三次，看{measure}{verb}多少。接近 0 "
        "表示这一列几乎没用上，或者另一列说的是同一件事。",
    ),
    "falls": ("falls", "下降"),
    "rises": ("rises", "上升"),
    "importance_left": ("The {listed} most important of {count} columns.", "{count} 列中最重要的 {listed} 列。"),
    "column": ("column", "列"),
    "verb_by": ("{measure} {verb} by", "{measure}{verb}"),
    # the data
    "data": ("The data", "数据"),
    "held_out": ("{rows} rows were held out to test", "{rows} 行留作测试"),
    "training_rows": ("{rows} rows to train with; {sizes}.", "{rows} 行用来训练；{sizes}。"),
    "only_held_out": ("{sizes}.", "{sizes}。"),
    "new_rows": ("{rows} rows, without the answers.", "{rows} 行，没有答案。"),
    "class": ("class", "类别"),
    "in_training": ("in training", "训练行数"),
    "held": ("held out", "测试行数"),
    "share": ("share", "占比"),
    "most_frequent": ("The {listed} most frequent of {count} classes.", "{count} 个类别中最常见的 {listed} 个。"),
    "amounts": (
        "Amounts ({which}): {low} to {high}, mean {mean}.",
        "数值（{which}）：{low} 到 {high}，平均 {mean}。",
    ),
    "training": ("training", "训练"),
    "test": ("held out", "测试"),
    "learned": ("What was learned of each column", "从每一列学到了什么"),
    "what_it_is": ("what it is", "是什么"),
    "mean": ("mean", "平均值"),
    "deviation": ("deviation", "标准差"),
    # the model
    "model": ("The model", "模型"),
    "path": ("path", "路径"),
    "layer": ("layer", "层"),
    "output": ("output", "输出"),
    "parameters": ("parameters", "参数个数"),
    "input": ("input", "输入"),
    "trained_parameters": (", {count} trained", "，其中 {count} 个参与训练"),
    "flops": ("FLOPs", "浮点运算"),
    "for_a_row": ("{count} for a row", "每行 {count} 次"),
    "loss": ("loss", "损失函数"),
    "optimizer": ("optimizer", "优化器"),
    "trained": ("trained", "训练"),
    "epochs_steps": ("{epochs} epochs, {steps} steps", "{epochs} 轮，{steps} 步"),
    "time": ("time", "用时"),
    "seconds": ("{seconds} seconds", "{seconds} 秒"),
    "seed": ("seed", "随机种子"),
    "version": ("version", "版本"),
    # how to use it
    "use": ("Use it", "怎么用"),
    "save_first": ("Save it first: {code}.", "请先保存：{code}。"),
    "an_answer": ("an answer for each", "每行给出一个答案"),
    "how_good": ("how good it is on other data", "看看它在别的数据上有多好"),
    "how_far_moved": ("how far new rows are from the training's", "看看新数据与训练数据差多少"),
    # forecasts
    "forecast_begin": (
        "On {count} stretches later than all it was trained on, ",
        "在晚于全部训练数据的 {count} 段上，",
    ),
    "forecast_first": ("the", ""),
    "forecast_next": ("The", ""),
    "forecast_lead": (
        "{begin} forecast of {steps} of {target} is off by {error} on average; {others}.",
        "{begin}对 {target} 向前 {steps} 的预报平均偏差 {error}；{others}。",
    ),
    "step": ("{count} step", "{count} 步"),
    "steps": ("{count} steps", "{count} 步"),
    "naive_by": ("{name} by {error}", "{name} 为 {error}"),
    "naive_as_well": (" So {name} would do as well.", "所以用 {name} 也一样好。"),
    "measure_of": ("{measure} of {target}", "{target} 的{measure}"),
    "forecast_caption": (
        "The last stretch of each series (four at most): the past that was looked back on, the forecasts, what came.",
        "每条序列的最后一段（至多四条）：回看的历史、预报值和实际值。",
    ),
    "ahead_caption": (
        "How far forecasts are off by the number of steps ahead.",
        "预报偏差随向前步数的变化。",
    ),
    "first_of": ("The first {listed} of {count}.", "{count} 项中的前 {listed} 项。"),
    "series": ("series", "序列"),
    "target": ("target", "目标"),
    "the_model": ("the model", "模型"),
    "windows": (
        "{count} windows were held out to test: the latest ones, which overlap.",
        "{count} 个窗口留作测试：是最晚的那些，彼此有重叠。",
    ),
    "training_windows": ("{count} windows to train with; {sizes}", "{count} 个窗口用来训练；{sizes}"),
    "forecast_is": ("{sizes} Forecast: {what}.", "{sizes}预报：{what}。"),
    "units": ("The unit of each series", "每条序列的单位"),
    "what_comes": ("what comes after the end of the file", "文件末尾之后会怎样"),
    "steps_at_least": ("{count} steps at least", "至少 {count} 步"),
    "numbers_a_row": ("{shape} numbers a row", "每行 {shape} 个数"),
    "or_frame": ("or any frame with these columns", "或任何含有这些列的表"),
    "or_any_frame": ("or any frame", "或任何表"),
    "places": ("places in model.class_names", "在 model.class_names 中的序号"),
}
