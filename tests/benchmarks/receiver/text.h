/* What is looked for in a message: words and integers, without parsing it. */
#include <stdint.h>
#include <string.h>

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
