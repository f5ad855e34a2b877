#!/bin/sh
# Makes sure that the system libraries Python packages cannot bring are there.
# Usage: system-packages.sh app|test
# On Debian and its kin, as root, installs what is missing; elsewhere prints the line to type.
set -eu
[ "$(uname -s)" = Linux ] || exit 0

found() { ldconfig -p 2>/dev/null | grep -q "$1" || find /usr/lib /usr/lib64 /lib -name "$1*" 2>/dev/null | grep -q .; }

missing=""
need() { missing="$missing $*"; }

found libEGL.so.1 || need libegl1
found libGL.so.1 || need libgl1
found libEGL_mesa.so.0 || found libEGL_nvidia.so.0 || need libegl-mesa0 libgl1-mesa-dri
found libGLX_mesa.so.0 || found libGLX_nvidia.so.0 || need libglx-mesa0
for library in libX11.so.6:libx11-6 libXcursor.so.1:libxcursor1 libXi.so.6:libxi6 \
               libXinerama.so.1:libxinerama1 libXrandr.so.2:libxrandr2 \
               libxkbcommon.so.0:libxkbcommon0; do
    found "${library%%:*}" || need "${library##*:}"
done
if [ "$1" = test ]; then
    command -v Xvfb >/dev/null || need xvfb
    command -v chromium >/dev/null || need chromium
    command -v firefox-esr >/dev/null || command -v firefox >/dev/null || need firefox-esr
    found libGLX_mesa.so.0 || need libglx-mesa0
fi
[ -n "$missing" ] || exit 0

line="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null; then
    echo "isoloss needs OpenGL libraries that are missing here. Debian calls them:$missing" >&2
    exit 1
elif [ "$(id -u)" != 0 ]; then
    echo "isoloss needs system libraries that are missing here. Type: sudo $line" >&2
    exit 1
fi
echo "Installing system libraries:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
$line >/dev/null
