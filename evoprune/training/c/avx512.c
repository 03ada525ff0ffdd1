/* For processors with AVX-512. */
#if defined(__x86_64__)
#define VARIANT_AVX512
#define RUN run_avx512
#define SCORE score_avx512
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#endif
#include "run.h"
#include "scores.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
