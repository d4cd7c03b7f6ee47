/* How every failure ends: one line on stderr. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("receiver: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}
