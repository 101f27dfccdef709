#!/bin/sh
# Builds Tillstream's images, all or the named ones: deploy/images/build.sh [gateway ops ...]
# With docker where its engine answers, else with buildah, which needs none.
# PYTHON_IMAGE and NODE_IMAGE replace the official bases; TILLSTREAM_VERSION is the tag.
set -eu
cd "$(dirname "$0")/../.."

if docker info >/dev/null 2>&1; then
  builder='docker build'
else
  builder='buildah bud'
  # What a container may not do, this builds without.
  export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}"
fi

build() {
  folder=services/$1
  [ -d "$folder" ] || folder=deploy/images/$1
  set -- --file "$folder/Dockerfile" --tag "tillstream/$1:${TILLSTREAM_VERSION:-0.1.0}"
  for base in PYTHON_IMAGE NODE_IMAGE; do
    if grep -q "^ARG $base=" "$folder/Dockerfile" && printenv "$base" >/dev/null; then
      set -- "$@" --build-arg "$base"
    fi
  done
  $builder "$@" .
}

[ $# -gt 0 ] || set -- gateway oauth webhooks ingestor analytics ops simulator
for name; do
  build "$name"
done
