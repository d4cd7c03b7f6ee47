/* receiver: N WebSocket clients (or, with --events, N readers of server-sent events) in one thread, counting what one
 * server delivers.
 *
 * 1. Opens --idle connections (if any), prints "idle ready" when each was sent the --idle-marker, waits for a line on stdin.
 * 2. Opens --clients connections; each is ready once it has received a tick, so no slow ramp hides in the window.
 * 3. Warms up, prints "ready", measures for --seconds, prints one line of JSON, and holds all connections until stdin
 *    says a line or ends: closing them is work for the server that must not fall into somebody's CPU reading.
 *
 * A frame is looked at only when it is whole in memory, so nothing is missed across the boundary of two reads.
 * Refuses what no server here sends: fragmented, compressed or masked messages, and frames beyond READ_BYTES.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 8 << 20,     /* the largest frame: a reader catching up gets megabytes at once */
    RAMP_PARALLEL = 64,       /* below the smallest listen backlog of the servers compared (100) */
    RAMP_TIMEOUT_S = 90,      /* without progress; a saturated server lets clients in slowly */
    PORTS_PER_SOURCE = 20000, /* below the 28,231 ephemeral ports one source address has by default */
    EVENTS = 512,
    SUB_BITS = 6,             /* 64 buckets per power of two: percentiles within 1.6 % */
    BUCKETS = 64 << SUB_BITS,
};

typedef enum { CONNECTING, REQUESTED, SUBSCRIBED, READY, GONE } stage;

typedef struct {
    int fd;
    stage stage;
    bool idle;
    int64_t seq;
    uint8_t *rest; /* an incomplete frame, kept until its end arrives */
    size_t rest_bytes;
} connection;

static struct {
    int port, clients, idle;
    bool events;
    double warmup_s, seconds;
    int64_t seq_step, step_ticks, step_us;
    const char *path, *protocol, *message, *marker, *idle_message, *idle_marker;
} option = {.path = "/", .message = "", .marker = "\"px\":", .idle_message = "", .idle_marker = "\"subscribed\"",
            .warmup_s = 1, .seconds = 5};

static struct {
    uint64_t ticks, messages, bytes, seq_gaps, seq_disorder, disconnects, latencies, latency_max_us;
    uint64_t latency[BUCKETS];
} seen;

static connection *connections;
static int opened, ready_count, poller;
static int64_t schedule_us = INT64_MAX; /* wall clock at which seq 0 was due; refined until the window begins */
static bool warming = true, holding; /* holding: stdin has not spoken since we began to wait for it */
static uint8_t *buffer;

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("receiver: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static int64_t now_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- latency: log-linear buckets, as in HdrHistogram ---- */

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
    seen.latency[bucket_of(value)]++;
    seen.latencies++;
    if (value > seen.latency_max_us) seen.latency_max_us = value;
}

static uint64_t percentile(double share) {
    uint64_t rank = (uint64_t)(share * (double)seen.latencies), sum = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++)
        if ((sum += seen.latency[bucket]) > rank) return bucket_value(bucket);
    return seen.latency_max_us;
}

/* ---- one frame in, one frame out ---- */

