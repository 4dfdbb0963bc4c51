#!/usr/bin/env bash
# A member's first profile image: register, log in, upload a photo, fetch it as pages will show it.
# Usage: examples/profile.sh [PHOTO [OUTPUT]]      VISAGE=http://127.0.0.1:5000 is where visage runs.
set -euo pipefail
visage=${VISAGE:-http://127.0.0.1:5000} photo=${1:-} output=${2:-profile.jpg}

if [ -z "$photo" ]; then # no photo at hand: draw one, a 64x64 bitmap with a sunset in it
    photo=$(mktemp) && trap 'rm -f "$photo"' EXIT
    pixels=$(for ((y = 0; y < 64; y++)); do for ((x = 0; x < 64; x++)); do printf '\\x%02x\\x%02x\\x%02x' $((y * 3)) $((60 + y)) $((250 - x - y)); done; done)
    printf "BM\x36\x30\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x40\0\0\0\x40\0\0\0\x01\0\x18\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0$pixels" >"$photo"
fi

email="member-$RANDOM$RANDOM@example.com" json='Content-Type: application/json'
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/"; }

curl -fsS "$visage/api/auth/register" -H "$json" -d "{\"name\":\"Asha Rao\",\"email\":\"$email\",\"password\":\"correct horse\"}" >/dev/null
token=$(curl -fsS "$visage/api/auth/login" -H "$json" -d "{\"email\":\"$email\",\"password\":\"correct horse\"}" | field token)
url=$(curl -fsS "$visage/api/users/profile-image" -H "Authorization: Bearer $token" -F "profileImage=@$photo" | field profileImage)
curl -fsS "$url" -o "$output"
echo "$url"
