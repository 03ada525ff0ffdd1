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
             "optimizer: (kind, rate, beta1, beta2, eps, weight_decay).");

static PyObject *epoch(PyObject *self, PyObject *arguments) {
    (void)self;
    Epoch e = {0};
    Optimizer *o = &e.optimizer;
    PyObject *layers, *data[5];
    const char *name;
    if (!PyArg_ParseTuple(arguments, "sO!(OOOOO)i(iddddd)dd", &name, &PyTuple_Type, &layers, &data[0], &data[1], &data[2],
                          &data[3], &data[4], &e.loss, &o->kind, &o->rate, &o->beta1, &o->beta2, &o->eps,
                          &o->weight_decay, &e.largest, &e.sparse_below))
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
             "scores(variant, encoders, decoders, data, loss) -> mean losses, encoder by encoder\n\n"
             "Of every encoder with every decoder; both are tuples of layers as for epoch, without moments.");

static PyObject *scores(PyObject *self, PyObject *arguments) {
    (void)self;
    const char *name;
    PyObject *encoders, *decoders, *data, *result = NULL;
    int loss;
    if (!PyArg_ParseTuple(arguments, "sO!O!Oi", &name, &PyTuple_Type, &encoders, &PyTuple_Type, &decoders, &data, &loss))
        return NULL;
    const Variant *variant = find_variant(name);
    if (!variant) return NULL;
    if (loss < 0 || loss >= LOSSES) return PyErr_Format(PyExc_ValueError, "no loss %d", loss);
    Views views = {0};
    Stacks in = {0}, out = {0};
    double *losses = NULL;
    void *inputs = NULL;
    const Py_ssize_t samples = PyObject_Size(data);
    if (samples < 1) PyErr_SetString(PyExc_ValueError, "no samples");
    else if (take_stacks(&views, encoders, &in) && take_stacks(&views, decoders, &out)) {
        const LayerOfTorch *last = &in.layers[0][in.depths[0] - 1];
        if (last->outputs != out.layers[0][0].inputs || in.layers[0][0].inputs != out.layers[0][out.depths[0] - 1].outputs)
            PyErr_SetString(PyExc_ValueError, "encoders and decoders of different widths");
        else if (take_buffer(&views, data, "data", 'f', samples * in.layers[0][0].inputs, 0, &inputs) && inputs)
            losses = calloc((size_t)in.count * out.count, sizeof(double));
    }
    if (losses) {
        Scores s = {in.layers, out.layers, in.depths, out.depths, in.count, out.count, inputs, samples, loss, losses};
        int ended;
        Py_BEGIN_ALLOW_THREADS
        ended = variant->score(&s);
        Py_END_ALLOW_THREADS
        result = ended == DONE ? PyList_New((Py_ssize_t)in.count * out.count) : PyErr_NoMemory();
        for (int i = 0; result && i < in.count * out.count; i++)
            if (PyList_SetItem(result, i, PyFloat_FromDouble(losses[i]))) Py_CLEAR(result);
    } else if (!PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    free(losses);
    free_stacks(&in);
    free_stacks(&out);
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
