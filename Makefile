# The commands of the project. Each does its own set-up.

.PHONY: demo test test-all deb setup settings bench chaos fuzz

# camgate, a simulated camera and the address to open; needs nothing but Rust.
demo:
	@scripts/demo

# Every check; on Debian it installs what is missing first. Ends with "N passed, N failed".
test: setup
	@scripts/test

# Every check, and those that take longer: the Debian package, the Dockerfile's steps, docker-compose.yml, chaos. About half
# an hour; as root, for the Dockerfile.
test-all:
	@scripts/test-all

# The Debian package, below target/debian/.
deb:
	@packaging/build-deb

# What the tests need beyond Rust, from Debian's packages.
setup:
	@scripts/setup-debian.sh

# Fifty cameras that go wrong at random for five minutes, from the seed that is printed first; CHAOS_SEED=N has the same again.
chaos: setup
	CHAOS_CAMERAS=$${CHAOS_CAMERAS:-50} CHAOS_SECONDS=$${CHAOS_SECONDS:-300} cargo test --locked --test chaos -- --nocapture

# What it costs: the pure pipeline, whole cameras beside ffmpeg, starts, and viewers beside nginx (about half an hour, on a
# machine with nothing else to do).
bench:
	@scripts/setup-debian.sh bench
	cargo bench --locked --bench pipeline
	cargo build --locked --release --bins --examples
	benches/compare --svg
	target/release/examples/starts
	benches/serving

# Writes .env.example and the README's table anew from src/config/settings.rs.
settings:
	UPDATE_SETTINGS=1 cargo test --test config

# Each fuzz target in turn, FUZZ_SECONDS each: about an hour and a half. Needs a nightly toolchain and cargo-fuzz
# (cargo install cargo-fuzz). What is found lies in fuzz/artifacts/.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= fmp4 mpegts timeline packager url http audio guard probe_sdp
fuzz:
	@cd fuzz && for target in $(FUZZ_TARGETS); do \
		mkdir -p corpus/$$target seeds/$$target; \
		nice -n 10 cargo +nightly fuzz run --sanitizer none $$target corpus/$$target seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 || exit 1; \
	done
