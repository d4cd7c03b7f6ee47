/* receiver: N WebSocket clients (or, with --events, N readers of server-sent events) in one thread, counting what one
 * server delivers.
 *
 * 1. Opens --idle connections (if any), prints "idle ready" when each was sent the --idle-marker, waits for a line on stdin.
 * 2. Opens --clients connections; each is ready once it has received a tick, so no slow ramp hides in the window.
 * 3. Warms up, prints "ready", measures for --seconds, prints one line of JSON, and holds all connections until stdin
 *    says a line or ends: closing them is work for the server that must not fall into somebody's CPU reading.
 *
 * Options let every client ask for instruments of its own (own.h), offer compression (inflate.h), or acknowledge what
 * comes (acks.h).
 *
 * A frame is looked at only when it is whole in memory, so nothing is missed across the boundary of two reads.
 * Refuses what no server here sends: fragmented or masked messages, frames beyond READ_BYTES, and ticks that come
 * uncompressed although the server agreed to compress.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
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

#include "die.h"
#include "histogram.h"
#include "text.h"
#include "frames.h"
#include "acks.h"
#include "own.h"
#include "inflate.h"

enum {
    READ_BYTES = 8 << 20,     /* the largest frame: a reader catching up gets megabytes at once */
    RAMP_PARALLEL = 64,       /* below the smallest listen backlog of the servers compared (100) */
    RAMP_TIMEOUT_S = 90,      /* without progress; a saturated server lets clients in slowly */
    PORTS_PER_SOURCE = 20000, /* below the 28,231 ephemeral ports one source address has by default */
    EVENTS = 512,
    MESSAGE_BYTES = 4096,     /* the longest of ours */
};

typedef enum { CONNECTING, REQUESTED, SUBSCRIBED, READY, GONE } stage;

typedef struct {
    int fd;
    stage stage;
    bool idle;
    int64_t seq;
    uint8_t *rest; /* an incomplete frame, kept until its end arrives */
    size_t rest_bytes;
    own own;            /* with --own-each */
    acks *acks;         /* with --ack-batch */
    z_stream *inflater; /* once the server agreed to compress */
} connection;

static struct {
    int port, clients, idle;
    bool events;
    double warmup_s, seconds;
    int64_t seq_step, step_ticks, step_us;
    int own_of, own_each, window, ack_batch;
    const char *path, *protocol, *message, *marker, *idle_message, *idle_marker, *deflate;
} option = {.path = "/", .message = "", .marker = "\"px\":", .idle_message = "", .idle_marker = "\"subscribed\"",
            .warmup_s = 1, .seconds = 5};

static struct {
    uint64_t ticks, messages, bytes, deflated, acks, seq_gaps, seq_disorder, disconnects;
    own_faults own;
} seen;

static connection *connections;
static int opened, ready_count, poller;
static int64_t schedule_us = INT64_MAX; /* wall clock at which seq 0 was due; refined until the window begins */
static bool warming = true, holding; /* holding: stdin has not spoken since we began to wait for it */
static uint8_t *buffer;

static int64_t now_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- one frame in, one frame out ---- */

static void send_all(connection *c, const void *bytes, size_t size) {
    if (send(c->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) die("cannot send %zu bytes: %s", size, strerror(errno));
}

static void send_frame(connection *c, int opcode, const char *payload, size_t size) {
    uint8_t frame[MESSAGE_BYTES];
    if (size > sizeof frame - FRAME_HEAD_BYTES) die("a message of ours is too long: %zu bytes", size);
    send_all(c, frame, (size_t)(put_frame(frame, opcode, payload, size) - frame));
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

static void acknowledge(connection *c, int64_t seq) {
    uint8_t frames[ACK_BATCH_MAX * ACK_BYTES];
    if (!owe_ack(c->acks, seq, option.ack_batch)) return;
    seen.acks += (uint64_t)c->acks->count;
    send_all(c, frames, put_acks(c->acks, frames));
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
    if (c->own.place) check_own(&c->own, option.own_of, text, size, &seen.own);
    if (seq > 0 && c->acks) acknowledge(c, seq);
}

static void on_deflated(connection *c, const char *payload, size_t size) {
    if (!c->inflater) die("a compressed message, though no compression was agreed on");
    size = inflate_message(c->inflater, (const uint8_t *)payload, size);
    seen.deflated++;
    on_message(c, (const char *)inflated, size);
}

static void on_plain(connection *c, const char *payload, size_t size) {
    if (c->inflater && memmem(payload, size, option.marker, strlen(option.marker))) die("ticks came uncompressed");
    on_message(c, payload, size);
}

static void on_gone(connection *c) {
    if (c->stage != READY) die("the server closed a connection before it was ready");
    seen.disconnects++;
    c->stage = GONE;
    close(c->fd);
}

static void on_frame(connection *c, uint8_t head, const char *payload, size_t size) {
    if (head == 0x81 || head == 0x82) on_plain(c, payload, size);
    else if (head == 0xc1 || head == 0xc2) on_deflated(c, payload, size);
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
    if (option.own_each && !idle) choose_own(&c->own, (uint64_t)(opened - option.idle), option.own_of, option.own_each);
    if (option.ack_batch && !idle && !(c->acks = calloc(1, sizeof *c->acks))) die("out of memory");
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
    int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s%s%s%s%s\r\n",
                          option.path, option.port, option.events ? "" :
                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                          option.protocol ? "Sec-WebSocket-Protocol: " : "",
                          option.protocol ? option.protocol : "", option.protocol ? "\r\n" : "",
                          option.deflate ? "Sec-WebSocket-Extensions: " : "",
                          option.deflate ? option.deflate : "", option.deflate ? "\r\n" : "");
    if (length < 0 || (size_t)length >= sizeof head) die("the request is too long");
    send_all(c, head, (size_t)length);
    c->stage = REQUESTED;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - connections)};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void agree_on_compression(connection *c, const char *head, size_t size) {
    if (!memmem(head, size, "permessage-deflate", 18)) die("the server does not compress");
    bool forgets = memmem(head, size, "server_no_context_takeover", 26);
    c->inflater = forgets ? inflater_without_context() : new_inflater();
}

