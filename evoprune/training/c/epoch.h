/* An epoch of one cell: forward, backward and step for one batch after the other, all that it needs in the cache.
 *
 * A layer's matrix lies with its longer side along the rows: `rows` short side, `columns` long side, each row filled up
 * with zeros to whole blocks. So a layer that narrows is `upright`, its rows are its outputs, and one that widens has
 * its inputs for rows. Each is used in three ways, x and d being what stands on the long side, h and e on the short one:
 *
 *     down    h[s][r] = sum_c x[s][c] M[r][c]
 *     up      x[s][c] = sum_r h[s][r] M[r][c]
 *     update  M[r][c] is stepped along its gradient sum_s h[s][r] d[s][c], which is never stored
 *
 * Batches are filled up to whole tiles of TILE samples by samples whose errors are zero.
 *
 * Rows for which all h[s][r] are zero, units that no sample of the batch activates, add nothing to `up` and have no
 * gradient; they are passed over as long as nothing can be infinite (`Bounds`), where 0 times it would be NaN. */
#include "kernel.h"
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

#define TOGETHER(ns) (PARTS == 1 && ns <= 5 ? 2 : 1)
#define UP(n, to) (((n) + (to)-1) / (to) * (to))

typedef struct {
    float c1, c2, b1, b2, step, root, eps, inverse, shift, decay, rate; /* of one batch and genome; see `rule_of` */
} Rule;

typedef struct {
    int rows, columns, pitch; /* pitch: columns filled up to blocks */
    int inputs, outputs, upright, nonlinearity;
    float *weight, *first, *second; /* (rows, pitch); lists of kept ones in a sparse layer */
    size_t size;                    /* of each */
    float *bias, *bias_first, *bias_second;
    uint16_t *mask, *bias_mask; /* a bit each, a word a block; NULL where nothing is pruned */
    int learns, bias_learns;
    int *start, *count, *column; /* sparse: where a row's list starts, how many it holds, and their columns; or NULL */
    float *lanes;                /* sparse: what stands on the long side, samples side by side */
    double power1, power2;       /* beta^steps */
    Rule rule;
} Layer;

/* Upper bounds of all that an epoch meets. While they are far from infinity, 0 times anything is 0. */
typedef struct {
    double weight, moment, activation, error;
} Bounds;

#define HUGE_NUMBER 1e30

typedef struct {
    Layer *layers;
    float **outputs; /* the inputs, and what each layer gives: (padded, width) */
    int *widths;     /* of these, filled up to blocks */
    float *targets, *errors[2];
    float *lanes[2], *gradient; /* of sparse layers: units with samples side by side, and a row's gradient */
    int *active;
    int samples, padded, tile; /* of the batch; filled up to tiles; in a tile */
    Bounds bounds;
    int careful; /* something may be infinite */
} Work;

/* ---------------------------------------------------------------------------------------------- products, dense */

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

/* ------------------------------------------------------------------------------------------------------- steps */

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
    return fma_(all(-q->step), m / fma_(root(v), all(q->root), all(q->eps)), w);
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

/* ---------------------------------------------------------------------------------- sparse layers, samples in lanes */

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

/* ------------------------------------------------------------------------------------- nonlinearities and losses */

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

