# Runs in %post, inside the image: packages without a network, the two commands, mount points, and a note of all that.
# Arguments are facts for the note, NAME=VALUE. /jamcam/python is there; /jamcam/wheels goes away.
python=/jamcam/python/bin/python3
wheels=/jamcam/wheels

# pip runs from its own wheel, so that none stays in the image.
PIP_CONFIG_FILE=/dev/null $python "$(echo $wheels/pip-*.whl)/pip" install --no-index --find-links $wheels \
    --no-cache-dir --no-compile --root-user-action ignore --quiet --requirement $wheels/requirements.txt
rm -rf $wheels
site=$($python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo /jamcam > "$site/jamcam.pth"

# What only serves tests and compilers, half of torch.
find "$site" -type d \( -name tests -o -path '*/onnx/backend/test' \) -prune -exec rm -rf {} +
if [ -d "$site/torch" ]; then
    rm -rf "$site/torch/test" "$site/torch/include" "$site/torch/share"
    find "$site/torch/bin" -type f ! -name torch_shm_manager -delete
    find "$site/torch/lib" -name '*test*' -delete
fi
# The image is read-only, so Python could never keep what it compiles. Unchecked: sources cannot change either.
# A few of torch's files are for other Pythons and do not compile; nothing imports them.
$python -m compileall -qq -j 0 --invalidation-mode unchecked-hash "$site" /jamcam/harness /jamcam/made_frames /jamcam/probe /jamcam/yolo_v4 ||
    test -d "$site/torch"

mkdir -p /jamcam/bin /workspace /local_scratch /tmp
[ -k /tmp ] || chmod 1777 /tmp  # a builder without root may not change the mode of a /tmp that is bound
cat > /jamcam/bin/jamcam <<'SCRIPT'
#!/bin/sh
exec /jamcam/python/bin/python3 -I -m harness "$@"
SCRIPT
if [ -d "$site/torch" ]; then
    cat > /jamcam/bin/yolo_v4 <<'SCRIPT'
#!/jamcam/python/bin/python3 -I
import sys

from yolo_v4.cli import main

sys.exit(main())
SCRIPT
fi
chmod 755 /jamcam/bin/*
$python /jamcam/container/describe.py "$@" > /jamcam/manifest.json
