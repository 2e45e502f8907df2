package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"time"
)

// A Source makes ids and tokens from a clock and a generator of randomness. It
// may be used by several goroutines at once if both of these may.
type Source struct {
	now    func() time.Time
	random io.Reader
}

// NewSource makes a Source. Randomness that is not unguessable makes tokens
// that are not: anything but crypto/rand is for tests.
func NewSource(now func() time.Time, random io.Reader) *Source {
	return &Source{now: now, random: random}
}

// Default is the Source of a running server.
func Default() *Source { return NewSource(time.Now, rand.Reader) }

// tokenSize is the strength of a token in octets.
const tokenSize = 32

// Token makes a secret of 256 random bits that can stand in a URL, a cookie
// and a header as it is.
func (s *Source) Token() string {
	var raw [tokenSize]byte
	s.read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// read fills p. It panics if there is no randomness: nothing that was made
// without it may be used.
func (s *Source) read(p []byte) {
	if _, err := io.ReadFull(s.random, p); err != nil {
		panic(fmt.Sprintf("id: no randomness: %v", err))
	}
}

// Hash is what the database keeps of a token. A token holds 256 random bits,
// so that it can't be found by trying: it needs no salt and no slow hash. A
// password does; never call Hash on one.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
