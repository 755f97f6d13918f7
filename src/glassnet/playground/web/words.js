// Every text of the page, in English and Chinese.

import { fill } from "./explain.js";
import { ALONE } from "./words_alone.js";
import { MAPS } from "./words_maps.js";
import { TOUR } from "./words_tour.js";

const REFUSED = "{where}: received {received}, expected {expected}. To fix it: {fix}.";

const WORDS = {
  ...TOUR,
  ...ALONE,
  ...MAPS,
  title: ["glassnet playground", "glassnet 演练场"],
  playground: ["playground", "演练场"],
  share: ["Copy link", "复制链接"],
  shared: [
    "The link to this setting is on the clipboard, without your token: whoever gets it puts its part from # on behind the address of a playground of their own.",
    "当前设置的链接已复制，不含你的令牌。收到的人把链接里 # 及其后的部分接到自己演练场的地址后面即可。",
  ],
  share_here: [
    "The address of this page holds the setting; copy it from there.",
    "当前设置已写进地址栏，请从那里复制。",
  ],
  code: ["Python code", "Python 代码"],
  code_title: ["The same network in Python", "用 Python 得到同样的网络"],
  code_note: ["Runs as it is and ends with the same weights.", "可以直接运行，训练出的权重与这里完全一致。"],
  copy: ["Copy", "复制"],
  copied: ["Copied", "已复制"],
  save_file: ["Save as file", "存为文件"],
  model: ["Save model", "保存模型"],
  other_language: ["中文", "English"],
  running: ["Training", "训练"],
  reset: ["Start again from new weights (R)", "从初始权重重新开始（R）"],
  play: ["Train (space)", "开始训练（空格）"],
  pause: ["Pause (space)", "暂停（空格）"],
  step: ["One step: one batch (S)", "走一步：一个小批量（S）"],
  slowly: ["One step, slowly", "慢放一步"],
  epoch: ["Epoch", "轮数"],
  updates: ["Steps", "步数"],
  batch: ["Next batch", "下一个小批量"],
  batch_of: ["{} of {}", "第 {} 批，共 {} 批"],
  pace: ["Speed", "速度"],
  pace_value: ["{} epochs/s", "每秒 {} 轮"],
  pace_one: ["1 epoch/s", "每秒 1 轮"],
  pace_most: ["as fast as it can", "全速"],
  data: ["Data", "数据"],
  network: ["Network", "网络"],
  output: ["Output", "输出"],
  xor: ["XOR", "异或"],
  circle: ["circle", "圆环"],
  moons: ["moons", "双月"],
  spiral: ["spiral", "螺旋"],
  blobs: ["blobs", "四簇"],
  plane: ["plane", "平面"],
  digits: ["digits", "数字"],
  table: ["your table", "你的表格"],
  noise: ["Noise", "噪声"],
  rows: ["Points", "点数"],
  held_out: ["Held out", "留出比例"],
  batch_size: ["Batch size", "批大小"],
  seed: ["Seed", "随机种子"],
  new_seed: ["Another seed", "换一个种子"],
  target: ["To be learned", "目标列"],
  axis_x: ["Across", "横轴"],
  axis_y: ["Up", "纵轴"],
  upload: ["Upload a table …", "上传表格……"],
  reading: ["How the table was read", "表格是怎样读的"],
  too_large: [
    "The file is too large: at most 16 MB, once unpacked too.",
    "文件太大：最多 16 MB，压缩文件解压后也不能超过。",
  ],
  working: ["Working … a large table takes some seconds.", "正在处理……表格很大时需要几秒钟。"],
  sampled: ["{} rows, of which {} were drawn.", "共 {} 行，从中随机抽取 {} 行。"],
  about_rows: ["{} rows to learn from, {} held out.", "训练 {} 行，留出 {} 行。"],
  activation: ["Activation", "激活函数"],
  tanh: ["tanh", "tanh"],
  relu: ["ReLU", "ReLU"],
  sigmoid: ["sigmoid", "sigmoid"],
  leaky_relu: ["LeakyReLU", "LeakyReLU"],
  linear: ["linear", "线性"],
  loss: ["Loss", "损失"],
  binary_cross_entropy: ["cross-entropy", "交叉熵"],
  cross_entropy: ["cross-entropy", "交叉熵"],
  hinge: ["hinge", "合页损失"],
  mean_squared_error: ["squared error", "均方误差"],
  mean_absolute_error: ["absolute error", "绝对误差"],
  huber: ["Huber", "Huber"],
  optimizer: ["Optimizer", "优化器"],
  sgd: ["SGD", "SGD"],
  momentum: ["momentum", "动量法"],
  nesterov: ["Nesterov", "Nesterov 动量"],
  rmsprop: ["RMSProp", "RMSProp"],
  adagrad: ["AdaGrad", "AdaGrad"],
  adam: ["Adam", "Adam"],
  adamw: ["AdamW", "AdamW"],
  nadam: ["NAdam", "NAdam"],
  lion: ["Lion", "Lion"],
  learning_rate: ["Learning rate", "学习率"],
  l1: ["L1", "L1 正则"],
  l2: ["L2", "L2 正则"],
  batch_norm: ["Batch norm", "批归一化"],
  dropout: ["Dropout", "Dropout 丢弃"],
  on: ["on", "开启"],
  inputs_chosen: ["What the network is given", "网络的输入"],
  with_input: ["With the input {}", "加上输入 {}"],
  without_input: ["Without the input {}", "去掉输入 {}"],
  none: ["none", "无"],
  hidden_layers: ["{} hidden layers", "{} 个隐藏层"],
  hidden_layer: ["1 hidden layer", "1 个隐藏层"],
  no_hidden: ["no hidden layer", "没有隐藏层"],
  more_layers: ["Add a hidden layer", "增加一个隐藏层"],
  fewer_layers: ["Remove the last hidden layer", "去掉最后一个隐藏层"],
  more_units: ["Add a unit to hidden layer {}", "第 {} 个隐藏层加一个单元"],
  fewer_units: ["Remove a unit from hidden layer {}", "第 {} 个隐藏层减一个单元"],
  units: ["{} units", "{} 个单元"],
  unit: ["1 unit", "1 个单元"],
  inputs: ["inputs", "输入"],
  outputs: ["output", "输出"],
  pixels: ["8 × 8 pixels", "8 × 8 像素"],
  wires_label: [
    "Weights. Arrow keys move from weight to weight, Enter leads to its value and what made its gradient.",
    "权重。方向键在权重之间移动，按 Enter 可以修改它的值，并查看梯度的由来。",
  ],
  weights_legend: ["Lines are weights:", "连线是权重："],
  hover_hint: [
    "negative to positive. Click a line or a unit to change it and to see what made its gradient.",
    "由负到正。点一条连线或一个单元，可以修改它的值，也可以看它的梯度是怎样加起来的。",
  ],
  unit_title: ["Layer {}, unit {}", "第 {} 层，单元 {}"],
  weight_title: ["Layer {}, {}", "第 {} 层，{}"],
  value: ["value", "值"],
  bias: ["bias", "偏置"],
  card_label: ["The weight or unit that was chosen", "选中的权重或单元"],
  explain_gradient: ["Why this gradient", "梯度怎么来的"],
  explain_output: ["Why this output", "输出怎么来的"],
  its_unit: ["The unit it leads to", "它通往的单元"],
  dead_unit: ["dead: the same output for every training row", "已死亡：对每一行训练数据输出都相同"],
  died_between: [
    "Dead: the same output for every training row. It was alive at epoch {}, and dead at {}.",
    "已死亡：对每一行训练数据输出都相同。第 {} 轮时还活着，第 {} 轮时已经死亡。",
  ],
  dead_from_start: [
    "Dead from the start: the same output for every training row.",
    "一开始就已死亡：对每一行训练数据输出都相同。",
  ],
  go_there: ["Go to where it died", "回到它死亡的时候"],
  past: ["The training so far", "到目前为止的训练过程"],
  past_hint: [
    "Drag the slider to go back in the training; it can go on from there, with another rate too.",
    "拖动滑块可以回到训练的早先时刻，并从那里继续训练，也可以换一个学习率。",
  ],
  looking_back: [
    "Epoch {} of {}. Training goes on from here; what came later is then gone.",
    "回到第 {} 轮（共 {} 轮）。再训练就从这里继续，之后的部分会被丢弃。",
  ],
  chances: ["The probability of each class for the chosen picture", "选中图片属于各类别的概率"],
  picture_hint: [
    "Background: what the network answers. Dots: the rows; those with a dark rim are held out.",
    "背景是网络的输出，圆点是数据，深色边的点是留出的数据。",
  ],
  answer_at: ["at ({}, {}): {}", "在（{}，{}）处：{}"],
  weight_tip: ["layer {}:", "第 {} 层："],
  many_weights: ["{} weights", "{} 个权重"],
  show_held_out: ["show held-out points", "显示留出的点"],
  training: ["Training", "训练"],
  held_out_rows: ["Held out", "留出"],
  accuracy: ["Accuracy", "准确率"],
  r2: ["R²", "R²"],
  curves_label: [
    "Loss of the training rows and of the held-out rows, epoch by epoch",
    "训练数据与留出数据的损失，逐轮变化",
  ],
  surface_label: ["What the network answers over the plane, and the points", "网络在整个平面上的输出，以及数据点"],
  guess: ["{}: read as {}, {}", "{}：认成 {}，{}"],
  images_hint: [
    "Held-out digits and what they are read as; the bars say how probable each class is for the chosen one, in %.",
    "留出的数字以及网络认成了什么；条形是选中的数字属于各类别的概率（%）。",
  ],
  close: ["Close", "关闭"],
  next: ["Next →", "下一步 →"],
  previous: ["← Back", "← 上一步"],
  take_step: ["Take this step", "执行这一步"],
  stage_of: ["{} of {}", "{} / {}"],
  forward: ["Forward", "前向"],
  backward: ["Backward", "反向"],
  loss_phase: ["Loss", "损失"],
  update: ["Update", "更新"],
  forward_note: [
    "Forward: the layer turns what comes in into what goes out, for every row of the batch.",
    "前向传播：这一层把输入变成输出，小批量里每一行都算一遍。",
  ],
  loss_note: [
    "The loss: one number that says how far the answers are from the targets.",
    "损失：用一个数说明输出离目标有多远。",
  ],
  backward_note: [
    "Backward: δ says how much the loss changes with each number. The layer passes it on, and sums the gradients of its own weights.",
    "反向传播：δ 表示每个数变一点，损失跟着变多少。这一层把它往回传，并累加出自己权重的梯度。",
  ],
  update_note: [
    "Update: the optimizer moves the parameter against its gradient.",
    "参数更新：优化器沿着梯度的反方向移动参数。",
  ],
  walk_facts: ["the next batch: {} rows, loss {}", "下一个小批量：{} 行，损失 {}"],
  of_dbias: [
    "The gradient of this bias: the sum of the error terms over the rows of the batch, for the bias is added in each row once.",
    "这个偏置的梯度：把小批量中各行的误差项加起来，因为偏置在每一行里都加了一次。",
  ],
  of_y: [
    "The output of this unit for the first row of the batch, before its activation: inputs times weights, plus the bias.",
    "这个单元对小批量第一行的输出（激活之前）：输入乘以权重再相加，加上偏置。",
  ],
  of_dweight: [
    "The gradient of this weight: the sum over the rows of the batch of what came in times the error term.",
    "这个权重的梯度：对小批量中各行求和，每一项是输入乘以误差项。",
  ],
  table_columns: [REFUSED, "表格有 {count} 列，这里收 2 到 {most} 列：若干输入列，加上目标列。列与列之间用逗号隔开。"],
  table_features: [
    REFUSED,
    "一行数据会变成 {count} 个输入，这里最多收 {most} 个：文字列里每个不同的词占一个，“{column}”列占得最多。请去掉一些列；glassnet train 不限列数。",
  ],
  table_ending: [REFUSED, "这里收 .csv、.tsv（可以再用 gzip 压缩成 .gz）和 .xlsx 文件。请把表格存成其中一种。"],
  table_classes: [REFUSED, "目标列里有 {count} 个类别，这里最少 2 个、最多 {most} 个。请换一个目标列，或合并类别。"],
  table_cells: [
    REFUSED,
    "表格里有用不了的内容（{where}：{received}）。数字列、日期列里不能混进别的文字，没有值就空着；目标列每行都要有值，类别至少两个。",
  ],
  error: [REFUSED, "请求被拒绝。{where}：收到 {received}，应为 {expected}。改法：{fix}。"],
  diverged: [
    "The loss became infinite, so training stopped at the last good weights. Lower the learning rate.",
    "损失变成了无穷大，训练停在最后一份正常的权重上。请调低学习率。",
  ],
  too_many_pages: [
    "Too many pages are open: at most {most}. Close one and reload.",
    "打开的页面太多：最多 {most} 个。关掉一个再刷新。",
  ],
  unforeseen: [
    "Something went wrong that should not have; the server's terminal says what. Training is paused.",
    "出了意料之外的错误，详情见服务器终端。训练已暂停。",
  ],
  disconnected: [
    "The connection to the server is lost. What is shown stays, and the page tries to connect again. If glassnet playground was ended, start it again and open the address that it prints.",
    "与服务器的连接断了。页面上的内容都还在，正在尝试重新连接。如果 glassnet playground 已经结束，请重新运行它，并打开它给出的地址。",
  ],
  disconnected_text: [
    "The server is gone. Start glassnet playground again, and open the address that it prints.",
    "与服务器的连接断了。请重新运行 glassnet playground，并打开它给出的地址。",
  ],
  no_progress: [
    "Nothing has got better for a while: the loss is {} after {} epochs. What helps, tried from new weights:",
    "训练已有一阵没有进展：{1} 轮之后损失是 {0}。下面的办法有效，是从新的初始权重试出来的：",
  ],
  proof: ["Loss {} after {} epochs.", "{1} 轮之后损失是 {0}。"],
  begin_so: ["Begin anew like this", "就这样重新开始"],
  rate_too_high: ["The learning rate is too high; take {}.", "学习率太高，改用 {}。"],
  rate_too_low: ["The learning rate is too low; take {}.", "学习率太低，改用 {}。"],
  no_hidden_layer: [
    "Without a hidden layer only a straight line parts the classes; take {} units.",
    "没有隐藏层，只能用一条直线来分，加上隐藏层（单元数 {}）。",
  ],
  bottleneck: [
    "A layer is so narrow that too little gets through; take {} units.",
    "有一层太窄，通过的信息太少，单元数改为 {}。",
  ],
  linear_activation: [
    "Without an activation all layers together are one straight line; take {}.",
    "没有激活函数，所有层合起来只是一条直线，改用 {}。",
  ],
  vanishing: [
    "The slope of a sigmoid is at most ¼, and the gradient shrinks from layer to layer; take {}.",
    "sigmoid 的斜率最多 ¼，梯度逐层变小，改用 {}。",
  ],
  dead_units: [
    "Many units are dead, and no gradient comes through them; take {}.",
    "许多单元已死亡，梯度传不过去，改用 {}。",
  ],
  too_much_l1: ["L1 pulls the weights to 0 too strongly; take {}.", "L1 正则太强，权重都被拉向 0，改为 {}。"],
  too_much_l2: ["L2 pulls the weights to 0 too strongly; take {}.", "L2 正则太强，权重都被拉向 0，改为 {}。"],
  too_much_dropout: [
    "Dropout takes too much away from so few units; take {}.",
    "单元这么少，Dropout 丢弃得太多，改为 {}。",
  ],
  resumed: ["Connected again; the training is as it was.", "已重新连接，训练恢复到断开时的样子。"],
  resumed_partly: [
    "Connected again. Telling the whole training again would have taken too long: it is at epoch {count} of {most}.",
    "已重新连接。重现整个训练过程耗时太长，目前恢复到第 {count} 轮（共 {most} 轮）。",
  ],
  hide_unknown: ["There is nothing called {names} to be hidden.", "要隐藏的 {names} 在页面上不存在。"],
  text_playground: ["playground: texts", "演练场：文本"],
  texts_page: ["Texts →", "文本 →"],
  points_page: ["Points and tables →", "数据点与表格 →"],
  texts: ["Texts", "文本"],
  texts_note: [
    "A text a line; the model learns them letter by letter. Change them, and begin with new weights.",
    "每行一段文本，模型逐个字符地学。改好之后，从新的初始权重开始。",
  ],
  begin: ["Begin with these texts", "用这些文本开始"],
  attention: ["attention", "注意力"],
  about_text: ["{} texts, {} different letters, {} weights", "{} 段文本，{} 种字符，{} 个权重"],
  perplexity: ["Perplexity", "困惑度"],
  inside: ["What goes on inside", "网络内部"],
  attention_note: [
    "Each line: how much the letter at the left takes of the letters before it, in each head. ▪ is the beginning.",
    "每行表示左边这个字符从前面各字符取了多少，每个头一张图。▪ 表示文本开头。",
  ],
  gates_note: [
    "A line for each unit, a column for each letter read. Gates go from closed (pale) to open; the others from negative to positive.",
    "每行一个单元，每列一个读入的字符。门由浅到深表示由关到开；其余由负到正。",
  ],
  head: ["head {}", "第 {} 个头"],
  "input gate i": ["input gate i", "输入门 i"],
  "forget gate f": ["forget gate f", "遗忘门 f"],
  "candidate g": ["candidate g", "候选值 g"],
  "output gate o": ["output gate o", "输出门 o"],
  "cell c": ["cell c", "细胞状态 c"],
  "state h": ["state h", "隐藏状态 h"],
  "reset gate r": ["reset gate r", "重置门 r"],
  "update gate z": ["update gate z", "更新门 z"],
  "candidate n": ["candidate n", "候选值 n"],
  next_letter: ["What comes next", "下一个字符"],
  prefix: ["The beginning of a text; type into it", "文本的开头，可直接输入"],
  write: ["Write a letter", "写一个字符"],
  end_of_text: ["end", "结束"],
  footer: [
    "Every number here is computed by glassnet on this computer: the same engine, the same kernels as in Python.",
    "这里的每个数都由本机上的 glassnet 算出，与 Python 里用的是同一个引擎、同一套核函数。",
  ],
};

