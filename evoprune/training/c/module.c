/* The Python module: everything that Python hands over is checked here, and an epoch then runs without the GIL. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

typedef struct {
    const char *name, *arithmetic;
    Run *run;
} Variant;

#if defined(__x86_64__)
static const Variant VARIANTS[] = {
    {"avx512", "fused", run_avx512}, {"avx2", "fused", run_avx2}, {"portable", "separate", run_portable}};
#elif defined(__aarch64__)
static const Variant VARIANTS[] = {{"portable", "fused", run_portable}};
#else
static const Variant VARIANTS[] = {{"portable", "separate", run_portable}};
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

/* All buffers that an epoch holds on to, to be let go at its end. */
typedef struct {
    Py_buffer *views;
    int used, room;
} Views;

static void let_go(Views *views) {
    for (int i = 0; i < views->used; i++) PyBuffer_Release(&views->views[i]);
    free(views->views);
}

/* The memory of a buffer of `count` items of a format (f: float, q: int64, ?: bool), NULL for None.
 * Returns 0 with an exception set where it is something else. */
static int take_buffer(Views *views, PyObject *from, const char *what, char format, Py_ssize_t count, int writable,
                       void **memory) {
    *memory = NULL;
    if (from == Py_None) return 1;
    if (views->used == views->room) {
        const int room = views->room ? 2 * views->room : 64;
        Py_buffer *more = realloc(views->views, room * sizeof(Py_buffer));
        if (!more) return PyErr_NoMemory(), 0;
        views->views = more;
        views->room = room;
    }
    Py_buffer *view = &views->views[views->used];
    if (PyObject_GetBuffer(from, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0))) return 0;
    views->used++;
    const char *given = view->format ? view->format : "B";
    const int same = strlen(given) == 1 && (*given == format || (format == 'q' && *given == 'l' && sizeof(long) == 8));
    if (!same || view->len != count * view->itemsize) {
        PyErr_Format(PyExc_ValueError, "%s must have %zd items of format %c, got %zd of format %s", what, count, format,
                     view->itemsize ? view->len / view->itemsize : 0, given);
        return 0;
    }
    *memory = view->buf;
    return 1;
}

/* A parameter: (value, moments, mask, learns); value and mask may be None, moments is a tuple. */
static int take_parameter(Views *views, PyObject *from, Py_ssize_t count, int moments, Parameter *to) {
    PyObject *value, *remembered, *mask;
    int learns;
    if (!PyArg_ParseTuple(from, "OO!Op", &value, &PyTuple_Type, &remembered, &mask, &learns)) return 0;
    if (learns && value != Py_None && PyTuple_Size(remembered) != moments) {
        PyErr_Format(PyExc_ValueError, "the optimizer has %d moments, got %zd", moments, PyTuple_Size(remembered));
        return 0;
    }
    void *memory[4] = {0};
    if (!take_buffer(views, value, "a parameter", 'f', count, 1, &memory[0])) return 0;
    for (int i = 0; learns && memory[0] && i < moments; i++) {
        if (!take_buffer(views, PyTuple_GetItem(remembered, i), "a moment", 'f', count, 1, &memory[1 + i])) return 0;
        if (!memory[1 + i]) return PyErr_SetString(PyExc_ValueError, "a moment is missing"), 0;
    }
    if (!take_buffer(views, mask, "a mask", '?', count, 0, &memory[3])) return 0;
    *to = (Parameter){memory[0], memory[1], memory[2], memory[3], learns && memory[0]};
    return 1;
}

/* A layer: (inputs, outputs, nonlinearity, steps, weight, bias). */
static int take_layer(Views *views, PyObject *from, int moments, LayerOfTorch *to) {
    PyObject *weight, *bias;
    if (!PyTuple_Check(from)) return PyErr_SetString(PyExc_TypeError, "a layer is a tuple"), 0;
    if (!PyArg_ParseTuple(from, "iiidO!O!", &to->inputs, &to->outputs, &to->nonlinearity, &to->steps, &PyTuple_Type,
                          &weight, &PyTuple_Type, &bias))
        return 0;
    if (to->inputs < 1 || to->outputs < 1 || to->inputs > INT32_MAX / 2 / to->outputs || to->inputs > 1 << 27 ||
        to->outputs > 1 << 27) {
        PyErr_Format(PyExc_ValueError, "a layer of %d inputs and %d outputs", to->inputs, to->outputs);
        return 0;
    }
    if (to->nonlinearity < 0 || to->nonlinearity >= NONLINEARITIES || !(to->steps >= 0)) {
        PyErr_SetString(PyExc_ValueError, "an unknown nonlinearity, or a negative number of steps");
        return 0;
    }
    if (!take_parameter(views, weight, (Py_ssize_t)to->inputs * to->outputs, moments, &to->weight)) return 0;
    if (!to->weight.value) return PyErr_SetString(PyExc_ValueError, "a layer without a weight"), 0;
    return take_parameter(views, bias, to->outputs, moments, &to->bias);
}

