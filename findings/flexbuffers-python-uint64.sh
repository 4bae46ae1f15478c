#!/usr/bin/env bash
# flatbuffers 25.12.19 (Python), flexbuffers: Dumps() has no way to a number of 2^63 or more, although
# the format has unsigned 64-bit numbers and Builder.UInt() writes them.
#
# Expected: Dumps(2**63) writes an unsigned number, or says that the number is too big.
# Seen:     Dumps(2**63)        ValueError: value is too big to encode: 18446744073709551616
#             (not the number that was given: its zigzag double)
#           Dumps({"x": 2**63}) RuntimeError: must be even number of keys and values
#             (the message is about the map, not about the number)
#           Builder().UInt(2**63), then Loads: 9223372036854775808, as it was given
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check flatbuffers==25.12.19
"$folder/venv/bin/python" - <<'PYTHON'
from flatbuffers import flexbuffers


def refusal(value):
    try:
        flexbuffers.Dumps(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "written"


alone, in_map = refusal(2**63), refusal({"x": 2**63})
print(alone)
print(in_map)
assert alone == "ValueError: value is too big to encode: 18446744073709551616", alone
assert in_map == "RuntimeError: must be even number of keys and values", in_map
assert flexbuffers.Loads(flexbuffers.Dumps(2**63 - 1)) == 2**63 - 1
builder = flexbuffers.Builder()
builder.UInt(2**63)
assert flexbuffers.Loads(builder.Finish()) == 2**63
PYTHON
echo "as described"