static void send_all(connection *c, const void *bytes, size_t size) {
    if (send(c->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) die("cannot send %zu bytes: %s", size, strerror(errno));
}

static void send_frame(connection *c, int opcode, const char *payload, size_t size) {
    uint8_t frame[4096], *at = frame;
    if (size > sizeof frame - 8) die("a message of ours is too long: %zu bytes", size);
    *at++ = (uint8_t)(0x80 | opcode);
    if (size < 126) *at++ = (uint8_t)(0x80 | size);
    else *at++ = 0x80 | 126, *at++ = (uint8_t)(size >> 8), *at++ = (uint8_t)size;
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    memcpy(at, mask, 4), at += 4;
    for (size_t i = 0; i < size; i++) *at++ = (uint8_t)payload[i] ^ mask[i & 3];
    send_all(c, frame, (size_t)(at - frame));
}

static uint64_t occurrences(const char *text, size_t size, const char *word) {
    uint64_t count = 0;
    size_t word_bytes = strlen(word);
    const char *end = text + size;
    for (const char *hit; (hit = memmem(text, (size_t)(end - text), word, word_bytes)); text = hit + word_bytes) count++;
    return count;
}

static int64_t integer_after(const char *text, size_t size, const char *key) {
    const char *hit = memmem(text, size, key, strlen(key)), *end = text + size;
    if (!hit) return -1;
    int64_t value = 0;
    for (hit += strlen(key); hit < end && *hit >= '0' && *hit <= '9'; hit++) value = value * 10 + (*hit - '0');
    return value;
}

static void check_seq(connection *c, int64_t seq, uint64_t ticks) {
    int64_t steps = option.step_ticks ? (int64_t)ticks / option.step_ticks : 1;
    if (c->seq && seq <= c->seq) seen.seq_disorder++;
    else if (c->seq && option.seq_step && seq != c->seq + option.seq_step * steps) seen.seq_gaps++;
    c->seq = seq;
}

/* A server that stamps `ts` when it emits would hide that it was late. Its steps are --step-us apart, so the least late
 * one seen before the window tells when all the others were due. Without a seq (or --step-us 0), `ts` is the schedule. */
static int64_t due_us(int64_t ts, int64_t seq) {
    if (seq <= 0 || !option.step_us) return ts;
    int64_t offset_us = ts - seq * option.step_us;
    if (warming && offset_us < schedule_us) schedule_us = offset_us;
    return schedule_us + seq * option.step_us;
}

static void become_ready(connection *c) {
    if (c->stage != SUBSCRIBED) return;
    c->stage = READY;
    ready_count++;
}

static void on_message(connection *c, const char *text, size_t size) {
    if (c->idle && memmem(text, size, option.idle_marker, strlen(option.idle_marker))) become_ready(c);
    uint64_t ticks = occurrences(text, size, option.marker);
    seen.messages++;
    if (!ticks) return;
    seen.ticks += ticks;
    if (!c->idle) become_ready(c);
    int64_t ts = integer_after(text, size, "\"ts\":"), seq = integer_after(text, size, "\"seq\":");
    if (ts > 0) record_latency(now_us(CLOCK_REALTIME) - due_us(ts, seq));
    if (seq > 0) check_seq(c, seq, ticks);
}

static void on_gone(connection *c) {
    if (c->stage != READY) die("the server closed a connection before it was ready");
    seen.disconnects++;
    c->stage = GONE;
    close(c->fd);
}

static void on_frame(connection *c, uint8_t head, const char *payload, size_t size) {
    if (head == 0x81 || head == 0x82) on_message(c, payload, size);
    else if (head == 0x89) send_frame(c, 10, payload, size);
    else if (head == 0x88) on_gone(c);
    else if (head != 0x8a) die("a frame that no server here should send: first byte 0x%02x", head);
}

/* Handles every whole frame and returns how many bytes they were. */
static size_t take_frames(connection *c, const uint8_t *bytes, size_t size) {
    size_t at = 0;
    while (c->stage != GONE && size - at >= 2) {
        const uint8_t *head = bytes + at;
        size_t head_bytes = 2 + (head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0);
        if (head[1] & 0x80) die("a masked frame from a server");
        if (size - at < head_bytes) break;
        uint64_t length = head[1];
        if (length == 126) length = (uint64_t)head[2] << 8 | head[3];
        else if (length == 127) memcpy(&length, head + 2, 8), length = be64toh(length);
        if (length > READ_BYTES - head_bytes) die("a frame of %llu bytes", (unsigned long long)length);
        if (size - at - head_bytes < length) break;
        at += head_bytes + length;
        on_frame(c, head[0], (const char *)head + head_bytes, length);
    }
    return at;
}

/* The same for events: blocks of lines, each ended by an empty one. */
static size_t take_events(connection *c, const uint8_t *bytes, size_t size) {
    size_t at = 0;
    for (const uint8_t *end; (end = memmem(bytes + at, size - at, "\n\n", 2)); at = (size_t)(end - bytes) + 2)
        on_message(c, (const char *)bytes + at, (size_t)(end - bytes) - at);
    return at;
}

/* ---- one connection: connect, upgrade, subscribe, read ---- */

static void open_connection(bool idle) {
    connection *c = &connections[opened];
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(opened / PORTS_PER_SOURCE));
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server.sin_port = htons((uint16_t)option.port);
    int on = 1;
    c->idle = idle;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket %d: %s (see ulimit -Hn)", opened, strerror(errno));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&source, sizeof source)) die("bind: %s", strerror(errno));
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) die("connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)opened++};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void request(connection *c) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) die("connect: %s", strerror(error));
    char head[1024];
    int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s%s\r\n",
                          option.path, option.port, option.events ? "" :
                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                          option.protocol ? "Sec-WebSocket-Protocol: " : "",
                          option.protocol ? option.protocol : "", option.protocol ? "\r\n" : "");
    if (length < 0 || (size_t)length >= sizeof head) die("the request is too long");
    send_all(c, head, (size_t)length);
    c->stage = REQUESTED;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - connections)};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

