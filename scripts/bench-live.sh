#!/usr/bin/env bash
# Finds the rate at which `intap live` begins to drop packets, and the same for `tcpdump -w /dev/null`, on one pair of virtual
# interfaces and with the same generated traffic, in turns. Needs root; not a test: figures of a shared machine are noisy.
#
#   scripts/bench-live.sh [-p mixed|bulk] [-r] [-s SECONDS] [RATE...]     rates in packets per second
#
# With -r, intap records affected flows too (`--record`, into a folder that is deleted at the end).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export TZ=UTC LC_ALL=C

preset=mixed
seconds=10
with_recordings=false
while getopts "p:rs:" option; do
    case $option in
        p) preset=$OPTARG ;;
        r) with_recordings=true ;;
        s) seconds=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
rates=("${@:-}")
[[ -n ${rates[0]} ]] || rates=(25000 50000 100000 150000 200000 300000)

if ((EUID != 0)); then
    echo "error: network namespaces need root; run it with sudo" >&2
    exit 2
fi
scripts/setup.sh tcpdump tcpreplay
cargo build --release --locked --no-default-features --features live --bin intap --example generate_capture

mkdir -p target/bench
file=target/bench/$preset.pcap
if [[ ! -s $file ]]; then
    target/release/examples/generate_capture --preset "$preset" --output "$file.part"
    mv "$file.part" "$file"
fi

lab=intap-bench-$$
results=$(mktemp -d)
options=()
! $with_recordings || options=(--record "$results/recordings")
trap 'ip netns del "$lab"; rm -r "$results"' EXIT
ip netns add "$lab"
inside() { ip netns exec "$lab" "$@"; }
inside sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
inside ip link add left mtu 9000 type veth peer name right mtu 9000
inside ip link set left up
inside ip link set right up

# send RATE: replays the traffic for the chosen time and prints how many packets were sent at which rate.
send() {
    inside tcpreplay -q --preload-pcap --loop 1000 --duration "$seconds" --pps "$1" -i left "$file" 2>&1 |
        awk '/^Actual:/ { sent = $2 } /^Rated:/ { for (i = 1; i < NF; i++) if ($(i + 1) == "pps") rate = $i } END { print sent, rate }'
}

printf '%10s %10s %12s %12s\n' asked "sent pps" "intap drops" "tcpdump drops"
for rate in "${rates[@]}"; do
    ip netns exec "$lab" target/release/intap live -i right --events "$results/events" -o "$results/report" "${options[@]}" 2>"$results/log" &
    listener=$!
    until [[ -s $results/events ]]; do sleep 0.1; done
    read -r sent actual < <(send "$rate")
    # `ip netns exec` becomes the program, so the signal reaches it.
    kill -TERM "$listener"
    wait "$listener" || true
    intap=$(sed -n 's/.*"event":"stopped".*"dropped":\([0-9]*\).*/\1/p' "$results/events")
    rm "$results/events"

    ip netns exec "$lab" tcpdump -i right -B 65536 -s 0 -w /dev/null 2>"$results/tcpdump" &
    listener=$!
    until grep -q listening "$results/tcpdump"; do sleep 0.1; done
    send "$rate" >/dev/null
    kill -TERM "$listener"
    wait "$listener" || true
    tcpdump=$(awk '/dropped by kernel/ { print $1 }' "$results/tcpdump")
    printf '%10s %10s %12s %12s   (of %s)\n' "$rate" "$actual" "$intap" "$tcpdump" "$sent"
done
