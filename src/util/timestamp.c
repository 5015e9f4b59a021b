/* SPDX-License-Identifier: MIT */
/* The forms in which Mixpanel writes a time, and the one form in which we do. */
#include "util/timestamp.h"

#include <stdbool.h>

/* The last second of the year 9999, behind which RFC 3339 has no notation. Milliseconds mistaken
 * for seconds are beyond it as well. */
#define EPOCH_SECONDS_LIMIT INT64_C(253402300799)

struct date {
	int64_t year;
	unsigned month; /* 1…12 */
	unsigned day;   /* 1…31 */
};

/* Both conversions count in eras of 400 years, which all have the same number of days, and in years
 * that begin in March, so that the leap day is the last one. */
#define DAYS_PER_ERA 146097
#define DAYS_BEFORE_EPOCH 719468 /* from 0000-03-01 */

static int64_t days_from_date(struct date date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month = (date.month + 9) % 12;
	int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_EPOCH;
}

static struct date date_from_days(int64_t days)
{
	days += DAYS_BEFORE_EPOCH;
	int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int64_t day_of_era = days - era * DAYS_PER_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				  day_of_era / (DAYS_PER_ERA - 1)) /
			      365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	struct date date = {
	    .year = year_of_era + era * 400,
	    .month = (unsigned)(month < 10 ? month + 3 : month - 9),
	    .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
	};
	date.year += date.month <= 2;
	return date;
}

/* Writes at least `width` digits, no NUL. Returns what follows. */
static char *put_number(char *to, uint64_t value, unsigned width)
{
	unsigned digits = 1;
	for (uint64_t rest = value / 10; rest > 0; rest /= 10)
		digits++;
	if (digits < width)
		digits = width;
	for (unsigned i = digits; i-- > 0; value /= 10)
		to[i] = (char)('0' + value % 10);
	return to + digits;
}

static char *put_fraction(char *to, uint64_t microseconds)
{
	if (microseconds == 0)
		return to;
	*to++ = '.';
	to = put_number(to, microseconds, 6);
	while (to[-1] == '0')
		to--;
	return to;
}

void timestamp_format(int64_t timestamp, char *ret_text)
{
	char *to = ret_text;
	if (timestamp != TIMESTAMP_NONE) {
		int64_t days = timestamp / MICROSECONDS_PER_DAY;
		int64_t rest = timestamp % MICROSECONDS_PER_DAY;
		if (rest < 0) {
			rest += MICROSECONDS_PER_DAY;
			days--;
		}
		uint64_t seconds = (uint64_t)(rest / MICROSECONDS_PER_SECOND);
		struct date date = date_from_days(days);
		if (date.year < 0)
			*to++ = '-';
		to = put_number(to, (uint64_t)(date.year < 0 ? -date.year : date.year), 4);
		*to++ = '-';
		to = put_number(to, date.month, 2);
		*to++ = '-';
		to = put_number(to, date.day, 2);
		*to++ = 'T';
		to = put_number(to, seconds / 3600, 2);
		*to++ = ':';
		to = put_number(to, seconds / 60 % 60, 2);
		*to++ = ':';
		to = put_number(to, seconds % 60, 2);
		to = put_fraction(to, (uint64_t)(rest % MICROSECONDS_PER_SECOND));
		*to++ = 'Z';
	}
	*to = '\0';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

/* The parser is a cursor that the following functions move on over what they expect. Each stops
 * at the first character that does not fit, so none passes the NUL. */

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Exactly `digits` digits, a number from minimum to maximum. */
static bool take_number(
    const char **at, unsigned digits, unsigned minimum, unsigned maximum, unsigned *ret_number)
{
	unsigned number = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (!is_digit(**at))
			return false;
		number = number * 10 + (unsigned)(*(*at)++ - '0');
	}
	*ret_number = number;
	return number >= minimum && number <= maximum;
}

/* An optional fraction of a second. */
static bool take_fraction(const char **at, int64_t *ret_microseconds)
{
	int64_t microseconds = 0;
	if (take_char(at, '.')) {
		if (!is_digit(**at))
			return false;
		int64_t unit = MICROSECONDS_PER_SECOND;
		for (; is_digit(**at); (*at)++) {
			unit /= 10;
			microseconds += unit * (**at - '0');
		}
	}
	*ret_microseconds = microseconds;
	return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (leap && month == 2);
}

