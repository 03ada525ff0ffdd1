/* The batches of an epoch, one after the other: forward, backward and step. */
#ifndef EVOPRUNE_EPOCH_H
#define EVOPRUNE_EPOCH_H

#include "layers.h"

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
        .rate = (float)o->rate, .threshold = (float)(o->rate * o->l1)};
}

/* A magnitude that was met; beyond the bounds all is computed as it stands. */
static void note(Work *k, double *bound, double magnitude) {
    if (!(magnitude < HUGE_NUMBER)) k->careful = 1; /* NaN too */
    else if (magnitude > *bound) *bound = magnitude;
}

/* What weights and moments may become by a step; L1 makes no weight larger. */
static void widen(Work *k, const Layer *l, const Optimizer *o) {
    Bounds *b = &k->bounds;
    const double gradient = k->samples * b->activation * b->error + o->weight_decay * b->weight;
    const double sum = o->beta1 * b->moment + gradient;
    const double step = o->kind == ADAM_ANEW ? o->rate : o->kind == SGD ? o->rate * sum : l->rule.step * sum / o->eps;
    if (!(gradient < HUGE_NUMBER)) k->careful = 1;
    note(k, &b->moment, o->kind == ADAM_ANEW ? 0 : sum);
    note(k, &b->weight, b->weight + step);
}

static void one_hot(float *t, int units, int64_t label) {
    memset(t, 0, sizeof(float) * units);
    t[label] = 1;
}

static void gather(Work *k, const Epoch *e, int64_t at) {
    const int width = e->layers[0].inputs, last = e->layers[e->depth - 1].outputs;
    float *x = k->outputs[0], *t = k->targets;
    for (int s = 0; s < k->samples; s++, x += k->widths[0], t += k->widths[e->depth]) {
        const float *from = e->inputs + e->order[at + s] * width;
        memcpy(x, from, sizeof(float) * width);
        if (e->labels) one_hot(t, last, e->labels[e->order[at + s]]);
        else if (k->targets != k->outputs[0]) memcpy(t, e->targets + e->order[at + s] * last, sizeof(float) * last);
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
    double unused = 0;
    while (!l[first].learns && !l[first].bias_learns) first++;
    for (int i = 0; i < depth; i++) {
        const int below = i ? l[i - 1].nonlinearity : IDENTITY;
        forward(l + i, k, k->outputs[i], k->widths[i], k->outputs[i + 1], k->widths[i + 1], below);
        if (i < last) note(k, &k->bounds.activation, largest(k->outputs[i + 1], k->padded * k->widths[i + 1]));
    }
    float *d = k->outputs[depth];
    const int width = k->widths[depth];
    const float share = share_of(e->loss, k->samples, l[last].outputs);
    const double loss = criterion(d, k->targets, width, l[last].outputs, k->samples, share, e->loss, l[last].nonlinearity,
                                  e->labels != NULL);
    memset(d + (size_t)k->samples * width, 0, sizeof(float) * width * (k->padded - k->samples));
    const int unbounded = e->loss == MSE || e->loss == CROSS_ENTROPY;
    note(k, &k->bounds.error, unbounded ? largest(d, (size_t)k->samples * width) : share * (1 + e->largest));
    note(k, &unused, loss); /* not finite where some output is not */
    for (int i = last; i >= first; i--) {
        const int below = i ? l[i - 1].nonlinearity : IDENTITY;
        float *errors = i > first ? k->errors[i & 1] : 0;
        next_rule(l + i, &e->optimizer);
        if (i < last) note(k, &k->bounds.error, largest(d, k->padded * k->widths[i + 1]));
        widen(k, l + i, &e->optimizer);
        backward(l + i, k, k->outputs[i], k->widths[i], d, k->widths[i + 1], errors, e->optimizer.kind, below);
        if (errors) before_all(errors, k->outputs[i], k->widths[i], l[i].inputs, k->padded, below);
        if (errors) clear_padding(k, errors, k->widths[i]);
        d = errors;
    }
    return loss;
}

#endif
