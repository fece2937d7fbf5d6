/* The sandbox of a unit without the service manager, for tests: see tests/src/harness/sandbox.rs.
 *
 *     sandbox [--families NAME,NAME...] [--no-network] [--umask OCTAL] PROGRAM [ARGUMENT...]
 *     sandbox --try WHAT
 *
 * The first form gives up everything that a unit on NixOS does without, and becomes the program: no capabilities, not
 * root, the system calls of system-calls.txt only, sockets of the families named only, no memory that is writable and
 * executable, no name spaces, with --no-network no interface but a loopback that is down.
 *
 * The second tries something that the first is to stop. It ends with 0 when it could, with the error number when not.
 *
 * SYSTEM_CALLS is a generated header: ALLOW(name) or REFUSE(name) for each call that the kernel's headers know.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the sandbox of tests knows x86_64 and aarch64"
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* Exit codes of the sandbox itself; the harness knows them. */
enum { CANNOT = 125, MISUSED = 126 };
/* nobody: root without capabilities is treated as root by programs that ask who they are. */
enum { NOBODY = 65534 };

static void must(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "sandbox: %s: %s\n", what, strerror(errno));
        exit(CANNOT);
    }
}

/* A filter, grown by one instruction at a time. */
static struct sock_filter code[4096];
static unsigned short length;

static void add(unsigned short operation, unsigned value, unsigned char skip_if, unsigned char skip_else) {
    code[length++] = (struct sock_filter){operation, skip_if, skip_else, value};
}
static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0); }
static void answer(unsigned action) { add(BPF_RET | BPF_K, action, 0, 0); }
/* The next instruction is for this call only. */
static void if_call(long number) { add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1); }

/* The lower half of an argument: all machines that we know are little-endian. */
static size_t argument(int number) { return offsetof(struct seccomp_data, args) + 8 * (size_t)number; }

static void begin(void) {
    length = 0;
    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(struct seccomp_data, nr));
}

static void install(const char *what) {
    struct sock_fprog program = {length, code};
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, what);
}

/* SystemCallFilter= */
static void filter_calls(void) {
    begin();
#define ALLOW(name) (if_call(__NR_##name), answer(SECCOMP_RET_ALLOW))
#define REFUSE(name) (if_call(__NR_##name), answer(SECCOMP_RET_KILL_PROCESS))
#include SYSTEM_CALLS
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    install("the filter of system calls");
}

/* A call whose argument has all of these bits fails. */
static void refuse_bits(long number, int which, unsigned bits) {
    begin();
    add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 1, 0);
    answer(SECCOMP_RET_ALLOW);
    load(argument(which));
    add(BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1);
    answer(SECCOMP_RET_ERRNO | EPERM);
    answer(SECCOMP_RET_ALLOW);
    install("the filter of memory and name spaces");
}

/* Its flags are out of a filter's sight: C libraries fall back to clone, as under systemd. */
static void hide_clone3(void) {
    begin();
    if_call(__NR_clone3);
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    answer(SECCOMP_RET_ALLOW);
    install("the filter of clone3");
}

/* MemoryDenyWriteExecute= and RestrictNamespaces= */
static void filter_memory_and_spaces(void) {
    /* Kernels from 6.3; the filters below are for all. */
    prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
    refuse_bits(__NR_mmap, 2, PROT_WRITE | PROT_EXEC);
    refuse_bits(__NR_mprotect, 2, PROT_EXEC);
    refuse_bits(__NR_shmat, 2, SHM_EXEC);
    static const unsigned spaces[] = {CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        refuse_bits(__NR_unshare, 0, spaces[i]);
        refuse_bits(__NR_clone, 0, spaces[i]);
    }
    hide_clone3();
}

