/* Acknowledgements: every message of ticks gets one, and --ack-batch of them go out in one packet. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

enum { ACK_BATCH_MAX = 64, ACK_BYTES = 64 };

typedef struct {
    int count;
    int64_t seq[ACK_BATCH_MAX];
} acks;

/* Remembers one more, and returns whether the packet is complete. */
static bool owe_ack(acks *owed, int64_t seq, int batch) {
    owed->seq[owed->count++] = seq;
    return owed->count >= batch;
}

/* Writes the frames of all that are owed, which then are not any more; returns their bytes. */
static size_t put_acks(acks *owed, uint8_t out[ACK_BATCH_MAX * ACK_BYTES]) {
    uint8_t *at = out;
    for (int i = 0; i < owed->count; i++) {
        char text[ACK_BYTES - FRAME_HEAD_BYTES];
        int size = snprintf(text, sizeof text, "{\"op\":\"ack\",\"seq\":%" PRId64 "}", owed->seq[i]);
        at = put_frame(at, 1, text, (size_t)size);
    }
    owed->count = 0;
    return (size_t)(at - out);
}
