# All other tools and files go into .local/, which git ignores.
.DEFAULT_GOAL := help
.PHONY: help local stop logs console listen test test-console screenshots cargo-lambda localstack check clippy lint checker simulate pairs chaos fuzz fuzz-corpus bench prove-long lint-prose prose openapi hostile states told schemathesis sdk-table interop watch build sizes deploy undeploy doctor staging rehearse release cost start-cost lock-tools

help: ## lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

local: ## starts the local stack and sends a first email
	@local/start

stop: ## stops the local stack
	@local/stop

logs: ## follows the logs of the functions, the emulator and the fake SES
	@python3 local/stack.py logs

console: ## opens the console in a browser, for at most twelve hours (REGION= TENANT=main NO_BROWSER=1)
	@deploy/console $(if $(REGION),--region $(REGION)) $(if $(TENANT),--tenant $(TENANT)) $(ARGUMENTS)

listen: ## forwards the events of webhooks to your program, without a tunnel (FORWARD=http://127.0.0.1:3000/hook EVENTS=)
	@python3 local/listen.py "$(FORWARD)" $(if $(EVENTS),--events "$(EVENTS)")

sdk-table: ## prints the tables of docs/SDKS.md
	@tests/clients/table

interop: ## runs real SDKs and frameworks, on a separate stack (QUICK=1, CLIENTS=, CASES=)
	@QUICK="$(QUICK)" CLIENTS="$(CLIENTS)" CASES="$(CASES)" INTEROP_SOURCES="$(INTEROP_SOURCES)" local/on-a-stack interop python3 tests/interop/run.py

test: ## runs all tests, on a separate stack
	@local/test

test-console: ## tests the console in a browser, with a mock of the API (STACK=1: also on a separate stack)
	@STACK="$(STACK)" local/test-console

screenshots: ## makes pictures of all pages of the console, on a separate stack, in .local/screenshots
	@local/on-a-stack screenshots local/test-console --stack tests/console/measured/screenshots.test.js

cargo-lambda: ## invokes every function through cargo-lambda, on the running stack
	@python3 local/cargo_lambda.py

localstack: ## runs the system on LocalStack's open core; needs Python 3.13
	@local/localstack/run

# The built program of MAILQUEUE_BINARIES, or cargo's.
SIMULATION = $(if $(MAILQUEUE_BINARIES),$(MAILQUEUE_BINARIES)/simulation,cargo run --locked --bin simulation --)

# Without `-p`: another package selection would rebuild everything.
checker: ## checks every state of one email, within bounds
	cargo run --locked --bin checker

simulate: ## simulates the functions that process emails, under random faults: new seeds for FOR=180 seconds
	$(SIMULATION) seeds --for $(or $(FOR),180) --threads 2 --from $(or $(FROM),$$(date +%s)000)

pairs: ## simulates every single fault and every pair of faults of every scenario (PART=1/4 for a quarter)
	$(SIMULATION) systematic --faults 2 --threads 2 $(if $(PART),--part $(PART))

chaos: ## kills functions and drops calls on a local stack of its own (EMAILS=500 KILLS=20 SEED=1)
	@EMAILS="$(EMAILS)" KILLS="$(KILLS)" SEED="$(SEED)" local/chaos

check: clippy lint ## runs clippy and lint

clippy: ## runs clippy on all packages
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --test in_a_browser --locked -- -D warnings

lint: lint-prose ## checks format, spelling, documents, dependencies and template, without a build
	@python3 local/stack.py tools
	cargo fmt --all --check
	@local/check-dependencies
	.local/venv-tools/bin/typos
	@local/check-commits
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .local/venv-tools/bin/sam validate --lint
	.local/venv-tools/bin/cfn-lint template.yaml
	@local/checkov

lint-prose: ## checks Markdown, test names and question words; a part of lint
	@local/check-markdown
	@local/check-prose

prose: ## counts question words, long sentences and test names
	@python3 local/prose.py

openapi: ## generates openapi.json from the code
	@mkdir -p .local
	cargo run --locked --quiet --bin openapi > .local/openapi.json
	@mv .local/openapi.json openapi.json

hostile: ## generates docs/HOSTILE_INPUT.md from the tests of hostile input
	@mkdir -p .local
	cargo run --locked --quiet --bin hostile > .local/HOSTILE_INPUT.md
	@mv .local/HOSTILE_INPUT.md docs/HOSTILE_INPUT.md

states: ## generates docs/STATES.md
	@mkdir -p .local
	cargo run --locked --quiet --bin states > .local/STATES.md
	@mv .local/STATES.md docs/STATES.md

told: ## generates tests/checker/told.txt, the events of webhooks for each change of a record
	@mkdir -p .local
	cargo run --locked --quiet --bin checker -- told > .local/told.txt
	@mv .local/told.txt tests/checker/told.txt

schemathesis: ## tests the API against openapi.json, on the running stack
	@local/schemathesis

fuzz: ## fuzzes every parser, SECONDS=5 for each target
	@local/fuzz --seconds $(or $(SECONDS),5)

bench: ## runs the benchmarks (PART=slow_queue for one); writes .local/bench.json
	@local/bench $(PART)

prove-long: ## runs the long versions of checker, simulation, fuzzing and chaos; takes hours
	@local/prove-long

fuzz-corpus: ## adds the inputs found by make fuzz to the corpus, and minimises it
	@local/fuzz --merge

watch: ## runs the functions from source against the running stack, rebuilt on change
	@test -f .local/watch.env || { echo "The local stack is not ready: start it with make local."; exit 1; }
	@python3 local/stack.py tools
	PATH="$(CURDIR)/.local/venv-tools/bin:$$PATH" cargo lambda watch --locked --invoke-address 127.0.0.1 --env-file .local/watch.env

build: ## builds the functions for sam deploy (ARCHITECTURE=arm64 or x86_64)
	@local/build $(ARCHITECTURE)

sizes: build ## prints the deployed size of each function; fails above 6.0 MB
	@local/check-sizes

deploy: ## deploys to AWS or upgrades, and checks with an email (REGION=eu-west-1, ARGUMENTS=--check)
	@deploy/deploy $(if $(REGION),--region $(REGION)) $(ARGUMENTS)

undeploy: ## deletes the stack from AWS after a confirmation; table and bucket stay (REGION=)
	@deploy/undeploy $(if $(REGION),--region $(REGION)) $(ARGUMENTS)

doctor: ## examines a running deployment, with one email to the simulator (REGION=, ARGUMENTS=--no-email)
	@deploy/doctor $(if $(REGION),--region $(REGION)) $(ARGUMENTS)

staging: ## checks a deployment with many emails to SES's simulator (REGION=, ARGUMENTS=--cost)
	@deploy/staging $(if $(REGION),--region $(REGION)) $(ARGUMENTS)

rehearse: ## rehearses deploy, doctor, a restore, staging and undeploy on a local stack of its own
	@local/rehearse

release: ## builds a release of the current commit: template, packages for both architectures, bills of materials, checksums
	@local/release

cost: ## prints the price of a million emails, and the monthly price of a deployment that sends nothing
	@python3 local/stack.py tools
	@.local/venv-tools/bin/python local/cost.py

start-cost: ## measures the CPU time of the start of each function
	@local/measure-start

lock-tools: ## pins and hashes the tools in local/*.in again
	@local/lock-tools
