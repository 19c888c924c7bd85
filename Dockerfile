# fitferry in a container: the program, certificates and time zones, and no shell. docs/install.md says how to run it.
FROM rust:1.93-bookworm AS build
WORKDIR /fitferry
COPY . .
RUN cargo build --release --locked && mkdir /state /workouts

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /fitferry/target/release/fitferry /usr/bin/fitferry
COPY config/docker.toml /etc/fitferry/fitferry.toml
COPY --from=build --chown=65532:65532 /state /state
COPY --from=build --chown=65532:65532 /workouts /workouts
# That of "nonroot", as a number, which needs no look-up outside.
USER 65532
VOLUME ["/state"]
EXPOSE 8730
HEALTHCHECK --interval=1m --timeout=10s --start-period=1m CMD ["fitferry", "status", "--check"]
ENTRYPOINT ["fitferry"]
CMD ["run"]