static double criterion(float *y, const float *t, int width, int samples, float share, int loss, int f) {
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

/* -------------------------------------------------------------------------------------------- a layer, both ways */

/* The units of which some sample has something; all of them where 0 times a weight may be more than 0. */
static int find_active(const Work *k, const float *h, int width, int rows, int everything) {
    int n = 0;
    for (int r = 0; r < rows; r++) {
        int some = everything || k->careful;
        for (int s = 0; s < k->samples && !some; s++) some = h[(size_t)s * width + r] != 0;
        if (some) k->active[n++] = r;
    }
    return n;
}

/* Sparse layers leave out products of pruned weights: with infinity they would be NaN. */
static void poison(const Work *k, const float *from, int width, float *to, int n) {
    if (k->careful && !(largest(from, k->padded * width) < HUGE_NUMBER))
        for (int i = 0; i < k->padded * n; i++) to[i] = NAN;
}

static void to_lanes(const Work *k, const float *x, int width, int units, float *lanes) {
    for (int s = 0; s < k->padded; s += 8)
        spread(x + (size_t)s * width, width, units, k->padded - s, lanes + (size_t)s * units);
}

static void from_lanes(const Work *k, const float *lanes, int units, float *x, int width) {
    for (int s = 0; s < k->padded; s += 8)
        collect(lanes + (size_t)s * units, units, k->padded - s, x + (size_t)s * width, width);
}

static void forward(Layer *l, Work *k, const float *x, int lx, float *y, int ly, int below) {
    if (l->start) {
        to_lanes(k, x, lx, l->inputs, l->upright ? l->lanes : k->lanes[0]);
        for (int s = 0; s < k->padded; s += 8) {
            float *large = l->lanes + (size_t)s * l->columns, *small = k->lanes[0] + (size_t)s * l->rows;
            if (l->upright) sparse_down(l, large, small);
            else sparse_up(l, small, large, l->bias, !k->careful);
        }
        from_lanes(k, l->upright ? k->lanes[0] : l->lanes, l->outputs, y, ly);
        poison(k, x, lx, y, ly);
    } else if (l->upright) {
        down(l, x, lx, y, ly, k->padded, k->tile);
    } else {
        const int n = find_active(k, x, lx, l->rows, below != RELU);
        up(l, k->active, n, x, lx, y, ly, l->bias, k->padded, k->tile);
    }
    if (l->upright && l->bias)
        for (int s = 0; s < k->padded; s++)
            for (int c = 0; c < ly; c += WIDTH) store(y + (size_t)s * ly + c, load(y + (size_t)s * ly + c) + load(l->bias + c));
    activate(y, ly, l->outputs, k->padded, l->nonlinearity);
}

/* d are the errors of the outputs before their nonlinearity; e become those of the inputs x, where it is not NULL. */
static void backward(Layer *l, Work *k, const float *x, int lx, const float *d, int ld, float *e, int kind, int below) {
    if (l->start) {
        float *small = k->lanes[0], *errors = k->lanes[1];
        const int groups = UP(k->padded, 8) / 8;
        to_lanes(k, d, ld, l->outputs, l->upright ? small : l->lanes);
        if (!l->upright) to_lanes(k, x, lx, l->inputs, small);
        if (e && l->upright)
            for (int s = 0; s < k->padded; s += 8)
                sparse_up(l, small + (size_t)s * l->rows, errors + (size_t)s * l->columns, 0, !k->careful);
        if (e && !l->upright && !l->learns)
            for (int s = 0; s < k->padded; s += 8)
                sparse_down(l, l->lanes + (size_t)s * l->columns, errors + (size_t)s * l->rows);
        const int fused = e && !l->upright, skip = !k->careful && (!fused || below == RELU);
        if (l->learns) sparse_update(l, small, l->lanes, fused ? errors : 0, groups, skip, k->gradient, kind);
        if (e) from_lanes(k, errors, l->inputs, e, lx);
        if (e) poison(k, d, ld, e, lx);
    } else if (l->upright) {
        const int n = find_active(k, d, ld, l->rows, 0);
        if (e) up(l, k->active, n, d, ld, e, lx, 0, k->padded, k->tile);
        const Sides sides = {d, x, 0, ld, lx, 0};
        if (l->learns) update(l, &sides, k, n, kind);
    } else {
        const int n = find_active(k, x, lx, l->rows, e && below != RELU), fused = l->learns && k->padded == k->tile;
        if (e && !fused) down(l, d, ld, e, lx, k->padded, k->tile);
        if (e && fused) memset(e, 0, sizeof(float) * k->padded * lx); /* of the rows that are passed over */
        const Sides sides = {x, d, e && fused ? e : 0, lx, ld, lx};
        if (l->learns) update(l, &sides, k, n, kind);
    }
    if (l->bias_learns) update_bias(l, d, ld, k->padded, kind);
}

/* ----------------------------------------------------------------------------------------------------- the epoch */

/* Numbers below 1e-38 are zero in this thread: moments of idle units get there, and take many times as long. */
#if defined(__SSE__)
#include <xmmintrin.h>
static unsigned flush_denormals(void) {
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);
    return mode;
}
static void restore_denormals(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
static unsigned flush_denormals(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (1 << 24)));
    return (unsigned)mode;
}
static void restore_denormals(unsigned mode) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode)); }
#else
static unsigned flush_denormals(void) { return 0; }
static void restore_denormals(unsigned mode) { (void)mode; }
#endif

