/* Layers of which little is kept: lists of kept weights, and samples in lanes, eight side by side. */
#ifndef EVOPRUNE_SPARSE_H
#define EVOPRUNE_SPARSE_H

#include "steps.h"

/* lanes[c][s] = x[s][c] for a group of at most 8 samples. */
static void spread(const float *x, int lx, int columns, int samples, float *lanes) {
    int c = 0;
    for (; c + 8 <= columns; c += 8) {
        v8 rows[8];
        UNROLL for (int s = 0; s < 8; s++) rows[s] = s < samples ? load8(x + (size_t)s * lx + c) : all8(0.0f);
        turn8(rows);
        UNROLL for (int k = 0; k < 8; k++) store8(lanes + 8 * (size_t)(c + k), rows[k]);
    }
    for (; c < columns; c++)
        for (int s = 0; s < 8; s++) lanes[8 * (size_t)c + s] = s < samples ? x[(size_t)s * lx + c] : 0.0f;
}

/* x[s][c] = lanes[c][s]; samples beyond the last become what the lanes hold. */
static void collect(const float *lanes, int columns, int samples, float *x, int lx) {
    int c = 0;
    for (; c + 8 <= columns; c += 8) {
        v8 rows[8];
        UNROLL for (int k = 0; k < 8; k++) rows[k] = load8(lanes + 8 * (size_t)(c + k));
        turn8(rows);
        UNROLL for (int s = 0; s < 8; s++) if (s < samples) store8(x + (size_t)s * lx + c, rows[s]);
    }
    for (; c < columns; c++)
        for (int s = 0; s < samples; s++) x[(size_t)s * lx + c] = lanes[8 * (size_t)c + s];
}

/* h[r] = sum over the kept of row r of w x[column], in four sums; for a group of samples. */
static void sparse_down(const Layer *l, const float *x, float *h) {
    for (int r = 0; r < l->rows; r++) {
        v8 sum[4];
        UNROLL for (int i = 0; i < 4; i++) sum[i] = all8(0.0f);
        const float *w = l->weight + l->start[r];
        const int *column = l->column + l->start[r];
        for (int k = 0; k < UP(l->count[r], 4); k += 4) /* filled up with weights that are zero */
            UNROLL for (int i = 0; i < 4; i++) sum[i] = fma8(all8(w[k + i]), load8(x + 8 * (size_t)column[k + i]), sum[i]);
        store8(h + 8 * r, add8(add8(sum[0], sum[1]), add8(sum[2], sum[3])));
    }
}

/* Whether a unit is zero in all samples of a group. */
static int is_idle(const float *h) {
    int some = 0;
    for (int s = 0; s < 8; s++) some |= h[s] != 0; /* NaN is not zero */
    return !some;
}

/* x[column] += w h[r] for the kept of all rows; `skip`: but for idle ones. */
static void sparse_up(const Layer *l, const float *h, float *x, const float *b, int skip) {
    for (int c = 0; c < l->columns; c++) store8(x + 8 * (size_t)c, all8(b ? b[c] : 0.0f));
    for (int r = 0; r < l->rows; r++) {
        if (skip && is_idle(h + 8 * r)) continue;
        const v8 a = load8(h + 8 * r);
        const float *w = l->weight + l->start[r];
        const int *column = l->column + l->start[r];
        for (int k = 0; k < l->count[r]; k++) {
            float *at = x + 8 * (size_t)column[k];
            store8(at, fma8(all8(w[k]), a, load8(at)));
        }
    }
}

/* g[k] += sum_s h[r][s] d[column k][s]; and e[r] = sum_k w d[column k], if wanted. */
INLINE void sparse_gradient(const Layer *l, int r, const float *h, const float *d, float *g, float *e) {
    const v8 a = load8(h + 8 * r);
    const float *w = l->weight + l->start[r];
    const int *column = l->column + l->start[r];
    v8 sum[2] = {all8(0.0f), all8(0.0f)};
    for (int k = 0; k < UP(l->count[r], 8); k += 8) {
        v8 product[8];
        UNROLL for (int i = 0; i < 8; i++) {
            const v8 at = load8(d + 8 * (size_t)column[k + i]);
            product[i] = mul8(a, at);
            if (e) sum[i & 1] = fma8(all8(w[k + i]), at, sum[i & 1]);
        }
        store8(g + k, add8(load8(g + k), sums8(product)));
    }
    if (e) store8(e + 8 * r, add8(sum[0], sum[1]));
}

/* Steps the kept weights of all rows; h, d and e have 8 lanes a unit and group: (groups, units, 8). */
static void sparse_update(Layer *l, const float *h, const float *d, float *e, int groups, int skip, float *g, int kind) {
    const int stays = kind == ADAM_ANEW && l->rule.decay == 0;
    for (int r = 0; r < l->rows; r++) {
        const int count = l->count[r], full = UP(count, BLOCK), at = l->start[r];
        int busy = 0;
        memset(g, 0, sizeof(float) * full);
        for (int i = 0; i < groups; i++) {
            const size_t small = 8 * (size_t)i * l->rows, large = 8 * (size_t)i * l->columns;
            if (skip && is_idle(h + small + 8 * r)) {
                if (e) store8(e + small + 8 * r, all8(0.0f));
                continue;
            }
            busy = 1;
            sparse_gradient(l, r, h + small, d + large, g, e ? e + small : 0);
        }
        if (!busy && stays) continue;
        for (int k = count; k < full; k++) g[k] = 0;
        for (int k = 0; k < full; k += WIDTH) {
            const vf w = load(l->weight + at + k), gk = load(g + k);
            if (kind == ADAM)
                store(l->weight + at + k, stepped(w, gk, l->first, l->second, at + k, &l->rule, ADAM));
            else if (kind == ADAM_ANEW)
                store(l->weight + at + k, stepped(w, gk, 0, 0, 0, &l->rule, ADAM_ANEW));
            else
                store(l->weight + at + k, stepped(w, gk, l->first, 0, at + k, &l->rule, SGD));
        }
        for (int k = count; k < full; k++) l->weight[at + k] = 0; /* 0 / 0 where eps is 0 */
    }
}

#endif
