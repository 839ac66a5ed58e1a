"""What a shell has to do where the engine is. Every value comes in as a word, none is part of a script."""

from __future__ import annotations

MARK_VARIABLE = "DVM_CALL"
"""In the environment of whatever a call starts outside of containers."""

EXEC_VARIABLE = "DVM_EXEC_ID"
"""In the environment of a command inside a container, and of all that it starts."""

_ENDING = r"""
mark=$1
marked() { grep -lsaF "$1" /proc/[0-9]*/environ 2>/dev/null; }
children() {
    for task in /proc/"$1"/task/*/children; do
        read -r found 2>/dev/null < "$task" || [ -n "$found" ] || continue
        for child in $found; do echo "$child"; children "$child"; done
    done
}
# Kills all that has this in its environment, and what that has started.
end_all() {
    pids=
    for file in $(marked "$1"); do
        pid=${file#/proc/}; pid=${pid%/environ}
        [ "$pid" = "$$" ] || pids="$pids $pid $(children "$pid")"
    done
    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
}
# Whoever is killed tidies nothing up: the folder of a build or of a copy has the mark in its name.
end_rest() {
    for round in 1 2 3 4 5 6 7 8; do
        end_all "=$mark"
        [ -n "$pids" ] || break
    done
    rm -rf "${TMPDIR:-/tmp}/dvm-build-$mark" "${TMPDIR:-/tmp}/dvm-copy-$mark" "${TMPDIR:-/tmp}/dvm-exec-$mark"
}
"""

END_MARKED = (
    _ENDING
    + r"""
# Ends all that has the mark: dvm MARK
end_rest
"""
)

END_COMMAND = (
    _ENDING
    + r"""
# Ends a command inside a container, then all that has the mark: dvm MARK
# A nerdctl that is killed while it starts a command leaves the container's shim waiting for it, for ever. So the
# command is let come up, and ended first; nerdctl then ends by itself.
for round in 1 2 3 4 5 6 7 8 9 10; do
    [ -z "$(marked "DVM_EXEC_ID=$mark")" ] && [ -n "$(marked "DVM_CALL=$mark")" ] || break
    sleep 0.1
done
for round in 1 2 3 4 5 6 7 8 9 10; do
    end_all "DVM_EXEC_ID=$mark"
    [ -n "$(marked "DVM_CALL=$mark")" ] || break
    sleep 0.1
done
end_rest
"""
)

EXEC = r"""
# Runs a command inside a container with standard input: dvm nerdctl... exec...
# nerdctl loses an end of input that comes before the command runs, and the command would read for ever: so the end
# waits for the command, here, since polls from another machine take seconds. The file of variables is 3, or above 9.
pipe=${TMPDIR:-/tmp}/dvm-exec-$DVM_CALL
mkfifo -m 600 "$pipe" || exit 125
exec 9<&0
{ cat <&9; while kill -0 $$ && ! grep -qsaF "DVM_EXEC_ID=$DVM_CALL" /proc/[0-9]*/environ; do sleep 0.05; done; } \
    > "$pipe" 2>/dev/null &
exec 9<&- < "$pipe"
rm -f "$pipe"
"$@"
exit $?
"""

_INSPECT = r"""
# Prints inspected containers, then when nerdctl has started each: containerd forgets that with the container's task, as
# when its machine is started again.
print_found() {
    printf '%s\n' "$1"
    printf '%s\n' "$1" | sed -n 's/.*"nerdctl\/state-dir": *"\([^"]*\)".*/\1/p' | while IFS= read -r folder; do
        [ ! -s "$folder/lifecycle.json" ] ||
            printf '{"Lifecycle": "%s", "State": %s}\n' "${folder##*/}" "$(cat "$folder/lifecycle.json")"
    done
}
"""

INSPECT = (
    _INSPECT
    + r"""
# One container, inspected: dvm REFERENCE nerdctl...
reference=$1; shift
found=$("$@" container inspect "$reference") || exit
print_found "$found"
"""
)

LIST = (
    _INSPECT
    + r"""
# Every container with a label, inspected: dvm FILTER nerdctl...
filter=$1; shift
for round in 1 2 3 4; do
    ids=$("$@" ps --all --quiet --no-trunc ${filter:+--filter "$filter"}) || exit
    [ -n "$ids" ] || exit 0
    # One that went meanwhile makes nerdctl 2 show none of them.
    found=$("$@" container inspect $ids 2>/dev/null) && { print_found "$found"; exit 0; }
done
for id in $ids; do found=$("$@" container inspect "$id" 2>/dev/null) && print_found "$found"; done
exit 0
"""
)

