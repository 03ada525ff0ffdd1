/* How an epoch of one cell is laid out: forward, backward and step, batch after batch, all that it needs in the cache.
 *
 * A layer's matrix lies with its longer side along the rows: `rows` short side, `columns` long side, each row filled up
 * with zeros to whole blocks. So a layer that narrows is `upright`, its rows are its outputs, and one that widens has
 * its inputs for rows. Each is used in three ways, x and d being what stands on the long side, h and e on the short one:
 *
 *     down    h[s][r] = sum_c x[s][c] M[r][c]
 *     up      x[s][c] = sum_r h[s][r] M[r][c]
 *     update  M[r][c] is stepped along its gradient sum_s h[s][r] d[s][c], which is never stored
 *
 * Batches are filled up to whole tiles of 1, 5 or 8 samples by samples whose errors are zero.
 *
 * Rows for which all h[s][r] are zero, units that no sample of the batch activates, add nothing to `up` and have no
 * gradient; they are passed over as long as nothing can be infinite (`Bounds`), where 0 times it would be NaN. */
#ifndef EVOPRUNE_WORK_H
#define EVOPRUNE_WORK_H

#include "kernel.h"
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

/* Rows that are updated together, and share the loads of a batch: as many as there are registers. */
#define TOGETHER(ns) (PARTS == 1 && ns <= 5 ? 2 : 1)
#define UP(n, to) (((n) + (to)-1) / (to) * (to))

typedef struct {
    float c1, c2, b1, b2, step, root, eps, inverse, shift, decay, rate; /* of one batch and genome; see `next_rule` */
    float threshold; /* of L1 */
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

#define HUGE_NUMBER 1e30 /* a hundred million times less than what a float holds */

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

#endif
