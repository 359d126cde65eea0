/*
 * The cache on disk: files that are damaged, cut, foreign or somebody else's are not there; limits; settings and the environment;
 * several processes, and some that are killed while they write.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "cache/cache.h"
#include "support/folder.h"
#include "tayra/cache.h"

static char name[] = "the key of something";
static const tay__key key = {.data = name, .size = sizeof name, .hash = 0x123456789abcdef0u};
static const char data[] = "something that takes long to make, and is found again in a file";

static int start(void **state)
{
    (void)state;
    make_folder();
    return 0;
}

static int finish(void **state)
{
    (void)state;
    remove_folder();
    tay_disk_cache_set_limit((size_t)256 << 20);
    return 0;
}

static bool is_found(const tay__key *k, const void *wanted, size_t size)
{
    tay__found found;
    if (!tay__disk_read(&found, k)) return false;
    bool same = found.size == size && memcmp(found.data, wanted, size) == 0;
    free(found.whole);
    if (!same) fail_msg("other data were found than were written");
    return true;
}

static bool is_there(void)
{
    return is_found(&key, data, sizeof data);
}

static void save(void)
{
    tay__disk_write(&key, data, sizeof data);
}

static tay__key numbered(uint64_t n)
{
    tay__key k = key;
    k.hash = n;
    return k;
}

static void reads_what_was_written(void **state)
{
    struct stat s;

    (void)state;
    assert_false(is_there());
    assert_int_not_equal(stat(cache, &s), 0); /* reading makes no folder */
    save();
    assert_true(is_there());
    tay__key other = key; /* keys of one hash are different all the same */
    other.size--;
    assert_false(is_found(&other, data, sizeof data));
    assert_int_equal(stat(cache, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(stat(only_file(".code"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(tay_disk_cache_size(), s.st_size);
    tay__disk_write(&key, "", 0);
    assert_true(is_found(&key, "", 0));
}

/* The bytes of the file of `key`. */
static size_t load(char bytes[static 1024])
{
    FILE *f = fopen(only_file(".code"), "rb");
    size_t size = fread(bytes, 1, 1024, f);
    fclose(f);
    return size;
}

static void store(const char *bytes, size_t size)
{
    FILE *f = fopen(only_file(".code"), "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

/* Every bit of the header, the key and the data counts, and every byte of their lengths; a damaged file is replaced. */
static void damaged_files_are_not_there(void **state)
{
    char bytes[1025] = {0};

    (void)state;
    save();
    size_t size = load(bytes);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        store(bytes, size);
        if (is_there()) fail_msg("bit %zu of byte %zu does not matter", bit % 8, bit / 8);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t n = 0; n <= size + 1; n++) {
        store(bytes, n);
        assert_int_equal(is_there(), n == size);
    }
    save();
    assert_true(is_there());
}

static void other_things_are_not_there(void **state)
{
    char path[512], elsewhere[512];

    (void)state;
    save();
    strcpy(path, only_file(".code"));
    for (mode_t mode = 0620; mode <= 0622; mode += 2) { /* others may write */
        chmod(path, mode);
        assert_false(is_there());
    }
    chmod(path, 0644);
    assert_true(is_there());
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_false(is_there());
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* does not block */
    assert_false(is_there());
    save(); /* takes the place of what is there */
    assert_true(is_there());
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    save(); /* cannot */
    assert_false(is_there());
    assert_null(only_file(".new"));
    rmdir(path);
    if (geteuid() == 0) {
        save();
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_false(is_there());
    }
}

static void set_age(const char *path, int seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){now, now}, 0), 0);
}

static void limits(void **state)
{
    char path[512];

    (void)state;
    for (uint64_t n = 0; n < 4; n++) {
        tay__key k = numbered(n);
        tay__disk_write(&k, data, sizeof data);
        snprintf(path, sizeof path, "%s/%016x.code", cache, (unsigned)n);
        set_age(path, 100 - (int)n);
    }
    size_t each = tay_disk_cache_size() / 4;
    tay__key k[5];
    for (uint64_t n = 0; n < 5; n++) k[n] = numbered(n);
    assert_true(is_found(&k[1], data, sizeof data)); /* is the newest now */
    tay_disk_cache_set_limit(3 * each + each / 2);
    assert_int_equal(tay_disk_cache_size(), 3 * each);
    assert_false(is_found(&k[0], data, sizeof data));
    tay__disk_write(&k[4], data, sizeof data);
    assert_false(is_found(&k[2], data, sizeof data));
    assert_true(is_found(&k[1], data, sizeof data) && is_found(&k[3], data, sizeof data) && is_found(&k[4], data, sizeof data));
    tay_disk_cache_set_limit(each - 1);
    assert_int_equal(tay_disk_cache_size(), 0);
    tay__disk_write(&k[4], data, sizeof data); /* is larger than the limit */
    assert_int_equal(tay_disk_cache_size(), 0);
    tay_disk_cache_set_limit(0);
    assert_false(tay_disk_cache_enabled());
}

/* Other files stay, those of writers that may still be alive, too. */
static void clears_its_own_files_only(void **state)
{
    static const char *const names[] = {"0123456789abcdef.1.2.new", "notes.txt", "fedcba9876543210", "short.code",
                                        "0123456789ABCDEF.code"};
    char paths[5][512];

    (void)state;
    save();
    for (int i = 0; i < 5; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", cache, names[i]);
        FILE *f = fopen(paths[i], "w");
        fclose(f);
    }
    save();
    assert_non_null(only_file(".new"));
    set_age(paths[0], 3600);
    save();
    assert_null(only_file(".new"));
    tay_disk_cache_clear();
    assert_false(is_there());
    for (int i = 1; i < 5; i++) assert_int_equal(access(paths[i], F_OK), 0);
}

static void assert_path(const char *wanted)
{
    char *path;
    assert_ok(tay_disk_cache_path(&path));
    assert_string_equal(path, wanted);
    tay_free(path);
}

static void settings(void **state)
{
    char wanted[600], *path, *home = strdup(getenv("HOME") ? getenv("HOME") : "/");

    (void)state;
    assert_path(cache);
    setenv("TAYRA_CACHE", "0", 1); /* the user's folder is not even cleared */
    assert_error(tay_disk_cache_path(&path), TAY_ERROR_STATE, "TAYRA_CACHE is 0");
    unsetenv("TAYRA_CACHE");
    setenv("XDG_CACHE_HOME", "/x/y", 1);
    assert_path("/x/y/tayra");
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says its specification */
    setenv("HOME", folder, 1);
    snprintf(wanted, sizeof wanted, "%s/.cache/tayra", folder);
    assert_path(wanted);
    save();
    assert_true(is_there() && access(wanted, F_OK) == 0);
    unsetenv("HOME");
    assert_error(tay_disk_cache_path(&path), TAY_ERROR_STATE, "HOME");
    save();
    assert_false(is_there());
    assert_int_equal(tay_disk_cache_size(), 0);
    setenv("HOME", home, 1);
    unsetenv("XDG_CACHE_HOME");

    assert_ok(tay_disk_cache_set_path(cache));
    assert_path(cache);
    save();
    assert_true(is_there());
    setenv("TAYRA_CACHE", "0", 1);
    assert_false(tay_disk_cache_enabled() || is_there());
    setenv("TAYRA_CACHE", "", 1);
    assert_true(tay_disk_cache_enabled() && is_there());
    tay_disk_cache_set_enabled(false);
    assert_false(tay_disk_cache_enabled() || is_there());
    tay_disk_cache_set_enabled(true);
    assert_true(is_there());
    assert_int_equal(tay_disk_cache_limit(), (size_t)256 << 20);
    assert_ok(tay_disk_cache_set_path(NULL));
    char *longer = malloc(10000);
    memset(longer, 'x', 10000);
    longer[9999] = '\0';
    assert_error(tay_disk_cache_set_path(longer), TAY_ERROR_ARGUMENT, "got 9999");
    free(longer);
    free(home);
}

/* A folder that cannot be made, one that is a file, one in which nothing can be written. */
static void impossible_folders(void **state)
{
    const char *const paths[] = {"/proc/self/tayra", "/dev/null", "/dev/null/tayra", "/proc/self", ""};
    char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        setenv("TAYRA_CACHE", paths[i], 1);
        if (!paths[i][0]) setenv("HOME", "/dev/null", 1);
        save();
        assert_false(is_there());
        assert_int_equal(tay_disk_cache_size(), 0);
        tay_disk_cache_clear();
    }
    setenv("HOME", home, 1);
    free(home);
}

/* A folder that is a link is followed: people move their caches to other disks. */
static void linked_folder(void **state)
{
    char link[600];

    (void)state;
    save();
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(cache, link), 0);
    setenv("TAYRA_CACHE", link, 1);
    assert_true(is_there());
}

