#include <math.h>
#include <string.h>

/* 1 / (1 + exp(-x)), where nothing overflows and nothing cancels */
static float logistic(float x)
{
    const float z = expf(-fabsf(x));
    return (x < 0.0f ? z : 1.0f) / (1.0f + z);
}

/* rows of so many numbers, which begin so far from one another in x and in y */
static void copy(const float *x, int rows, int size, int from, int to, float *y)
{
    for (int r = 0; r < rows; ++r, x += from, y += to) memcpy(y, x, size * sizeof *y);
}

/* the numbers of x at these places */
static void gather(const float *x, const int *places, int size, float *y)
{
    for (int i = 0; i < size; ++i) y[i] = x[places[i]];
}

/* a and b (rows, size) */
static void row_dot(const float *a, const float *b, int rows, int size, float *y)
{
    for (int r = 0; r < rows; ++r, a += size, b += size) {
        y[r] = 0.0f;
        for (int i = 0; i < size; ++i) y[r] += a[i] * b[i];
    }
}

/* a and b (rows, size) */
static void squared_distance(const float *a, const float *b, int rows, int size, float *y)
{
    for (int r = 0; r < rows; ++r, a += size, b += size) {
        y[r] = 0.0f;
        for (int i = 0; i < size; ++i) y[r] += (a[i] - b[i]) * (a[i] - b[i]);
    }
}

static void standardize(const float *x, const float *mean, const float *scale, int size, float *y)
{
    for (int i = 0; i < size; ++i) y[i] = (x[i] - mean[i]) / scale[i];
}

/* in double, as float would lose the digits that tell these numbers apart */
static void standardize_double(const double *x, const double *mean, const double *scale, int size, float *y)
{
    for (int i = 0; i < size; ++i) y[i] = (float)((x[i] - mean[i]) / scale[i]);
}

static void restore_double(const float *x, const double *mean, const double *scale, int size, double *y)
{
    for (int i = 0; i < size; ++i) y[i] = x[i] * scale[i] + mean[i];
}

static void table_number(double x, double mean, double scale, float *y)
{
    y[0] = isnan(x) ? 0.0f : (float)((x - mean) / scale);
}

/* z / sqrt(1 + (z / 3)^2) */
static void table_robust(double x, double middle, double scale, float *y)
{
    const double z = (x / 2 - middle / 2) / scale * 2;
    y[0] = isnan(x) ? 0.0f : isinf(z) ? (z < 0.0 ? -3.0f : 3.0f) : (float)(z / hypot(1.0, z / 3));
}

/* how far x has come in each piece, from -1/2 to 1/2 */
static void table_pieces(double x, const double *edges, int pieces, float *y)
{
    for (int i = 0; i < pieces; ++i) {
        const double share = (x - edges[i]) / (edges[i + 1] - edges[i]);
        y[i] = isnan(x) ? 0.0f : (float)(share < 0.0 ? -0.5 : share > 1.0 ? 0.5 : share - 0.5);
    }
}

/* the place of x among rising values, from -1 to 1; among equal ones the middle */
static void table_quantile(double x, const double *values, int size, float *y)
{
    int below = 0, upto = 0; /* how many values are below x, and how many are not above it */
    if (isnan(x)) {
        y[0] = 0.0f;
        return;
    }
    while (below < size && values[below] < x) ++below;
    upto = below;
    while (upto < size && values[upto] <= x) ++upto;
    double place;
    if (upto == 0) {
        place = 0.0;
    } else if (below == size) {
        place = size - 1;
    } else if (upto > below) {
        place = (below + upto - 1) / 2.0;
    } else {
        place = below - 1 + (x - values[below - 1]) / (values[below] - values[below - 1]);
    }
    y[0] = (float)(2 * place / (size - 1) - 1);
}

/* a point on the circle, for a share of a whole turn */
static void table_circle(double share, float *y)
{
    const double angle = 6.283185307179586 * share;
    y[0] = isnan(share) ? 0.0f : (float)sin(angle);
    y[1] = isnan(share) ? 0.0f : (float)cos(angle);
}

