/* What Python hands over, checked: buffers of the right type and size, layers that fit one another. */
#ifndef EVOPRUNE_ARGUMENTS_H
#define EVOPRUNE_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "kernel.h"

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

/* The layers of a stack, to be freed; NULL with an exception set where they are none. */
static LayerOfTorch *take_layers(Views *views, PyObject *from, int moments, int *depth) {
    if (!PyTuple_Check(from) || PyTuple_Size(from) < 1 || PyTuple_Size(from) > 1 << 16)
        return PyErr_SetString(PyExc_ValueError, "layers are a tuple of 1 to 65536"), NULL;
    *depth = (int)PyTuple_Size(from);
    LayerOfTorch *layers = calloc(*depth, sizeof(LayerOfTorch));
    if (!layers) return PyErr_NoMemory(), NULL;
    for (int i = 0; i < *depth; i++) {
        LayerOfTorch *layer = &layers[i];
        int fits = take_layer(views, PyTuple_GetItem(from, i), moments, layer);
        if (fits && i && layer->inputs != layer[-1].outputs) {
            PyErr_Format(PyExc_ValueError, "layer %d has %d inputs where the one before has %d outputs", i,
                         layer->inputs, layer[-1].outputs);
            fits = 0;
        }
        if (!fits) return free(layers), NULL;
    }
    return layers;
}

static int something_learns(const LayerOfTorch *layers, int depth) {
    for (int i = 0; i < depth; i++)
        if (layers[i].weight.learns || layers[i].bias.learns) return 1;
    return PyErr_SetString(PyExc_ValueError, "nothing learns"), 0;
}

/* What is wanted of samples: values of the last layer's outputs, or, of format q, the number of the one that is right. */
static int take_targets(Views *views, PyObject *from, Py_ssize_t samples, int outputs, int loss, const float **targets,
                        const int64_t **labels) {
    void *memory;
    const Py_ssize_t count = PyObject_Size(from);
    if (count != samples) return PyErr_Format(PyExc_ValueError, "%zd targets for %zd samples", count, samples), 0;
    PyObject *dimensions = PyObject_GetAttrString(from, "ndim");
    const long flat = dimensions ? PyLong_AsLong(dimensions) == 1 : 0;
    Py_XDECREF(dimensions);
    if (PyErr_Occurred()) return 0;
    if (!flat) {
        if (!take_buffer(views, from, "targets", 'f', samples * outputs, 0, &memory)) return 0;
        *targets = memory;
        return 1;
    }
    if (!take_buffer(views, from, "labels", 'q', samples, 0, &memory)) return 0;
    *labels = memory;
    if (loss != CROSS_ENTROPY) return PyErr_SetString(PyExc_ValueError, "this loss reads no labels"), 0;
    for (Py_ssize_t i = 0; i < samples; i++)
        if ((*labels)[i] < 0 || (*labels)[i] >= outputs)
            return PyErr_Format(PyExc_ValueError, "labels[%zd] is none of the %d outputs", i, outputs), 0;
    return 1;
}

/* The data: inputs, targets, order, ends, keep. */
static int take_data(Views *views, PyObject *const *from, Epoch *epoch) {
    const LayerOfTorch *first = &epoch->layers[0], *last = &epoch->layers[epoch->depth - 1];
    const Py_ssize_t samples = PyObject_Size(from[0]), ordered = PyObject_Size(from[2]), batches = PyObject_Size(from[3]);
    void *inputs, *order, *ends, *keep;
    if (samples < 0 || ordered < 0 || batches < 0) return 0;
    if (!take_buffer(views, from[0], "inputs", 'f', samples * first->inputs, 0, &inputs) ||
        !take_targets(views, from[1], samples, last->outputs, epoch->loss, &epoch->targets, &epoch->labels) ||
        !take_buffer(views, from[2], "order", 'q', ordered, 0, &order) ||
        !take_buffer(views, from[3], "ends", 'q', batches, 0, &ends) ||
        !take_buffer(views, from[4], "keep", '?', ordered * first->inputs, 0, &keep))
        return 0;
    epoch->inputs = inputs, epoch->order = order, epoch->ends = ends, epoch->keep = keep;
    epoch->batches = batches;
    if (!inputs || (!epoch->targets && !epoch->labels) || !order || !ends || !batches)
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

static int take_stacks(Views *views, PyObject *from, Stacks *to) {
    const int count = PyTuple_Check(from) ? (int)PyTuple_Size(from) : 0;
    if (count < 1 || count > 1 << 16) return PyErr_SetString(PyExc_ValueError, "a side without stacks"), 0;
    to->layers = calloc(count, sizeof *to->layers);
    to->depths = calloc(count, sizeof *to->depths);
    if (!to->layers || !to->depths) return PyErr_NoMemory(), 0;
    for (to->count = 0; to->count < count; to->count++) {
        int depth, first = to->depths[0] - 1;
        LayerOfTorch *layers = take_layers(views, PyTuple_GetItem(from, to->count), 0, &depth);
        if (!layers) return 0;
        to->layers[to->count] = layers;
        to->depths[to->count] = depth;
        if (to->count && (layers[0].inputs != to->layers[0][0].inputs ||
                          layers[depth - 1].outputs != to->layers[0][first].outputs)) {
            to->count++;
            return PyErr_SetString(PyExc_ValueError, "stacks of different widths"), 0;
        }
    }
    return 1;
}

/* What stands on a side gives as many values as what stands on the next one takes. */
static int sides_fit(const Stacks *sides, int count) {
    for (int i = 1; i < count; i++)
        if (sides[i - 1].layers[0][sides[i - 1].depths[0] - 1].outputs != sides[i].layers[0][0].inputs)
            return PyErr_Format(PyExc_ValueError, "sides %d and %d of different widths", i - 1, i), 0;
    return 1;
}

static void free_stacks(Stacks *stacks) {
    for (int i = 0; i < stacks->count; i++) free(stacks->layers[i]);
    free(stacks->layers);
    free(stacks->depths);
}

#endif
