/* SPDX-License-Identifier: MIT */
/* Each secret has a mapping of its own, with room for a page at least. */
#include "util/secret.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "util/log.h"

/* Running on with a secret that may be swapped out beats not running: say so once. */
static void lock(void *mapping, size_t size)
{
	static atomic_flag warned = ATOMIC_FLAG_INIT;
	if (mlock(mapping, size) == 0)
		return;
	int errno_value = errno;
	if (!atomic_flag_test_and_set(&warned))
		log_warning("secrets cannot be locked in memory (%s) and may reach the swap: "
			    "raise LimitMEMLOCK",
		    strerrordesc_np(errno_value));
}

int secret_new(const char *data, size_t len, struct err *err, struct secret **ret_secret)
{
	if (len > SIZE_MAX / 2)
		return err_set(err, "a secret of %zu bytes is too long", len);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = ((sizeof(struct secret) + len + 1) + page - 1) / page * page;
	void *mapping =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED)
		return err_set_errno(err, errno, "no memory for a secret");
	lock(mapping, size);
	if (madvise(mapping, size, MADV_DONTDUMP) < 0) {
		int errno_value = errno;
		munmap(mapping, size);
		return err_set_errno(err, errno_value, "cannot keep a secret out of core dumps");
	}
	struct secret *secret = mapping;
	secret->data = (char *)(secret + 1);
	secret->len = len;
	secret->mapped = size;
	if (len)
		memcpy(secret->data, data, len);
	secret->data[len] = '\0';
	*ret_secret = secret;
	return 0;
}

struct secret *secret_free(struct secret *secret)
{
	if (!secret)
		return NULL;
	size_t size = secret->mapped;
	secret_wipe(secret, size);
	munmap(secret, size);
	return NULL;
}

void secret_close_process(void)
{
#if !defined(__SANITIZE_ADDRESS__)
#if defined(__has_feature)
#if !__has_feature(address_sanitizer)
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
#else
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
#endif
}

void secret_wipe(void *data, size_t len)
{
	if (len)
		explicit_bzero(data, len);
}
