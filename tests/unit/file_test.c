/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit.h"
#include "util/file.h"

#define STRANGER 54321

/* Every case works in a folder of its own: $TMPDIR/….XXXXXX/folder/file. */
static char base[200];
static char folder[220];
static char file[240];

static void put_file(const char *path, const char *content)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
}

static void set_up(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(base, sizeof(base), "%s/mixport-file-test.XXXXXX", parent ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(folder, sizeof(folder), "%s/folder", base);
	snprintf(file, sizeof(file), "%s/file", folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	put_file(file, "content");
}

static void tear_down(void)
{
	unlink(file);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(rmdir(base), 0);
}

static void expect_read(const char *path, size_t limit, int result, const char *words)
{
	_cleanup_buffer_ struct buffer buffer;
	struct err err = ERR_INIT;
	buffer_init(&buffer, limit);
	buffer_append_text(&buffer, ">");
	ck_assert_msg(file_read(path, &buffer, &err) == result, "%s", err.text);
	if (result == 0) {
		ck_assert_str_eq(buffer_text(&buffer), words);
		return;
	}
	ck_assert_str_eq(buffer_text(&buffer), ">");
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
}

START_TEST(files_are_read_whole_or_not_at_all)
{
	set_up();
	expect_read(file, 100, 0, ">content");
	expect_read(file, 8, 0, ">content");
	expect_read(file, 7, -1, "larger than the 7 bytes");
	expect_read(folder, 100, -1, "not a regular file");
	expect_read("/dev/null", 100, -1, "not a regular file");
	expect_read("/proc/self/cmdline/x", 100, -1, "Not a directory");
	/* Such files have no size beforehand. */
	expect_read("/proc/self/status", 20, -1, "larger than");
	put_file(file, "");
	expect_read(file, 100, 0, ">");
	unlink(file);
	expect_read(file, 100, 1, "");
	tear_down();
}
END_TEST

START_TEST(a_fifo_does_not_block)
{
	set_up();
	unlink(file);
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	expect_read(file, 100, -1, "not a regular file");
	tear_down();
}
END_TEST

/* An empty sentence: the file passes. */
static void expect_trust(enum file_trust trust, const char *sentence)
{
	struct err err = ERR_INIT;
	int result = file_check_trust(file, trust, &err);
	ck_assert_msg((result == 0) == (*sentence == '\0'), "%d: %s", result, err.text);
	ck_assert_msg(strstr(err.text, sentence) != NULL, "%s", err.text);
}

START_TEST(modes_decide_without_a_list)
{
	set_up();
	static const struct {
		mode_t mode;
		const char *unchanged;
		const char *secret;
	} cases[] = {
	    {0600, "", ""},
	    {0400, "", ""},
	    {0711, "", ""},
	    {0640, "", "read by others (mode 0640): chmod go-rwx"},
	    {0604, "", "read by others (mode 0604): chmod go-rwx"},
	    {0620, "changed by others (mode 0620): chmod go-w", "changed by others"},
	    {0602, "changed by others (mode 0602): chmod go-w", "changed by others"},
	    {0666, "changed by others (mode 0666): chmod go-w", "chmod go-rwx"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(chmod(file, cases[i].mode), 0);
		expect_trust(FILE_TRUST_UNCHANGED, cases[i].unchanged);
		expect_trust(FILE_TRUST_SECRET, cases[i].secret);
	}
	tear_down();
}
END_TEST

START_TEST(every_folder_above_counts)
{
	set_up();
	chmod(folder, 0755);
	expect_trust(FILE_TRUST_SECRET, "");
	chmod(folder, 0775);
	expect_trust(
	    FILE_TRUST_UNCHANGED, "folder may be changed by others (mode 0775): chmod go-w");
	chmod(folder, 0700);
	chmod(base, 0707);
	expect_trust(FILE_TRUST_UNCHANGED, "may be changed by others (mode 0707): chmod go-w");
	chmod(base, 01777);
	expect_trust(FILE_TRUST_SECRET, "");
	tear_down();
}
END_TEST

START_TEST(links_are_followed_to_what_they_name)
{
	set_up();
	char target[240];
	snprintf(target, sizeof(target), "%s/target", base);
	ck_assert_int_eq(rename(file, target), 0);
	ck_assert_int_eq(symlink("../target", file), 0);
	expect_trust(FILE_TRUST_SECRET, "");
	chmod(target, 0644);
	expect_trust(FILE_TRUST_SECRET, "target may be read by others");
	unlink(target);
	expect_trust(FILE_TRUST_SECRET, "cannot find");
	tear_down();
}
END_TEST

START_TEST(a_link_is_only_as_good_as_the_folder_that_holds_it)
{
	set_up();
	char loose[240];
	char link[256];
	char target[240];
	struct err err = ERR_INIT;
	snprintf(loose, sizeof(loose), "%s/loose", base);
	snprintf(link, sizeof(link), "%s/link", loose);
	snprintf(target, sizeof(target), "%s/to-link", base);
	ck_assert_int_eq(mkdir(loose, 0700), 0);
	ck_assert_int_eq(symlink(file, link), 0);
	ck_assert_int_eq(symlink("loose/../loose/link", target), 0);
	const char *const ways[] = {link, target};
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		ck_assert_int_eq(chmod(loose, 0755), 0);
		ck_assert_msg(
		    file_check_trust(ways[i], FILE_TRUST_SECRET, &err) == 0, "%s", err.text);
		ck_assert_int_eq(chmod(loose, 0777), 0);
		ck_assert_int_eq(file_check_trust(ways[i], FILE_TRUST_SECRET, &err), -1);
		ck_assert_msg(strstr(err.text, "loose may be changed") != NULL, "%s", err.text);
		ck_assert_int_eq(chmod(loose, 01777), 0);
		ck_assert_msg(
		    file_check_trust(ways[i], FILE_TRUST_SECRET, &err) == 0, "%s", err.text);
	}
	if (geteuid() == 0) {
		ck_assert_int_eq(lchown(link, STRANGER, STRANGER), 0);
		ck_assert_int_eq(file_check_trust(link, FILE_TRUST_SECRET, &err), -1);
		ck_assert_msg(strstr(err.text, "link belongs to user 54321: chown -h 0 ") != NULL,
		    "%s", err.text);
	}
	unlink(link);
	unlink(target);
	rmdir(loose);
	tear_down();
}
END_TEST

START_TEST(links_that_go_in_circles_are_told)
{
	set_up();
	unlink(file);
	ck_assert_int_eq(symlink("file", file), 0);
	expect_trust(FILE_TRUST_SECRET, "cannot find");
	expect_trust(FILE_TRUST_SECRET, "symbolic links");
	tear_down();
}
END_TEST

START_TEST(a_relative_path_is_judged_from_the_root_on)
{
	set_up();
	struct err err = ERR_INIT;
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_msg(file_check_trust("./file", FILE_TRUST_SECRET, &err) == 0, "%s", err.text);
	chmod(base, 0777);
	ck_assert_int_eq(file_check_trust("file", FILE_TRUST_SECRET, &err), -1);
	ck_assert_int_eq(file_check_trust("../folder//file", FILE_TRUST_SECRET, &err), -1);
	ck_assert_msg(strstr(err.text, "may be changed") != NULL, "%s", err.text);
	ck_assert_int_eq(chdir("/"), 0);
	tear_down();
}
END_TEST

START_TEST(owners_are_root_or_this_user)
{
	if (geteuid() != 0)
		return; /* only root gives files away */
	set_up();
	ck_assert_int_eq(chown(file, STRANGER, 0), 0);
	expect_trust(FILE_TRUST_UNCHANGED, "belongs to user 54321: chown 0 ");
	ck_assert_int_eq(chown(file, 0, 0), 0);
	ck_assert_int_eq(chown(folder, STRANGER, 0), 0);
	expect_trust(FILE_TRUST_UNCHANGED, "folder belongs to user 54321: chown 0 ");
	ck_assert_int_eq(chmod(folder, 01777), 0);
	expect_trust(FILE_TRUST_UNCHANGED, "folder belongs to user 54321");
	/* What is a stranger's to root is his own to himself. */
	ck_assert_int_eq(chmod(base, 0755), 0);
	ck_assert_int_eq(seteuid(STRANGER), 0);
	expect_trust(FILE_TRUST_UNCHANGED, "");
	ck_assert_int_eq(seteuid(0), 0);
	tear_down();
}
END_TEST

START_TEST(a_group_of_its_own_is_this_user)
{
	if (geteuid() != 0)
		return; /* only root gives files away */
	set_up();
	ck_assert_int_eq(chown(file, 0, STRANGER), 0);
	ck_assert_int_eq(chmod(file, 0640), 0);
	ck_assert_int_eq(chown(folder, 0, STRANGER), 0);
	ck_assert_int_eq(chmod(folder, 0770), 0);
	ck_assert_int_eq(chmod(base, 0755), 0);
	expect_trust(FILE_TRUST_SECRET, "folder may be changed by others (mode 0770)");
	/* No user of this machine has STRANGER for a group. */
	ck_assert_int_eq(setegid(STRANGER), 0);
	ck_assert_int_eq(seteuid(STRANGER), 0);
	expect_trust(FILE_TRUST_SECRET, "");
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(file, 0644), 0);
	ck_assert_int_eq(seteuid(STRANGER), 0);
	expect_trust(FILE_TRUST_SECRET, "read by others (mode 0644): chmod o-rwx");
	expect_trust(FILE_TRUST_UNCHANGED, "");
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(setegid(0), 0);
	tear_down();
}
END_TEST

struct entry {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

/* The access list as Linux keeps it: owner, one more entry, owning group, mask, others. Returns
 * whether this file system has such lists. */
static bool set_list(const char *path, struct entry extra, uint16_t group, uint16_t mask)
{
	struct {
		uint32_t version;
		struct entry entries[5];
	} list = {2, {{0x01, 7, UINT32_MAX}}};
	struct entry owning_group = {0x04, group, UINT32_MAX};
	bool user = extra.tag == 0x02; /* users stand before groups */
	list.entries[1] = user ? extra : owning_group;
	list.entries[2] = user ? owning_group : extra;
	list.entries[3] = (struct entry){0x10, mask, UINT32_MAX};
	list.entries[4] = (struct entry){0x20, 0, UINT32_MAX};
	int result = setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0);
	ck_assert_msg(result == 0 || errno == ENOTSUP, "%s", strerror(errno));
	return result == 0;
}

START_TEST(a_list_is_judged_by_its_entries)
{
	set_up();
	struct entry self = {0x02, 4, geteuid()};
	if (set_list(file, self, 0, 4)) {
		/* As systemd hands over a credential: shows as group-readable, and is not. */
		struct stat status;
		ck_assert_int_eq(stat(file, &status), 0);
		ck_assert_uint_eq(status.st_mode & 0777, 0740);
		expect_trust(FILE_TRUST_SECRET, "");
		set_list(file, self, 4, 4);
		expect_trust(FILE_TRUST_SECRET, "read by others, by its access list: setfacl");
		expect_trust(FILE_TRUST_UNCHANGED, "");
		set_list(file, (struct entry){0x02, 4, STRANGER}, 0, 4);
		expect_trust(FILE_TRUST_SECRET,
		    "read by user 54321, by its access list: setfacl -x u:54321");
		expect_trust(FILE_TRUST_UNCHANGED, "");
		set_list(file, (struct entry){0x02, 6, STRANGER}, 0, 6);
		expect_trust(FILE_TRUST_UNCHANGED, "changed by user 54321");
		set_list(file, (struct entry){0x02, 6, STRANGER}, 0, 0);
		expect_trust(FILE_TRUST_SECRET, "");
		set_list(file, (struct entry){0x08, 2, STRANGER}, 0, 6);
		expect_trust(FILE_TRUST_UNCHANGED, "changed by group 54321");
		set_list(file, (struct entry){0x02, 4, 0}, 0, 4);
		expect_trust(FILE_TRUST_SECRET, "");
		set_list(folder, (struct entry){0x02, 7, STRANGER}, 0, 7);
		expect_trust(FILE_TRUST_UNCHANGED, "folder may be changed by user 54321");
	}
	tear_down();
}
END_TEST

START_TEST(what_is_missing_is_named)
{
	struct err err = ERR_INIT;
	ck_assert_int_eq(file_check_trust("/nonexistent/file", FILE_TRUST_SECRET, &err), -1);
	ck_assert_str_eq(err.text, "cannot find /nonexistent/file: No such file or directory");
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"files are read whole or not at all", files_are_read_whole_or_not_at_all},
	    {"a FIFO does not block", a_fifo_does_not_block},
	    {"modes decide without a list", modes_decide_without_a_list},
	    {"every folder above counts", every_folder_above_counts},
	    {"links are followed to what they name", links_are_followed_to_what_they_name},
	    {"a link is only as good as the folder that holds it",
		a_link_is_only_as_good_as_the_folder_that_holds_it},
	    {"links that go in circles are told", links_that_go_in_circles_are_told},
	    {"a relative path is judged from the root on",
		a_relative_path_is_judged_from_the_root_on},
	    {"owners are root or this user", owners_are_root_or_this_user},
	    {"a group of its own is this user", a_group_of_its_own_is_this_user},
	    {"a list is judged by its entries", a_list_is_judged_by_its_entries},
	    {"what is missing is named", what_is_missing_is_named},
	    {NULL, NULL},
	};
	return unit_main("file", cases);
}
