# make demo      start Sallyport beside a demo Identity Provider (ARGS=--check: two logins, then end)
# make test      install what the tests need, then run every test, scaled for CI
# make soak      the same load, fault, scale and fuzz tests at their full figures
# make bench     the benchmarks, side by side with their floors and peers
# make check     gofmt, go vet, staticcheck
# make build     bin/sallyport

export CGO_ENABLED = 0
unexport GOFLAGS

.PHONY: build demo test soak bench check tools

build:
	go build -o bin/sallyport ./cmd/sallyport

demo: build
	go run ./cmd/demo $(ARGS)

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	go vet ./...
	cd test/bench && go vet ./...
	cd test/watching && go vet ./...
	go tool staticcheck ./...

# What the tests need besides Go, each from the distribution or npm.
tools:
	./test/tools

# The SAML library's packages run with their coverage, then each of its fuzz
# targets for 20 seconds. The tutorial runs by itself, and tells its time.
test: tools check build
	go run ./internal/testenv/withpostgres -- go test -count=1 -timeout=20m $$(go list ./... | grep -v -e '^sallyport/saml' -e '^sallyport/test/tutorial')
	go test -count=1 -v ./test/tutorial
	./test/coverage
	./test/fuzz
	cd test/bench && go test -count=1 ./...
	cd test/watching && go test -count=1 ./...

soak: tools build
	SOAK=1 go run ./internal/testenv/withpostgres -- go test -count=1 -timeout=0 ./...
	FUZZTIME=1h ./test/fuzz

bench: build
	go test -run='^$$' -bench=. -benchmem ./saml/...
	cd test/bench && go test -run='^$$' -bench=. -benchmem
	go run ./internal/testenv/withpostgres -- go test -run='^$$' -bench=. -benchtime=3s ./internal/db/... ./test/...
