/*
 * A folder for the cache on disk of a test, which goes with it.
 */
#ifndef TAYRA_TESTS_FOLDER_H
#define TAYRA_TESTS_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/check.h"

static char folder[] = "/tmp/tayra-test-XXXXXX", cache[64];

/* Names the folder, which is not there yet, to the library. */
static inline void make_folder(void)
{
    strcpy(strrchr(folder, '-'), "-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(cache, sizeof cache, "%s/a/cache", folder);
    setenv("TAYRA_CACHE", cache, 1);
}

static inline void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    setenv("TAYRA_CACHE", "0", 1);
}

/* The path of the only file in the cache's folder whose name ends so; NULL if there is not exactly one. */
static inline const char *only_file(const char *end)
{
    static char path[512];
    DIR *dir = opendir(cache);
    int n = 0;

    for (const struct dirent *d; dir && (d = readdir(dir));) {
        size_t length = strlen(d->d_name);
        if (length < strlen(end) || strcmp(d->d_name + length - strlen(end), end) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", cache, d->d_name);
        n++;
    }
    if (dir) closedir(dir);
    return n == 1 ? path : NULL;
}

#endif
