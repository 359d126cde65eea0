/*
 * The cache on disk: a folder of files, one a key, named by its hash: a header, the whole key, the data.
 *
 * Files are written under another name and renamed when they are complete, so that readers, in other processes too, find whole
 * files or none. What is not a whole file of this library under this key, by its sizes and its checksum, is not there, and is
 * written anew; neither is what another user may have written, since the data will be run. Nothing here is an error: where
 * files cannot be read or written there is no cache.
 */
#define _GNU_SOURCE /* secure_getenv */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/cache.h"
#include "tayra/cache.h"

/* Files of an interrupted writer are removed after so many seconds. */
enum { OLD_AFTER = 600, FILE_VERSION = 1 };

typedef struct header {
    char magic[8];
    uint32_t version, size; /* of this header */
    uint64_t key_size, data_size;
    uint64_t checksum; /* of all the rest */
} header;

static const char magic[8] = "tayracod";

static struct {
    bool off;
    char path[PATH_MAX]; /* "": the environment's */
    size_t limit;
} settings = {.limit = (size_t)256 << 20};

static size_t get_limit(void)
{
    tay__lock();
    size_t limit = settings.limit;
    tay__unlock();
    return limit;
}

/* The folder: set by the program, or TAYRA_CACHE, or by the XDG Base Directory Specification. False: there is none. */
static bool find_folder(char path[PATH_MAX])
{
    const char *wanted = secure_getenv("TAYRA_CACHE"), *xdg = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
    int n;

    tay__lock();
    if (settings.path[0])
        n = snprintf(path, PATH_MAX, "%s", settings.path);
    else if (wanted && wanted[0])
        n = strcmp(wanted, "0") == 0 ? 0 : snprintf(path, PATH_MAX, "%s", wanted);
    else if (xdg && xdg[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/tayra", xdg);
    else if (home && home[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/.cache/tayra", home);
    else
        n = 0;
    tay__unlock();
    return n > 0 && n < PATH_MAX;
}

/* Makes a folder and those that it lies in; whether it is there shows when it is opened. */
static void make_folder(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    mkdir(path, 0700);
}

/* The folder as a file descriptor, or -1. */
static int open_folder(bool make)
{
    const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    char path[PATH_MAX];

    if (!find_folder(path)) return -1;
    int folder = open(path, how);
    if (folder >= 0 || !make || errno != ENOENT) return folder;
    make_folder(path);
    return open(path, how);
}

/* Names: 16 hexadecimal digits, then ".code", or what makes a name of one writer, then ".new". */
enum { NAME_SIZE = 64 };

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return strspn(name, "0123456789abcdef") == 16 && n > m && strcmp(name + n - m, end) == 0;
}

static void name_of(char name[NAME_SIZE], const tay__key *key)
{
    snprintf(name, NAME_SIZE, "%016llx.code", (unsigned long long)key->hash);
}

static uint64_t checksum_of(const header *h, const void *key, const void *data)
{
    header plain = *h;

    plain.checksum = 0;
    uint64_t sum = tay__hash(0, &plain, sizeof plain);
    sum = tay__hash(sum, key, h->key_size);
    return tay__hash(sum, data, h->data_size);
}

/* Whether a whole file of so many bytes is this key's. */
static bool is_whole(tay__found *found, size_t size, const tay__key *key)
{
    const char *bytes = found->whole;
    header h;

    if (size < sizeof h) return false;
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.magic, magic, sizeof magic) != 0 || h.version != FILE_VERSION || h.size != sizeof h) return false;
    if (h.key_size != key->size || h.data_size != size - sizeof h - h.key_size || h.data_size > size) return false;
    found->data = bytes + sizeof h + h.key_size;
    found->size = h.data_size;
    return memcmp(bytes + sizeof h, key->data, key->size) == 0 && h.checksum == checksum_of(&h, key->data, found->data);
}

static bool read_all(int file, void *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read(file, (char *)to + at, size - at);
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

/* Nobody else can have written it. */
static bool is_mine(const struct stat *s)
{
    return S_ISREG(s->st_mode) && s->st_uid == geteuid() && (s->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool tay__disk_read(tay__found *out, const tay__key *key)
{
    char name[NAME_SIZE];
    struct stat s;
    tay__found found = {0};
    int folder = tay_disk_cache_enabled() ? open_folder(false) : -1, file = -1;
    bool good = false;

    if (folder < 0) return false;
    name_of(name, key);
    file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || fstat(file, &s) != 0 || !is_mine(&s) || s.st_size <= 0) goto out;
    found.whole = malloc((size_t)s.st_size);
    good = found.whole && read_all(file, found.whole, (size_t)s.st_size) && is_whole(&found, (size_t)s.st_size, key);
    if (good) futimens(file, NULL); /* it was used now */
out:
    if (!good) free(found.whole);
    if (file >= 0) close(file);
    close(folder);
    if (good) *out = found;
    return good;
}

/* A whole file of the cache. */
typedef struct entry {
    char name[NAME_SIZE];
    struct timespec used;
    size_t size;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const struct timespec *x = &((const entry *)a)->used, *y = &((const entry *)b)->used;
    return x->tv_sec != y->tv_sec ? (x->tv_sec > y->tv_sec) - (x->tv_sec < y->tv_sec)
                                  : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Appends the whole files to `entries`; removes those that were interrupted, and `all` that are not finished. */
static void list_files(tay__array *entries, int folder, DIR *dir, bool all)
{
    struct stat s;

    for (const struct dirent *d; (d = readdir(dir));) {
        bool whole = ends_with(d->d_name, ".code");
        if ((!whole && !ends_with(d->d_name, ".new")) || strlen(d->d_name) >= NAME_SIZE) continue;
        if (fstatat(folder, d->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
        entry e = {.used = s.st_mtim, .size = (size_t)s.st_size};
        strcpy(e.name, d->d_name);
        if (whole)
            tay__array_push(entries, &e);
        else if (all || s.st_mtim.tv_sec + OLD_AFTER < time(NULL))
            unlinkat(folder, d->d_name, 0);
    }
}

/* Keeps the most recently used files, together of at most so many bytes, and says how many bytes these are. Closes the folder. */
static size_t keep_at_most(size_t most, int folder)
{
    DIR *dir = folder >= 0 ? fdopendir(folder) : NULL;
    tay__array array = TAY__ARRAY(entry);
    size_t total = 0;

    if (!dir) {
        if (folder >= 0) close(folder);
        return 0;
    }
    list_files(&array, folder, dir, most == 0);
    const entry *entries = array.data;
    for (size_t i = 0; i < array.count; i++) total += entries[i].size;
    if (total > most) qsort(array.data, array.count, sizeof *entries, compare_entries);
    for (size_t i = 0; i < array.count && (total > most || most == 0); i++) {
        unlinkat(folder, entries[i].name, 0);
        total -= entries[i].size;
    }
    tay__array_free(&array);
    closedir(dir);
    return total;
}

static bool write_all(int file, const void *from, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(file, (const char *)from + at, size - at);
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

void tay__disk_write(const tay__key *key, const void *data, size_t size)
{
    static atomic_uint count;
    char name[NAME_SIZE], whole_name[NAME_SIZE];
    header h = {.version = FILE_VERSION, .size = sizeof h, .key_size = key->size, .data_size = size};
    size_t limit = get_limit();
    int folder = tay_disk_cache_enabled() && sizeof h + key->size + size <= limit ? open_folder(true) : -1;

    if (folder < 0) return;
    memcpy(h.magic, magic, sizeof magic);
    h.checksum = checksum_of(&h, key->data, data);
    name_of(whole_name, key);
    snprintf(name, sizeof name, "%016llx.%ld.%u.new", (unsigned long long)key->hash, (long)getpid(), count++);
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0) {
        bool good = write_all(file, &h, sizeof h) && write_all(file, key->data, key->size) && write_all(file, data, size);
        if (close(file) != 0 || !good || renameat(folder, name, folder, whole_name) != 0) unlinkat(folder, name, 0);
    }
    keep_at_most(limit, folder);
}

bool tay_disk_cache_enabled(void)
{
    const char *wanted = secure_getenv("TAYRA_CACHE");

    tay__lock();
    bool on = !settings.off && settings.limit > 0;
    tay__unlock();
    return on && !(wanted && strcmp(wanted, "0") == 0);
}

void tay_disk_cache_set_enabled(bool enabled)
{
    tay__lock();
    settings.off = !enabled;
    tay__unlock();
}

size_t tay_disk_cache_size(void)
{
    return keep_at_most(SIZE_MAX, open_folder(false));
}

void tay_disk_cache_clear(void)
{
    keep_at_most(0, open_folder(false));
}

size_t tay_disk_cache_limit(void)
{
    return get_limit();
}

void tay_disk_cache_set_limit(size_t bytes)
{
    tay__lock();
    settings.limit = bytes;
    tay__unlock();
    if (tay_disk_cache_enabled()) keep_at_most(bytes, open_folder(false));
}

tay_status tay_disk_cache_path(char **out)
{
    tay_status status = TAY_OK;
    char path[PATH_MAX];

    TAY_TRY(tay__check_pointer(out, "out"));
    if (!find_folder(path)) TAY_FAIL(TAY_ERROR_STATE, "there is no folder for the cache: HOME is not set, or TAYRA_CACHE is 0");
    TAY_TRY(tay__alloc(out, strlen(path) + 1, 1));
    strcpy(*out, path);
out:
    return status;
}

tay_status tay_disk_cache_set_path(const char *path)
{
    tay_status status = TAY_OK;

    if (path && strlen(path) >= PATH_MAX)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "path: expected fewer than %d characters, got %zu", PATH_MAX, strlen(path));
    tay__lock();
    strcpy(settings.path, path ? path : "");
    tay__unlock();
out:
    return status;
}
