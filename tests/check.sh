#!/bin/sh
# What a change needs before it is merged: lint, all tests, the quick ones again under ASan with
# UBSan and under TSan, and a short run of each fuzzer. Ends with the sum, `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0
failures=
mkdir -p build/check

# A stage's last line is its sum; a stage that ends badly without a failure counts as one.
stage() { # name command…
    name=$1
    shift
    echo "=== $name"
    log=build/check/$name.log
    { "$@" 2>&1; echo $? >"$log.status"; } | tee "$log"
    status=$(cat "$log.status")
    sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    if [ -z "$sum" ]; then
        [ "$status" -eq 0 ] && sum="1 passed, 0 failed" || sum="0 passed, 1 failed"
    fi
    bad=$(echo "$sum" | sed 's/.*, \([0-9]*\) failed/\1/')
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    passed=$((passed + ${sum%% *}))
    failed=$((failed + bad))
    if [ "$bad" -gt 0 ]; then failures="$failures $name"; fi
}

# The build's own words are part of the claim: not one warning.
build() { # make's arguments
    make --no-print-directory -j "$(nproc)" "$@" >build/check/build.log 2>&1
    status=$?
    if [ $status -ne 0 ] || grep -n 'warning:' build/check/build.log; then
        tail -n 20 build/check/build.log
        return 1
    fi
}

sanitized() { # mode
    build MODE="$1" all units && /usr/bin/python3 tests/run.py --build "build/$1" --kind quick
}

export ASAN_OPTIONS="exitcode=86:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
export LSAN_OPTIONS="suppressions=$PWD/tests/lint/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:exitcode=86"
export TSAN_OPTIONS="exitcode=86:suppressions=$PWD/tests/lint/tsan.supp:second_deadlock_stack=1"

stage lint tests/lint/lint.sh
stage build build all units
stage test /usr/bin/python3 tests/run.py
stage asan sanitized asan
stage tsan sanitized tsan
stage fuzz make --no-print-directory fuzz FUZZ_S=20 FRAMES=1000000

[ -z "$failures" ] || echo "failed:$failures"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
