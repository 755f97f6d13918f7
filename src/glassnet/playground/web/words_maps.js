// The texts of a convolution, in English and Chinese.

const MAPS = {
  filters: ["Filters", "滤波器"],
  kernel_size: ["Kernel size", "滤波器大小"],
  pooling: ["Max pooling", "最大池化"],
  map: ["1 map", "1 个特征图"],
  maps: ["{} maps", "{} 个特征图"],
  more_maps: ["Add a filter", "增加一个滤波器"],
  fewer_maps: ["Remove a filter", "减少一个滤波器"],
  filter_title: ["Layer {}, filter {}", "第 {} 层，滤波器 {}"],
  map_pixel: ["map, pixel ({}, {}): {}", "特征图像素（{}，{}）：{}"],
  map_label: [
    "Map of filter {}, at pixel {}. The arrow keys move the filter.",
    "滤波器 {} 的特征图，当前像素 {}。方向键移动滤波器。",
  ],
  bundle_label: [
    "The weights that this line stands for; click one to change it",
    "这条连线代表的各个权重，点一个可以修改",
  ],
  patch_label: ["The filter at one place of the digit", "滤波器在数字的某一处"],
  patch_picture: ["digit", "数字"],
  patch_filter: ["pixels · filter", "像素 · 滤波器"],
  patch_map: ["map: click a pixel", "特征图：点一个像素"],
  patch_sum: ["Pixel ({}): the sum of the products {}, plus the bias: {}", "像素（{}）：乘积之和 {}，加上偏置：{}"],
  patch_pooled: [
    ". The window of 2 × 2 that it lies in passes its largest on: {}",
    "。它所在的 2 × 2 窗口把最大的值传下去：{}",
  ],
  patch_outside: ["Beyond the edge there are zeros.", "边缘之外都按 0 计算。"],
  slide: ["Slide the filter", "滑动滤波器"],
  slide_stop: ["Stop", "停下"],
  tour_convolution: [
    "Forward, layer {}: each filter slides over the digit. At each place the pixels under it times its weights are added up, and its bias; {} makes of that sum the pixel of its map.",
    "前向传播，第 {} 层：每个滤波器在数字上滑动。每到一处，把它下面的像素乘以它的权重后相加，再加上偏置，所得的和经过 {} 就是特征图上的一个像素。",
  ],
  tour_pooling: [
    " Of every 2 × 2 pixels of a map the largest goes on.",
    "特征图上每 2 × 2 个像素只把最大的一个传下去。",
  ],
  tour_backward_convolution: [
    "Backward, layer {}: a filter's weight is used at all 64 places of each digit. Its gradient is the sum over these places of the pixel under it times δ there; the largest are those of {} = {}. All gradients are there.",
    "反向传播，第 {} 层：滤波器的一个权重在每个数字的 64 处都用到。它的梯度是各处它下面的像素乘以那里的 δ，再全部相加；最大的是 {} = {}。至此所有梯度都有了。",
  ],
  of_dbias_image: [
    "The gradient of this bias: the sum of the error terms over all places and over the rows of the batch, for the bias is added in each of them once.",
    "这个偏置的梯度：把小批量中各行、各处的误差项加起来，因为偏置在每一处都加了一次。",
  ],
  of_y_image: [
    "The output of this filter at this place, for the first row of the batch, before its activation: pixels times weights, plus the bias.",
    "这个滤波器在这一处对小批量第一行的输出（激活之前）：像素乘以权重再相加，加上偏置。",
  ],
  of_dweight_image: [
    "The gradient of this weight: the sum over all places, and over the rows of the batch, of the pixel under it times the error term.",
    "这个权重的梯度：对小批量中各行、各处求和，每一项是它下面的像素乘以误差项。",
  ],
};

export { MAPS };