enum { LARGE = 1 << 20, PROCESSES = 4, ROUNDS = 40, N_KEYS = 5 };

/* Data that fit to a key. */
static void fill(char *large, uint64_t n)
{
    for (size_t i = 0; i < LARGE; i++) large[i] = (char)(n + i % 251);
}

/* The status of a process that does so. */
static int write_and_read(uint64_t seed)
{
    char *large = malloc(LARGE);
    int n_wrong = 0;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        tay__key k = numbered((seed + i) % N_KEYS);
        tay__found found;
        fill(large, k.hash);
        tay__disk_write(&k, large, LARGE);
        if (!tay__disk_read(&found, &k)) continue; /* another process has removed it: there is a limit */
        n_wrong += found.size != LARGE || memcmp(found.data, large, LARGE) != 0;
        free(found.whole);
    }
    free(large);
    return n_wrong > 0;
}

static void several_processes(void **state)
{
    pid_t children[PROCESSES];
    int status, n = 0;

    (void)state;
    tay_disk_cache_set_limit(4 * LARGE);
    for (uint64_t i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0) _exit(write_and_read(i));
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_null(only_file(".new"));
    assert_true(tay_disk_cache_size() <= 4 * LARGE);
    char *large = malloc(LARGE);
    for (int again = 0; again < 2; again++) { /* two that make room at once may remove more than is needed, one does not */
        for (uint64_t i = 0; again && i < N_KEYS; i++) {
            tay__key k = numbered(i);
            fill(large, i);
            tay__disk_write(&k, large, LARGE);
        }
        n = 0;
        for (uint64_t i = 0; i < N_KEYS; i++) {
            tay__key k = numbered(i);
            fill(large, i);
            n += is_found(&k, large, LARGE);
        }
    }
    assert_int_equal(n, 3); /* as many as fit beside their headers */
    free(large);
}

