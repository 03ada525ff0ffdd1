/* A layer, forward and backward, dense or sparse. */
#ifndef EVOPRUNE_LAYERS_H
#define EVOPRUNE_LAYERS_H

#include "losses.h"
#include "sparse.h"

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
    if (k->careful && !isfinite(largest(from, (size_t)k->padded * width)))
        for (int i = 0; i < k->padded * n; i++) to[i] = NAN;
}

/* What fills batches up is no sample: 0 times infinity must not get from there into a gradient. */
static void clear_padding(const Work *k, float *rows, int width) {
    if (k->careful) memset(rows + (size_t)k->samples * width, 0, sizeof(float) * width * (k->padded - k->samples));
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
    clear_padding(k, y, ly);
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
    if (l->rule.threshold != 0) pull(l);
}

#endif