/* days since 1970, to the microsecond */
static double table_exact(double days)
{
    return floor(days * 86400e6 + 0.5) / 86400e6;
}

/* from 0; Gregorian, by eras of 146,097 days that begin with March */
static double table_month(double days)
{
    const double day = floor(table_exact(days)) + 719468.0, of_era = day - 146097.0 * floor(day / 146097.0);
    const double year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365);
    const double of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100));
    const double march = floor((5 * of_year + 2) / 153);
    return march < 10.0 ? march + 2 : march - 10;
}

/* from Monday */
static double table_weekday(double days)
{
    const double day = floor(table_exact(days)) + 3;
    return day - 7 * floor(day / 7);
}

/* with its fraction */
static double table_hour(double days)
{
    const double exact = table_exact(days);
    return (exact - floor(exact)) * 24;
}

/* the length of a space in UTF-8 at the beginning of a text, as Python's str.strip knows them; 0 for anything else */
static int space_of(const unsigned char *text)
{
    const int c = text[0];
    if (c == 0) return 0;
    if (c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31)) return 1;
    if (c == 0xC2) return text[1] == 0x85 || text[1] == 0xA0 ? 2 : 0;
    if (c == 0xE1) return text[1] == 0x9A && text[2] == 0x80 ? 3 : 0;
    if (c == 0xE3) return text[1] == 0x80 && text[2] == 0x80 ? 3 : 0;
    if (c != 0xE2) return 0;
    if (text[1] == 0x81) return text[2] == 0x9F ? 3 : 0;
    if (text[1] != 0x80) return 0;
    return (text[2] >= 0x80 && text[2] <= 0x8A) || text[2] == 0xA8 || text[2] == 0xA9 || text[2] == 0xAF ? 3 : 0;
}

/* moves a text to where it begins without the spaces around it, and tells its length */
static void trimmed(const char **text, size_t *length)
{
    const unsigned char *begin = (const unsigned char *)*text, *at, *end;
    while (space_of(begin)) begin += space_of(begin);
    for (at = end = begin; *at;) {
        const int space = space_of(at);
        at += space ? space : 1;
        if (!space) end = at;
    }
    *length = (size_t)(end - begin);
    *text = (const char *)begin;
}

/* whether there is nothing but spaces */
static int is_no_word(const char *text)
{
    size_t length = 0;
    if (text) trimmed(&text, &length);
    return length == 0;
}