/* RestrictAddressFamilies=: a comma-separated list of unix, inet, inet6, netlink. socketpair() is not concerned. */
static void filter_families(char *names) {
    static const struct { const char *name; int family; } known[] = {
        {"unix", AF_UNIX}, {"inet", AF_INET}, {"inet6", AF_INET6}, {"netlink", AF_NETLINK}};
    begin();
    add(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 1, 0);
    answer(SECCOMP_RET_ALLOW);
    load(argument(0));
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        int found = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (strcmp(name, known[i].name) == 0) {
                if_call(known[i].family);
                answer(SECCOMP_RET_ALLOW);
                found = 1;
            }
        if (!found)
            exit(MISUSED);
    }
    answer(SECCOMP_RET_ERRNO | EAFNOSUPPORT);
    install("the filter of address families");
}

/* PrivateNetwork= */
static void leave_network(void) {
    must(unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0, "a network of its own");
}

/* User=, CapabilityBoundingSet=, NoNewPrivileges= */
static void drop_privileges(void) {
    if (geteuid() == 0) {
        for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
            must(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, "the bounding set");
        must(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0, "the group");
        must(setresuid(NOBODY, NOBODY, NOBODY) == 0, "the user");
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    must(syscall(SYS_capset, &header, none) == 0, "no capabilities");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
}

/* Each is harmless where it is allowed. */
static int try(const char *what) {
    void *page = NULL;
    errno = 0;
    if (strcmp(what, "nothing") == 0)
        return 0;
    if (strcmp(what, "chown") == 0)
        return fchown(STDERR_FILENO, (uid_t)-1, (gid_t)-1);
    if (strcmp(what, "priority") == 0)
        return setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0));
    if (strcmp(what, "unix") == 0)
        return socket(AF_UNIX, SOCK_DGRAM, 0) < 0;
    if (strcmp(what, "inet") == 0)
        return socket(AF_INET, SOCK_STREAM, 0) < 0;
    if (strcmp(what, "inet6") == 0)
        return socket(AF_INET6, SOCK_STREAM, 0) < 0;
    if (strcmp(what, "netlink") == 0)
        return socket(AF_NETLINK, SOCK_RAW, 0) < 0;
    if (strcmp(what, "packet") == 0)
        return socket(AF_PACKET, SOCK_RAW, 0) < 0;
    if (strcmp(what, "write-execute") == 0)
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
    if (strcmp(what, "make-executable") == 0) {
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mprotect(page, 4096, PROT_READ | PROT_EXEC);
    }
    if (strcmp(what, "space") == 0)
        return unshare(CLONE_NEWNET);
    if (strcmp(what, "capabilities") == 0) { /* any that is left */
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct have[2] = {{0, 0, 0}, {0, 0, 0}};
        errno = EPERM;
        return syscall(SYS_capget, &header, have) != 0 || (have[0].permitted | have[1].permitted) == 0;
    }
    if (strncmp(what, "connect:", 8) == 0) {
        struct sockaddr_in address = {AF_INET, htons((unsigned short)atoi(what + 8)), {htonl(INADDR_LOOPBACK)}, {0}};
        return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
    }
    exit(MISUSED);
}

int main(int count, char **arguments) {
    char *families = NULL;
    int no_network = 0;
    arguments++;
    if (count == 3 && strcmp(*arguments, "--try") == 0)
        return try(arguments[1]) ? errno : 0;
    for (; *arguments && strncmp(*arguments, "--", 2) == 0; arguments++) {
        if (strcmp(*arguments, "--families") == 0 && arguments[1])
            families = *++arguments;
        else if (strcmp(*arguments, "--no-network") == 0)
            no_network = 1;
        else if (strcmp(*arguments, "--umask") == 0 && arguments[1])
            umask((mode_t)strtol(*++arguments, NULL, 8));
        else
            return MISUSED;
    }
    if (!*arguments)
        return MISUSED;
    if (no_network)
        leave_network();
    drop_privileges();
    if (families)
        filter_families(families);
    filter_memory_and_spaces();
    filter_calls();
    execv(*arguments, arguments);
    must(0, *arguments);
}
