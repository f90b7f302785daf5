#!/usr/bin/env bash
# look.sh WHEEL MACHINE: whether the binaries of a wheel, made for another machine, are what it promises: of that machine, with
# all libraries but the C library's own in the wheel, and no folder of the building machine among the places to look in.
set -euo pipefail
wheel="$(realpath "$1")"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && python3 -m zipfile -e "$wheel" .)
extension="$folder"/pylrm/binding/_darknet.abi3.so
for binary in "$extension" "$folder"/pylrm.libs/*.so*; do
    readelf -h "$binary" | grep -q "Machine: *$2\$" || { echo "$binary is not for $2"; exit 1; }
    for library in $(readelf -d "$binary" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
        case "$library" in
            libc.so.6 | libm.so.6 | ld-linux-*) ;;
            *) test -e "$folder/pylrm.libs/$library" || { echo "$binary needs $library"; exit 1; } ;;
        esac
    done
done
paths="$(readelf -d "$extension" | sed -n 's/.*R\(UN\)\?PATH.*\[\(.*\)\]/\2/p')"
test "$paths" = "\$ORIGIN/../../pylrm.libs" || { echo "$extension looks in $paths"; exit 1; }
echo "$(basename "$wheel"): for $2"
