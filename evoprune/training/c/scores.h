/* The function of a variant that scores all combinations of a stack of each side; what a side gives is computed once. */
#ifndef EVOPRUNE_SCORES_H
#define EVOPRUNE_SCORES_H

#include "memory.h"

#define ROWS 40 /* samples at a time: whole tiles of 5, and what they need stays in the cache */

/* A stack in working memory of its own; NULL where there is none. */
static char *open_stack(Work *k, LayerOfTorch *layers, int depth, int64_t samples) {
    Epoch e = {.layers = layers, .depth = depth};
    *k = (Work){.padded = samples < ROWS ? (int)UP(samples, 5) : ROWS, .tile = 5};
    Room room = {0};
    lay_out_all(&room, k, &e);
    char *memory = calloc(room.used + 64, 1);
    if (!memory) return NULL;
    room = (Room){memory + (64 - (uintptr_t)memory % 64), 0};
    lay_out_all(&room, k, &e);
    move_all(k, &e, 0);
    for (int i = 0; i < depth; i++) note(k, &k->bounds.weight, largest(k->layers[i].weight, k->layers[i].size));
    return memory;
}

/* What a stack of layers makes of at most ROWS samples, (samples, inputs) without gaps; in its last outputs. */
static const float *through(Work *k, int depth, const float *x, int samples) {
    const int units = k->layers[0].inputs, width = k->widths[0];
    k->samples = samples;
    k->padded = UP(samples, k->tile);
    memset(k->outputs[0], 0, sizeof(float) * width * k->padded);
    for (int s = 0; s < samples; s++) memcpy(k->outputs[0] + (size_t)s * width, x + (size_t)s * units, sizeof(float) * units);
    for (int i = 0; i < depth; i++)
        forward(k->layers + i, k, k->outputs[i], k->widths[i], k->outputs[i + 1], k->widths[i + 1],
                i ? k->layers[i - 1].nonlinearity : IDENTITY);
    return k->outputs[depth];
}

/* What a stack makes of what `count` combinations before it gave, (count, samples, units) without gaps both; that of
 * combination i goes to place i * every + at. */
static int push(LayerOfTorch *layers, int depth, const float *from, int count, int64_t samples, float *to, int every,
                int at) {
    Work work;
    char *memory = open_stack(&work, layers, depth, samples);
    if (!memory) return NO_MEMORY;
    const size_t taken = layers[0].inputs, units = layers[depth - 1].outputs, width = work.widths[depth];
    for (int i = 0; i < count; i++)
        for (int64_t first = 0; first < samples; first += ROWS) {
            const int rows = (int)(samples - first < ROWS ? samples - first : ROWS);
            const float *y = through(&work, depth, from + (i * samples + first) * taken, rows);
            float *here = to + (((size_t)i * every + at) * samples + first) * units;
            for (int r = 0; r < rows; r++) memcpy(here + r * units, y + r * width, sizeof(float) * units);
        }
    free(memory);
    return DONE;
}

/* The losses of a stack of the last side on what all combinations before it gave. */
static int judge(const Scores *s, int number, const float *from, int count) {
    const Stacks *last = s->sides + s->side_count - 1;
    const int depth = last->depths[number];
    LayerOfTorch *layers = last->layers[number];
    const int taken = layers[0].inputs, units = layers[depth - 1].outputs;
    Work work, *k = &work;
    char *memory = open_stack(k, layers, depth, s->samples);
    if (!memory) return NO_MEMORY;
    const int width = k->widths[depth], f = k->layers[depth - 1].nonlinearity;
    const double values = (double)s->samples * (s->loss == CROSS_ENTROPY ? 1 : units);
    for (int i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t at = 0; at < s->samples; at += ROWS) {
            const int rows = (int)(s->samples - at < ROWS ? s->samples - at : ROWS);
            through(k, depth, from + (i * s->samples + at) * taken, rows);
            for (int r = 0; r < rows; r++) {
                float *t = k->errors[0] + (size_t)r * width;
                if (s->labels) one_hot(t, units, s->labels[at + r]);
                else memcpy(t, s->targets + (at + r) * units, sizeof(float) * units);
            }
            clear_rest(k->errors[0], width, units, rows);
            sum += criterion(k->outputs[depth], k->errors[0], width, units, rows, 1.0f, s->loss, f, s->labels != NULL);
        }
        s->losses[(size_t)i * last->count + number] = sum / values;
    }
    free(memory);
    return DONE;
}

int SCORE(Scores *s) {
    const float *from = s->inputs;
    float *made = NULL;
    int count = 1, ended = DONE;
    for (int side = 0; side < s->side_count - 1 && ended == DONE; side++) {
        const Stacks *all_of = s->sides + side;
        const int units = all_of->layers[0][all_of->depths[0] - 1].outputs;
        float *next = malloc(sizeof(float) * (size_t)count * all_of->count * s->samples * units);
        ended = next ? DONE : NO_MEMORY;
        for (int i = 0; i < all_of->count && ended == DONE; i++)
            ended = push(all_of->layers[i], all_of->depths[i], from, count, s->samples, next, all_of->count, i);
        free(made);
        from = made = next;
        count *= all_of->count;
    }
    for (int i = 0; i < s->sides[s->side_count - 1].count && ended == DONE; i++) ended = judge(s, i, from, count);
    free(made);
    return ended;
}

#endif
