/* What the optimizers do, and the update of a dense layer: gradient, step and errors in one pass (see `work.h`). */
#ifndef EVOPRUNE_STEPS_H
#define EVOPRUNE_STEPS_H

#include "products.h"

/* A step of one vector of weights along its gradient; what the optimizer remembers is changed in place.
 *
 *   Adam       m += (g - m)(1 - b1),  v = b2 v + (1 - b2) g^2,  w -= rate / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *   Adam anew  w -= g / (|g| / rate + eps / rate)                                  the first step of Adam
 *   SGD        m = momentum m + g,  w -= rate m                                                       */
INLINE vf stepped(vf w, vf g, float *first, float *second, size_t k, const Rule *q, const int kind) {
    if (q->decay != 0) g = fma_(all(q->decay), w, g);
    if (kind == ADAM_ANEW) return w - g / fma_(magnitude(g), all(q->inverse), all(q->shift));
    vf m = load(first + k);
    if (kind == SGD) {
        m = fma_(m, all(q->b1), g);
        store(first + k, m);
        return fma_(all(-q->rate), m, w);
    }
    vf v = load(second + k);
    m = fma_(g - m, all(q->c1), m);
    v = fma_(g * all(q->c2), g, v * all(q->b2));
    store(first + k, m);
    store(second + k, v);
    return w - m * all(q->step) / fma_(root(v), all(q->root), all(q->eps)); /* overflows where torch does */
}

/* Steps nr rows of a matrix along sum_s h[s][r] d[s][c]; e[s][r] = sum_c d[s][c] M[r][c] by the old M, if wanted.
 * ns samples, 0 for rows without a gradient. */
INLINE void update_rows(const Layer *l, const int *rows, const float *h, int lh, const float *d, int ld, float *e,
                        int le, const int nr, const int ns, const int kind, const int masked, const int errors) {
    const Rule rule = l->rule;
    const int pitch = l->pitch;
    size_t at[2];
    vf a[2][8], sum[2][8][PARTS];
    UNROLL for (int r = 0; r < nr; r++) {
        at[r] = (size_t)rows[r] * pitch;
        UNROLL for (int s = 0; s < ns; s++) {
            a[r][s] = all(h[s * lh + rows[r]]);
            UNROLL for (int p = 0; p < PARTS; p++) sum[r][s][p] = zero();
        }
    }
    const float *in[8];
    UNROLL for (int s = 0; s < ns; s++) in[s] = d + (size_t)s * ld;
    float *weight = l->weight, *first = l->first, *second = l->second;
    const uint16_t *mask = l->mask;
    for (int c = 0; c < pitch; c += BLOCK)
        UNROLL for (int p = 0; p < PARTS; p++) {
            const int k = c + p * WIDTH;
            vf old[2], g[2];
            UNROLL for (int r = 0; r < nr; r++) {
                old[r] = load(weight + at[r] + k);
                g[r] = zero();
            }
            UNROLL for (int s = 0; s < ns; s++) {
                const vf ds = load(in[s] + k);
                UNROLL for (int r = 0; r < nr; r++) {
                    if (masked && s == ns - 1) g[r] = fma_only(bits(mask[(at[r] + c) / BLOCK], p), a[r][s], ds, g[r]);
                    else g[r] = fma_(a[r][s], ds, g[r]);
                    if (errors) sum[r][s][p] = fma_(old[r], ds, sum[r][s][p]);
                }
            }
            UNROLL for (int r = 0; r < nr; r++) {
                store(weight + at[r] + k, stepped(old[r], g[r], first, second, at[r] + k, &rule, kind));
            }
        }
    if (errors)
        UNROLL for (int r = 0; r < nr; r++) UNROLL for (int s = 0; s < ns; s++) e[s * le + rows[r]] = total(sum[r][s]);
}

/* The same for a row and any number of samples, without errors. */
INLINE void update_row_of_many(const Layer *l, int row, const float *h, int lh, const float *d, int ld, int samples,
                               const int kind, const int masked) {
    const Rule rule = l->rule;
    const int pitch = l->pitch;
    const size_t at = (size_t)row * pitch;
    for (int c = 0; c < pitch; c += BLOCK) {
        vf g[PARTS];
        UNROLL for (int p = 0; p < PARTS; p++) g[p] = zero();
        for (int s = 0; s < samples; s++) {
            const vf a = all(h[(size_t)s * lh + row]);
            UNROLL for (int p = 0; p < PARTS; p++) g[p] = fma_(a, load(d + (size_t)s * ld + c + p * WIDTH), g[p]);
        }
        UNROLL for (int p = 0; p < PARTS; p++) {
            const size_t k = at + c + p * WIDTH;
            if (masked) g[p] = only(bits(l->mask[(at + c) / BLOCK], p), g[p]);
            store(l->weight + k, stepped(load(l->weight + k), g[p], l->first, l->second, k, &rule, kind));
        }
    }
}

