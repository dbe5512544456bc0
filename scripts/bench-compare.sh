#!/usr/bin/env bash
# Measures `intap audit` against `tcpdump -w /dev/null`, alternately and on the same file, and prints medians and their ratio.
#
#   scripts/bench-compare.sh [-n RUNS] [-p mixed|bulk] [FILE]
#
# Without FILE, the generated workload of that preset (default mixed: a million packets of 20,000 devices) is used; it is kept in
# target/bench. Times of a shared machine are noisy: compare ratios of one run, and user + sys rather than wall time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export TZ=UTC LC_ALL=C

runs=7
preset=mixed
while getopts "n:p:" option; do
    case $option in
        n) runs=$OPTARG ;;
        p) preset=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))

scripts/setup.sh tcpdump time
cargo build --release --locked --no-default-features --bin intap --example generate_capture

mkdir -p target/bench
file=${1:-target/bench/$preset.pcap}
if [[ $# -eq 0 && ! -s $file ]]; then
    echo "generating $file"
    target/release/examples/generate_capture --preset "$preset" --output "$file.part"
    mv "$file.part" "$file"
fi

results=$(mktemp -d)
trap 'rm -r "$results"' EXIT

# measure NAME COMMAND...: appends one run's user + sys seconds, wall seconds and peak memory in MiB to the results of NAME.
measure() {
    local name=$1 status=0
    shift
    "$(type -P time)" --quiet -a -o "$results/$name" -f '%U %S %e %M' "$@" >/dev/null 2>"$results/stderr" || status=$?
    # intap exits with 1 when it has findings.
    if ((status > 1)) || [[ $name != intap && $status != 0 ]]; then
        cat "$results/stderr" >&2
        echo "error: $* exited with $status" >&2
        exit 2
    fi
}

intap=(target/release/intap audit "$file")
tcpdump=("$(type -P tcpdump)" -r "$file" -w /dev/null)

# Once each beforehand, so that the file is in the page cache.
measure warm-up "${tcpdump[@]}"
for ((run = 0; run < runs; run++)); do
    measure intap "${intap[@]}"
    measure tcpdump "${tcpdump[@]}"
done

# median NAME EXPRESSION: the median over the runs of an awk expression.
median() {
    awk "{ printf \"%.3f\\n\", $2 }" "$results/$1" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

echo
echo "$file: $(($(stat -c %s "$file") / 1000000)) MB, $runs runs each, medians; $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
printf '%-24s %12s %12s %12s\n' "" "user+sys s" "wall s" "peak MiB"
for name in intap tcpdump; do
    printf '%-24s %12.3f %12.3f %12.1f\n' "$name" "$(median "$name" '$1 + $2')" "$(median "$name" '$3')" "$(median "$name" '$4 / 1024')"
done
ratio() {
    awk -v a="$(median intap "$1")" -v b="$(median tcpdump "$1")" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'
}
printf '%-24s %12s %12s %12s\n' "ratio intap/tcpdump" "$(ratio '$1 + $2')" "$(ratio '$3')" "$(ratio '$4')"