/* Returns the size of the answer's head, or 0 while it is incomplete. */
static size_t take_head(connection *c, const uint8_t *bytes, size_t size) {
    const uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *wanted = option.events ? "HTTP/1.1 200" : "HTTP/1.1 101";
    if (size < 12 || memcmp(bytes, wanted, 12)) die("refused: %.*s", (int)(end - bytes), (const char *)bytes);
    c->stage = SUBSCRIBED;
    if (option.events) return (size_t)(end - bytes) + 4;
    const char *message = c->idle ? option.idle_message : option.message;
    send_frame(c, 1, message, strlen(message));
    return (size_t)(end - bytes) + 4;
}

static void keep_rest(connection *c, const uint8_t *bytes, size_t size) {
    free(c->rest);
    c->rest = NULL;
    c->rest_bytes = size;
    if (!size) return;
    if (!(c->rest = malloc(size))) die("out of memory");
    memcpy(c->rest, bytes, size);
}

static void on_readable(connection *c) {
    if (c->rest_bytes) memcpy(buffer, c->rest, c->rest_bytes);
    ssize_t got = read(c->fd, buffer + c->rest_bytes, READ_BYTES - c->rest_bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        on_gone(c);
        return;
    }
    seen.bytes += (uint64_t)got;
    size_t size = c->rest_bytes + (size_t)got, used = 0;
    if (c->stage == REQUESTED) used = take_head(c, buffer, size);
    if (c->stage != REQUESTED) used += (option.events ? take_events : take_frames)(c, buffer + used, size - used);
    keep_rest(c, buffer + used, c->stage == GONE ? 0 : size - used);
}

/* ---- the run ---- */

static void on_stdin(void) {
    char line[256];
    if (read(STDIN_FILENO, line, sizeof line) >= 0) holding = false;
}

static void poll_once(int timeout_ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, timeout_ms);
    if (count < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == UINT32_MAX) {
            on_stdin();
            continue;
        }
        connection *c = &connections[events[i].data.u32];
        if (c->stage == CONNECTING) request(c);
        else if (c->stage != GONE) on_readable(c);
    }
}

static void ramp(int wanted, bool idle) {
    int target = opened + wanted, before = ready_count;
    int64_t deadline_us = now_us(CLOCK_MONOTONIC) + RAMP_TIMEOUT_S * 1000000LL;
    while (ready_count < target) {
        while (opened < target && opened - ready_count < RAMP_PARALLEL) open_connection(idle);
        poll_once(100);
        if (ready_count > before) deadline_us = now_us(CLOCK_MONOTONIC) + RAMP_TIMEOUT_S * 1000000LL;
        else if (now_us(CLOCK_MONOTONIC) > deadline_us) die("no progress: %d of %d are ready", ready_count, target);
        before = ready_count;
    }
}

static void run_for(double seconds) {
    int64_t end_us = now_us(CLOCK_MONOTONIC) + (int64_t)(seconds * 1e6), left_us;
    while ((left_us = end_us - now_us(CLOCK_MONOTONIC)) > 0) poll_once((int)(left_us / 1000) + 1);
}