/* the place of a text among sorted words, or that of others */
static int table_word(const char *text, const char *const *words, const int *places, int size, int other)
{
    size_t length;
    int low = 0, high = size;
    if (!text) return other;
    trimmed(&text, &length);
    while (low < high) {
        const int middle = (low + high) / 2;
        int order = strncmp(words[middle], text, length);
        if (order == 0) order = words[middle][length] != 0;
        if (order == 0) return places[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return other;
}

/* 1 at the place of a word, the last place for all others, and 0 everywhere where there is none */
static void table_category(
    const char *text, const char *const *words, const int *places, int size, int count, float *y)
{
    for (int i = 0; i < count; ++i) y[i] = 0.0f;
    if (!is_no_word(text)) y[table_word(text, words, places, size, count - 1)] = 1.0f;
}

static void exp_minus_1(int size, float *y)
{
    for (int i = 0; i < size; ++i) y[i] = expm1f(y[i]);
}

static void exp_minus_1_double(int size, double *y)
{
    for (int i = 0; i < size; ++i) y[i] = expm1(y[i]);
}

static void hold_within(const float *low, const float *high, int size, float *y)
{
    for (int i = 0; i < size; ++i) y[i] = y[i] < low[i] ? low[i] : y[i] > high[i] ? high[i] : y[i];
}

static void hold_within_double(const double *low, const double *high, int size, double *y)
{
    for (int i = 0; i < size; ++i) y[i] = y[i] < low[i] ? low[i] : y[i] > high[i] ? high[i] : y[i];
}

/* x (rows, inputs), weight (inputs, units) */
static void dense(const float *x, const float *weight, const float *bias, int rows, int inputs, int units, float *y)
{
    for (int r = 0; r < rows; ++r, x += inputs, y += units) {
        for (int m = 0; m < units; ++m) y[m] = bias ? bias[m] : 0.0f;
        for (int d = 0; d < inputs; ++d) {
            const float *row = weight + d * units, factor = x[d];
            for (int m = 0; m < units; ++m) y[m] += factor * row[m];
        }
    }
}

/* x (rows, inputs), weight (units, inputs) */
static void tied(const float *x, const float *weight, int rows, int inputs, int units, float *y)
{
    for (int r = 0; r < rows; ++r, x += inputs, y += units) {
        for (int k = 0; k < units; ++k) {
            const float *row = weight + k * inputs;
            y[k] = 0.0f;
            for (int d = 0; d < inputs; ++d) y[k] += x[d] * row[d];
        }
    }
}

/* a (steps, units) */
static void simple_rnn(const float *a, const float *recurrent, const float *before, int steps, int units, int reverse,
                       float *y)
{
    for (int i = 0; i < steps; ++i) {
        const int t = reverse ? steps - 1 - i : i;
        float *h = y + t * units;
        memset(h, 0, units * sizeof *h);
        if (before) dense(before, recurrent, 0, 1, units, units, h);
        for (int u = 0; u < units; ++u) h[u] = tanhf(a[t * units + u] + h[u]);
        before = h;
    }
}

/* a (steps, 4 units) for the gates i, f, g, o */
static void lstm(const float *a, const float *recurrent, const float *before, const float *kept, int steps, int units,
                 int reverse, float *gates, float *cell, float *y)
{
    for (int i = 0; i < steps; ++i) {
        const int t = reverse ? steps - 1 - i : i;
        const float *in = a + 4 * t * units;
        float *g = gates + 4 * t * units, *c = cell + t * units, *h = y + t * units;
        memset(g, 0, 4 * units * sizeof *g);
        if (before) dense(before, recurrent, 0, 1, units, 4 * units, g);
        for (int u = 0; u < units; ++u) {
            const float input = logistic(in[u] + g[u]), forget = logistic(in[units + u] + g[units + u]);
            const float candidate = tanhf(in[2 * units + u] + g[2 * units + u]);
            c[u] = input * candidate + (kept ? forget * kept[u] : 0.0f);
            h[u] = logistic(in[3 * units + u] + g[3 * units + u]) * tanhf(c[u]);
        }
        before = h, kept = c;
    }
}

/* a (steps, 3 units) for the gates r, z, n */
static void gru(const float *a, const float *recurrent, const float *bias, const float *before, int steps, int units,
                int reverse, float *states, float *y)
{
    for (int i = 0; i < steps; ++i) {
        const int t = reverse ? steps - 1 - i : i;
        const float *in = a + 3 * t * units;
        float *s = states + 3 * t * units, *h = y + t * units;
        for (int u = 0; u < 3 * units; ++u) s[u] = bias ? bias[u] : 0.0f;
        if (before) dense(before, recurrent, bias, 1, units, 3 * units, s);
        for (int u = 0; u < units; ++u) {
            const float reset = logistic(in[u] + s[u]), update = logistic(in[units + u] + s[units + u]);
            const float candidate = tanhf(in[2 * units + u] + reset * s[2 * units + u]);
            h[u] = (1.0f - update) * candidate + (before ? update * before[u] : 0.0f);
        }
        before = h;
    }
}

/* x numbers rows of weight (count, units); one without a row gives NAN */
static void embedding(const float *x, const float *weight, int size, int count, int units, float *y)
{
    for (int i = 0; i < size; ++i, y += units) {
        const int row = x[i] >= 0.0f && x[i] < (float)count ? (int)x[i] : -1;
        const int is_there = row >= 0 && (float)row == x[i];
        for (int m = 0; m < units; ++m) y[m] = is_there ? weight[row * units + m] : NAN;
    }
}

/* x (channels, height, width), weight (filters, channels / groups, kernel_height, kernel_width); what each filter finds
   is scaled, shifted and at least so much */
static void conv2d(const float *x, const float *weight, const float *scale, const float *shift, int channels,
                   int height, int width, int filters, int rows, int columns, int kernel_height, int kernel_width,
                   int groups, int stride_height, int stride_width, int top, int left, int dilation_height,
                   int dilation_width, float least, float *y)
{
    const int of_group = channels / groups, taps = kernel_height * kernel_width;
    for (int f = 0; f < filters; ++f) {
        const int first = f / (filters / groups) * of_group;
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < columns; ++c) {
                float sum = 0.0f;
                for (int i = 0; i < kernel_height; ++i) {
                    const int h = r * stride_height + i * dilation_height - top;
                    if (h < 0 || h >= height) continue;
                    for (int j = 0; j < kernel_width; ++j) {
                        const int w = c * stride_width + j * dilation_width - left;
                        if (w < 0 || w >= width) continue;
                        const float *pixel = x + (first * height + h) * width + w;
                        const float *tap = weight + f * of_group * taps + i * kernel_width + j;
                        for (int k = 0; k < of_group; ++k) sum += pixel[k * height * width] * tap[k * taps];
                    }
                }
                if (scale) sum *= scale[f];
                if (shift) sum += shift[f];
                y[(f * rows + r) * columns + c] = sum < least ? least : sum;
            }
    }
}

/* weight (channels, filters / groups, kernel_height, kernel_width) */
static void conv_transpose2d(const float *x, const float *weight, const float *bias, int channels, int height,
                             int width, int filters, int rows, int columns, int kernel_height, int kernel_width,
                             int groups, int stride_height, int stride_width, int top, int left, int dilation_height,
                             int dilation_width, float *y)
{
    const int of_group = filters / groups, taps = kernel_height * kernel_width;
    for (int f = 0; f < filters; ++f)
        for (int p = 0; p < rows * columns; ++p) y[f * rows * columns + p] = bias ? bias[f] : 0.0f;
    for (int k = 0; k < channels; ++k) {
        const int first = k / (channels / groups) * of_group;
        for (int h = 0; h < height; ++h)
            for (int w = 0; w < width; ++w)
                for (int i = 0; i < kernel_height; ++i)
                    for (int j = 0; j < kernel_width; ++j) {
                        const int r = h * stride_height + i * dilation_height - top;
                        const int c = w * stride_width + j * dilation_width - left;
                        if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
                        for (int f = 0; f < of_group; ++f)
                            y[((first + f) * rows + r) * columns + c] += x[(k * height + h) * width + w] *
                                weight[(k * of_group + f) * taps + i * kernel_width + j];
                    }
    }
}

/* x (steps, features), weight (kernel, features / groups, filters) */
static void conv1d(const float *x, const float *weight, const float *bias, int steps, int features, int length,
                   int filters, int kernel, int groups, int stride, int before, int dilation, float *y)
{
    const int of_group = features / groups, own = filters / groups;
    for (int t = 0; t < length; ++t, y += filters) {
        for (int f = 0; f < filters; ++f) y[f] = bias ? bias[f] : 0.0f;
        for (int i = 0; i < kernel; ++i) {
            const int s = t * stride + i * dilation - before;
            if (s < 0 || s >= steps) continue;
            for (int d = 0; d < of_group; ++d)
                for (int f = 0; f < filters; ++f)
                    y[f] += x[s * features + f / own * of_group + d] * weight[(i * of_group + d) * filters + f];
        }
    }
}

/* x (channels, height, width); the largest or the mean of those pixels of a window that there are */
static void pool(const float *x, int averages, int channels, int height, int width, int rows, int columns,
                 int kernel_height, int kernel_width, int stride_height, int stride_width, int top, int left, float *y)
{
    for (int k = 0; k < channels; ++k)
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < columns; ++c) {
                float largest = -INFINITY, sum = 0.0f;
                int count = 0;
                for (int i = 0; i < kernel_height; ++i)
                    for (int j = 0; j < kernel_width; ++j) {
                        const int h = r * stride_height + i - top, w = c * stride_width + j - left;
                        if (h < 0 || h >= height || w < 0 || w >= width) continue;
                        const float pixel = x[(k * height + h) * width + w];
                        if (pixel > largest || pixel != pixel) largest = pixel;
                        sum += pixel;
                        ++count;
                    }
                y[(k * rows + r) * columns + c] = averages ? sum / (float)count : largest;
            }
}

