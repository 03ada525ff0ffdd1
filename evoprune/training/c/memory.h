/* The working memory of an epoch: parameters as the layers of `epoch.h` have them, and back. */
#ifndef EVOPRUNE_MEMORY_H
#define EVOPRUNE_MEMORY_H

/* One piece of memory, measured first (base NULL) and then handed out in parts that begin on cache lines. */
typedef struct {
    char *base;
    size_t used;
} Room;

static void *take(Room *room, size_t count, size_t size) {
    void *part = room->base ? room->base + room->used : 0;
    room->used += UP(count * size, 64);
    return part;
}

static float *take_floats(Room *room, size_t count) { return take(room, count, sizeof(float)); }

/* Where torch has the weight that stands at a row and a column. */
static size_t place(const Layer *l, int r, int c) {
    return l->upright ? (size_t)r * l->columns + c : (size_t)c * l->rows + r;
}

/* A matrix as it lies in torch, or back. A transposed one goes by blocks of 16 columns, which stay in the cache. */
static void pack_matrix(float *packed, float *torch, const Layer *l, int back) {
    const size_t rows = l->rows, columns = l->columns, bytes = sizeof(float) * columns;
    for (size_t r = 0; l->upright && r < rows; r++) {
        float *here = packed + r * l->pitch, *there = torch + r * columns;
        memcpy(back ? there : here, back ? here : there, bytes);
    }
    for (size_t first = 0; !l->upright && first < columns; first += BLOCK) {
        const size_t end = first + BLOCK < columns ? first + BLOCK : columns;
        for (size_t r = 0; r < rows; r++) {
            float *here = packed + r * l->pitch, *there = torch + r;
            if (back)
                for (size_t c = first; c < end; c++) there[c * rows] = here[c];
            else
                for (size_t c = first; c < end; c++) here[c] = there[c * rows];
        }
    }
}

/* The kept weights; those that are pruned are zero in torch's memory and stay so. */
static void pack_lists(float *packed, float *torch, const Layer *l, int back) {
    for (int r = 0; r < l->rows; r++)
        for (int k = l->start[r]; k < l->start[r] + l->count[r]; k++) {
            float *there = torch + place(l, r, l->column[k]);
            if (back) *there = packed[k];
            else packed[k] = *there;
        }
}

/* Pruned weights, and what the optimizer remembers of them, are zero before and after an epoch. */
static void enforce(const Parameter *p, size_t size) {
    float *all[] = {p->value, p->first, p->second};
    for (int n = 0; n < 3; n++)
        for (size_t i = 0; all[n] && i < size; i++) all[n][i] = p->mask[i] ? all[n][i] : 0.0f;
}

static size_t count_kept(const uint8_t *mask, size_t size) {
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) kept += mask[i] != 0;
    return kept;
}

/* The columns of the kept weights, row by row; each list is filled up to blocks by column 0, with weights that are
 * zero. The mask is walked through as it lies, eight bytes at a time. */
static void list_kept(const uint8_t *mask, Layer *l) {
    const size_t size = (size_t)l->rows * l->columns;
    for (int fill = 0; fill < 2; fill++) { /* first the counts, then the columns */
        for (int r = 0, k = 0; fill && r < l->rows; r++) {
            l->start[r] = k;
            k += UP(l->count[r], BLOCK);
            l->count[r] = 0;
        }
        for (size_t i = 0; i < size; i++) {
            uint64_t eight;
            if (i + 8 <= size && (memcpy(&eight, mask + i, 8), eight == 0)) {
                i += 7;
                continue;
            }
            if (!mask[i]) continue;
            const int r = (int)(l->upright ? i / l->columns : i % l->rows);
            if (fill) l->column[l->start[r] + l->count[r]] = (int)(l->upright ? i % l->columns : i / l->rows);
            l->count[r]++;
        }
    }
}

static void set_bits(uint16_t *bits, const uint8_t *mask, int upright, int rows, int columns) {
    const int words = UP(columns, BLOCK) / BLOCK;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            bits[(size_t)r * words + c / BLOCK] |=
                (uint16_t)((mask[upright ? (size_t)r * columns + c : (size_t)c * rows + r] != 0) << c % BLOCK);
}

