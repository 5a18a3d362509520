/* Refuses hard links, as FAT and some file servers do; for LD_PRELOAD. What the kernel looks at first comes first. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int linkat(int from, const char *source, int to, const char *target, int flags) {
    struct stat facts;
    (void)flags;
    if (fstatat(from, source, &facts, AT_SYMLINK_NOFOLLOW)) return -1;
    errno = fstatat(to, target, &facts, AT_SYMLINK_NOFOLLOW) ? EPERM : EEXIST;
    return -1;
}

int link(const char *source, const char *target) { return linkat(AT_FDCWD, source, AT_FDCWD, target, 0); }
