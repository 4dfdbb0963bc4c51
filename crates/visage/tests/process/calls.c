/* Preloaded into the program: writes down, in order, what it creates, syncs, links and renames, and holds calls up.
 *
 * CALLS names a folder. Its file "log" gets one line for each call, written before the call is answered:
 * "create PATH", "sync PATH", "link FROM TO", "rename FROM TO". While the folder has a file "link" or "rename", such
 * calls in the blob folder wait for its end, having written "held link FROM TO". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *verb, const char *first, const char *second) {
    char line[3 * PATH_MAX];
    char path[PATH_MAX];
    const char *folder = getenv("CALLS");
    if (!folder) abort();
    snprintf(path, sizeof path, "%s/log", folder);
    int length = snprintf(line, sizeof line, "%s %s%s%s\n", verb, first, *second ? " " : "", second);
    if (length < 0 || (size_t)length >= sizeof line) abort();
    int log = NEXT(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || write(log, line, length) != length) abort();
    close(log);
}

static void note_descriptor(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    note("sync", path, "");
}

static void hold(const char *call, const char *from, const char *to) {
    char path[PATH_MAX], held[32];
    snprintf(path, sizeof path, "%s/%s", getenv("CALLS"), call);
    snprintf(held, sizeof held, "held %s", call);
    if (!strstr(to, "/blobs/") || access(path, F_OK) != 0) return;
    note(held, from, to);
    while (access(path, F_OK) == 0) usleep(1000);
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                       \
    int name(const char *path, int flags, ...) {         \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode_t mode = mode_of(flags, rest);              \
        va_end(rest);                                    \
        int result = NEXT(name)(path, flags, mode);      \
        if (result >= 0 && flags & O_CREAT) note("create", path, ""); \
        return result;                                   \
    }

#define OPENAT(name)                                     \
    int name(int folder, const char *path, int flags, ...) { \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode_t mode = mode_of(flags, rest);              \
        va_end(rest);                                    \
        int result = NEXT(name)(folder, path, flags, mode); \
        if (result >= 0 && flags & O_CREAT) note("create", path, ""); \
        return result;                                   \
    }

#define SYNC(name)                                       \
    int name(int descriptor) {                           \
        int result = NEXT(name)(descriptor);             \
        if (result == 0) note_descriptor(descriptor);    \
        return result;                                   \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
SYNC(fsync)
SYNC(fdatasync)

int link(const char *from, const char *to) {
    hold("link", from, to);
    int result = NEXT(link)(from, to);
    if (result == 0) note("link", from, to);
    return result;
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    hold("link", from, to);
    int result = NEXT(linkat)(from_folder, from, to_folder, to, flags);
    if (result == 0) note("link", from, to);
    return result;
}

int rename(const char *from, const char *to) {
    hold("rename", from, to);
    int result = NEXT(rename)(from, to);
    if (result == 0) note("rename", from, to);
    return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    hold("rename", from, to);
    int result = NEXT(renameat)(from_folder, from, to_folder, to);
    if (result == 0) note("rename", from, to);
    return result;
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags) {
    hold("rename", from, to);
    int result = NEXT(renameat2)(from_folder, from, to_folder, to, flags);
    if (result == 0) note("rename", from, to);
    return result;
}
