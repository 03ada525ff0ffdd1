/* For every processor: the compiler's own vectors. */
#define RUN run_portable
#define SCORE score_portable
#include "run.h"
#include "scores.h"
