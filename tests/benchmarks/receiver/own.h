/* Every client its own instruments: which they are, how they are asked for, and that these came and no others.
 *
 * Client i draws --own-each of SYM0000 to SYM(--own-of - 1) by a generator seeded with i: the same in every run, for
 * every server. `n` counts an instrument's ticks without a hole, so a tick that is missing or comes twice shows.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { OWN_SYMBOL_BYTES = 16 }; /* of a symbol in a list, with its quotes and comma */

typedef struct {
    int64_t *last_n; /* by place in the client's own choice; 0: none came */
    uint8_t *place;  /* by instrument: 1 + its place, or 0 where it was not asked for */
} own;

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void choose_own(own *o, uint64_t client, int of, int each) {
    uint64_t state = client;
    o->last_n = calloc((size_t)each, sizeof *o->last_n);
    o->place = calloc((size_t)of, 1);
    if (!o->last_n || !o->place) die("out of memory");
    for (int chosen = 0; chosen < each;) {
        uint64_t instrument = next_random(&state) % (uint64_t)of;
        if (!o->place[instrument]) o->place[instrument] = (uint8_t)++chosen;
    }
}

/* Writes `message` with its @ replaced by the client's symbols; returns the bytes. */
static size_t write_own(const own *o, int of, const char *message, char *out, size_t room) {
    const char *at = strchr(message, '@');
    if (!at) die("no @ in the message that is to name a client's own instruments");
    size_t size = (size_t)snprintf(out, room, "%.*s", (int)(at - message), message);
    const char *comma = "";
    for (int i = 0; i < of && size + OWN_SYMBOL_BYTES < room; i++)
        if (o->place[i]) size += (size_t)snprintf(out + size, room - size, "%s\"SYM%04d\"", comma, i), comma = ",";
    size += (size_t)snprintf(out + size, room - size, "%s", at + 1);
    if (size >= room) die("a message of ours is too long");
    return size;
}

typedef struct {
    uint64_t foreign, gaps;
} own_faults;

static void check_own(own *o, int of, const char *text, size_t size, own_faults *faults) {
    static const char key[] = "\"sym\":\"SYM";
    const char *end = text + size;
    while ((text = memmem(text, (size_t)(end - text), key, sizeof key - 1))) {
        int64_t instrument = integer_after(text, (size_t)(end - text), key);
        int64_t n = integer_after(text, (size_t)(end - text), "\"n\":");
        text += sizeof key - 1;
        if (instrument >= of || !o->place[instrument]) {
            faults->foreign++;
            continue;
        }
        int64_t *last = &o->last_n[o->place[instrument] - 1];
        if (*last && n != *last + 1) faults->gaps++;
        *last = n;
    }
}

static uint64_t missing_of(const own *o, int each) {
    uint64_t missing = 0;
    for (int i = 0; i < each; i++) missing += o->last_n[i] == 0;
    return missing;
}