/* The numbers of a step. In double precision: 1 - 0.999f is wrong in the fifth digit. */
static void next_rule(Layer *l, const Optimizer *o) {
    l->power1 *= o->beta1;
    l->power2 *= o->beta2;
    const double rate = o->rate > 1e-30 ? o->rate : 1e-30;
    l->rule = (Rule){
        .c1 = (float)(1 - o->beta1), .c2 = (float)(1 - o->beta2), .b1 = (float)o->beta1, .b2 = (float)o->beta2,
        .step = (float)(o->rate / (1 - l->power1)), .root = (float)(1 / sqrt(1 - l->power2)), .eps = (float)o->eps,
        .inverse = (float)(1 / rate), .shift = (float)(o->eps / rate), .decay = (float)o->weight_decay,
        .rate = (float)o->rate};
}

/* A magnitude that was met; beyond the bounds all is computed as it stands. */
static void note(Work *k, double *bound, double magnitude) {
    if (!(magnitude < HUGE_NUMBER)) k->careful = 1; /* NaN too */
    else if (magnitude > *bound) *bound = magnitude;
}

/* What weights and moments may become by a step. */
static void widen(Work *k, const Layer *l, const Optimizer *o) {
    Bounds *b = &k->bounds;
    const double gradient = k->samples * b->activation * b->error + o->weight_decay * b->weight;
    const double sum = o->beta1 * b->moment + gradient;
    const double step = o->kind == ADAM_ANEW ? o->rate : o->kind == SGD ? o->rate * sum : l->rule.step * sum / o->eps;
    note(k, &b->activation, gradient);
    note(k, &b->moment, o->kind == ADAM_ANEW ? 0 : sum);
    note(k, &b->weight, b->weight + step);
}

static void gather(Work *k, const Epoch *e, int64_t at) {
    const int width = e->layers[0].inputs, last = e->layers[e->depth - 1].outputs;
    float *x = k->outputs[0], *t = k->targets;
    for (int s = 0; s < k->samples; s++, x += k->widths[0], t += k->widths[e->depth]) {
        const float *from = e->inputs + e->order[at + s] * width;
        memcpy(x, from, sizeof(float) * width);
        if (k->targets != k->outputs[0]) memcpy(t, e->targets + e->order[at + s] * last, sizeof(float) * last);
        if (e->keep)
            for (int c = 0; c < width; c++) x[c] = e->keep[(at + s) * width + c] ? x[c] : x[c] * 0.0f;
    }
    memset(x, 0, sizeof(float) * k->widths[0] * (k->padded - k->samples));
}

/* One batch: a step of all that learns; the loss. */
static double train_batch(Work *k, const Epoch *e) {
    Layer *l = k->layers;
    const int depth = e->depth, last = depth - 1;
    int first = 0;
    while (!l[first].learns && !l[first].bias_learns) first++;
    for (int i = 0; i < depth; i++) {
        const int below = i ? l[i - 1].nonlinearity : IDENTITY;
        forward(l + i, k, k->outputs[i], k->widths[i], k->outputs[i + 1], k->widths[i + 1], below);
        if (i < last) note(k, &k->bounds.activation, largest(k->outputs[i + 1], k->padded * k->widths[i + 1]));
    }
    float *d = k->outputs[depth];
    const int width = k->widths[depth];
    const float share = 1.0f / ((float)k->samples * l[last].outputs);
    const double loss = criterion(d, k->targets, width, k->samples, share, e->loss, l[last].nonlinearity);
    memset(d + (size_t)k->samples * width, 0, sizeof(float) * width * (k->padded - k->samples));
    note(k, &k->bounds.error, e->loss == MSE ? largest(d, k->samples * width) : loss + 1);
    for (int i = last; i >= first; i--) {
        const int below = i ? l[i - 1].nonlinearity : IDENTITY;
        float *errors = i > first ? k->errors[i & 1] : 0;
        next_rule(l + i, &e->optimizer);
        if (i < last) note(k, &k->bounds.error, largest(d, k->padded * k->widths[i + 1]));
        widen(k, l + i, &e->optimizer);
        backward(l + i, k, k->outputs[i], k->widths[i], d, k->widths[i + 1], errors, e->optimizer.kind, below);
        if (errors) before_all(errors, k->outputs[i], k->widths[i], l[i].inputs, k->padded, below);
        d = errors;
    }
    return loss;
}
