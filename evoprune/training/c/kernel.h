/* What a cell's epoch is made of: shared by the Python module, which checks it, and the variants, which compute it. */
#ifndef EVOPRUNE_KERNEL_H
#define EVOPRUNE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { IDENTITY, RELU, SIGMOID, TANH, NONLINEARITIES };
enum { L1, MSE, BCE, CROSS_ENTROPY, LOSSES };
enum { ADAM, ADAM_ANEW, SGD, OPTIMIZERS };
enum { DONE, NO_MEMORY };

/* A parameter as torch has it, row by row; moments and mask (one byte each, 0 pruned) may be missing. */
typedef struct {
    float *value, *first, *second; /* second is used by Adam only; neither by a parameter that does not learn */
    const uint8_t *mask;
    int learns;
} Parameter;

/* A Linear layer: weight (outputs, inputs), perhaps a bias (outputs), and the nonlinearity after it. */
typedef struct {
    int inputs, outputs, nonlinearity;
    Parameter weight, bias;
    double steps; /* made before this epoch, of the genome that the layer belongs to */
} LayerOfTorch;

typedef struct {
    int kind;
    double rate, beta1, beta2, eps, weight_decay, l1; /* beta1 is the momentum of SGD */
} Optimizer;

typedef struct {
    LayerOfTorch *layers;
    int depth;
    const float *inputs, *targets; /* (samples, inputs of the first layer), (samples, outputs of the last); may be one */
    const int64_t *labels;         /* or, instead of targets, the number of the output that is right, (samples,) */
    const int64_t *order, *ends;   /* batch k holds the samples order[ends[k - 1]] to order[ends[k] - 1] */
    int64_t batches;
    double largest;                /* magnitude of the inputs and targets */
    const uint8_t *keep; /* (samples in order, inputs): 0 where an input is set to zero; or NULL */
    int loss;
    Optimizer optimizer;
    double sparse_below; /* a layer of which a smaller share is kept computes with what is kept alone */
    double mean;         /* out: the mean of the losses of the batches */
} Epoch;

/* Several stacks that can stand at the same place, all of the same widths at both ends. */
typedef struct {
    LayerOfTorch **layers;
    int *depths, count;
} Stacks;

/* The losses of all combinations of a stack of each side on some samples, in evaluation: nothing learns. */
typedef struct {
    const Stacks *sides;
    int side_count;
    const float *inputs, *targets; /* (samples, inputs of the first side), (samples, outputs of the last); may be one */
    const int64_t *labels;         /* or, instead of targets, (samples,) */
    int64_t samples;
    int loss;
    double *losses; /* out: (side, side, ...), the last one changing fastest */
} Scores;

typedef int Run(Epoch *epoch);
typedef int Score(Scores *scores);
Run run_avx512, run_avx2, run_portable;
Score score_avx512, score_avx2, score_portable;

#endif