const LANGUAGES = ["en", "zh"];
let language = 0,
  isServed = true;

function t(key, ...values) {
  const own = isServed ? key : `${key}_alone`; // where the page does without a server
  return fill((WORDS[own] ?? WORDS[key])[language], ...values);
}

// From here on the texts are those of a page without a server.
function goAlone() {
  isServed = false;
}

function has(key) {
  return Object.hasOwn(WORDS, key);
}

function currentLanguage() {
  return LANGUAGES[language];
}

// Changes the language, and every text in the document that bears a key.
function setLanguage(name) {
  language = Math.max(0, LANGUAGES.indexOf(name));
  document.documentElement.lang = name;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) label(element, t(element.dataset.label));
}

// Changes the language for this visit and later ones, and says on its button what the other one is.
function useLanguage(name) {
  setLanguage(name);
  try {
    localStorage.setItem("language", name);
  } catch {
    /* where nothing may be kept, the choice lasts as long as the page */
  }
  const button = document.getElementById("language");
  button.textContent = t("other_language");
  button.lang = name === "en" ? "zh" : "en";
}

function firstLanguage() {
  let kept = null;
  try {
    kept = localStorage.getItem("language");
  } catch {
    /* as above */
  }
  return kept ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

// A name for what has no text: read aloud, and shown on hover.
function label(element, text) {
  element.setAttribute("aria-label", text);
  if (element.tagName === "BUTTON") element.title = text;
}

export { WORDS, currentLanguage, firstLanguage, goAlone, has, label, t, useLanguage };
