/* loop: the physical yardstick. Every 10 ms ten ticks become one prepared frame, and each client costs one send().
 *
 * It speaks just enough WebSocket to be asked: the 101, then frames out; what clients say is read and dropped.
 * A client that would block is dropped, not queued. usage: loop [--port N]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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
#include <sys/timerfd.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { INSTRUMENTS = 10, STEP_US = 10000, FDS = 65536, BACKLOG = 1024, EVENTS = 256, HEAD_BYTES = 4 };

static bool is_client[FDS]; /* past its 101 */
static int highest_fd, poller, timer, listener;
static int64_t steps;

/* ---- the handshake: SHA-1 (FIPS 180-4) of one short string, then base64 ---- */

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1_block(uint32_t h[5], const uint8_t *block) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        if (i < 16) memcpy(&w[i], block + 4 * i, 4), w[i] = ntohl(w[i]);
        else w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* A key (24 bytes) and the GUID (36) make 60 bytes: with its padding exactly two blocks. */
static void accept_of(const char *key, char out[29]) {
    uint8_t text[128] = {0}, digest[21] = {0};
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(text, key, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    text[60] = 0x80, text[126] = 60 * 8 >> 8, text[127] = (uint8_t)(60 * 8);
    sha1_block(h, text), sha1_block(h, text + 64);
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | (i < 6 ? digest[3 * i + 2] : 0);
        for (int j = 0; j < 4; j++) out[4 * i + j] = letters[three >> (18 - 6 * j) & 63];
    }
    out[27] = '=', out[28] = 0;
}

static void drop(int fd) {
    is_client[fd] = false;
    close(fd);
}

static void answer_upgrade(int fd, char *request) {
    char *key = strcasestr(request, "Sec-WebSocket-Key: "), accept[29], reply[256];
    if (!key || strlen(key) < 19 + 24) {
        drop(fd);
        return;
    }
    accept_of(key + 19, accept);
    int size = snprintf(reply, sizeof reply,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    if (send(fd, reply, (size_t)size, MSG_NOSIGNAL) != size) drop(fd);
    else is_client[fd] = true;
}

static void on_readable(int fd) {
    char bytes[4097];
    ssize_t got = read(fd, bytes, sizeof bytes - 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(fd);
        return;
    }
    bytes[got] = 0;
    if (!is_client[fd]) answer_upgrade(fd, bytes);
}

static void on_connect(void) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    if (fd >= FDS) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    if (fd > highest_fd) highest_fd = fd;
}

/* ---- one flush ---- */

static int write_tick(char *at, size_t room, int instrument, int64_t t_us) {
    static uint32_t noise = 1;
    noise = noise * 1664525 + 1013904223;
    return snprintf(at, room, "%s{\"ch\":\"trade\",\"sym\":\"SYM%04d\",\"n\":%ld,\"t\":%ld,\"px\":%u.%02u,\"sz\":%u,\"side\":\"%s\"}",
                    instrument ? "," : "", instrument, steps, t_us, 100 + (noise >> 8) % 100, (noise >> 16) % 100,
                    100 * (1 + (noise >> 24) % 9), noise >> 31 ? "buy" : "sell");
}

static size_t write_frame(uint8_t *frame, size_t room, int64_t ts_us) {
    char *text = (char *)frame + HEAD_BYTES;
    size_t size = 0;
    room -= HEAD_BYTES;
    size += (size_t)snprintf(text, room, "{\"type\":\"ticks\",\"seq\":%ld,\"ts\":%ld,\"data\":[", steps, ts_us);
    for (int i = 0; i < INSTRUMENTS; i++) size += (size_t)write_tick(text + size, room - size, i, ts_us);
    size += (size_t)snprintf(text + size, room - size, "]}");
    frame[0] = 0x81, frame[1] = 126, frame[2] = (uint8_t)(size >> 8), frame[3] = (uint8_t)size;
    return HEAD_BYTES + size;
}

static void flush_step(void) {
    static uint8_t frame[4096];
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    steps++;
    size_t size = write_frame(frame, sizeof frame, wall.tv_sec * 1000000L + wall.tv_nsec / 1000);
    for (int fd = 0; fd <= highest_fd; fd++)
        if (is_client[fd] && send(fd, frame, size, MSG_NOSIGNAL) != (ssize_t)size) drop(fd);
}

static void on_timer(void) {
    uint64_t due;
    if (read(timer, &due, sizeof due) != sizeof due) return;
    while (due--) flush_step();
}

/* ---- start ---- */

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void start_timer(void) {
    struct itimerspec every = {.it_interval.tv_nsec = STEP_US * 1000L, .it_value.tv_nsec = STEP_US * 1000L};
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(timer, 0, &every, NULL);
}

static void listen_on(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, BACKLOG)) perror("loop"), exit(1);
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("ws://127.0.0.1:%d/\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void prepare(int port) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a killed harness leaves no server behind */
    poller = epoll_create1(0);
    listen_on((uint16_t)port);
    start_timer();
    watch(listener), watch(timer);
}

int main(int argc, char **argv) {
    struct epoll_event events[EVENTS];
    prepare(argc == 3 && !strcmp(argv[1], "--port") ? atoi(argv[2]) : 0);
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == timer) on_timer();
            else if (events[i].data.fd == listener) on_connect();
            else on_readable(events[i].data.fd);
        }
    }
}
