# Shared by the lint tests: where the sources are, and how to say that a tool is not there.
# shellcheck shell=sh
set -eu
build=$(cd "${builddir:-.}" && pwd)
top=${srcdir:-$(dirname "$0")/../..}
cd "$top"
export build

# need PROGRAM PACKAGE: without it the test is skipped (exit status 77, as automake takes it).
need() {
	command -v "$1" >/dev/null 2>&1 && return
	echo "skipped: $1 is not installed (Debian package $2)"
	exit 77
}

# Every C file of the project.
c_files() {
	find src tests -name '*.[ch]' | sort
}