static void subscribe(connection *c) {
    char text[MESSAGE_BYTES];
    if (option.window && !c->idle)
        send_frame(c, 1, text, (size_t)snprintf(text, sizeof text, "{\"op\":\"window\",\"size\":%d}", option.window));
    const char *message = c->idle ? option.idle_message : option.message;
    if (c->own.place) send_frame(c, 1, text, write_own(&c->own, option.own_of, message, text, sizeof text));
    else send_frame(c, 1, message, strlen(message));
}

/* Returns the size of the answer's head, or 0 while it is incomplete. */
static size_t take_head(connection *c, const uint8_t *bytes, size_t size) {
    const uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *wanted = option.events ? "HTTP/1.1 200" : "HTTP/1.1 101";
    if (size < 12 || memcmp(bytes, wanted, 12)) die("refused: %.*s", (int)(end - bytes), (const char *)bytes);
    c->stage = SUBSCRIBED;
    if (option.deflate) agree_on_compression(c, (const char *)bytes, (size_t)(end - bytes));
    if (!option.events) subscribe(c);
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

static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    int64_t us = used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)us / 1e6;
}

static uint64_t missing_ticks(void) {
    uint64_t missing = 0;
    for (int i = 0; i < opened; i++)
        if (connections[i].own.place) missing += missing_of(&connections[i].own, option.own_each);
    return missing;
}

static void report(double seconds, double receiver_cpu_s) {
    printf("{\"connections\":%d,\"ticks\":%lu,\"messages\":%lu,\"bytes\":%lu,\"seconds\":%.6f,", option.clients,
           seen.ticks, seen.messages, seen.bytes, seconds);
    printf("\"latency_us\":{\"p50\":%lu,\"p90\":%lu,\"p99\":%lu,\"p99.9\":%lu,\"max\":%lu},", percentile(.5),
           percentile(.9), percentile(.99), percentile(.999), latency.max_us);
    printf("\"deflated\":%lu,\"acks\":%lu,\"receiver_cpu_s\":%.3f,", seen.deflated, seen.acks, receiver_cpu_s);
    printf("\"seq_gaps\":%lu,\"seq_disorder\":%lu,\"disconnects\":%lu,", seen.seq_gaps + seen.own.gaps,
           seen.seq_disorder, seen.disconnects);
    printf("\"foreign\":%lu,\"missing\":%lu}\n", seen.own.foreign, missing_ticks());
    fflush(stdout);
}

static void measure(void) {
    run_for(option.warmup_s);
    uint64_t disconnects = seen.disconnects; /* one lost while warming up is lost for the window too */
    memset(&seen, 0, sizeof seen);
    forget_latency();
    seen.disconnects = disconnects;
    warming = false;
    say("ready");
    int64_t start_us = now_us(CLOCK_MONOTONIC);
    double before_s = cpu_s();
    run_for(option.seconds);
    report((double)(now_us(CLOCK_MONOTONIC) - start_us) / 1e6, cpu_s() - before_s);
}

static void parse_options(int argc, char **argv) {
    enum { PORT, PATH, PROTOCOL, CLIENTS, MESSAGE, MARKER, WARMUP, SECONDS, SEQ_STEP, STEP_TICKS, STEP_US, IDLE,
           IDLE_MESSAGE, IDLE_MARKER, EVENT_STREAM, OWN_OF, OWN_EACH, WINDOW, ACK_BATCH, DEFLATE };
    static const struct option names[] = {
        {"port", 1, 0, PORT},         {"path", 1, 0, PATH},         {"protocol", 1, 0, PROTOCOL},
        {"clients", 1, 0, CLIENTS},   {"message", 1, 0, MESSAGE},   {"marker", 1, 0, MARKER},
        {"warmup", 1, 0, WARMUP},     {"seconds", 1, 0, SECONDS},   {"seq-step", 1, 0, SEQ_STEP},
        {"step-ticks", 1, 0, STEP_TICKS}, {"step-us", 1, 0, STEP_US}, {"idle", 1, 0, IDLE},
        {"idle-message", 1, 0, IDLE_MESSAGE}, {"idle-marker", 1, 0, IDLE_MARKER},
        {"events", 0, 0, EVENT_STREAM}, {"own-of", 1, 0, OWN_OF},   {"own-each", 1, 0, OWN_EACH},
        {"window", 1, 0, WINDOW},     {"ack-batch", 1, 0, ACK_BATCH}, {"deflate", 1, 0, DEFLATE}, {0}};
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
        case OWN_OF: option.own_of = atoi(optarg); break;
        case OWN_EACH: option.own_each = atoi(optarg); break;
        case WINDOW: option.window = atoi(optarg); break;
        case ACK_BATCH: option.ack_batch = atoi(optarg); break;
        case DEFLATE: option.deflate = optarg; break;
        default: exit(2);
        }
    if (option.port <= 0 || option.clients < 0 || option.idle < 0) die("--port is missing, or a count is negative");
    if (option.own_each < 0 || option.own_each > 255 || option.own_each > option.own_of)
        die("--own-each: at most 255, and at most --own-of");
    if (option.ack_batch < 0 || option.ack_batch > ACK_BATCH_MAX) die("--ack-batch: at most %d", ACK_BATCH_MAX);
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
