/* SPDX-License-Identifier: MIT */
/* Included before everything else in every file outside util/ (by the compiler's -include): makes
 * functions that overflow, block, or depend on hidden state fail to compile. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BANNED(function) use_of_##function##_is_banned_see_util_banned_h

#undef strcpy
#define strcpy(to, from) BANNED(strcpy)
#undef strcat
#define strcat(to, from) BANNED(strcat)
#undef strncpy
#define strncpy(to, from, size) BANNED(strncpy)
#undef strncat
#define strncat(to, from, size) BANNED(strncat)
#undef strtok
#define strtok(text, separators) BANNED(strtok)
#undef strtok_r
#define strtok_r(text, separators, state) BANNED(strtok_r)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef atoi
#define atoi(text) BANNED(atoi)
#undef atol
#define atol(text) BANNED(atol)
#undef atoll
#define atoll(text) BANNED(atoll)
#undef gets
#define gets(buffer) BANNED(gets)
#undef localtime
#define localtime(time) BANNED(localtime)
#undef localtime_r
#define localtime_r(time, result) BANNED(localtime_r)
#undef gmtime
#define gmtime(time) BANNED(gmtime)
#undef ctime
#define ctime(time) BANNED(ctime)
#undef asctime
#define asctime(time) BANNED(asctime)
#undef sleep
#define sleep(seconds) BANNED(sleep)
#undef usleep
#define usleep(microseconds) BANNED(usleep)
#undef system
#define system(command) BANNED(system)
#undef popen
#define popen(command, mode) BANNED(popen)
#undef fork
#define fork() BANNED(fork)
#undef rand
#define rand() BANNED(rand)
#undef alloca
#define alloca(size) BANNED(alloca)