static void hold_until_stdin(void) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    for (holding = true; holding;) poll_once(-1);
    epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

static void say(const char *line) {
    puts(line);
    fflush(stdout);
}

static void report(double seconds) {
    printf("{\"connections\":%d,\"ticks\":%lu,\"messages\":%lu,\"bytes\":%lu,\"seconds\":%.6f,", option.clients, seen.ticks,
           seen.messages, seen.bytes, seconds);
    printf("\"latency_us\":{\"p50\":%lu,\"p90\":%lu,\"p99\":%lu,\"p99.9\":%lu,\"max\":%lu},", percentile(.5), percentile(.9),
           percentile(.99), percentile(.999), seen.latency_max_us);
    printf("\"seq_gaps\":%lu,\"seq_disorder\":%lu,\"disconnects\":%lu}\n", seen.seq_gaps, seen.seq_disorder, seen.disconnects);
    fflush(stdout);
}

static void measure(void) {
    run_for(option.warmup_s);
    uint64_t disconnects = seen.disconnects; /* one lost while warming up is lost for the window too */
    memset(&seen, 0, sizeof seen);
    seen.disconnects = disconnects;
    warming = false;
    say("ready");
    int64_t start_us = now_us(CLOCK_MONOTONIC);
    run_for(option.seconds);
    report((double)(now_us(CLOCK_MONOTONIC) - start_us) / 1e6);
}

static void parse_options(int argc, char **argv) {
    enum { PORT, PATH, PROTOCOL, CLIENTS, MESSAGE, MARKER, WARMUP, SECONDS, SEQ_STEP, STEP_TICKS, STEP_US, IDLE,
           IDLE_MESSAGE, IDLE_MARKER, EVENT_STREAM };
    static const struct option names[] = {
        {"port", 1, 0, PORT},         {"path", 1, 0, PATH},         {"protocol", 1, 0, PROTOCOL},
        {"clients", 1, 0, CLIENTS},   {"message", 1, 0, MESSAGE},   {"marker", 1, 0, MARKER},
        {"warmup", 1, 0, WARMUP},     {"seconds", 1, 0, SECONDS},   {"seq-step", 1, 0, SEQ_STEP},
        {"step-ticks", 1, 0, STEP_TICKS}, {"step-us", 1, 0, STEP_US}, {"idle", 1, 0, IDLE},
        {"idle-message", 1, 0, IDLE_MESSAGE}, {"idle-marker", 1, 0, IDLE_MARKER},
        {"events", 0, 0, EVENT_STREAM}, {0}};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (name) {
        case PORT: option.port = atoi(optarg); break;
        case PATH: option.path = optarg; break;
        case PROTOCOL: option.protocol = optarg; break;
        case CLIENTS: option.clients = atoi(optarg); break;
        case MESSAGE: option.message = optarg; break;
        case MARKER: option.marker = optarg; break;
        case WARMUP: option.warmup_s = atof(optarg); break;
        case SECONDS: option.seconds = atof(optarg); break;
        case SEQ_STEP: option.seq_step = atoll(optarg); break;
        case STEP_TICKS: option.step_ticks = atoll(optarg); break;
        case STEP_US: option.step_us = atoll(optarg); break;
        case IDLE: option.idle = atoi(optarg); break;
        case IDLE_MESSAGE: option.idle_message = optarg; break;
        case IDLE_MARKER: option.idle_marker = optarg; break;
        case EVENT_STREAM: option.events = true; break;
        default: exit(2);
        }
    if (option.port <= 0 || option.clients < 0 || option.idle < 0) die("--port is missing, or a count is negative");
}

static void prepare(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a killed harness leaves no receiver behind */
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)(option.clients + option.idle) + 1, sizeof *connections);
    buffer = malloc(READ_BYTES);
    if (poller < 0 || !connections || !buffer) die("cannot prepare: %s", strerror(errno));
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    prepare();
    if (option.idle) {
        ramp(option.idle, true);
        say("idle ready");
        hold_until_stdin();
    }
    ramp(option.clients, false);
    measure();
    hold_until_stdin();
    return 0;
}