/* x (rows, channels, size) */
static void scale_and_shift(const float *x, const float *scale, const float *shift, int rows, int channels, int size,
                            float *y)
{
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < channels; ++c)
            for (int i = 0; i < size; ++i, ++x, ++y) *y = *x * scale[c] + shift[c];
}

/* y (height, width, depth), whose neighbours along each axis lie so many steps apart in x */
static void permute(const float *x, int height, int width, int depth, int down, int across, int into, float *y)
{
    for (int h = 0; h < height; ++h)
        for (int w = 0; w < width; ++w)
            for (int d = 0; d < depth; ++d) *y++ = x[h * down + w * across + d * into];
}

/* x (rows, groups, channels of each, size), by mean and variance of each group; not centred, by its mean square */
static void normalize(const float *x, const float *gamma, const float *beta, int centred, int rows, int groups,
                      int each, int size, float epsilon, float *y)
{
    const int count = each * size;
    for (int r = 0; r < rows; ++r)
        for (int g = 0; g < groups; ++g, x += count, y += count) {
            float mean = 0.0f, variance = 0.0f;
            for (int i = 0; i < count && centred; ++i) mean += x[i];
            mean /= (float)count;
            for (int i = 0; i < count; ++i) variance += (x[i] - mean) * (x[i] - mean);
            const float factor = 1.0f / sqrtf(variance / (float)count + epsilon);
            for (int i = 0; i < count; ++i)
                y[i] = (gamma ? gamma[g * each + i / size] : 1.0f) * ((x[i] - mean) * factor) +
                       (beta ? beta[g * each + i / size] : 0.0f);
        }
}

