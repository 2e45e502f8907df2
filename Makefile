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
	go tool staticcheck ./...

# What the tests need besides Go, each from the distribution or npm.
tools:
	./test/tools

test: tools check build
	go run ./internal/testenv/withpostgres -- go test -count=1 -timeout=20m ./...

soak: tools build
	SOAK=1 go run ./internal/testenv/withpostgres -- go test -count=1 -timeout=0 ./...

bench: build
	go test -run='^$$' -bench=. -benchmem ./saml/...
	go run ./internal/testenv/withpostgres -- go test -run='^$$' -bench=. -benchtime=3s ./internal/db/... ./test/...
