#!/bin/sh
# Everything that can be said about the source without running it. Prints what it checks; what
# clang-tidy and cppcheck found nothing in is remembered below build/lint by its content.
set -u
cd "$(dirname "$0")/../.." || exit 1
cache=build/lint
mkdir -p "$cache"
flags="-std=c17 -D_GNU_SOURCE -I."

# clang-tidy on one file, unless this very text (with all it includes) was found clean before.
if [ "${1:-}" = --tidy ]; then
    seen=$cache/$( (cat .clang-tidy; gcc $flags -MM "$2" | tr -d '\\' | tr ' ' '\n' |
        grep '\.[ch]$' | xargs cat) | sha256sum | cut -c1-32).tidy
    [ -e "$seen" ] && exit 0
    found=$(clang-tidy -quiet "$2" -- $flags 2>/dev/null)
    status=$?
    [ $status -eq 0 ] && [ -z "$found" ] && touch "$seen" && exit 0
    printf '%s\n' "$found"
    exit 1
fi

failed=
say() { # "what" status
    if [ "$2" -eq 0 ]; then echo "lint: $1: clean"; else echo "lint: $1: FAILED"; failed="$failed $1,"; fi
}

headers_and_sources=$(find config drivers gateway simulator tests -name '*.[ch]' | sort)
sources=$(printf '%s\n' "$headers_and_sources" | grep '\.c$')

clang-format --dry-run -Werror $headers_and_sources
say "format (clang-format)" $?

/usr/bin/python3 tests/lint/layers.py
say "layers (who includes whom)" $?

! grep -nE '\b(TODO|FIXME|XXX)\b' $headers_and_sources
say "no unfinished business (TODO, FIXME)" $?

printf '%s\n' "$sources" | xargs -P "$(nproc)" -n 1 sh "$0" --tidy
say "clang-tidy (with functions of at most 60 lines)" $?

seen=$cache/$(cat $headers_and_sources | sha256sum | cut -c1-32).cppcheck
if [ ! -e "$seen" ]; then
    cppcheck --quiet --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
        --std=c11 -D_GNU_SOURCE -I. -j "$(nproc)" config drivers gateway simulator tests &&
        touch "$seen"
fi
[ -e "$seen" ]
say "cppcheck" $?

/usr/bin/python3 - $(find tests -name '*.py') <<'PYTHON'
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as source:
        compile(source.read(), path, "exec")
PYTHON
say "Python compiles" $?

status=0
for script in $(find tests config .ci -type f \( -name '*.sh' -o -path '.ci/*' \)); do
    interpreter=sh
    head -n 1 "$script" | grep -q bash && interpreter=bash
    $interpreter -n "$script" || status=1
done
say "shell scripts parse" $status

if [ -n "$failed" ]; then
    echo "lint: failed:${failed%,}"
    exit 1
fi
echo "lint: all clean"
