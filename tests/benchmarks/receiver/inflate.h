/* Compressed messages (RFC 7692): all of them are inflated, so that every tick is counted as it is elsewhere.
 *
 * Where the server keeps no context one inflater serves all connections, else each has its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum { INFLATED_BYTES = 16 << 20 };

static uint8_t *inflated;
static z_stream *common_inflater;

static z_stream *new_inflater(void) {
    z_stream *stream = calloc(1, sizeof *stream);
    if (!inflated) inflated = malloc(INFLATED_BYTES);
    if (!stream || !inflated || inflateInit2(stream, -15) != Z_OK) die("no memory to inflate");
    return stream;
}

static z_stream *inflater_without_context(void) {
    if (!common_inflater) common_inflater = new_inflater();
    return common_inflater;
}

static void feed_inflater(z_stream *stream, const uint8_t *bytes, size_t size) {
    stream->next_in = (uint8_t *)(uintptr_t)bytes, stream->avail_in = (uInt)size;
    int code = inflate(stream, Z_SYNC_FLUSH);
    if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END) die("cannot inflate: %s", zError(code));
    if (stream->avail_in && !stream->avail_out) die("a message inflates to more than %d bytes", INFLATED_BYTES);
}

/* Inflates one message into `inflated` and returns its bytes. */
static size_t inflate_message(z_stream *stream, const uint8_t *bytes, size_t size) {
    static const uint8_t tail[4] = {0, 0, 0xff, 0xff};
    if (stream == common_inflater) inflateReset(stream);
    stream->next_out = inflated, stream->avail_out = INFLATED_BYTES;
    feed_inflater(stream, bytes, size);
    feed_inflater(stream, tail, sizeof tail);
    return INFLATED_BYTES - stream->avail_out;
}
