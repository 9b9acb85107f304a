# The commands of the project. Each does its own set-up.

.PHONY: demo test setup settings

# camgate, a simulated camera and the address to open; needs nothing but Rust.
demo:
	@scripts/demo

# Every check; on Debian it installs what is missing first. Ends with "N passed, N failed".
test: setup
	@scripts/test

# What the tests need beyond Rust, from Debian's packages.
setup:
	@scripts/setup-debian.sh

# Writes .env.example and the README's table anew from src/config/settings.rs.
settings:
	UPDATE_SETTINGS=1 cargo test --test config
