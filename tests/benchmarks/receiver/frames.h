/* A client's frames (RFC 6455): masked, whole, below 64 KiB. */
#include <stdint.h>
#include <string.h>

enum { FRAME_HEAD_BYTES = 8 }; /* at most, with the mask */

/* Writes one frame and returns where it ends. */
static uint8_t *put_frame(uint8_t *at, int opcode, const char *payload, size_t size) {
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    *at++ = (uint8_t)(0x80 | opcode);
    if (size < 126) *at++ = (uint8_t)(0x80 | size);
    else *at++ = 0x80 | 126, *at++ = (uint8_t)(size >> 8), *at++ = (uint8_t)size;
    memcpy(at, mask, 4), at += 4;
    for (size_t i = 0; i < size; i++) *at++ = (uint8_t)payload[i] ^ mask[i & 3];
    return at;
}
