#!/usr/bin/env bash
# run.sh NAME SECONDS: one fuzz target, with what it found of use kept in build/fuzz/corpus/NAME for the next time.
set -euo pipefail
name="$1" seconds="$2"
root=build/fuzz
mkdir -p "$root/corpus/$name" "$root/findings"
options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=1024
    -artifact_prefix="$root/findings/$name-" -print_final_stats=1)
if [ -f "$root/seeds/$name.dict" ]; then options+=(-dict="$root/seeds/$name.dict"); fi
export ASAN_OPTIONS=allocator_may_return_null=1 OMP_NUM_THREADS=1
if ! "$root/fuzz_$name" "${options[@]}" "$root/corpus/$name" "$root/seeds/$name" > "$root/$name.log" 2>&1; then
    tail -n 40 "$root/$name.log"
    echo "$name: a finding: $root/findings/, $root/$name.log"
    exit 1
fi
awk -v name="$name" '/number_of_executed_units/ { n = $2 } END { print name ": " n " executions, no finding" }' \
    "$root/$name.log"
