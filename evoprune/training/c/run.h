/* The function of a variant: an epoch, from torch's memory and back. */
#ifndef EVOPRUNE_RUN_H
#define EVOPRUNE_RUN_H

#include "epoch.h"
#include "memory.h"

static int tile_of(int64_t batch) {
    if (batch == 1) return 1;
    return UP(batch, 5) <= UP(batch, 8) ? 5 : 8;
}

static int64_t largest_batch(const Epoch *e) {
    int64_t most = 1;
    for (int64_t i = 0; i < e->batches; i++) {
        const int64_t size = e->ends[i] - (i ? e->ends[i - 1] : 0);
        if (size > most) most = size;
    }
    return most;
}

static void first_bounds(Work *k, const Epoch *e) {
    k->bounds.activation = e->largest;
    for (int i = 0; i < e->depth; i++) {
        const Layer *l = k->layers + i;
        const int outputs = UP(l->outputs, BLOCK);
        note(k, &k->bounds.weight, largest(l->weight, l->size));
        if (l->bias) note(k, &k->bounds.weight, largest(l->bias, outputs));
        if (l->first) note(k, &k->bounds.moment, largest(l->first, l->size));
        if (l->bias_first) note(k, &k->bounds.moment, largest(l->bias_first, outputs));
    }
}

int RUN(Epoch *e) {
    Work work = {0}, *k = &work;
    const int64_t most = largest_batch(e);
    k->tile = tile_of(most);
    k->padded = (int)UP(most, k->tile);
    Room room = {0};
    lay_out_all(&room, k, e);
    char *memory = calloc(room.used + 64, 1);
    if (!memory) return NO_MEMORY;
    room = (Room){memory + (64 - (uintptr_t)memory % 64), 0};
    lay_out_all(&room, k, e);
    const unsigned mode = flush_denormals();
    move_all(k, e, 0);
    first_bounds(k, e);
    double sum = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < e->batches; i++) {
        k->samples = (int)(e->ends[i] - at);
        k->padded = UP(k->samples, k->tile);
        gather(k, e, at);
        sum += train_batch(k, e);
        at = e->ends[i];
    }
    move_all(k, e, 1);
    restore_denormals(mode);
    free(memory);
    e->mean = sum / e->batches;
    return DONE;
}

#endif
