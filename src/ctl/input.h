/* SPDX-License-Identifier: MIT */
/* What commands read: files and standard input. */
#pragma once

#include "ctl/exits.h"
#include "util/buffer.h"

/* Bytes that are taken at most; what the API takes is less. */
#define INPUT_LIMIT ((size_t)16 * 1024 * 1024)

/* Appends the file, or standard input for "-". EXIT_FILE when it cannot be read. */
enum exit_code input_read_file(const char *path, struct buffer *text);

/* Appends what stands for a body on the command line: itself, @FILE, or - for standard input. */
enum exit_code input_read_data(const char *data, struct buffer *text);
