/* Nonlinearities and losses, forward and backward. */
#ifndef EVOPRUNE_LOSSES_H
#define EVOPRUNE_LOSSES_H

#include "work.h"

/* Zeros in what fills rows up. */
static void clear_rest(float *y, int width, int units, int samples) {
    for (int s = 0; s < samples && units < width; s++)
        memset(y + (size_t)s * width + units, 0, sizeof(float) * (width - units));
}

/* y = f(y), zeros beyond the last unit. Comparisons with NaN are false, so NaN stays NaN. */
static void activate(float *y, int width, int units, int samples, int f) {
    for (int c = 0; c < width * samples && f != IDENTITY; c += WIDTH) {
        const vf a = load(y + c);
        if (f == RELU) store(y + c, only(not_(at_most(a, zero())), a));
        else if (f == SIGMOID) store(y + c, all(1.0f) / (all(1.0f) + exponential(zero() - a)));
        else store(y + c, hyperbolic(a));
    }
    clear_rest(y, width, units, samples);
}

/* The error before a nonlinearity, given that after it and what the nonlinearity gave. */
INLINE vf before(vf d, vf y, const int f) {
    if (f == RELU) return only(not_(at_most(y, zero())), d);
    if (f == SIGMOID) return d * (all(1.0f) - y) * y;
    if (f == TANH) return d * fma_(zero() - y, y, all(1.0f));
    return d;
}

static void before_all(float *d, const float *y, int width, int units, int samples, int f) {
    for (int c = 0; c < width * samples && f != IDENTITY; c += WIDTH)
        store(d + c, before(load(d + c), load(y + c), f));
    clear_rest(d, width, units, samples);
}

/* Cross-entropies of a block, the signs turned: t ln y + (1 - t) ln(1 - y). One logarithm is enough for bits. */
INLINE void cross_entropies(const float *y, const float *t, vf *sum) {
    vm bit[PARTS];
    int bits = 1;
    UNROLL for (int p = 0; p < PARTS; p++) {
        const vf b = load(t + p * WIDTH);
        bit[p] = above(b, zero());
        bits &= every(either(not_(bit[p]), at_most(all(1.0f), b))) && every(at_most(zero(), b)) && every(at_most(b, all(1.0f)));
    }
    UNROLL for (int p = 0; p < PARTS; p++) {
        const vf a = load(y + p * WIDTH), rest = all(1.0f) - a;
        if (bits) {
            sum[p] = sum[p] + logarithm(pick(bit[p], a, rest));
        } else {
            const vf miss = logarithm(rest);
            sum[p] = sum[p] + fma_(logarithm(a) - miss, load(t + p * WIDTH), miss);
        }
    }
}

/* Outputs become errors before the last nonlinearity; the sum of the losses of all values.
 *
 *   L1   |y - t|,                                 error sign(y - t) f'
 *   MSE  (y - t)^2,                               error 2 (y - t) f'
 *   BCE  -(t ln y + (1 - t) ln(1 - y)),           error y - t: the sigmoid's derivative cancels
 *
 * each times `share`, one by the number of values. What fills rows up is zero in both and gives zero. */
INLINE double loss_of(float *y, const float *t, int width, int samples, float share, const int loss, const int f) {
    vf sum[PARTS];
    UNROLL for (int p = 0; p < PARTS; p++) sum[p] = zero();
    for (int c = 0; c < width * samples; c += BLOCK) {
        if (loss == BCE) cross_entropies(y + c, t + c, sum);
        UNROLL for (int p = 0; p < PARTS; p++) {
            const vf a = load(y + c + p * WIDTH), d = a - load(t + c + p * WIDTH);
            vf error = d * all(share);
            if (loss == L1) {
                sum[p] = sum[p] + magnitude(d);
                error = before(only(above(d, zero()), all(share)) - only(above(zero(), d), all(share)), a, f);
            } else if (loss == MSE) {
                sum[p] = fma_(d, d, sum[p]);
                error = before(d * all(2 * share), a, f);
            }
            store(y + c + p * WIDTH, error);
        }
    }
    return (double)total(sum) * (loss == BCE ? -share : share);
}

/* The same for the cross-entropy of each sample, -sum t log softmax(y), the outputs being logits:
 *
 *   error  (softmax(y) sum t - t) share,  and share one by the number of samples
 *
 * What fills rows up stands far below the largest logit. Of targets that are one class (`of_labels`) the logits of the
 * others do not count, be they infinite. */
static double cross_entropy(float *y, const float *t, int width, int units, int samples, float share, int of_labels) {
    double loss = 0;
    for (int s = 0; s < samples; s++, y += width, t += width) {
        float high = y[0], each[WIDTH];
        for (int c = units; c < width; c++) y[c] = high;
        vf most = all(high);
        for (int c = 0; c < width; c += WIDTH) most = pick(above(load(y + c), most), load(y + c), most);
        store(each, most);
        for (int i = 0; i < WIDTH; i++) high = each[i] > high ? each[i] : high;
        for (int c = units; c < width; c++) y[c] = high - 200;
        vf sum[PARTS], mass[PARTS], likely[PARTS];
        UNROLL for (int p = 0; p < PARTS; p++) sum[p] = mass[p] = likely[p] = zero();
        for (int c = 0; c < width; c += BLOCK)
            UNROLL for (int p = 0; p < PARTS; p++) {
                const int k = c + p * WIDTH;
                const vf a = load(y + k) - all(high), b = load(t + k), e = exponential(a);
                store(y + k, e);
                sum[p] = sum[p] + e;
                mass[p] = mass[p] + b;
                likely[p] = fma_(b, of_labels ? only(above(b, zero()), a) : a, likely[p]);
            }
        const float odds = total(sum), whole = total(mass);
        store(each, logarithm(all(odds)));
        loss += whole * each[0] - total(likely);
        const vf scale = all(whole / odds);
        for (int c = 0; c < width; c += WIDTH) store(y + c, fma_(load(y + c), scale, zero() - load(t + c)) * all(share));
        clear_rest(y, width, units, 1);
    }
    return loss * share;
}

/* One by how many values, or of cross-entropies samples, the loss is a mean over. */
static float share_of(int loss, int samples, int units) {
    return 1.0f / (loss == CROSS_ENTROPY ? (float)samples : (float)samples * units);
}

static double criterion(float *y, const float *t, int width, int units, int samples, float share, int loss, int f,
                        int of_labels) {
    if (loss == CROSS_ENTROPY) return cross_entropy(y, t, width, units, samples, share, of_labels);
    if (loss == BCE) return loss_of(y, t, width, samples, share, BCE, SIGMOID);
    if (loss == L1 && f == SIGMOID) return loss_of(y, t, width, samples, share, L1, SIGMOID);
    if (loss == L1) return loss_of(y, t, width, samples, share, L1, f);
    return loss_of(y, t, width, samples, share, MSE, f);
}

/* The largest magnitude; NaN or infinity where there is one. */
static double largest(const float *a, size_t n) {
    vf most = zero(), odd = zero();
    for (size_t c = 0; c < n; c += WIDTH) {
        const vf size = magnitude(load(a + c));
        most = pick(above(size, most), size, most);
        odd = odd + (size - size);
    }
    double found = 0;
    float each[WIDTH], strange[WIDTH];
    store(each, most);
    store(strange, odd);
    for (int i = 0; i < WIDTH; i++) {
        if (each[i] > found) found = each[i];
        found += strange[i]; /* zero, or NaN */
    }
    return found;
}

#endif
