/* Products of a dense layer with a batch, up and down (see `work.h`). */
#ifndef EVOPRUNE_PRODUCTS_H
#define EVOPRUNE_PRODUCTS_H

#include "work.h"

/* h[s][r..r+nr] for a tile of ns samples. */
INLINE void down_tile(const float *m, int pitch, const float *x, int lx, float *h, int lh, const int nr, const int ns) {
    vf sum[4][5][PARTS];
    UNROLL for (int r = 0; r < nr; r++) UNROLL for (int s = 0; s < ns; s++) UNROLL for (int p = 0; p < PARTS; p++)
        sum[r][s][p] = zero();
    for (int c = 0; c < pitch; c += BLOCK)
        UNROLL for (int p = 0; p < PARTS; p++) {
            vf in[5];
            UNROLL for (int s = 0; s < ns; s++) in[s] = load(x + s * lx + c + p * WIDTH);
            UNROLL for (int r = 0; r < nr; r++) {
                const vf w = load(m + (size_t)r * pitch + c + p * WIDTH);
                UNROLL for (int s = 0; s < ns; s++) sum[r][s][p] = fma_(w, in[s], sum[r][s][p]);
            }
        }
    UNROLL for (int s = 0; s < ns; s++) UNROLL for (int r = 0; r < nr; r++) h[s * lh + r] = total(sum[r][s]);
}

INLINE void down_rows(const Layer *l, const float *x, int lx, float *h, int lh, const int ns) {
    const int together = PARTS == 1 ? 4 : 1; /* as many sums as there are registers */
    int r = 0;
    for (; r + together <= l->rows; r += together)
        down_tile(l->weight + (size_t)r * l->pitch, l->pitch, x, lx, h + r, lh, together, ns);
    for (; r < l->rows; r++) down_tile(l->weight + (size_t)r * l->pitch, l->pitch, x, lx, h + r, lh, 1, ns);
}

static void down(const Layer *l, const float *x, int lx, float *h, int lh, int padded, int tile) {
    for (int s = 0; s < padded;) {
        if (tile == 5) { down_rows(l, x + (size_t)s * lx, lx, h + (size_t)s * lh, lh, 5); s += 5; }
        else if (tile == 8) { down_rows(l, x + (size_t)s * lx, lx, h + (size_t)s * lh, lh, 4); s += 4; }
        else { down_rows(l, x + (size_t)s * lx, lx, h + (size_t)s * lh, lh, 1); s += 1; }
    }
}

/* x[s][c..] for nc vectors of columns and ns samples: b[c] and the active rows one after the other. */
INLINE void up_tile(const Layer *l, const int *active, int n, const float *h, int lh, float *x, int lx, const float *b,
                    const int nc, const int ns) {
    vf sum[4][5];
    UNROLL for (int c = 0; c < nc; c++) {
        const vf first = b ? load(b + c * WIDTH) : zero();
        UNROLL for (int s = 0; s < ns; s++) sum[c][s] = first;
    }
    for (int k = 0; k < n; k++) {
        const float *m = l->weight + (size_t)active[k] * l->pitch;
        vf w[4];
        UNROLL for (int c = 0; c < nc; c++) w[c] = load(m + c * WIDTH);
        UNROLL for (int s = 0; s < ns; s++) {
            const vf a = all(h[s * lh + active[k]]);
            UNROLL for (int c = 0; c < nc; c++) sum[c][s] = fma_(a, w[c], sum[c][s]);
        }
    }
    UNROLL for (int s = 0; s < ns; s++) UNROLL for (int c = 0; c < nc; c++) store(x + s * lx + c * WIDTH, sum[c][s]);
}

INLINE void up_columns(const Layer *l, const int *active, int n, const float *h, int lh, float *x, int lx,
                       const float *b, const int ns) {
    const int together = PARTS == 1 ? 4 : 2;
    Layer at = *l;
    int c = 0;
    for (; c + together * WIDTH <= l->pitch; c += together * WIDTH) {
        at.weight = l->weight + c;
        up_tile(&at, active, n, h, lh, x + c, lx, b ? b + c : 0, together, ns);
    }
    for (; c < l->pitch; c += WIDTH) {
        at.weight = l->weight + c;
        up_tile(&at, active, n, h, lh, x + c, lx, b ? b + c : 0, 1, ns);
    }
}

static void up(const Layer *l, const int *active, int n, const float *h, int lh, float *x, int lx, const float *b,
               int padded, int tile) {
    for (int s = 0; s < padded;) {
        const float *hs = h + (size_t)s * lh;
        float *xs = x + (size_t)s * lx;
        if (tile == 5) { up_columns(l, active, n, hs, lh, xs, lx, b, 5); s += 5; }
        else if (tile == 8) { up_columns(l, active, n, hs, lh, xs, lx, b, 4); s += 4; }
        else { up_columns(l, active, n, hs, lh, xs, lx, b, 1); s += 1; }
    }
}

#endif