/* x (channels, height, width) */
static void upsample(const float *x, int channels, int height, int width, int down, int across, float *y)
{
    for (int k = 0; k < channels; ++k)
        for (int r = 0; r < height * down; ++r)
            for (int c = 0; c < width * across; ++c)
                y[(k * height * down + r) * width * across + c] = x[(k * height + r / down) * width + c / across];
}

/* x (channels, height, width) */
static void zero_pad(const float *x, int channels, int height, int width, int rows, int columns, int top, int left,
                     float *y)
{
    for (int i = 0; i < channels * rows * columns; ++i) y[i] = 0.0f;
    for (int k = 0; k < channels; ++k)
        for (int h = 0; h < height; ++h)
            for (int w = 0; w < width; ++w)
                y[(k * rows + top + h) * columns + left + w] = x[(k * height + h) * width + w];
}

static void softmax(const float *x, int rows, int size, float *y)
{
    for (int r = 0; r < rows; ++r, x += size, y += size) {
        float largest = x[0], sum = 0.0f;
        for (int i = 1; i < size; ++i)
            if (x[i] > largest) largest = x[i];
        for (int i = 0; i < size; ++i) sum += y[i] = expf(x[i] - largest);
        for (int i = 0; i < size; ++i) y[i] /= sum;
    }
}

/* qkv (steps, 3 heads, size): queries, keys, values; weights (heads, steps looked at, steps that look) */
static void attention_weights(const float *qkv, int heads, int steps, int size, int causal, float *weights)
{
    const int row = 3 * heads * size;
    for (int h = 0; h < heads; ++h, weights += steps * steps)
        for (int t = 0; t < steps; ++t) {
            const float *query = qkv + t * row + h * size;
            const int seen = causal ? t + 1 : steps;
            float largest = -INFINITY, sum = 0.0f;
            for (int s = 0; s < seen; ++s) {
                const float *key = qkv + s * row + (heads + h) * size;
                float score = 0.0f;
                for (int i = 0; i < size; ++i) score += query[i] * key[i];
                weights[s * steps + t] = score / sqrtf((float)size);
                if (weights[s * steps + t] > largest) largest = weights[s * steps + t];
            }
            for (int s = 0; s < seen; ++s) sum += weights[s * steps + t] = expf(weights[s * steps + t] - largest);
            for (int s = 0; s < steps; ++s) weights[s * steps + t] = s < seen ? weights[s * steps + t] / sum : 0.0f;
        }
}

