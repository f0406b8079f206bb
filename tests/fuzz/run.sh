#!/bin/sh
# Runs each fuzzer named for FUZZ_S seconds (30) from its corpus in the tree; what it learns goes
# to build/fuzz/, and so does an input that breaks it. Then FRAMES (10000000) random and mutated
# frames at a running simulator. Ends with `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${FUZZ_S:-30}

if [ "${1:-}" = --one ]; then
    name=$(basename "$2")
    learned=build/fuzz/corpus/$name
    mkdir -p "$learned"
    given=tests/fuzz/corpus/$name
    [ -d "$given" ] || given=
    # shellcheck disable=SC2086
    if "$2" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "$learned" $given >"build/fuzz/$name.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
        echo "ok    $name: ${runs:-?} runs"
        exit 0
    fi
    echo "FAIL  $name, see build/fuzz/$name.log:"
    grep -E 'ERROR|SUMMARY|artifact|Test unit' "build/fuzz/$name.log" | sed 's/^/    /'
    exit 1
fi

[ $# -gt 0 ] || { echo "no fuzzer was named"; exit 1; }
results=build/fuzz/results
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh "$0" --one | tee "$results"
if figures=$(/usr/bin/python3 tests/fuzz/frames.py --build "${BUILD:-build/release}" \
    --frames "${FRAMES:-10000000}" 2>&1); then
    echo "ok    frames: $figures" | tee -a "$results"
else
    printf 'FAIL  frames: %s\n' "$figures" | tee -a "$results"
fi
failed=$(grep -c '^FAIL' "$results")
echo "$(grep -c '^ok' "$results") passed, $failed failed"
[ "$failed" -eq 0 ]