IMAGES = r"""
# Every image with a name, inspected: dvm nerdctl...
for round in 1 2 3 4; do
    names=$("$@" images --no-trunc --format '{{.Name}}') || exit
    names=$(printf '%s\n' "$names" | grep -v -e '<none>' -e '@sha256:' | sort -u)
    [ -n "$names" ] || exit 0
    found=$("$@" image inspect --mode native $names 2>/dev/null) && { printf '%s\n' "$found"; exit 0; }
done
for name in $names; do "$@" image inspect --mode native "$name" 2>/dev/null; done
exit 0
"""

# nerdctl's own `cp` reads and writes archives only since 2.3. But every version
# runs the program that $TAR names to pack and to unpack, in a folder that it has
# found inside the container, be that running or stopped. So a small program of
# ours stands there and lets the stream through.
_TAR = r"""
work=${TMPDIR:-/tmp}/dvm-copy-${DVM_CALL:-$$}
mkdir -m 700 "$work" || exit 125
finish() { kill "$pump" 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
trap 'exit 143' TERM INT HUP
mkdir "$work/none" && mkfifo "$work/stream" || exit 125
printf '#!/bin/sh\n%s\n' "$PROGRAM" > "$work/tar" && chmod 700 "$work/tar" || exit 125
DVM_STREAM=$work/stream TAR=$work/tar
export DVM_STREAM TAR
"""

PUT_ARCHIVE = (
    r"""
# Unpacks the tar on standard input into a folder of a container: dvm CONTAINER FOLDER nerdctl...
container=$1 folder=$2; shift 2
PROGRAM='for word; do case $word in -c) exec cat "$DVM_STREAM";; esac; done; exec tar "$@"'
"""
    + _TAR
    + r"""
exec 3<&0
cat <&3 > "$work/stream" & pump=$!
exec 3<&-
"$@" cp "$work/none/." "$container:$folder"
"""
)

GET_ARCHIVE = (
    r"""
# Writes a file or folder of a container as a tar to standard output: dvm CONTAINER PATH nerdctl...
container=$1 path=$2; shift 2
PROGRAM='for word; do case $word in -x) exec cat > "$DVM_STREAM";; esac; done; exec tar "$@"'
"""
    + _TAR
    + r"""
cat "$work/stream" & pump=$!
"$@" cp "$container:$path" "$work/none/" >&2 || exit
wait "$pump"
"""
)

FIND_INIT = r"""
# The first init that is there; a static one first, for images without a libc: dvm
for name in tini-static docker-init tini catatonit; do
    command -v "$name" >/dev/null 2>&1 && { echo "$name"; exit 0; }
done
exit 0
"""

# nerdctl does not wait for another nerdctl that is at the same container: of two starts one deletes what the other is
# about to start, and of two renames one gives the container a label that belongs to no name. So ours wait for each
# other, at a file which whoever holds it removes.
_ALONE = r"""
if [ -w /run ]; then folder=/run; else folder=$XDG_RUNTIME_DIR; fi
if [ -n "$folder" ] && command -v flock >/dev/null; then
    lock=$folder/dvm-$container.lock
    # The one before us may have removed what we have opened.
    until exec 9>"$lock" && flock 9 && [ "$lock" -ef /dev/fd/9 ]; do :; done
    trap 'rm -f "$lock"' EXIT
    trap 'exit 143' TERM INT HUP
fi
"""

START = (
    r"""
# dvm CONTAINER nerdctl...
container=$1; shift
"""
    + _ALONE
    + r"""
"$@" start "$container" 9>&-
"""
)

STOP = r"""
# Stops a container, and gives up its ports, which nerdctl 2.1 holds until it is started again: dvm CONTAINER SECONDS...
container=$1 seconds=$2; shift 2
"$@" stop --time "$seconds" "$container" || exit
for file in /run/nerdctl/*/"$container"/port-reserver.pid; do
    [ -f "$file" ] && pid=$(cat "$file") && [ "$(cat "/proc/$pid/comm")" = sleep ] && kill "$pid" && rm -f "$file"
done 2>/dev/null
exit 0
"""