static int take_layers(Views *views, PyObject *from, Epoch *epoch) {
    const int moments = epoch->optimizer.kind == ADAM ? 2 : epoch->optimizer.kind == SGD;
    int learns = 0;
    for (int i = 0; i < epoch->depth; i++) {
        LayerOfTorch *layer = &epoch->layers[i];
        if (!take_layer(views, PyTuple_GetItem(from, i), moments, layer)) return 0;
        if (i && layer->inputs != layer[-1].outputs) {
            PyErr_Format(PyExc_ValueError, "layer %d has %d inputs where the one before has %d outputs", i,
                         layer->inputs, layer[-1].outputs);
            return 0;
        }
        learns |= layer->weight.learns || layer->bias.learns;
    }
    if (!learns) return PyErr_SetString(PyExc_ValueError, "nothing learns"), 0;
    return 1;
}

/* The data: inputs, targets, order, ends, keep. */
static int take_data(Views *views, PyObject *const *from, Epoch *epoch) {
    const LayerOfTorch *first = &epoch->layers[0], *last = &epoch->layers[epoch->depth - 1];
    const Py_ssize_t samples = PyObject_Size(from[0]), ordered = PyObject_Size(from[2]), batches = PyObject_Size(from[3]);
    void *inputs, *targets, *order, *ends, *keep;
    if (samples < 0 || ordered < 0 || batches < 0) return 0;
    if (!take_buffer(views, from[0], "inputs", 'f', samples * first->inputs, 0, &inputs) ||
        !take_buffer(views, from[1], "targets", 'f', samples * last->outputs, 0, &targets) ||
        !take_buffer(views, from[2], "order", 'q', ordered, 0, &order) ||
        !take_buffer(views, from[3], "ends", 'q', batches, 0, &ends) ||
        !take_buffer(views, from[4], "keep", '?', ordered * first->inputs, 0, &keep))
        return 0;
    epoch->inputs = inputs, epoch->targets = targets, epoch->order = order, epoch->ends = ends, epoch->keep = keep;
    epoch->batches = batches;
    if (!inputs || !targets || !order || !ends || !batches)
        return PyErr_SetString(PyExc_ValueError, "inputs, targets, order and ends must not be empty"), 0;
    for (Py_ssize_t i = 0; i < ordered; i++)
        if (epoch->order[i] < 0 || epoch->order[i] >= samples)
            return PyErr_Format(PyExc_ValueError, "order[%zd] is none of the %zd samples", i, samples), 0;
    for (Py_ssize_t i = 0; i < batches; i++) {
        const int64_t size = epoch->ends[i] - (i ? epoch->ends[i - 1] : 0);
        if (size < 1 || size > 1 << 20 || epoch->ends[i] > ordered)
            return PyErr_Format(PyExc_ValueError, "batch %zd has no samples, too many, or none in the order", i), 0;
    }
    return 1;
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
    const Variant *variant = NULL;
    for (int i = 0; i < VARIANT_COUNT; i++)
        if (!strcmp(name, VARIANTS[i].name) && runs_here(&VARIANTS[i])) variant = &VARIANTS[i];
    if (!variant) return PyErr_Format(PyExc_ValueError, "no variant %s on this processor", name);
    if (o->kind < 0 || o->kind >= OPTIMIZERS || e.loss < 0 || e.loss >= LOSSES)
        return PyErr_Format(PyExc_ValueError, "no optimizer %d, or no loss %d", o->kind, e.loss);
    if (PyTuple_Size(layers) < 1 || PyTuple_Size(layers) > 1 << 16)
        return PyErr_Format(PyExc_ValueError, "%zd layers", PyTuple_Size(layers));
    e.depth = (int)PyTuple_Size(layers);
    e.layers = calloc(e.depth, sizeof(LayerOfTorch));
    if (!e.layers) return PyErr_NoMemory();
    Views views = {0};
    PyObject *result = NULL;
    if (take_layers(&views, layers, &e) && take_data(&views, data, &e)) {
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
