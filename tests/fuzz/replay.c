/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over every file of its corpus, where there is no libFuzzer to do it. Bytes are
 * copied to a block of exactly their size, so that a read past the end is seen. libFuzzer's options
 * are passed over. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return -1;
	}
	static uint8_t bytes[1024 * 1024];
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	if (argc < 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	DIR *folder = opendir(argv[1]);
	if (!folder) {
		perror(argv[1]);
		return 1;
	}
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay(path) < 0)
			return 1;
		count++;
	}
	closedir(folder);
	printf("%s: %u files\n", argv[1], count);
	/* A corpus that went missing must not pass for one that was replayed. */
	return count > 0 ? 0 : 1;
}
