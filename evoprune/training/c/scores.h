/* The function of a variant that scores: every encoder with every decoder, each code computed once. */
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

/* The codes of an encoder, (samples, latent) without gaps. */
static int encode(const Scores *s, int encoder, float *codes) {
    const int depth = s->encoder_depths[encoder];
    LayerOfTorch *layers = s->encoders[encoder];
    Work work;
    char *memory = open_stack(&work, layers, depth, s->samples);
    if (!memory) return NO_MEMORY;
    const int units = layers[depth - 1].outputs, width = work.widths[depth];
    for (int64_t at = 0; at < s->samples; at += ROWS) {
        const int rows = (int)(s->samples - at < ROWS ? s->samples - at : ROWS);
        const float *y = through(&work, depth, s->inputs + at * layers[0].inputs, rows);
        for (int r = 0; r < rows; r++) memcpy(codes + (at + r) * units, y + (size_t)r * width, sizeof(float) * units);
    }
    free(memory);
    return DONE;
}

/* The losses of a decoder on the codes of all encoders. */
static int decode(const Scores *s, int decoder, const float *codes) {
    const int depth = s->decoder_depths[decoder], latent = s->decoders[decoder][0].inputs;
    const int units = s->decoders[decoder][depth - 1].outputs;
    Work work, *k = &work;
    char *memory = open_stack(k, s->decoders[decoder], depth, s->samples);
    if (!memory) return NO_MEMORY;
    const int width = k->widths[depth];
    for (int e = 0; e < s->encoder_count; e++) {
        double sum = 0;
        for (int64_t at = 0; at < s->samples; at += ROWS) {
            const int rows = (int)(s->samples - at < ROWS ? s->samples - at : ROWS);
            through(k, depth, codes + (e * s->samples + at) * latent, rows);
            for (int r = 0; r < rows; r++)
                memcpy(k->errors[0] + (size_t)r * width, s->inputs + (at + r) * units, sizeof(float) * units);
            clear_rest(k->errors[0], width, units, rows);
            sum += criterion(k->outputs[depth], k->errors[0], width, rows, 1.0f, s->loss,
                             k->layers[depth - 1].nonlinearity);
        }
        s->losses[(size_t)e * s->decoder_count + decoder] = sum / ((double)s->samples * units);
    }
    free(memory);
    return DONE;
}

int SCORE(Scores *s) {
    const int last = s->encoder_depths[0] - 1, latent = s->encoders[0][last].outputs;
    float *codes = malloc(sizeof(float) * (size_t)s->encoder_count * s->samples * latent);
    int ended = codes ? DONE : NO_MEMORY;
    for (int i = 0; i < s->encoder_count && ended == DONE; i++) ended = encode(s, i, codes + i * s->samples * latent);
    for (int i = 0; i < s->decoder_count && ended == DONE; i++) ended = decode(s, i, codes);
    free(codes);
    return ended;
}

#endif