typedef struct {
    const float *h, *d;
    float *e; /* or NULL */
    int lh, ld, le;
} Sides;

INLINE void update_active(const Layer *l, const Sides *s, const Work *k, int n, const int ns, const int kind,
                          const int masked, const int errors) {
    const int together = TOGETHER(ns);
    int i = 0;
    for (; ns && i + together <= n; i += together)
        update_rows(l, k->active + i, s->h, s->lh, s->d, s->ld, s->e, s->le, together, ns, kind, masked, errors);
    for (; i < n; i++)
        if (ns) update_rows(l, k->active + i, s->h, s->lh, s->d, s->ld, s->e, s->le, 1, ns, kind, masked, errors);
        else update_row_of_many(l, k->active[i], s->h, s->lh, s->d, s->ld, k->samples, kind, masked);
}

INLINE void update_idle(const Layer *l, const Work *k, int n, const int kind, const int masked) {
    for (int r = 0, i = 0; r < l->rows; r++)
        if (i < n && k->active[i] == r) i++;
        else update_rows(l, &r, 0, 0, 0, 0, 0, 0, 1, 0, kind, masked, 0);
}

#define FOR_TILE(kind, masked, errors)                                                             \
    do {                                                                                           \
        if (k->padded > k->tile) update_active(l, s, k, n, 0, kind, masked, 0);                    \
        else if (k->tile == 5) update_active(l, s, k, n, 5, kind, masked, errors);                 \
        else if (k->tile == 8) update_active(l, s, k, n, 8, kind, masked, errors);                 \
        else update_active(l, s, k, n, 1, kind, masked, errors);                                   \
    } while (0)
#define FOR_KIND(kind)                                                                             \
    do {                                                                                           \
        if (l->mask) {                                                                             \
            if (s->e) FOR_TILE(kind, 1, 1);                                                        \
            else FOR_TILE(kind, 1, 0);                                                             \
            if (moves) update_idle(l, k, n, kind, 1);                                              \
        } else {                                                                                   \
            if (s->e) FOR_TILE(kind, 0, 1);                                                        \
            else FOR_TILE(kind, 0, 0);                                                             \
            if (moves) update_idle(l, k, n, kind, 0);                                              \
        }                                                                                          \
    } while (0)

/* Steps the n active rows, and the others where momentum or decay move them. */
static void update(Layer *l, const Sides *s, const Work *k, int n, int kind) {
    const int moves = n < l->rows && (kind != ADAM_ANEW || l->rule.decay != 0);
    if (kind == ADAM) FOR_KIND(ADAM);
    else if (kind == ADAM_ANEW) FOR_KIND(ADAM_ANEW);
    else FOR_KIND(SGD);
    if (l->rule.eps == 0) /* 0 / 0 in what fills the rows up */
        for (int r = 0; r < l->rows; r++) memset(l->weight + (size_t)r * l->pitch + l->columns, 0,
                                                 sizeof(float) * (l->pitch - l->columns));
}

static void update_bias(Layer *l, const float *e, int width, int padded, int kind) {
    for (int c = 0; c < width; c += WIDTH) {
        vf g = zero();
        for (int s = 0; s < padded; s++) g = g + load(e + (size_t)s * width + c);
        if (l->bias_mask) g = only(bits(l->bias_mask[c / BLOCK], c / WIDTH % PARTS), g);
        const vf b = load(l->bias + c);
        if (kind == ADAM) store(l->bias + c, stepped(b, g, l->bias_first, l->bias_second, c, &l->rule, ADAM));
        else if (kind == ADAM_ANEW) store(l->bias + c, stepped(b, g, 0, 0, c, &l->rule, ADAM_ANEW));
        else store(l->bias + c, stepped(b, g, l->bias_first, 0, c, &l->rule, SGD));
    }
}

/* w = sign(w) max(|w| - threshold, 0). NaN less anything is NaN. */
static void soft_threshold(float *weights, size_t size, float threshold) {
    const vf high = all(threshold), low = all(-threshold);
    for (size_t k = 0; k < size; k += WIDTH) {
        const vf w = load(weights + k), most = pick(above(w, high), high, w);
        store(weights + k, w - pick(above(low, most), low, most));
    }
}

/* The proximal step of L1 for all that learns, units without a gradient too. In a pass of its own: a branch within
 * `stepped` would cost where there is no L1. */
static void pull(const Layer *l) {
    if (l->learns) soft_threshold(l->weight, l->size, l->rule.threshold);
    if (l->bias_learns) soft_threshold(l->bias, UP(l->outputs, BLOCK), l->rule.threshold);
}

#endif