REMOVE = r"""
# Removes a container, and what a start of it may have left that was killed: dvm CONTAINER FLAGS nerdctl...
container=$1 flags=$2; shift 2
exec 3>&1
# A nerdctl that is killed while it starts a command can leave the container's shim waiting for it, for ever: then
# nobody can tell the container's state, nor remove it. Without the shim, containerd itself ends what is left.
end_shim() {
    id=$("$@" container inspect "$container" 2>/dev/null | sed -n 's/.*"Id": *"\([0-9a-f]\{64\}\)".*/\1/p' | head -n 1)
    for file in $(grep -lsaF "${id:-$container}" /proc/[0-9]*/cmdline); do
        case $({ tr '\0' ' ' < "$file"; } 2>/dev/null) in
            *containerd-shim*" -id $id "*) pid=${file#/proc/}; kill -KILL "${pid%/cmdline}" ;;
        esac
    done
}
for round in 1 2 3 4 5 6 7 8 9 10; do
    said=$("$@" rm $flags "$container" 2>&1 >&3) || { code=$?; printf '%s\n' "$said" >&2; exit "$code"; }
    # By force, nerdctl ends with 0 whatever happens.
    case $said in
        *"no such container"*) said= ;;
        *"unknown container status"*) end_shim "$@" 3>&- ;;
        *" errors:"*) ;;
        *) said= ;;
    esac
    [ -n "$said" ] || break
    sleep 0.1
done
[ -z "$said" ] || { printf '%s\n' "$said" >&2; exit 1; }
rm -f "/run/dvm-$container.lock" ${XDG_RUNTIME_DIR:+"$XDG_RUNTIME_DIR/dvm-$container.lock"} 2>/dev/null
exit 0
"""

RENAME = (
    r"""
# dvm CONTAINER NAME nerdctl...
container=$1 name=$2; shift 2
"""
    + _ALONE
    + r"""
said=$("$@" rename "$container" "$name" 2>&1 9>&-) && exit 0
case $said in *"no such file or directory"*)
    # nerdctl 1.7 has given the name away by then, and stumbles over the hosts file that a stopped container has not,
    # before it has written the label that it finds containers by. containerd's own command takes the same flags.
    shift
    ctr "$@" containers label "$container" "nerdctl/name=$name" >/dev/null && exit 0 ;;
esac
printf '%s\n' "$said" >&2
exit 1
"""
)

SHARE_IMAGES = r"""
# Lets BuildKit see images of the engine, if it works in another namespace: dvm NAMESPACE MARK NAMES nerdctl...
# Prints NAME=REFERENCE for each image that has got a name of its own in BuildKit's namespace.
namespace=$1 mark=$2 names=$3; shift 3
# Where nerdctl looks for BuildKit.
for address in "$BUILDKIT_HOST" "unix://${XDG_RUNTIME_DIR:-/run}/buildkit-$namespace/buildkitd.sock" \
    "unix://${XDG_RUNTIME_DIR:-/run}/buildkit-default/buildkitd.sock" unix:///run/buildkit/buildkitd.sock ""; do
    [ -n "$address" ] && { [ "$address" = "$BUILDKIT_HOST" ] || [ -S "${address#unix://}" ]; } && break
done
workers=$(buildctl ${address:+--addr "$address"} debug workers -v 2>/dev/null) || exit 0
other=$(printf '%s\n' "$workers" | sed -n 's/.*worker\.containerd\.namespace:[[:space:]]*//p' | head -n 1)
[ "$other" != "$namespace" ] || exit 0
number=0
set -f
for name in $names; do
    # Some versions end with 0, and an empty list.
    case $("$@" image inspect --mode native "$name" 2>/dev/null) in *[a-z]*) ;; *) continue ;; esac
    [ -n "$other" ] || { echo "BuildKit does not use containerd, and cannot see the image $name" >&2; exit 1; }
    number=$((number + 1)); reference=localhost/dvm-build-$mark:$number
    "$@" tag "$name" "$reference" >/dev/null || exit
    "$@" save "$reference" | "$@" --namespace "$other" load >/dev/null; code=$?
    "$@" rmi "$reference" >/dev/null 2>&1
    [ "$code" = 0 ] || exit "$code"
    printf '%s\n' "$other $name=$reference"
done
exit 0
"""

UNSHARE_IMAGES = r"""
# Removes the names that SHARE_IMAGES has given: dvm NAMESPACE REFERENCES nerdctl...
other=$1 references=$2; shift 2
"$@" --namespace "$other" rmi $references >/dev/null 2>&1
exit 0
"""

BUILD = r"""
# Unpacks standard input into a folder of its own, and builds from there: dvm nerdctl... build...
work=${TMPDIR:-/tmp}/dvm-build-${DVM_CALL:-$$}
mkdir -m 700 "$work" || exit 125
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
cd "$work" && tar -x -o -f - || exit 125
"$@" < /dev/null
"""


REMOVE_IMAGE = r"""
# Removes an image; a missing one is no error: dvm IMAGE nerdctl...
image=$1; shift
"$@" rmi --force "$image" || ! "$@" image inspect "$image"
"""
REMOVE_NETWORK = r"""
# Removes a network; a missing one is no error: dvm NETWORK nerdctl...
network=$1; shift
"$@" network rm "$network" || ! "$@" network inspect "$network"
"""
REMOVE_VOLUME = r"""
# Removes a volume; a missing one is no error: dvm VOLUME nerdctl...
volume=$1; shift
"$@" volume rm "$volume" || ! "$@" volume inspect "$volume"
"""
