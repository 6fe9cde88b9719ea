# What a contributor runs; `make` alone lists it. `make run` and `make test` need Go, make and a POSIX shell and nothing
# else; `make check` is what CI runs.

TOOL      = go tool -modfile=tools/go.mod
TIMEOUT  ?= 20m
BENCH    ?= .
BENCHTIME ?= 1s
FUZZTIME ?= 10s
PLATFORMS = darwin/arm64 windows/amd64
READ      = format tidy-check vet staticcheck lint vuln cross
RUN       = bench-once test

# The race detector does not look into what starts no goroutine and would take several times as long: SQLite, which is C
# made into Go, the compiler of WebAssembly, and what packs and unpacks pictures.
UNWATCHED = modernc.org/sqlite/lib $(addprefix github.com/tetratelabs/wazero/internal/engine/wazevo/,ssa frontend backend/...) \
	$(addsuffix /...,image compress hash golang.org/x/image)
RACE      = -race $(foreach package,$(UNWATCHED),'-gcflags=$(package)=-race=false -d=checkptr=0')

.PHONY: help run build test check bench bench-peer quality faults fuzz pictures tidy cross format tidy-check vet staticcheck lint vuln bench-once

help: ## list what can be done here
	@while IFS= read -r line; do \
		case $$line in \
		[a-z]*:*"## "*) printf '  make %-8s %s\n' "$${line%%:*}" "$${line##*## }" ;; \
		esac; \
	done < Makefile

run: ## start the service on http://127.0.0.1:8000
	go run ./cmd/mivaa serve $(ARGS)

build: ## build bin/mivaa: one static file
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/mivaa ./cmd/mivaa

# What takes longest, and mostly waits, begins first: at the end of a run nothing would be beside it.
LONG      = ./e2e ./jobs/postgres ./internal/pdf

# The race detector needs a C compiler with its headers; building runtime/cgo with it is the shortest way to know.
test: ## run every test, with the race detector where a C compiler is present
	@if go build -race runtime/cgo 2>/dev/null; then set -- $(RACE); else set --; \
		echo 'Testing without the race detector: it needs a C compiler and its headers (on Debian: gcc and libc6-dev).'; fi; \
	set -x; go test "$$@" -shuffle=on -timeout $(TIMEOUT) $(LONG) ./...

# What only reads the code shares the processors; what runs it has them for itself.
check: ## all that CI looks at: format, vet, linters, tidy, cross builds, benchmarks once, tests
	@failed=; \
	$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(READ:%=timed-%) || failed=yes; \
	$(MAKE) --no-print-directory --keep-going $(RUN:%=timed-%) || failed=yes; \
	[ -z "$$failed" ] || { echo 'Failed: see above.'; exit 1; }

timed-%:
	@printf '\n== %s\n' $*; start=$$(date +%s); $(MAKE) --no-print-directory $*; code=$$?; \
	printf '== %s: %d s\n' $* $$(($$(date +%s) - start)); exit $$code

bench: ## run the benchmarks (BENCH=pattern, BENCHTIME=10s)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -timeout 60m ./...

bench-peer: ## the engine beside River on one PostgreSQL of their own (BENCH=pattern)
	cd bench && go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 60m

quality: ## measure how well documents are read and write docs/quality.md
	go test -count=1 -v -run '^(TestBenchmark|TestWords)$$' -timeout $(TIMEOUT) ./e2e/quality -args -report $(CURDIR)/docs/quality.md

faults: ## kill, pause, cut and fill while jobs run (FAULTS=10000 FAULTS_FOR=2h FAULTS_STORE=sqlite FAULTS_SEED=1)
	go test -count=1 -v -run TestFaults -timeout 5h ./e2e/faults

fuzz: ## run each fuzz target for 10 s (FUZZTIME=5m)
	@find . -name '*_test.go' -exec grep '^func Fuzz' /dev/null {} + | { failed=; \
	while IFS=: read -r file func; do \
		name=$${func#func }; name=$${name%%(*}; \
		printf '== %s %s\n' "$${file%/*}" "$$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$${file%/*}" </dev/null || failed="$$failed $$name"; \
	done; \
	[ -z "$$failed" ] || { printf 'Failed:%s\n' "$$failed"; exit 1; }; }

pictures: ## take the pictures of docs/images, with Chromium
	go test -count=1 -run '^TestPictures$$' -timeout $(TIMEOUT) ./e2e/browser -args -pictures $(CURDIR)/docs/images

tidy: ## bring go.mod, go.sum and formatting in order
	go mod tidy
	for module in bench tools tools/s3; do (cd $$module && go mod tidy) || exit 1; done
	$(TOOL) golangci-lint fmt

cross: ## build and vet for the other systems, without cgo
	@for platform in $(PLATFORMS); do \
		echo "$$platform"; \
		export CGO_ENABLED=0 GOOS="$${platform%/*}" GOARCH="$${platform#*/}"; \
		go vet ./... && go build -o /dev/null ./cmd/mivaa || exit 1; \
	done

# The steps of check, each also a command of its own.

format:
	@files=$$(gofmt -l .); [ -z "$$files" ] || { printf 'gofmt would change:\n%s\n' "$$files"; exit 1; }

tidy-check:
	go mod tidy -diff
	@for module in bench tools; do echo "$$module"; (cd $$module && go mod tidy -diff) || exit 1; done

vet:
	go vet ./...
	cd bench && go vet ./...

staticcheck:
	$(TOOL) staticcheck ./...

lint:
	$(TOOL) golangci-lint run

# Each benchmark runs once, so that it keeps compiling and passing; what it measures is for make bench.
bench-once:
	go test -run '^$$' -bench . -benchtime 1x -short -timeout $(TIMEOUT) \
		$$(grep -rl --include='*_test.go' '^func Benchmark' . | grep -v '^./bench/' | xargs -n 1 dirname | sort -u)

# govulncheck exits 3 when it found something; anything else but 0 means that it could not look.
vuln:
	@out=$$($(TOOL) govulncheck ./... 2>&1); code=$$?; \
	case "$$code $$out" in \
	0\ *|3\ *) printf '%s\n' "$$out"; exit $$code ;; \
	*vuln.go.dev*) echo 'The vulnerability database (vuln.go.dev) is not reachable from here: not looked.' ;; \
	*) printf '%s\n' "$$out"; exit $$code ;; \
	esac
