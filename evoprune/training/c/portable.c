/* For every processor: the compiler's own vectors. */
#define RUN run_portable
#include "run.h"
