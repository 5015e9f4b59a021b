/* SPDX-License-Identifier: MIT */
/* Scope-bound release of resources, and the few macros every file may use. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Calls fn(&variable) when the variable leaves its scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The members of printf-like functions that the compiler is to check. */
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Takes the value out of an owning variable, so that its cleanup does nothing. */
#define TAKE(pointer)                                                                              \
	__extension__({                                                                            \
		__typeof__(pointer) take_value_ = (pointer);                                       \
		(pointer) = NULL;                                                                  \
		take_value_;                                                                       \
	})

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
