/* SPDX-License-Identifier: MIT */
/* Doubles an array whenever its number of elements is a power of two. */
#include "util/array.h"

#include <stdint.h>
#include <stdlib.h>

#define ARRAY_FIRST 16

void *array_grow(void *list, size_t count, size_t element_size)
{
	if (!list)
		return calloc(ARRAY_FIRST, element_size);
	if (count < ARRAY_FIRST || (count & (count - 1)) != 0)
		return list;
	return reallocarray(list, 2 * count, element_size);
}

int array_compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}
