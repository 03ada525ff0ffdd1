/* For processors with AVX2 and FMA. */
#if defined(__x86_64__)
#define VARIANT_AVX2
#define RUN run_avx2
#define SCORE score_avx2
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#include "run.h"
#include "scores.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
