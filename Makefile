# What a developer does here. Logic beyond a line lives in scripts/ or in Rust.
.PHONY: run migrate-profiles migrate-posts test check bench gallery fuzz fmt lint docs deny clean

run: ## build visage and serve it at http://127.0.0.1:5000
	@scripts/install-build-tools
	cargo build --release --locked --package visage
	target/release/visage serve

migrate-profiles: ## moves in an earlier installation: UPLOADS=folder [USERS=users.json] [ARGUMENTS="--dry-run …"]
	@scripts/install-build-tools
	cargo build --release --locked --package visage
	target/release/visage migrate-profiles --uploads "$(UPLOADS)" $(if $(USERS),--users "$(USERS)") $(ARGUMENTS)

migrate-posts: ## moves in its posts: UPLOADS=folder POSTS=file [ARGUMENTS="--dry-run …"]
	@scripts/install-build-tools
	cargo build --release --locked --package visage
	target/release/visage migrate-posts --uploads "$(UPLOADS)" --posts "$(POSTS)" $(ARGUMENTS)

test: ## everything that CI runs; does all of its own set-up
	@scripts/test

check: fmt lint ## quick: format and lints
	cargo check --workspace --all-targets --locked

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --locked -- --deny warnings

docs:
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --locked

deny:
	@scripts/cargo-deny

bench: ## functions with criterion, the server under load; see benches/README.md
	@scripts/install-build-tools
	scripts/bench

gallery: ## every operation on a few pictures, as a page to look at
	@scripts/gallery

fuzz: ## looks for inputs that break something; scripts/fuzz TARGET SECONDS for longer
	@scripts/fuzz

clean:
	cargo clean