/* y (steps, heads, size) */
static void attention(const float *weights, const float *qkv, int heads, int steps, int size, float *y)
{
    for (int t = 0; t < steps; ++t)
        for (int h = 0; h < heads; ++h)
            for (int i = 0; i < size; ++i, ++y) {
                *y = 0.0f;
                for (int s = 0; s < steps; ++s)
                    *y += weights[(h * steps + s) * steps + t] * qkv[(s * 3 * heads + 2 * heads + h) * size + i];
            }
}

/* x (steps, width) */
static void attention_pool(const float *scores, const float *x, int steps, int width, float *weights, float *y)
{
    softmax(scores, 1, steps, weights);
    for (int d = 0; d < width; ++d) y[d] = 0.0f;
    for (int t = 0; t < steps; ++t)
        for (int d = 0; d < width; ++d) y[d] += weights[t] * x[t * width + d];
}

/* x (steps, 3 heads, size): queries and keys are turned by their step's angles, pair by pair */
static void rotary(const float *x, const float *cosines, const float *sines, int steps, int parts, int size, float *y)
{
    const int pairs = size / 2, turned = parts / 3 * 2;
    for (int t = 0; t < steps; ++t)
        for (int p = 0; p < parts; ++p, x += size, y += size)
            for (int i = 0; i < pairs; ++i) {
                const float cosine = p < turned ? cosines[t * pairs + i] : 1.0f;
                const float sine = p < turned ? sines[t * pairs + i] : 0.0f;
                y[i] = x[i] * cosine - x[i + pairs] * sine;
                y[i + pairs] = x[i + pairs] * cosine + x[i] * sine;
            }
}

/* keys and values (steps, heads, size), of which *places are there already, less than all */
static void attention_step(const float *qkv, int heads, int steps, int size, float *keys, float *values, int *places,
                           float *weights, float *y)
{
    const int width = heads * size, place = *places;
    memcpy(keys + place * width, qkv + width, (size_t)width * sizeof *keys);
    memcpy(values + place * width, qkv + 2 * width, (size_t)width * sizeof *values);
    for (int h = 0; h < heads; ++h, weights += steps) {
        float largest = -INFINITY, sum = 0.0f;
        for (int s = 0; s <= place; ++s) {
            float score = 0.0f;
            for (int i = 0; i < size; ++i) score += qkv[h * size + i] * keys[s * width + h * size + i];
            weights[s] = score / sqrtf((float)size);
            if (weights[s] > largest) largest = weights[s];
        }
        for (int s = 0; s <= place; ++s) sum += weights[s] = expf(weights[s] - largest);
        for (int i = 0; i < size; ++i) {
            float mean = 0.0f;
            for (int s = 0; s <= place; ++s) mean += weights[s] / sum * values[s * width + h * size + i];
            y[h * size + i] = mean;
        }
    }
    *places = place + 1;
}

/* x (width) and the row of the table at its place */
static void position_step(const float *x, const float *table, int width, const int *place, float *y)
{
    for (int i = 0; i < width; ++i) y[i] = x[i] + table[*place * width + i];
}

/* as rotary, of the one step at its place */
static void rotary_step(const float *x, const float *cosines, const float *sines, int parts, int size, const int *place,
                        float *y)
{
    rotary(x, cosines + *place * (size / 2), sines + *place * (size / 2), 1, parts, size, y);
}

/* the step x behind those that are kept, of which the first one goes */
static void keep_step(const float *x, int steps, int size, float *kept)
{
    memmove(kept, kept + size, (steps - 1) * size * sizeof *kept);
    memcpy(kept + (steps - 1) * size, x, size * sizeof *kept);
}

static void count_step(int *places)
{
    ++*places;
}
