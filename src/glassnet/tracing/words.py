"""The fixed words of a trace's page, in both languages."""

from __future__ import annotations

from glassnet.core.catalogues import LANGUAGES

_TEXTS = {
    "title": ("One training step, every number", "一步训练，每个数都看得见"),
    "title_of_use": ("One evaluation, every number", "一次评估，每个数都看得见"),
    "lead_of_use": (
        "What the network does with these rows where it is used or evaluated: dropout passes everything on, batch "
        "normalisation takes its running statistics, nothing goes back and nothing is updated. Click any number that a "
        "step writes, and see what it is made of.",
        "网络在预测和评估时对这几行数据做了什么：dropout 原样放行，批归一化用累计的均值和方差，不反向传播，也不更新参"
        "数。点一下任何一个算出来的数，就能看到它是怎么来的。",
    ),
    "facts_of_use": ("{rows} · loss {loss} · {dtype}", "{rows} · 损失 {loss} · {dtype}"),
    "rows": ("{} row", "{} 行数据"),
    "many_rows": ("{} rows", "{} 行数据"),
    "facts": (
        "{rows} · loss {loss} · update number {update} · {dtype}",
        "{rows} · 损失 {loss} · 第 {update} 次参数更新 · {dtype}",
    ),
    "network": ("network", "网络"),
    "loss": ("loss", "损失函数"),
    "optimizer": ("optimizer", "优化器"),
    "preprocessing": ("x has already gone through", "x 已经过预处理"),
    "lead": (
        "What the network does with these rows in one step of training: forward propagation, the loss, the error "
        "terms δ going back, the gradients, the update. Click any number that a step writes, and see what it is made "
        "of.",
        "网络在一步训练里对这几行数据做了什么：前向传播、损失、误差项 δ 逐层往回传、梯度、参数更新。"
        "点一下任何一个算出来的数，就能看到它是怎么来的。",
    ),
    "keys": (
        "Keys: Tab to an array, arrows to move, Enter to explain, Enter again to go on from there, Esc to close.",
        "键盘操作：Tab 选中数组，方向键移动，Enter 查看怎么算出来的，再按 Enter 进入说明、继续追查，Esc 关闭。",
    ),
    "legend_scale": (
        "Warm is positive, cold is negative, paper is 0. Each array has a scale of its own: the full colours are its "
        "largest absolute value.",
        "暖色为正，冷色为负，底色为 0。每个数组各有自己的色标：颜色最深处是其中绝对值最大的数。",
    ),
    "legend_delta": (
        "δʸ = ∂L/∂y is the error term of y: how much the loss changes with that number. dW = ∂L/∂W.",
        "δʸ = ∂L/∂y 是 y 的误差项：这个数变一点，损失跟着变多少。dW = ∂L/∂W 是权重的梯度。",
    ),
    "legend_count": ("Indices count from 0.", "下标从 0 数起。"),
    "forward": ("Forward", "前向传播"),
    "forward_note": ("from the inputs down to the loss", "从输入往下，直到损失"),
    "backward": ("Backward", "反向传播"),
    "backward_note": ("from the loss back up", "从损失往上，逐层传回"),
    "loss_title": ("The loss", "损失"),
    "update": ("Update", "参数更新"),
    "update_note": ("each trained parameter, before and after", "每个要训练的参数，更新前与更新后"),
    "all_parameters": ("all parameters together", "全部参数一起"),
    "reads": ("reads", "读入"),
    "writes": ("writes", "写出"),
    "before": ("before", "更新前"),
    "after": ("after", "更新后"),
    "same_as": ("{} of step {}", "第 {1} 步的 {0}"),
    "all_zero": ("all 0", "全为 0"),
    "part": ("of {all}, only {shown} are shown", "共 {all}，只显示其中 {shown}"),
    "scale": ("±{}", "±{}"),
    "times": ("numbers × {}", "数值 × {}"),
    "summed": ("each the sum over {over} of {terms}", "每个数对 {over} 求和，共 {terms}"),
    "term": ("{} term", "{} 项"),
    "terms": ("{} terms", "{} 项"),
    "with": ("with", "其中"),
    "mean": (
        "Here the 1/N of the mean comes in. Every gradient carries it from now on.",
        "求平均的 1/N 就在这里乘进来，此后每个梯度都带着它。",
    ),
    "python": (
        "The layer is Python code of its own: only it knows what happens inside.",
        "这一层是用 Python 自己写的，里面怎么算只有它自己知道。",
    ),
    "unexplained": (
        "No line says what a single element of this array is made of. The equation: {}",
        "这个数组的单个元素没有逐项的算式。整体公式：{}",
    ),
    "random": ("This was drawn at random.", "这是随机抽出来的。"),
    "not_here": (
        "Some of the numbers that it is made of are not on this page, which would grow too large with all of them.",
        "算出它要用到的数有一部分不在本页上：全放进来页面就太大了。",
    ),
    "padding": ("It lies in the padding: 0.", "它落在填充区：0。"),
    "other_branch": ("Another branch writes this element.", "这个元素由另一个分支写入。"),
    "equals": ("The array holds {}: the same to the digits shown.", "数组里存的是 {}，在所显示的位数上一致。"),
    "rounds": (
        "The array holds {}: computed in {}, the sum above in float64.",
        "数组里存的是 {}：那是用 {} 算的，上面的和用 float64 算。",
    ),
    "colon": (": ", "："),
    "difference": (
        "Central difference of the loss, (L(+h) − L(−h)) / 2h in float64",
        "损失的中心差分 (L(+h) − L(−h)) / 2h，用 float64 计算",
    ),
    "verdict_agrees": ("agrees", "一致"),
    "why_agrees": (", apart by {apart}", "，相差 {apart}"),
    "verdict_rounding": ("the rounding of float32 explains the difference", "差别来自 float32 的舍入"),
    "why_rounding": (
        ": they are apart by {apart}. In float64 the same backward pass gives {exact}, which agrees; float32 is off by "
        "{off}{most}.",
        "：两者相差 {apart}。同样的反向传播用 float64 计算得 {exact}，与中心差分一致；float32 偏差 {off}{most}。",
    ),
    "rounding_bound": (", where rounding may make up to {}", "，而舍入最多可造成 {}"),
    "verdict_coarse": ("right in float64, not in float32", "float64 正确，float32 不正确"),
    "why_coarse": (
        ": they are apart by {apart}. In float64 the same backward pass gives {exact}, which agrees; float32 is off by "
        "{off}{most}, as when a number falls on the other side of a kink.",
        "：两者相差 {apart}。同样的反向传播用 float64 计算得 {exact}，与中心差分一致；float32 偏差 {off}{most}，"
        "比如有的数落到了折点的另一侧。",
    ),
    "verdict_wrong": ("wrong", "错误"),
    "why_wrong": (
        ": they are apart by {apart}, where the central difference is off by {allowed} at most. The backward pass of a "
        "layer or of the loss does not fit its forward pass.",
        "：两者相差 {apart}，而中心差分自身的误差不超过 {allowed}。某一层或损失函数的反向传播与它的前向传播不符。",
    ),
    "kink": (
        "The loss has a kink here: slope {left} on the left, {right} on the right. Backward chose {own}.",
        "损失在这里有个折点：左侧斜率 {left}，右侧斜率 {right}。反向传播取 {own}。",
    ),
    "no_difference": (
        "No central difference was computed for this number: there is a bound on the work, and intermediate sums "
        "have none.",
        "这个数没有计算中心差分：计算量有上限，中间的和也不做差分。",
    ),
    "why": ("Why?", "为什么？"),
    "show_all": ("show all {} terms", "显示全部 {} 项"),
    "largest_wins": ("the largest", "最大者"),
    "back": ("Back", "返回"),
    "close": ("Close", "关闭"),
    "explain": ("Explanation", "这个数是怎么算出来的"),
    "noscript": (
        "This page draws its numbers with a script of its own, which is switched off here.",
        "本页用自带的脚本画出各个数，而这里禁用了脚本。",
    ),
    "map": (
        "{}: the whole array; drag the window, or move it with the arrow keys (Shift: by one)",
        "{}：整个数组；拖动窗口，或用方向键移动（按住 Shift 每次一格）",
    ),
    "lit": ("{} of its elements, of {}, are terms here", "其中 {} 个元素参与这里的计算（形状 {}）"),
    "absent": ("is not on this page", "不在本页上"),
    "left_out": (
        "The arrays are too large for one page: of some only a part is shown, and {} of {} numbers are left out.",
        "数组太大，一页放不下：有的只显示一部分，{1} 个数中有 {0} 个没有放进来。",
    ),
    "otherwise": ("otherwise", "其他情形"),
    "of_step": ("Step {}:", "第 {} 步："),
    "is_parameter": (
        "It is an element of the parameter {}, as it was before this step.",
        "它是参数 {} 的一个元素，这一步开始之前的值。",
    ),
    "is_data": ("It comes from the data.", "它来自数据。"),
    "in_row": ("row {row}, {name}:", "第 {row} 行，{name}："),
    "missing": ("missing", "缺失"),
    "rounds_to": ("(held as {})", "（存为 {}）"),
    "text_title": ("one training step on {rows}: loss {loss}", "对 {rows}做一步训练：损失 {loss}"),
    "text_title_of_use": ("one evaluation of {rows}: loss {loss}", "在 {rows}上评估一次：损失 {loss}"),
    "text_given": ("the rows as they were given", "数据原来的样子"),
    "text_row": ("row {}", "第 {} 行"),
    "text_more": ("and {} more", "还有 {} 个"),
    "text_forward": ("forward, from the inputs down to the outputs", "前向传播，从输入到输出"),
    "text_loss": ("the loss", "损失"),
    "text_backward": (
        "backward, from the loss back up to the inputs: dy = ∂L/∂y",
        "反向传播，从损失传回输入：dy = ∂L/∂y",
    ),
    "text_update": ("update number {}", "第 {} 次参数更新"),
    "text_mean": (
        "here the 1/N of the mean comes in: every gradient carries it from now on",
        "求平均的 1/N 就在这里乘进来，此后每个梯度都带着它",
    ),
    "text_summed": (", summed over {over} ({terms})", "，对 {over} 求和（{terms}）"),
    "text_why": ("why {}:", "{} 为什么是这样："),
    "text_why_as_before": ("why {}: as in step {}", "{} 为什么是这样：同第 {} 步"),
    "change": ("Another number in its place", "换成"),
    "compute_anew": ("compute anew", "重新计算"),
    "changes": ("Changed numbers", "改过的数"),
    "take_back": ("Back to the recorded numbers", "恢复记录的数"),
    "as_recorded": ("The recorded numbers again.", "已恢复记录的数。"),
    "was": ("recorded: {}", "记录的数：{}"),
    "loss_was": ("loss {} → {}", "损失 {} → {}"),
    "differ": ("{} of {} calculated numbers differ", "{1} 个算出来的数中有 {0} 个变了"),
    "array_differs": ("{} of {} differ, by up to {}", "{1} 个数中有 {0} 个变了，最多相差 {2}"),
    "rehearsed": (
        "With the recorded numbers {} of {} come out the same bit for bit",
        "用记录的数重算，{1} 个数中有 {0} 个每一位都相同",
    ),
    "rehearsed_rest": (
        ", the others as nearly as rounding allows: none is further off than {} times the bound for its terms. What a "
        "change leaves alone keeps its recorded value.",
        "，其余的只差舍入误差：相差最多为各项舍入误差上界的 {} 倍。改动影响不到的数保持记录的值。",
    ),
    "is_calculated": ("This number is calculated in the step.", "这个数是在这一步里算出来的。"),
    "no_number": ("Type a finite number.", "请输入一个有限的数。"),
    "must_be": ("It must be a number from {} to {}.", "须是 {} 到 {} 之间的数。"),
    "must_be_from": ("It must be {} or more.", "不能小于 {}。"),
    "must_be_whole": ("It must be a whole number from {} to {}.", "须是 {} 到 {} 之间的整数。"),
    "behind_the_end": (
        "The row ends before this step: what stands here is padding.",
        "这一行在此之前已经结束：这里只是填充。",
    ),
    "fixed_class_weights": (
        "The weight of each row was made from its class before the step, so the page cannot follow another target.",
        "每一行的权重在这一步之前已按类别算好，本页无法跟着别的目标重算。",
    ),
    "fixed_shares": (
        "The loss takes only certain numbers as targets here, or several that belong together, so that none is changed "
        "by itself.",
        "损失函数在这里只接受特定的目标，或者对整行目标有要求，不能单独改其中一个。",
    ),
    "not_all_here": (
        "This page does not hold all numbers of the step, so nothing can be computed anew. Trace fewer rows or a "
        "smaller network.",
        "本页没有放进这一步的全部数，无法重新计算。请用更少的行或更小的网络来记录。",
    ),
    "memory_unknown": (
        "It is not known where some arrays of this step lay in memory, so nothing can be computed anew.",
        "有的数组在内存里的位置未知，无法重新计算。",
    ),
    "too_long": (
        "This step has too many terms for the page to compute anew in reasonable time.",
        "这一步的项数太多，在页面里重新计算太慢。",
    ),
    "written_elsewhere": (
        "Step {} reads numbers that no step shown here wrote, so the page cannot follow a change.",
        "第 {} 步读到的数不是这里任何一步写的，本页无法跟踪改动。",
    ),
    "line_differs": (
        "Step {}: the line for {} gives other numbers than were recorded, by more than rounding explains, so nothing "
        "is computed anew here.",
        "第 {} 步：按 {} 的算式得到的数与记录的不同，超出舍入误差，因此这里不重新计算。",
    ),
    "refused_python": (
        "Step {} is Python code of its own, which the page cannot run: what follows from this number stays unknown.",
        "第 {} 步是自己写的 Python 代码，页面里无法运行，因此这个数改动后的结果无从得知。",
    ),
    "refused_random": (
        "Step {} changes its images at random, which the page cannot repeat: what follows from this number stays "
        "unknown.",
        "第 {} 步对图像做随机增强，页面里无法重复，因此这个数改动后的结果无从得知。",
    ),
    "refused_unexplained": (
        "Step {} has no lines for single elements: what follows from this number stays unknown.",
        "第 {} 步没有逐项的算式，因此这个数改动后的结果无从得知。",
    ),
    "difference_recorded": (
        "Central differences belong to the recorded numbers.",
        "中心差分只对记录的数计算过。",
    ),
    "is_given": ("It was there before this step.", "这一步开始之前它就有了。"),
}
"""Each in English and in Chinese."""
WORDS = {language: {key: pair[place] for key, pair in _TEXTS.items()} for place, language in enumerate(LANGUAGES)}
