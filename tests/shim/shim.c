/* A disk for tests, by LD_PRELOAD: see tests/src/harness/shim.rs.
 *
 * SHIM_FAULT names a file that holds an error number: writes to databases fail with it, unless it is 0.
 * SHIM_SYNCED names a folder: whenever a database file is synced, its content is copied there. What has a copy
 * outlives a power cut; names do at once, as on a journalling file system.
 *
 * SHIM_CLOCK names a file that holds a number of seconds: the wall clock is off by that. (libfaketime shows the real
 * time for a moment, now and then, to a program whose threads ask at once.)
 *
 * SHIM_STOP names a file that holds a number: the process stops itself (SIGSTOP) when so many times, since the number is
 * there, a database was synced or got another name.
 *
 * SHIM_FROZEN names a file that holds a number: while it is not 0, no datagram is received, and who asks for one waits.
 *
 * SHIM_UNMAPPED, when it is set: the file system has no shared memory mappings.
 *
 * System calls are made directly, so that nothing here calls itself. Contents are read through the descriptor that is
 * synced: to open and close a database a second time would drop the process's locks on it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_database(const char *path) { return path && strstr(path, ".sqlite") != NULL; }

static int open_raw(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0640); }

/* The number in the file that a variable names; 0 where there is none. */
static long number_in(const char *variable) {
    char text[24] = "";
    const char *path = getenv(variable);
    int file = path ? open_raw(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    return length > 0 ? atol(text) : 0;
}

/* The fault of now; 0 when there is none. */
static int fault(void) { return (int)number_in("SHIM_FAULT"); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += number_in("SHIM_CLOCK");
    return result;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int length, int flags, struct timespec *timeout) {
    while (number_in("SHIM_FROZEN") != 0)
        usleep(10000);
    return (int)syscall(SYS_recvmmsg, fd, messages, length, flags, timeout);
}

static int fd_is_database(int fd, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    path[length < 0 ? 0 : length] = 0;
    return is_database(path);
}

/* -1 when the write is to fail. */
static int may_write(int fd) {
    char path[4096];
    int number = fault();
    /* What SQLite only shares between processes is memory, not disk. */
    if (number == 0 || !fd_is_database(fd, path) || strstr(path, "-shm"))
        return 0;
    errno = number;
    return -1;
}

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t at) {
    char path[4096];
    if (getenv("SHIM_UNMAPPED") && fd >= 0 && (flags & MAP_SHARED) && fd_is_database(fd, path)) {
        errno = ENODEV;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, at);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t at) {
    return map(address, length, protection, flags, fd, at);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t at) {
    return map(address, length, protection, flags, fd, at);
}

static void passed(void) {
    static long times;
    long number = number_in("SHIM_STOP");
    times = number == 0 ? 0 : times + 1;
    if (number != 0 && times == number)
        raise(SIGSTOP);
}

static void copy_name(const char *path, char copy[4096]) {
    const char *folder = getenv("SHIM_SYNCED");
    const char *name = strrchr(path, '/');
    copy[0] = 0;
    if (folder)
        snprintf(copy, 4096, "%.3000s/%.1000s", folder, name ? name + 1 : path);
}

static void remember(int fd) {
    char path[4096], copy[4096], whole[4200], bytes[65536];
    struct stat found;
    if (!fd_is_database(fd, path) || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return;
    copy_name(path, copy);
    if (!copy[0])
        return;
    snprintf(whole, sizeof whole, "%s.part", copy);
    int out = open_raw(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    if (out < 0)
        return;
    off_t at = 0;
    ssize_t length;
    while ((length = pread(fd, bytes, sizeof bytes, at)) > 0) {
        if (syscall(SYS_write, out, bytes, length) != length)
            abort();
        at += length;
    }
    close(out);
    syscall(SYS_renameat2, AT_FDCWD, whole, AT_FDCWD, copy, 0);
    passed();
}

int fsync(int fd) {
    int result = may_write(fd) ? -1 : (int)syscall(SYS_fsync, fd);
    if (result == 0)
        remember(fd);
    return result;
}

int fdatasync(int fd) {
    int result = may_write(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
    if (result == 0)
        remember(fd);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return may_write(fd) ? -1 : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return may_write(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    return may_write(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, length, at);
}

int ftruncate(int fd, off_t length) { return may_write(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, length); }

int ftruncate64(int fd, off64_t length) { return may_write(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, length); }

static int names_fail(const char *path) {
    int number = is_database(path) ? fault() : 0;
    /* A full disk still lets names go. */
    if (number == 0 || number == ENOSPC)
        return 0;
    errno = number;
    return -1;
}

int unlink(const char *path) {
    char copy[4096];
    if (names_fail(path))
        return -1;
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (result == 0 && is_database(path)) {
        copy_name(path, copy);
        syscall(SYS_unlinkat, AT_FDCWD, copy, 0);
        errno = 0;
    }
    return result;
}

int rename(const char *from, const char *to) {
    char old[4096], new[4096];
    if (names_fail(from) || names_fail(to))
        return -1;
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (result == 0 && is_database(from)) {
        copy_name(from, old);
        copy_name(to, new);
        syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
        passed();
        errno = 0;
    }
    return result;
}

static int open_checked(const char *path, int flags, mode_t mode) {
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    int creates = (flags & O_CREAT) && access(path, F_OK) != 0;
    int number = writes && is_database(path) ? fault() : 0;
    if (number != 0 && (number != ENOSPC || creates)) {
        errno = number;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_checked(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_checked(path, flags | O_LARGEFILE, mode);
}
