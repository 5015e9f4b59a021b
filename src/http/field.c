/* SPDX-License-Identifier: MIT */
/* Follows the grammars of RFC 9110 and RFC 3986, and refuses whatever they do not allow. */
#include "http/field.h"

#include <string.h>
#include <strings.h>

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

bool field_is_token(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!is_alphanumeric(name.ptr[i]) && !is_one_of(name.ptr[i], "!#$%&'*+-.^_`|~"))
			return false;
	return name.len > 0;
}

bool field_is_clean(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool field_same(struct span a, const char *b)
{
	return a.ptr && strlen(b) == a.len && strncasecmp(a.ptr, b, a.len) == 0;
}

bool field_is_request_id(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!is_alphanumeric(value.ptr[i]) && !is_one_of(value.ptr[i], "._-"))
			return false;
	return value.len >= 1 && value.len <= 128;
}

int field_content_length(struct span value, uint64_t *ret_length)
{
	uint64_t length = 0;
	if (value.len < 1)
		return -1;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return -1;
		uint64_t digit = (uint64_t)(value.ptr[i] - '0');
		length = length <= (UINT64_MAX - digit) / 10 ? 10 * length + digit : UINT64_MAX;
	}
	*ret_length = length;
	return 0;
}

static bool field_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void field_skip_blanks(struct span *span)
{
	while (span->len > 0 && field_is_blank(span->ptr[0])) {
		span->ptr++;
		span->len--;
	}
}

bool field_is_json(struct span value)
{
	field_skip_blanks(&value);
	size_t len = 0;
	while (len < value.len && value.ptr[len] != ';' && !field_is_blank(value.ptr[len]))
		len++;
	if (!field_same((struct span){.ptr = value.ptr, .len = len}, "application/json"))
		return false;
	struct span rest = {.ptr = value.ptr + len, .len = value.len - len};
	field_skip_blanks(&rest);
	return rest.len == 0 || rest.ptr[0] == ';';
}

/* Takes an entity tag off the front; its part between the quotes comes back. */
static bool take_etag(struct span *list, struct span *ret_opaque)
{
	if (list->len >= 2 && list->ptr[0] == 'W' && list->ptr[1] == '/') {
		list->ptr += 2;
		list->len -= 2;
	}
	if (list->len < 2 || list->ptr[0] != '"')
		return false;
	const char *end = memchr(list->ptr + 1, '"', list->len - 1);
	if (!end)
		return false;
	*ret_opaque = (struct span){.ptr = list->ptr + 1, .len = (size_t)(end - list->ptr) - 1};
	list->len -= ret_opaque->len + 2;
	list->ptr = end + 1;
	return true;
}

bool field_lists_etag(struct span list, const char *etag)
{
	struct span whole = span_of(etag), wanted, opaque;
	if (!take_etag(&whole, &wanted))
		return false;
	field_skip_blanks(&list);
	if (list.len == 1 && list.ptr[0] == '*')
		return true;
	while (list.len > 0) {
		if (list.ptr[0] == ',' || field_is_blank(list.ptr[0])) {
			list.ptr++;
			list.len--;
			continue;
		}
		if (!take_etag(&list, &opaque))
			return false;
		if (span_same(opaque, wanted))
			return true;
		field_skip_blanks(&list);
		if (list.len > 0 && list.ptr[0] != ',')
			return false;
	}
	return false;
}

/* Whether a weight is among the parameters of an element of Accept, and is 0: "not this one". */
static bool weighs_nothing(struct span parameters)
{
	while (parameters.len > 0) {
		const char *next = memchr(parameters.ptr, ';', parameters.len);
		size_t len = next ? (size_t)(next - parameters.ptr) : parameters.len;
		struct span one = {.ptr = parameters.ptr, .len = len};
		field_skip_blanks(&one);
		if (one.len >= 3 && strncasecmp(one.ptr, "q=0", 3) == 0) {
			size_t at = 3;
			while (at < one.len && is_one_of(one.ptr[at], ".0 \t"))
				at++;
			if (at == one.len)
				return true;
		}
		len += next != NULL;
		parameters.ptr += len;
		parameters.len -= len;
	}
	return false;
}

