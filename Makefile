# Everything else that is needed goes into .local/, which git ignores.
.DEFAULT_GOAL := help
.PHONY: help local stop logs test cargo-lambda localstack check clippy lint checker simulate pairs chaos fuzz fuzz-corpus bench prove-long lint-prose prose openapi hostile schemathesis sdk-table watch build sizes release start-cost lock-tools

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

local: ## from nothing to a delivered email on this machine; left running
	@local/start

stop: ## ends what make local started
	@local/stop

logs: ## follows functions, emulator and fake SES
	@python3 local/stack.py logs

sdk-table: ## prints the tables of docs/SDKS.md
	@tests/clients/table

test: ## every test, on a stack and ports of its own
	@local/test

cargo-lambda: ## every function invoked through cargo-lambda, on the running stack
	@python3 local/cargo_lambda.py

localstack: ## the same system on LocalStack's open core, by hand; needs Python 3.13
	@local/localstack/run

# Not `-p`: another selection of packages would build everything once more.
checker: ## every state of one email, within bounds
	cargo run --locked --bin checker

simulate: ## all functions under random faults: as many new seeds as fit into FOR=180 seconds
	cargo run --locked --bin simulation -- seeds --for $(or $(FOR),180) --threads 2 --from $(or $(FROM),$$(date +%s)000)

pairs: ## every call of every scenario struck, alone and with every later one
	cargo run --locked --bin simulation -- systematic --faults 2 --threads 2

chaos: ## the fault run: functions killed, calls dropped (EMAILS=500 KILLS=20 SEED=1)
	@EMAILS="$(EMAILS)" KILLS="$(KILLS)" SEED="$(SEED)" local/chaos

check: clippy lint ## format, clippy, spelling, dependencies, template

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --test in_a_browser --locked -- -D warnings

# What needs no build.
lint:
	@python3 local/stack.py tools
	cargo fmt --all --check
	@local/check-dependencies
	.local/venv-tools/bin/typos
	@local/check-commits
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .local/venv-tools/bin/sam validate --lint
	.local/venv-tools/bin/cfn-lint template.yaml
	@local/checkov

lint-prose: ## Markdown, its sentences, riddle words and test names; part of make lint once it passes
	@local/check-markdown
	@local/check-prose

prose: ## measures the prose: riddle words, long sentences, test names
	@python3 local/prose.py

openapi: ## openapi.json anew, from the code that answers
	@mkdir -p .local
	cargo run --locked --quiet --bin openapi > .local/openapi.json
	@mv .local/openapi.json openapi.json

hostile: ## docs/HOSTILE_INPUT.md anew, from its classes
	@mkdir -p .local
	cargo run --locked --quiet --bin hostile > .local/HOSTILE_INPUT.md
	@mv .local/HOSTILE_INPUT.md docs/HOSTILE_INPUT.md

schemathesis: ## the API tried by its own description, on the running stack
	@local/schemathesis

fuzz: ## every parser on invented inputs: SECONDS=5 for each target
	@local/fuzz --seconds $(or $(SECONDS),5)

bench: ## a tenant's flood, a slow queue, transaction conflicts (PART=slow_queue for one); writes .local/bench.json
	@local/bench $(PART)

prove-long: ## the long versions of checker, simulation, fuzzing and chaos: hours
	@local/prove-long

fuzz-corpus: ## keeps what make fuzz found, as few inputs as do
	@local/fuzz --merge

watch: ## the functions from source, rebuilt on change, against the running stack
	@test -f .local/watch.env || { echo "The local stack is not ready: start it with make local."; exit 1; }
	@python3 local/stack.py tools
	PATH="$(CURDIR)/.local/venv-tools/bin:$$PATH" cargo lambda watch --locked --invoke-address 127.0.0.1 --env-file .local/watch.env

build: ## what sam deploy uploads: ARCHITECTURE=arm64, or x86_64
	@local/build $(ARCHITECTURE)

sizes: build ## how large each function is as it is deployed; fails above 6 MB
	@local/check-sizes

release: ## from a commit: the functions' packages for arm64, their bill of materials, and the sums of all
	@local/release

start-cost: ## what a function's start costs
	@local/measure-start

lock-tools: ## pins and hashes local/*.in anew
	@local/lock-tools