static bool take_date(const char **at, struct date *ret_date)
{
	unsigned year;
	unsigned month;
	unsigned day;
	if (!take_number(at, 4, 0, 9999, &year) || !take_char(at, '-') ||
	    !take_number(at, 2, 1, 12, &month) || !take_char(at, '-') ||
	    !take_number(at, 2, 1, days_in_month(year, month), &day))
		return false;
	*ret_date = (struct date){.year = year, .month = month, .day = day};
	return true;
}

/* A leap second, :60, is taken as the second after :59, as POSIX time has no other place for it. */
static bool take_time_of_day(const char **at, int64_t *ret_microseconds)
{
	unsigned hour;
	unsigned minute;
	unsigned second;
	int64_t fraction;
	if (!take_number(at, 2, 0, 23, &hour) || !take_char(at, ':') ||
	    !take_number(at, 2, 0, 59, &minute) || !take_char(at, ':') ||
	    !take_number(at, 2, 0, 60, &second) || !take_fraction(at, &fraction))
		return false;
	*ret_microseconds = hour * MICROSECONDS_PER_HOUR + minute * MICROSECONDS_PER_MINUTE +
			    second * MICROSECONDS_PER_SECOND + fraction;
	return true;
}

/* The name that Go puts behind an offset, such as " UTC". The offset alone decides. */
static bool take_zone_name(const char **at)
{
	if (!take_char(at, ' '))
		return true;
	const char *start = *at;
	while (is_letter(**at))
		(*at)++;
	return *at > start;
}

/* Z, +hh:mm, +hhmm (a blank before it and a name behind it in Go's format), or nothing. */
static bool take_zone(const char **at, int64_t *ret_offset)
{
	unsigned hours;
	unsigned minutes;
	*ret_offset = 0;
	if (**at == '\0' || take_char(at, 'Z') || take_char(at, 'z'))
		return true;
	bool blank = take_char(at, ' ');
	bool west = **at == '-';
	if (!take_char(at, west ? '-' : '+') || !take_number(at, 2, 0, 23, &hours))
		return false;
	(void)take_char(at, ':');
	if (!take_number(at, 2, 0, 59, &minutes) || (blank && !take_zone_name(at)))
		return false;
	int64_t offset = hours * MICROSECONDS_PER_HOUR + minutes * MICROSECONDS_PER_MINUTE;
	*ret_offset = west ? -offset : offset;
	return true;
}

static int parse_calendar(const char *text, int64_t *ret_timestamp)
{
	struct date date;
	int64_t time_of_day;
	int64_t offset;
	const char *at = text;
	if (!take_date(&at, &date))
		return -1;
	if (!take_char(&at, 'T') && !take_char(&at, 't') && !take_char(&at, ' '))
		return -1;
	if (!take_time_of_day(&at, &time_of_day) || !take_zone(&at, &offset) || *at)
		return -1;
	/* Go's zero time. Elsewhere, too, nothing happened in the year 1. */
	if (date.year == 1) {
		*ret_timestamp = TIMESTAMP_NONE;
		return 1;
	}
	*ret_timestamp = days_from_date(date) * MICROSECONDS_PER_DAY + time_of_day - offset;
	return 0;
}

static int parse_epoch(const char *text, int64_t *ret_timestamp)
{
	int64_t seconds = 0;
	int64_t fraction;
	const char *at = text;
	if (!is_digit(*at))
		return -1;
	for (; is_digit(*at); at++) {
		seconds = seconds * 10 + (*at - '0');
		if (seconds > EPOCH_SECONDS_LIMIT)
			return -1;
	}
	if (!take_fraction(&at, &fraction) || *at)
		return -1;
	*ret_timestamp = seconds * MICROSECONDS_PER_SECOND + fraction;
	return 0;
}

int timestamp_parse(const char *text, int64_t *ret_timestamp)
{
	if (*text == '\0') {
		*ret_timestamp = TIMESTAMP_NONE;
		return 1;
	}
	int result = parse_calendar(text, ret_timestamp);
	return result < 0 ? parse_epoch(text, ret_timestamp) : result;
}