/* Makes all unfinished files old: the next writer may be killed before it removes those. Their number. */
static int age_unfinished(void)
{
    char path[512];
    DIR *dir = opendir(cache);
    int n = 0;

    for (const struct dirent *d; dir && (d = readdir(dir));) {
        if (!strstr(d->d_name, ".new")) continue;
        snprintf(path, sizeof path, "%s/%s", cache, d->d_name);
        set_age(path, 3600);
        n++;
    }
    if (dir) closedir(dir);
    return n;
}

/* What a killed writer leaves is whole or not there, and does not stay. */
static void killed_writers(void **state)
{
    char *large = malloc(LARGE);
    tay__key k = numbered(1);
    int unfinished = 0, status;

    (void)state;
    fill(large, 1);
    for (int i = 0; i < 30 || (unfinished == 0 && i < 3000); i++) { /* a busy machine may not let them begin in time */
        pid_t child = fork();
        if (child == 0)
            for (;;) tay__disk_write(&k, large, LARGE);
        nanosleep(&(struct timespec){.tv_nsec = 1000000 + 300000 * (i % 30)}, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        is_found(&k, large, LARGE); /* fails for data that are not whole */
        unfinished += age_unfinished();
    }
    tay__disk_write(&k, large, LARGE);
    assert_true(is_found(&k, large, LARGE));
    assert_int_equal(age_unfinished(), 0);
    assert_true(unfinished > 0); /* some were killed while they wrote */
    free(large);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_what_was_written), TEST(damaged_files_are_not_there), TEST(other_things_are_not_there),
        TEST(limits),                 TEST(clears_its_own_files_only),   TEST(settings),
        TEST(impossible_folders),     TEST(linked_folder),               TEST(several_processes),
        TEST(killed_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
