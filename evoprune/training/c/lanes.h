/* Vectors of floats, as wide as the instructions that this file is compiled for.
 *
 * WIDTH lanes make a vector, and BLOCK = 16 floats a block of PARTS vectors. Sums over a row are kept in 16 lanes,
 * whatever the width, and added up in one order (`total`); products and sums are rounded together only where it says
 * `fma`. So all variants that have that instruction give the same bits. */
#ifndef EVOPRUNE_LANES_H
#define EVOPRUNE_LANES_H

#include <math.h>
#include <stdint.h>

#define BLOCK 16
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 16")

#if defined(VARIANT_AVX512) /* ------------------------------------------------------------------------------------ */
#include <immintrin.h>
#define WIDTH 16
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;
INLINE vf load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void store(float *p, vf a) { _mm512_storeu_ps(p, a); }
INLINE vf all(float a) { return _mm512_set1_ps(a); }
INLINE vf fma_(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf root(vf a) { return _mm512_sqrt_ps(a); }
INLINE vf magnitude(vf a) { return _mm512_abs_ps(a); }
INLINE vm above(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
INLINE vm at_most(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
INLINE vm not_(vm m) { return (vm)~m; }
INLINE vm either(vm a, vm b) { return (vm)(a | b); }
INLINE int every(vm m) { return m == 0xffff; }
INLINE vf pick(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
INLINE vf only(vm m, vf a) { return _mm512_maskz_mov_ps(m, a); }
INLINE vm bits(uint16_t b, int part) { (void)part; return (vm)b; }
INLINE vf fma_only(vm m, vf a, vf b, vf c) { return _mm512_maskz_fmadd_ps(m, a, b, c); }
INLINE vi integers(vf a) { return _mm512_castps_si512(a); }
INLINE vf floats(vi a) { return _mm512_castsi512_ps(a); }
INLINE vi rounded(vf a) { return _mm512_cvtps_epi32(a); }
INLINE vf converted(vi a) { return _mm512_cvtepi32_ps(a); }
INLINE vi plus(vi a, int b) { return _mm512_add_epi32(a, _mm512_set1_epi32(b)); }
INLINE vi and_(vi a, int b) { return _mm512_and_si512(a, _mm512_set1_epi32(b)); }
INLINE vi or_(vi a, int b) { return _mm512_or_si512(a, _mm512_set1_epi32(b)); }
INLINE vi left(vi a) { return _mm512_slli_epi32(a, 23); }
INLINE vi right(vi a) { return _mm512_srli_epi32(a, 23); }
INLINE float total(const vf *a) { return _mm512_reduce_add_ps(a[0]); } /* lanes i and i + 8, i + 4, i + 2, i + 1 */

#elif defined(VARIANT_AVX2) /* ------------------------------------------------------------------------------------ */
#include <immintrin.h>
#define WIDTH 8
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;
INLINE vf load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void store(float *p, vf a) { _mm256_storeu_ps(p, a); }
INLINE vf all(float a) { return _mm256_set1_ps(a); }
INLINE vf fma_(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf root(vf a) { return _mm256_sqrt_ps(a); }
INLINE vf magnitude(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vm above(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
INLINE vm at_most(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
INLINE vm not_(vm m) { return _mm256_xor_ps(m, _mm256_castsi256_ps(_mm256_set1_epi32(-1))); }
INLINE vm either(vm a, vm b) { return _mm256_or_ps(a, b); }
INLINE int every(vm m) { return _mm256_movemask_ps(m) == 0xff; }
INLINE vf pick(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
INLINE vf only(vm m, vf a) { return _mm256_and_ps(m, a); }
INLINE vm bits(uint16_t b, int part) {
    const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(b >> (8 * part)), lanes);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lanes));
}
INLINE vf fma_only(vm m, vf a, vf b, vf c) { return only(m, fma_(a, b, c)); }
INLINE vi integers(vf a) { return _mm256_castps_si256(a); }
INLINE vf floats(vi a) { return _mm256_castsi256_ps(a); }
INLINE vi rounded(vf a) { return _mm256_cvtps_epi32(a); }
INLINE vf converted(vi a) { return _mm256_cvtepi32_ps(a); }
INLINE vi plus(vi a, int b) { return _mm256_add_epi32(a, _mm256_set1_epi32(b)); }
INLINE vi and_(vi a, int b) { return _mm256_and_si256(a, _mm256_set1_epi32(b)); }
INLINE vi or_(vi a, int b) { return _mm256_or_si256(a, _mm256_set1_epi32(b)); }
INLINE vi left(vi a) { return _mm256_slli_epi32(a, 23); }
INLINE vi right(vi a) { return _mm256_srli_epi32(a, 23); }
INLINE float total(const vf *a) {
    const vf eight = a[0] + a[1];
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#else /* portable: vectors of the compiler's own, four floats as SSE and NEON have them ------------------------------ */
#define WIDTH 4
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef vi vm;
INLINE vf load(const float *p) {
    vf a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
}
INLINE void store(float *p, vf a) { __builtin_memcpy(p, &a, sizeof a); }
INLINE vf all(float a) { return (vf){a, a, a, a}; }
#ifdef __aarch64__
#include <arm_neon.h>
INLINE vf fma_(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE vf root(vf a) { return (vf)vsqrtq_f32((float32x4_t)a); }
#else
INLINE vf fma_(vf a, vf b, vf c) { return a * b + c; } /* rounded one by one: -ffp-contract=off */
INLINE vf root(vf a) { return (vf){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])}; }
#endif
INLINE vf magnitude(vf a) { return (vf)((vi)a & INT32_MAX); }
INLINE vm above(vf a, vf b) { return a > b; }
INLINE vm at_most(vf a, vf b) { return a <= b; }
INLINE vm not_(vm m) { return ~m; }
INLINE vm either(vm a, vm b) { return a | b; }
INLINE int every(vm m) { return m[0] && m[1] && m[2] && m[3]; }
INLINE vf pick(vm m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }
INLINE vf only(vm m, vf a) { return (vf)(m & (vi)a); }
INLINE vm bits(uint16_t b, int part) {
    const vi lanes = {1, 2, 4, 8}, each = {b >> (4 * part), b >> (4 * part), b >> (4 * part), b >> (4 * part)};
    return (each & lanes) == lanes;
}
INLINE vf fma_only(vm m, vf a, vf b, vf c) { return only(m, fma_(a, b, c)); }
INLINE vi integers(vf a) { return (vi)a; }
INLINE vf floats(vi a) { return (vf)a; }
INLINE vi rounded(vf a) { return __builtin_convertvector(a, vi); } /* of whole numbers: see `exponential` */
INLINE vf converted(vi a) { return __builtin_convertvector(a, vf); }
INLINE vi plus(vi a, int b) { return a + b; }
INLINE vi and_(vi a, int b) { return a & b; }
INLINE vi or_(vi a, int b) { return a | b; }
INLINE vi left(vi a) { return a << 23; }
INLINE vi right(vi a) { return (vi)((__typeof__((vi){0} > 0))a) >> 23; } /* of positive numbers */
INLINE float total(const vf *a) {
    const vf four = (a[0] + a[2]) + (a[1] + a[3]);
    return (four[0] + four[2]) + (four[1] + four[3]);
}
#endif

#define PARTS (BLOCK / WIDTH)

/* Eight samples side by side. */
#if WIDTH > 4
typedef __m256 v8;
INLINE v8 load8(const float *p) { return _mm256_loadu_ps(p); }
INLINE void store8(float *p, v8 a) { _mm256_storeu_ps(p, a); }
INLINE v8 all8(float a) { return _mm256_set1_ps(a); }
INLINE v8 fma8(v8 a, v8 b, v8 c) { return _mm256_fmadd_ps(a, b, c); }
INLINE v8 add8(v8 a, v8 b) { return _mm256_add_ps(a, b); }
INLINE v8 mul8(v8 a, v8 b) { return _mm256_mul_ps(a, b); }
INLINE v8 sums8(const v8 *p) { /* of the lanes of each: neighbours, then pairs, then halves */
    const v8 a = _mm256_hadd_ps(_mm256_hadd_ps(p[0], p[1]), _mm256_hadd_ps(p[2], p[3]));
    const v8 b = _mm256_hadd_ps(_mm256_hadd_ps(p[4], p[5]), _mm256_hadd_ps(p[6], p[7]));
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}
INLINE void turn8(v8 *rows) { /* rows become columns */
    v8 a[8];
    UNROLL for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    UNROLL for (int i = 0; i < 8; i += 4) {
        rows[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        rows[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        rows[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        rows[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        a[i] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20);
        a[i + 4] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31);
    }
    UNROLL for (int i = 0; i < 8; i++) rows[i] = a[i];
}
#else
typedef struct {
    vf low, high;
} v8;
INLINE v8 load8(const float *p) { return (v8){load(p), load(p + 4)}; }
INLINE void store8(float *p, v8 a) {
    store(p, a.low);
    store(p + 4, a.high);
}
INLINE v8 all8(float a) { return (v8){all(a), all(a)}; }
INLINE v8 fma8(v8 a, v8 b, v8 c) { return (v8){fma_(a.low, b.low, c.low), fma_(a.high, b.high, c.high)}; }
INLINE v8 add8(v8 a, v8 b) { return (v8){a.low + b.low, a.high + b.high}; }
INLINE v8 mul8(v8 a, v8 b) { return (v8){a.low * b.low, a.high * b.high}; }
INLINE float sum8(v8 a) {
    return ((a.low[0] + a.low[1]) + (a.low[2] + a.low[3])) + ((a.high[0] + a.high[1]) + (a.high[2] + a.high[3]));
}
INLINE v8 sums8(const v8 *p) {
    return (v8){{sum8(p[0]), sum8(p[1]), sum8(p[2]), sum8(p[3])}, {sum8(p[4]), sum8(p[5]), sum8(p[6]), sum8(p[7])}};
}
INLINE void turn8(v8 *rows) {
    float a[8][8];
    for (int i = 0; i < 8; i++) store8(a[i], rows[i]);
    for (int i = 0; i < 8; i++)
        rows[i] = (v8){{a[0][i], a[1][i], a[2][i], a[3][i]}, {a[4][i], a[5][i], a[6][i], a[7][i]}};
}
#endif

INLINE vf zero(void) { return all(0.0f); }

/* e^x by x = n ln 2 + r and a polynomial in r (Cephes), to 2 units in the last place; beyond +-87 as at +-87. */
INLINE vf exponential(vf x) {
    x = pick(above(x, all(87.0f)), all(87.0f), x); /* comparisons with NaN are false, so NaN stays */
    x = pick(above(all(-87.0f), x), all(-87.0f), x);
    const vf shift = all(12582912.0f), n = fma_(x, all(1.44269504f), shift) - shift; /* rounds to a whole number */
    const vf r = fma_(n, all(2.12194440e-4f), fma_(n, all(-0.693359375f), x));
    vf p = all(1.9875691500e-4f);
    p = fma_(p, r, all(1.3981999507e-3f));
    p = fma_(p, r, all(8.3334519073e-3f));
    p = fma_(p, r, all(4.1665795894e-2f));
    p = fma_(p, r, all(1.6666665459e-1f));
    p = fma_(p, r, all(5.0000001201e-1f));
    p = fma_(p, r * r, r) + all(1.0f);
    return p * floats(left(plus(rounded(n), 127)));
}

/* ln x for finite x >= 0 (Cephes), at least -100 as torch's cross-entropy has it; NaN for anything else. */
INLINE vf logarithm(vf x) {
    const vf tiny = all(1.2e-38f);
    const vm low = above(tiny, x);
    x = pick(low, tiny, x);
    const vi i = integers(x);
    vf e = converted(plus(right(i), -126));
    vf m = floats(or_(and_(i, 0x007fffff), 0x3f000000));
    const vm small = above(all(0.707106781f), m);
    e = e - only(small, all(1.0f));
    m = m + only(small, m) - all(1.0f);
    const vf z = m * m;
    vf p = all(7.0376836292e-2f);
    p = fma_(p, m, all(-1.1514610310e-1f));
    p = fma_(p, m, all(1.1676998740e-1f));
    p = fma_(p, m, all(-1.2420140846e-1f));
    p = fma_(p, m, all(1.4249322787e-1f));
    p = fma_(p, m, all(-1.6668057665e-1f));
    p = fma_(p, m, all(2.0000714765e-1f));
    p = fma_(p, m, all(-2.4999993993e-1f));
    p = fma_(p, m, all(3.3333331174e-1f));
    p = fma_(e, all(-2.12194440e-4f), p * m * z);
    p = fma_(z, all(-0.5f), p);
    const vf y = fma_(e, all(0.693359375f), m + p);
    return pick(low, all(-100.0f), y + (x - x));
}

/* tanh x: a polynomial near zero (Cephes), else by e^2|x|. */
INLINE vf hyperbolic(vf x) {
    const vf size = magnitude(x), z = x * x;
    const vf far = all(1.0f) - all(2.0f) / (exponential(size + size) + all(1.0f));
    vf p = all(-5.70498872745e-3f);
    p = fma_(p, z, all(2.06390887954e-2f));
    p = fma_(p, z, all(-5.37397155531e-2f));
    p = fma_(p, z, all(1.33314422036e-1f));
    p = fma_(p, z, all(-3.33332819422e-1f));
    const vf near = fma_(p * z, x, x);
    return pick(above(all(0.625f), size), near, pick(above(zero(), x), zero() - far, far));
}

#endif
