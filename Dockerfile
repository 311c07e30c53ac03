# Wellhead's image. The same one is the API (`serve`), a worker (`worker`) or a command, by its argument; nothing is fetched when it runs.
#
#   docker build -t wellhead .
#   docker run --rm -p 127.0.0.1:8080:8080 -e WELLHEAD_DATABASE_URL=postgresql://… wellhead serve
#   docker build --target fhirsim -t wellhead-fhirsim .      the sample FHIR server
#
# docs/design/docker.md has the reasons. It needs no BuildKit.

# Where packages come from. The whole of an address that stands in Debian's own sources is replaced.
ARG BASE=debian:trixie-slim
ARG DEBIAN_MIRROR=http://deb.debian.org
ARG NPM_REGISTRY=https://registry.npmjs.org/

FROM ${BASE} AS build
ARG DEBIAN_MIRROR
ARG NPM_REGISTRY
ENV npm_config_registry=${NPM_REGISTRY}
WORKDIR /src

# What changes seldom comes first: packages, then the bridge to Temporal's core with its 224 crates.
COPY scripts/packages scripts/
RUN find /etc/apt \( -name '*.sources' -o -name sources.list \) -exec sed -i "s|http://deb.debian.org|${DEBIAN_MIRROR}|" {} + \
 && scripts/packages build
# OFF leaves out the engine on Temporal, and with it Rust and half of the time.
ARG TEMPORAL=ON
RUN [ "$TEMPORAL" = OFF ] || scripts/packages bridge
# A sparse registry, such as sparse+https://crates.example.org/; empty: crates.io.
ARG CRATES_MIRROR=
COPY library/orchestration/temporal/bridge library/orchestration/temporal/bridge
# With the directories of crate.cmake, which then finds all done.
RUN if [ -n "$CRATES_MIRROR" ]; then \
      mkdir -p ~/.cargo && printf '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "%s"\n' "$CRATES_MIRROR" >~/.cargo/config.toml; \
    fi \
 && if [ "$TEMPORAL" != OFF ]; then \
      CARGO_TARGET_DIR=/build/library/orchestration/temporal/bridge/cargo CARGO_BUILD_BUILD_DIR=$HOME/.cache/wellhead/cargo \
      WELLHEAD_BRIDGE_SOURCES=$PWD/library/orchestration/temporal/bridge PROTOC=/usr/bin/protoc \
      cargo build --release --locked --lib --manifest-path library/orchestration/temporal/bridge/Cargo.toml; \
    fi
# How many files are compiled at a time; empty: as many as there are cores.
ARG JOBS=
COPY . .
# The bridge's sources are those that its crate was built of, whatever their times: an older build may have left it in the layer above.
RUN find library/orchestration/temporal/bridge -type f -exec touch --date=@0 {} + \
 && cmake -S . -B /build -G Ninja --log-level=NOTICE -DCMAKE_BUILD_TYPE=Release -DWELLHEAD_TESTS=OFF "-DWELLHEAD_TEMPORAL=$TEMPORAL" \
 && test -f /build/web/pages/docs/made-from && test -f /build/web/pages/dashboard/made-from \
 && cmake --build /build --parallel "${JOBS:-$(nproc)}" --target wellhead fhirsim \
 && mkdir /out && strip -o /out/wellhead /build/app/wellhead/wellhead && strip -o /out/fhirsim /build/app/fhirsim/fhirsim

# The packages that the programs' libraries are of, so that no list of them can be wrong. The sample server has none of its own.
RUN packages_of() { \
      ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | xargs readlink -f | \
        while read -r library; do dpkg -S "$library" 2>/dev/null || dpkg -S "${library#/usr}"; done | sed 's/: .*//; s/:[a-z0-9]*$//' | sort -u; \
    } \
 && packages_of /out/wellhead >/out/packages && packages_of /out/fhirsim >/out/fhirsim-packages \
 && ! comm -13 /out/packages /out/fhirsim-packages | grep . && test -s /out/packages && cat /out/packages

FROM ${BASE} AS base
ARG DEBIAN_MIRROR
COPY --from=build /out/packages /usr/local/share/wellhead/packages
RUN find /etc/apt \( -name '*.sources' -o -name sources.list \) -exec sed -i "s|http://deb.debian.org|${DEBIAN_MIRROR}|" {} + \
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --no-install-recommends -y ca-certificates tini $(cat /usr/local/share/wellhead/packages) >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
 && useradd --uid 10001 --user-group --home-dir /var/lib/wellhead --create-home --shell /usr/sbin/nologin wellhead
USER 10001:10001
WORKDIR /var/lib/wellhead

FROM base AS fhirsim
COPY --from=build /out/fhirsim /usr/local/bin/
COPY app/fhirsim/sample /usr/local/share/fhirsim/sample
LABEL org.opencontainers.image.title="Wellhead's sample FHIR server" org.opencontainers.image.licenses="MIT"
EXPOSE 8480
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8480"]
ENTRYPOINT ["tini", "--", "fhirsim", "--address", "0.0.0.0", "--port", "8480"]
CMD ["/usr/local/share/fhirsim/sample"]

FROM base AS wellhead
COPY LICENSE /usr/share/doc/wellhead/copyright
COPY --from=build /out/wellhead /usr/local/bin/
# The API is to be reached from outside of the container, so it starts once there is a key. A worker answers `wellhead health` alone.
ENV WELLHEAD_HOME=/var/lib/wellhead WELLHEAD_LISTEN=0.0.0.0:8080 WELLHEAD_METRICS_LISTEN=127.0.0.1:9464
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["wellhead", "health"]
ENTRYPOINT ["tini", "--", "wellhead"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Wellhead" \
      org.opencontainers.image.description="Loads FHIR patients and observations of a zip code into PostgreSQL, exactly once, and serves them" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
