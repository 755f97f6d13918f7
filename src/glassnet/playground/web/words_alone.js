// Texts of the page without a server, in English and Chinese: "name_alone" stands in the place of "name".

const ALONE = {
  footer_alone: [
    "Every number here is computed in this page, by the formulas of glassnet's kernels: the same data, first weights and batches as in Python, other rounding. Your own tables, Python code and central differences are in the page that glassnet playground serves.",
    "这里的每个数都由本页按 glassnet 核函数的公式算出：数据、初始权重和小批量与 Python 里相同，舍入略有不同。要用自己的表格、导出 Python 代码、查看中心差分，请运行 glassnet playground。",
  ],
  shared_alone: ["The link to this page with this setting is on the clipboard.", "本页带当前设置的链接已复制。"],
  not_here: [
    "This page does without a server, and cannot do that; the page that glassnet playground serves can.",
    "本页不用服务器，做不到这一点；运行 glassnet playground 打开的页面可以。",
  ],
  unforeseen_alone: [
    "Something went wrong that should not have: {detail}. Training is paused.",
    "出了意料之外的错误：{detail}。训练已暂停。",
  ],
};

export { ALONE };