bool field_lists_type(struct span list, const char *type)
{
	while (list.len > 0) {
		const char *comma = memchr(list.ptr, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
		struct span one = {.ptr = list.ptr, .len = len};
		const char *end = memchr(one.ptr, ';', one.len);
		struct span parameters = {.ptr = end, .len = 0};
		if (end) {
			parameters.len = one.len - (size_t)(end - one.ptr);
			one.len -= parameters.len;
		}
		field_skip_blanks(&one);
		while (one.len > 0 && field_is_blank(one.ptr[one.len - 1]))
			one.len--;
		if (field_same(one, type) && !weighs_nothing(parameters))
			return true;
		len += comma != NULL;
		list.ptr += len;
		list.len -= len;
	}
	return false;
}

/* How many bytes of an authority are its host, or 0. */
static size_t host_length(struct span value)
{
	size_t len = 0;
	if (value.len > 0 && value.ptr[0] == '[') {
		for (len = 1; len < value.len; len++)
			if (!is_alphanumeric(value.ptr[len]) && !is_one_of(value.ptr[len], ":."))
				break;
		return len > 1 && len < value.len && value.ptr[len] == ']' ? len + 1 : 0;
	}
	while (len < value.len &&
	       (is_alphanumeric(value.ptr[len]) || is_one_of(value.ptr[len], ".-_")))
		len++;
	return len;
}

int field_host(struct span value, struct span *ret_name, uint16_t *ret_port)
{
	size_t len = host_length(value);
	if (len == 0)
		return -1;
	uint64_t port = 0;
	if (len < value.len) {
		struct span digits = {.ptr = value.ptr + len + 1, .len = value.len - len - 1};
		if (value.ptr[len] != ':' || digits.len > 5 ||
		    field_content_length(digits, &port) < 0 || port < 1 || port > UINT16_MAX)
			return -1;
	}
	*ret_name = (struct span){.ptr = value.ptr, .len = len};
	*ret_port = (uint16_t)port;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Whether every escape of a path is whole and none stands for NUL. */
static bool escapes_are_sound(struct span path)
{
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] != '%')
			continue;
		if (path.len - i < 3)
			return false;
		int high = hex_value(path.ptr[i + 1]), low = hex_value(path.ptr[i + 2]);
		if (high < 0 || low < 0 || high + low == 0)
			return false;
	}
	return true;
}

static bool is_printable(struct span target)
{
	for (size_t i = 0; i < target.len; i++)
		if (target.ptr[i] <= 0x20 || target.ptr[i] >= 0x7f || target.ptr[i] == '#')
			return false;
	return true;
}

static size_t length_until(struct span span, const char *set)
{
	size_t len = 0;
	while (len < span.len && !is_one_of(span.ptr[len], set))
		len++;
	return len;
}

int field_target(struct span target, struct field_target *ret_target)
{
	struct field_target parts = {.authority = SPAN_NONE, .query = {.ptr = "", .len = 0}};
	if (!is_printable(target))
		return -1;
	if (target.len > 7 && strncasecmp(target.ptr, "http://", 7) == 0) {
		parts.authority = (struct span){.ptr = target.ptr + 7, .len = target.len - 7};
		parts.authority.len = length_until(parts.authority, "/?");
		target.ptr += 7 + parts.authority.len;
		target.len -= 7 + parts.authority.len;
	}
	parts.path = (struct span){.ptr = target.ptr, .len = length_until(target, "?")};
	if (parts.path.len < target.len)
		parts.query = (struct span){
		    .ptr = target.ptr + parts.path.len + 1, .len = target.len - parts.path.len - 1};
	if (parts.path.len == 0 && parts.authority.len > 0)
		parts.path = span_of("/");
	if (parts.path.len == 0 || parts.path.ptr[0] != '/' || !escapes_are_sound(parts.path))
		return -1;
	*ret_target = parts;
	return 0;
}

bool field_query_next(struct span *query, struct span *ret_name, struct span *ret_value)
{
	while (query->len > 0) {
		struct span item = {.ptr = query->ptr, .len = length_until(*query, "&")};
		size_t taken = item.len < query->len ? item.len + 1 : item.len;
		query->ptr += taken;
		query->len -= taken;
		if (item.len == 0)
			continue;
		size_t len = length_until(item, "=");
		*ret_name = (struct span){.ptr = item.ptr, .len = len};
		*ret_value = SPAN_NONE;
		if (len < item.len)
			*ret_value =
			    (struct span){.ptr = item.ptr + len + 1, .len = item.len - len - 1};
		return true;
	}
	return false;
}
