#!/usr/bin/env bash
# pyroomacoustics 0.10.1: a shoebox room whose walls inverse_sabine() chose for a reverberation time
# reverberates up to 1.4 times as long in the image source simulation.
#
# Expected: measure_rt60() within a tenth of the time that was asked for.
# Seen (seconds asked: measured):
#   6.0 x 5.0 x 3.0 m    0.2: 0.20   0.3: 0.37   0.4: 0.53   0.6: 0.85
#   4.5 x 4.0 x 2.7 m    0.2: 0.20   0.3: 0.33   0.4: 0.47   0.6: 0.76
# Short times come out right because the walls absorb much; beyond that the flat rooms of a house keep
# the sound between the far walls longer than Sabine's diffuse field does. So a set of training rooms
# "of 0.2 to 0.8 s" is more reverberant than it says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyroomacoustics==0.10.1 "numpy>=2,<3" "scipy>=1.17,<2"
"$folder/venv/bin/python" - <<'PYTHON'
import pyroomacoustics as pra

SIZES = ((6.0, 5.0, 3.0), (4.5, 4.0, 2.7))
measured = {}
for size in SIZES:
    for asked in (0.2, 0.3, 0.4, 0.6):
        absorption, order = pra.inverse_sabine(asked, size)
        room = pra.ShoeBox(size, fs=16000, materials=pra.Material(absorption), max_order=order)
        room.add_source([1.2, 1.1, 1.5])
        room.add_microphone([size[0] - 1, size[1] - 1, 1.2])
        room.compute_rir()
        measured[size, asked] = float(room.measure_rt60()[0][0])
        print(size, f"asked {asked}, measured {measured[size, asked]:.2f}")
for size in SIZES:
    assert 0.9 < measured[size, 0.2] / 0.2 < 1.1
    assert measured[size, 0.4] / 0.4 > 1.12
assert measured[SIZES[0], 0.6] / 0.6 > 1.3
PYTHON
echo "as described"
