/* The Python module: everything that Python hands over is checked here, and an epoch then runs without the GIL. */
#include "arguments.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

typedef struct {
    const char *name, *arithmetic;
    Run *run;
    Score *score;
} Variant;

#if defined(__x86_64__)
static const Variant VARIANTS[] = {
    {"avx512", "fused", run_avx512, score_avx512},
    {"avx2", "fused", run_avx2, score_avx2},
    {"portable", "separate", run_portable, score_portable}};
#elif defined(__aarch64__)
static const Variant VARIANTS[] = {{"portable", "fused", run_portable, score_portable}};
#else
static const Variant VARIANTS[] = {{"portable", "separate", run_portable, score_portable}};
#endif
#define VARIANT_COUNT ((int)(sizeof VARIANTS / sizeof *VARIANTS))

/* Whether this processor and its system run a variant. */
static int runs_here(const Variant *variant) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (variant->run == run_avx512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (variant->run == run_avx2) return avx2;
#endif
    return variant->run == run_portable;
}

static const Variant *find_variant(const char *name) {
    for (int i = 0; i < VARIANT_COUNT; i++)
        if (!strcmp(name, VARIANTS[i].name) && runs_here(&VARIANTS[i])) return &VARIANTS[i];
    return PyErr_Format(PyExc_ValueError, "no variant %s on this processor", name), NULL;
}

PyDoc_STRVAR(epoch_doc,
             "epoch(variant, layers, data, loss, optimizer, largest, sparse_below) -> mean loss of the batches\n\n"
             "Train a stack of layers in place. layers: a tuple of (inputs, outputs, nonlinearity, steps, weight, bias);\n"
             "weight and bias: (value, moments, mask, learns); data: (inputs, targets, order, ends, keep);\n"
             "optimizer: (kind, rate, beta1, beta2, eps, weight_decay, l1).");

static PyObject *epoch(PyObject *self, PyObject *arguments) {
    (void)self;
    Epoch e = {0};
    Optimizer *o = &e.optimizer;
    PyObject *layers, *data[5];
    const char *name;
    if (!PyArg_ParseTuple(arguments, "sO!(OOOOO)i(idddddd)dd", &name, &PyTuple_Type, &layers, &data[0], &data[1], &data[2],
                          &data[3], &data[4], &e.loss, &o->kind, &o->rate, &o->beta1, &o->beta2, &o->eps,
                          &o->weight_decay, &o->l1, &e.largest, &e.sparse_below))
        return NULL;
    const Variant *variant = find_variant(name);
    if (!variant) return NULL;
    if (o->kind < 0 || o->kind >= OPTIMIZERS || e.loss < 0 || e.loss >= LOSSES)
        return PyErr_Format(PyExc_ValueError, "no optimizer %d, or no loss %d", o->kind, e.loss);
    Views views = {0};
    PyObject *result = NULL;
    e.layers = take_layers(&views, layers, o->kind == ADAM ? 2 : o->kind == SGD, &e.depth);
    if (e.layers && something_learns(e.layers, e.depth) && take_data(&views, data, &e)) {
        int ended;
        Py_BEGIN_ALLOW_THREADS
        ended = variant->run(&e);
        Py_END_ALLOW_THREADS
        result = ended == DONE ? PyFloat_FromDouble(e.mean) : PyErr_NoMemory();
    }
    let_go(&views);
    free(e.layers);
    return result;
}

PyDoc_STRVAR(scores_doc,
             "scores(variant, sides, inputs, targets, loss) -> mean losses, the last side changing fastest\n\n"
             "Of all combinations: each side is a tuple of stacks, tuples of layers as for epoch, without moments.");

