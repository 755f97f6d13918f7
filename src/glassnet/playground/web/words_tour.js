// The texts of the tour of a step, in English and Chinese.

const TOUR = {
  tour: ["Tour of a step", "一步导览"],
  tour_rows: [
    "A step takes a batch: {} of the training rows, those with a ring in the picture. All of them go through the network from left to right.",
    "一步用一个小批量：{} 行训练数据，就是图中画圈的点。它们从左到右穿过网络。",
  ],
  tour_images: [
    "A step takes a batch: {} of the training rows. All of them go through the network from left to right.",
    "一步用一个小批量：{} 行训练数据。它们从左到右穿过网络。",
  ],
  tour_forward: [
    "Forward, layer {}: each unit adds up what comes in, times its weights, and its bias; {} makes its output of that sum.",
    "前向传播，第 {} 层：每个单元把输入乘以权重后相加，再加上偏置，所得的和经过 {} 就是它的输出。",
  ],
  tour_answers: [
    "Forward, layer {}: the outputs are such sums as well. They are the network's answers, for each row of the batch.",
    "前向传播，第 {} 层：输出也是这样的和，它们就是网络对小批量中每一行给出的答案。",
  ],
  tour_loss: [
    "The loss, here {}, compares the answers with the targets. δ says how much it changes with each answer: from here it flows back.",
    "损失（这里是{}）比较答案与目标。δ 表示每个答案变一点，损失跟着变多少：它从这里往回流。",
  ],
  tour_backward: [
    "Backward, layer {}: lines are gradients now. That of a weight is what came in times δ, summed over the batch; the largest is {} = {}. To the left δ goes on times the weights and the slope of {}.",
    "反向传播，第 {} 层：连线现在表示梯度。一个权重的梯度是它的输入乘以 δ，再对小批量求和；最大的是 {} = {}。δ 乘以权重和 {} 的斜率，继续往左传。",
  ],
  tour_backward_first: [
    "Backward, layer {}: lines are gradients now. That of a weight is the row's input times δ, summed over the batch; the largest is {} = {}. All gradients are there.",
    "反向传播，第 {} 层：连线现在表示梯度。一个权重的梯度是各行的输入乘以 δ，再对小批量求和；最大的是 {} = {}。至此所有梯度都有了。",
  ],
  tour_update: [
    "The update: {} moves each weight against its gradient, at the learning rate {}. Take the step, and watch lines and picture change.",
    "参数更新：{} 以学习率 {} 让每个权重沿梯度的反方向移动。执行这一步，看连线和图怎样变。",
  ],
};

export { TOUR };
