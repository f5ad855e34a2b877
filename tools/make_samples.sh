#!/bin/sh
# Computes the sample surfaces in data/surfaces anew (about 15 minutes on two CPU cores).
# Usage: make_samples.sh [FOLDER FOR THE RUNS]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
runs=${1:-$root/runs/samples}
isoloss="$root/.venv/bin/isoloss"
samples="$root/data/surfaces"

"$isoloss" train --model vgg11 --data digits --epochs 5 --batch-size 32 --lr 0.02 --augment none \
    --checkpoints-per-epoch 4 --out "$runs/train"
for plane in pca random; do
    run="$runs/vgg11-digits-$plane"
    "$isoloss" probe "$runs/train" --plane $plane --grid 41 --samples 192 --out "$run"
    cp "$run/surface.ply" "$samples/vgg11-digits-$plane.ply"
done
cp "$runs/vgg11-digits-pca/trajectory.ply" "$samples/vgg11-digits-pca-trajectory.ply"

cd "$runs"
"$root/.venv/bin/python" "$root/examples/00_your_own_model.py"
cp iris.ply "$samples/iris.ply"