/* The losses of all combinations, to be freed; NULL with an exception set. */
static double *score(const Variant *variant, Scores *s, size_t *count) {
    *count = 1;
    for (int i = 0; i < s->side_count; i++) {
        *count *= s->sides[i].count;
        if (*count > 1 << 24) return PyErr_SetString(PyExc_ValueError, "too many combinations"), NULL;
    }
    s->losses = calloc(*count, sizeof(double));
    int ended = s->losses ? DONE : NO_MEMORY;
    if (ended == DONE) {
        Py_BEGIN_ALLOW_THREADS
        ended = variant->score(s);
        Py_END_ALLOW_THREADS
    }
    if (ended != DONE) {
        free(s->losses);
        return PyErr_NoMemory(), NULL;
    }
    return s->losses;
}

static PyObject *scores(PyObject *self, PyObject *arguments) {
    (void)self;
    const char *name;
    PyObject *sides, *inputs, *targets, *result = NULL;
    Scores s = {0};
    if (!PyArg_ParseTuple(arguments, "sO!OOi", &name, &PyTuple_Type, &sides, &inputs, &targets, &s.loss)) return NULL;
    const Variant *variant = find_variant(name);
    if (!variant) return NULL;
    const int count = (int)PyTuple_Size(sides);
    if (s.loss < 0 || s.loss >= LOSSES) return PyErr_Format(PyExc_ValueError, "no loss %d", s.loss);
    if (!count) return PyErr_SetString(PyExc_ValueError, "there are no sides"), NULL;
    if (count < 1 || count > 64) return PyErr_SetString(PyExc_ValueError, "1 to 64 sides are wanted"), NULL;
    Views views = {0};
    Stacks *stacks = calloc(count, sizeof *stacks);
    void *memory = NULL;
    s.samples = PyObject_Size(inputs);
    s.sides = stacks;
    s.side_count = count;
    int fits = stacks && s.samples > 0;
    if (!stacks) PyErr_NoMemory();
    else if (!fits && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no samples");
    for (int i = 0; fits && i < count; i++) fits = take_stacks(&views, PyTuple_GetItem(sides, i), stacks + i);
    fits = fits && sides_fit(stacks, count) &&
           take_buffer(&views, inputs, "inputs", 'f', s.samples * stacks[0].layers[0][0].inputs, 0, &memory) && memory;
    s.inputs = memory;
    if (fits) {
        const Stacks *last = stacks + count - 1;
        fits = take_targets(&views, targets, s.samples, last->layers[0][last->depths[0] - 1].outputs, s.loss, &s.targets,
                            &s.labels);
    }
    size_t found;
    if (fits && score(variant, &s, &found)) {
        result = PyList_New((Py_ssize_t)found);
        for (size_t i = 0; result && i < found; i++)
            if (PyList_SetItem(result, (Py_ssize_t)i, PyFloat_FromDouble(s.losses[i]))) Py_CLEAR(result);
        free(s.losses);
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "inputs are missing");
    }
    for (int i = 0; stacks && i < count; i++) free_stacks(stacks + i);
    free(stacks);
    let_go(&views);
    return result;
}

PyDoc_STRVAR(variants_doc, "variants() -> (name, arithmetic) of those that this processor runs, the fastest first");

static PyObject *variants(PyObject *self, PyObject *arguments) {
    (void)self, (void)arguments;
    PyObject *found = PyList_New(0);
    for (int i = 0; found && i < VARIANT_COUNT; i++) {
        if (!runs_here(&VARIANTS[i])) continue;
        PyObject *row = Py_BuildValue("ss", VARIANTS[i].name, VARIANTS[i].arithmetic);
        if (!row || PyList_Append(found, row)) Py_CLEAR(found);
        Py_XDECREF(row);
    }
    return found;
}

static PyMethodDef methods[] = {{"epoch", epoch, METH_VARARGS, epoch_doc},
                                {"scores", scores, METH_VARARGS, scores_doc},
                                {"variants", variants, METH_NOARGS, variants_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "An epoch of a stack of Linear layers.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void);
PyMODINIT_FUNC PyInit__kernel(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddStringConstant(module, "source", TEXT(SOURCE_HASH))) Py_CLEAR(module);
    return module;
}
