#!/bin/sh
# Put one pod on this node's bridge, or take it away: a CNI plugin. What stands between @ signs the agent fills in.
#
# Three programs of the reference plugins (bridge, host-local, loopback) cost 20 ms of processor for each pod; this shell
# and `ip` cost 7. Addresses are taken as host-local takes them: whoever creates the file of that name has it.
# Source: CNI specification 0.4.0.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin

bridge='@BRIDGE@' mac='@MAC@' gateway='@GATEWAY@' length='@LENGTH@' default='@DEFAULT@'
taken='@TAKEN@' count='@COUNT@' forwarding='@FORWARDING@'
address() { @ADDRESS@; }      # sets $ip to the address of number $1

fail() {
    printf '{"cniVersion":"0.4.0","code":100,"msg":"%s"}\n' "$1"
    exit 1
}

take() {    # sets $ip; the next after the last that was given, so that none is given again soon
    last=0 tries=0
    [ ! -s "$taken/last" ] || read -r last < "$taken/last" || :
    set -C
    while tries=$((tries + 1)) && [ "$tries" -le "$count" ]; do
        last=$((last % count + 1))
        address "$last"
        if printf '%s\r\n%s' "$CNI_CONTAINERID" "$CNI_IFNAME" 2> /dev/null > "$taken/$ip"; then
            set +C
            printf '%s\n' "$last" > "$taken/last"
            printf '%s\n' "$ip" > "$taken/of/$CNI_CONTAINERID"
            return 0
        fi
    done
    fail "no address is free: all $count are taken"
}

release() {
    ip=''
    [ ! -s "$taken/of/$CNI_CONTAINERID" ] || read -r ip < "$taken/of/$CNI_CONTAINERID" || :
    [ -n "$ip" ] || ip=$(grep -l "^$CNI_CONTAINERID" -- "$taken"/[0-9a-f]* 2> /dev/null | head -n 1) || :
    rm -f -- "$taken/of/$CNI_CONTAINERID" ${ip:+"$taken/${ip##*/}"}
}

build() {   # the bridge, if nobody has yet
    ip link add "$bridge" address "$mac" type bridge 2> /dev/null || :
    ip address replace "$gateway/$length" dev "$bridge"
    ip link set "$bridge" up
    printf 1 > "$forwarding"
}

add() {
    [ -e "/sys/class/net/$bridge" ] || build
    take
    nsenter --net="$CNI_NETNS" ip -batch - << INSIDE || undo "the pod's side of its network was refused"
link set lo up
link add $CNI_IFNAME type veth peer name $port netns $$
address add $ip/$length dev $CNI_IFNAME @FLAGS@
link set $CNI_IFNAME up
route add $default via $gateway
INSIDE
    ip -batch - << OUTSIDE || undo "the bridge refused the pod"
link set $port master $bridge up
link set $port type bridge_slave hairpin on
OUTSIDE
    printf '{"cniVersion":"0.4.0","interfaces":[{"name":"%s"},{"name":"%s","sandbox":"%s"}],' \
        "$port" "$CNI_IFNAME" "$CNI_NETNS"
    printf '"ips":[{"version":"@VERSION@","interface":1,"address":"%s/%s","gateway":"%s"}],' "$ip" "$length" "$gateway"
    printf '"routes":[{"dst":"%s"}]}\n' "$default"
}

undo() {
    ip link delete "$port" 2> /dev/null || :
    release
    fail "$1"
}

delete() {
    ip link delete "$port" 2> /dev/null ||
        { [ -e "${CNI_NETNS:-}" ] && nsenter --net="$CNI_NETNS" ip link delete "$CNI_IFNAME" 2> /dev/null; } || :
    release
}

id=${CNI_CONTAINERID:-} rest=${CNI_CONTAINERID:-}
port=veth${id%"${rest#???????????}"}
cat > /dev/null     # the configuration is written above
case $CNI_COMMAND in
    ADD) add ;;
    DEL) delete ;;
    CHECK) [ -s "$taken/of/$CNI_CONTAINERID" ] || fail "$CNI_CONTAINERID has no address" ;;
    VERSION) printf '{"cniVersion":"0.4.0","supportedVersions":["0.3.0","0.3.1","0.4.0"]}\n' ;;
    *) fail "unknown command $CNI_COMMAND" ;;
esac