/* Room for a layer, filled in where there is some. */
static void lay_out(Room *room, Layer *l, const LayerOfTorch *t, const Epoch *e, int padded) {
    const Parameter *w = &t->weight, *b = &t->bias;
    *l = (Layer){.inputs = t->inputs, .outputs = t->outputs, .upright = t->inputs >= t->outputs,
                 .nonlinearity = t->nonlinearity, .learns = w->learns, .bias_learns = b->value && b->learns,
                 .power1 = pow(e->optimizer.beta1, t->steps), .power2 = pow(e->optimizer.beta2, t->steps)};
    l->rows = l->upright ? t->outputs : t->inputs;
    l->columns = l->upright ? t->inputs : t->outputs;
    l->pitch = UP(l->columns, BLOCK);
    size_t size = (size_t)l->rows * l->pitch;
    const size_t weights = (size_t)l->rows * l->columns, kept = w->mask ? count_kept(w->mask, weights) : weights;
    if (kept < weights && kept < e->sparse_below * weights) {
        size = UP(kept + (size_t)l->rows * (BLOCK - 1), BLOCK);
        l->start = take(room, l->rows, sizeof(int));
        l->count = take(room, l->rows, sizeof(int));
        l->column = take(room, size, sizeof(int));
        l->lanes = take_floats(room, (size_t)UP(padded, 8) * l->columns);
        if (room->base) list_kept(w->mask, l);
    } else if (kept < weights) {
        l->mask = take(room, size / BLOCK, sizeof(uint16_t));
        if (room->base) set_bits(l->mask, w->mask, l->upright, l->rows, l->columns);
    }
    l->size = size;
    l->weight = take_floats(room, size);
    l->first = w->first ? take_floats(room, size) : 0;
    l->second = w->second ? take_floats(room, size) : 0;
    const size_t outputs = UP(t->outputs, BLOCK);
    if (b->value) l->bias = take_floats(room, outputs);
    if (b->first) l->bias_first = take_floats(room, outputs);
    if (b->second) l->bias_second = take_floats(room, outputs);
    if (b->mask && count_kept(b->mask, t->outputs) < (size_t)t->outputs)
        l->bias_mask = take(room, outputs / BLOCK, sizeof(uint16_t));
    if (l->bias_mask && room->base) set_bits(l->bias_mask, b->mask, 1, 1, t->outputs);
}

static void lay_out_all(Room *room, Work *k, const Epoch *e) {
    const int depth = e->depth;
    k->layers = take(room, depth, sizeof(Layer));
    k->outputs = take(room, depth + 1, sizeof(float *));
    k->widths = take(room, depth + 1, sizeof(int));
    int widest = 0;
    Layer unplaced;
    for (int i = 0; i <= depth; i++) {
        const int units = i < depth ? e->layers[i].inputs : e->layers[depth - 1].outputs, width = UP(units, BLOCK);
        float *output = take_floats(room, (size_t)k->padded * width);
        if (width > widest) widest = width;
        if (room->base) k->widths[i] = width;
        if (room->base) k->outputs[i] = output;
    }
    const int same = e->inputs == e->targets && !e->keep;
    float *targets = same ? 0 : take_floats(room, (size_t)k->padded * UP(e->layers[depth - 1].outputs, BLOCK));
    if (room->base) k->targets = same ? k->outputs[0] : targets;
    for (int i = 0; i < 2; i++) k->errors[i] = take_floats(room, (size_t)k->padded * widest);
    for (int i = 0; i < 2 && e->sparse_below > 0; i++) k->lanes[i] = take_floats(room, (size_t)UP(k->padded, 8) * widest);
    k->gradient = take_floats(room, widest);
    k->active = take(room, widest, sizeof(int));
    for (int i = 0; i < depth; i++) lay_out(room, room->base ? k->layers + i : &unplaced, e->layers + i, e, k->padded);
}

/* A parameter and what is remembered of it into the working memory, or back; pruned weights are zero in both. */
static void move(float **here, const Parameter *p, const Layer *l, size_t size, int pruned, int back) {
    float *there[] = {p->value, p->first, p->second};
    if (pruned && p->learns && !back) enforce(p, size);
    for (int n = 0; n < 3; n++) {
        if (!here[n] || (back && !p->learns)) continue;
        if (!l) memcpy(back ? there[n] : here[n], back ? here[n] : there[n], sizeof(float) * size);
        else if (l->start) pack_lists(here[n], there[n], l, back);
        else pack_matrix(here[n], there[n], l, back);
    }
    if (pruned && p->learns && back) enforce(p, size);
}

static void move_all(Work *k, const Epoch *e, int back) {
    for (int i = 0; i < e->depth; i++) {
        Layer *l = k->layers + i;
        const LayerOfTorch *t = e->layers + i;
        float *matrices[] = {l->weight, l->first, l->second}, *rows[] = {l->bias, l->bias_first, l->bias_second};
        move(matrices, &t->weight, l, (size_t)t->inputs * t->outputs, l->mask || l->start, back);
        move(rows, &t->bias, 0, t->outputs, l->bias_mask != 0, back);
    }
}

#endif
