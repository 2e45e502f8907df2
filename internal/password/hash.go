package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Params are the cost of a hash (RFC 9106). Hashes carry theirs, so that they
// can be raised later: see [Hasher.Verify].
type Params struct {
	Memory  uint32 // KiB
	Time    uint32
	Threads uint8
}

// DefaultParams is the second recommendation of RFC 9106, section 4, with the
// memory and passes of OWASP's password storage cheat sheet: some 20 ms on one
// core.
var DefaultParams = Params{Memory: 19 << 10, Time: 2, Threads: 1}

// Bounds of what a stored hash may ask for: a row that was tampered with can't
// exhaust the machine.
const (
	maxMemory = 256 << 10
	maxTime   = 16
	keySize   = 32
	saltSize  = 16
)

// A Hasher hashes and verifies. At most as many hashes are made at once as it
// was given; others wait.
type Hasher struct {
	params Params
	slots  chan struct{}
	dummy  string
}

// NewHasher makes a Hasher. Parallel bounds the memory that hashing takes.
func NewHasher(params Params, parallel int) *Hasher {
	h := &Hasher{params: params, slots: make(chan struct{}, parallel)}
	// Verified against where there is no hash, so that it takes as long.
	h.dummy = encode(params, make([]byte, saltSize), make([]byte, keySize))
	return h
}

// Hash returns the hash of a password in the PHC string format. It waits for a
// free slot as long as ctx lets it.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return encode(h.params, salt, derive(password, salt, h.params)), nil
}

// Verify reports whether a password has this hash. An empty hash stands for
// nobody: it takes as long and is never right. Outdated is set where the hash
// was made with other parameters than those of today.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (right, outdated bool, err error) {
	if err := h.acquire(ctx); err != nil {
		return false, false, err
	}
	defer h.release()
	none := hash == ""
	if none {
		hash = h.dummy
	}
	p, salt, key, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(derive(password, salt, p), key) == 1
	return same && !none, p != h.params, nil
}

func (h *Hasher) acquire(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) release() { <-h.slots }

// derive normalises the password, so that it does not matter which keyboard
// composed its accents.
func derive(password string, salt []byte, p Params) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, p.Time, p.Memory, p.Threads, keySize)
}

var b64 = base64.RawStdEncoding

func encode(p Params, salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

var errHash = errors.New("password: a stored hash is damaged")

func decode(hash string) (p Params, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	var version int
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Time, &p.Threads); err != nil {
		return p, nil, nil, errHash
	}
	if p.Memory > maxMemory || p.Time == 0 || p.Time > maxTime || p.Threads == 0 {
		return p, nil, nil, errHash
	}
	salt, err1 := b64.DecodeString(parts[4])
	key, err2 := b64.DecodeString(parts[5])
	// Scanning is lenient: there is one spelling of a hash.
	if err1 != nil || err2 != nil || len(key) != keySize || encode(p, salt, key) != hash {
		return p, nil, nil, errHash
	}
	return p, salt, key, nil
}
