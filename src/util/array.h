/* SPDX-License-Identifier: MIT */
/* Arrays that grow by one element at a time, and their order. */
#pragma once

#include <stddef.h>

/* Makes room for one more element behind the first `count`, where all of them were added so: the
 * number of elements tells how much room there is, which is the next power of two. list is NULL
 * for none; it may be moved. Returns the array, which the caller frees with free(3), or NULL
 * without memory: list is as it was then. */
void *array_grow(void *list, size_t count, size_t element_size);

/* For qsort, bsearch and tsearch: the order of elements by the int64_t that they begin with. */
int array_compare(const void *a, const void *b);
