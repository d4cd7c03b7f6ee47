/* Latency: log-linear buckets, as in HdrHistogram. */
#include <stdint.h>
#include <string.h>

enum {
    SUB_BITS = 6, /* 64 buckets per power of two: percentiles within 1.6 % */
    BUCKETS = 64 << SUB_BITS,
};

static struct {
    uint64_t count, max_us, bucket[BUCKETS];
} latency;

static int bucket_of(uint64_t us) {
    int shift = us >> SUB_BITS ? 63 - __builtin_clzll(us) - SUB_BITS : 0;
    return (int)(((uint64_t)shift << SUB_BITS) + (us >> shift));
}

static uint64_t bucket_value(int bucket) {
    int shift = bucket >> SUB_BITS ? (bucket >> SUB_BITS) - 1 : 0;
    return (uint64_t)(bucket - (shift << SUB_BITS)) << shift;
}

static void record_latency(int64_t us) {
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    latency.bucket[bucket_of(value)]++;
    latency.count++;
    if (value > latency.max_us) latency.max_us = value;
}

static void forget_latency(void) { memset(&latency, 0, sizeof latency); }

static uint64_t percentile(double share) {
    uint64_t rank = (uint64_t)(share * (double)latency.count), sum = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++)
        if ((sum += latency.bucket[bucket]) > rank) return bucket_value(bucket);
    return latency.max_us;
}
