package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

// A Ring seals with its current key and opens with any of its keys. It may be
// used by several goroutines at once.
type Ring struct {
	keys []Key // the current one first
}

// NewRing makes a ring.
func NewRing(current Key, older ...Key) *Ring {
	return &Ring{keys: append([]Key{current}, older...)}
}

// A Place is where a sealed value stands. Row is the id of its row.
type Place struct{ Table, Column, Row string }

// ErrNoKey means that a value was sealed under a key that is not in the ring.
var ErrNoKey = errors.New("secret: sealed with a key that this ring does not hold")

// ErrDamaged means that a value was changed, cut off, or moved to another
// place since it was sealed.
var ErrDamaged = errors.New("secret: a sealed value is damaged or not in its place")

const (
	version    = 1
	headerSize = 1 + 4
	overhead   = headerSize + 12 + 16
)

// Seal encrypts plain for one place. Every call gives another result.
func (r *Ring) Seal(at Place, plain []byte) ([]byte, error) {
	if at.Table == "" || at.Column == "" || at.Row == "" {
		return nil, errors.New("secret: a place has a table, a column and a row")
	}
	key := r.keys[0]
	keyID := key.id()
	sealed := append(make([]byte, 0, overhead+len(plain)), version)
	sealed = append(sealed, keyID[:]...)
	return key.cipher(at).Seal(sealed, nil, plain, at.associated(sealed)), nil
}

// Open decrypts what [Ring.Seal] made for the same place, with whichever key
// of the ring it was sealed. Its error is [ErrNoKey] or [ErrDamaged].
func (r *Ring) Open(at Place, sealed []byte) ([]byte, error) {
	if len(sealed) < overhead || sealed[0] != version {
		return nil, ErrDamaged
	}
	header, body := sealed[:headerSize], sealed[headerSize:]
	err := ErrNoKey
	for _, key := range r.keys {
		if key.id() != [4]byte(header[1:]) {
			continue
		}
		// Two keys may share an id: on to the next.
		if plain, e := key.cipher(at).Open(nil, nil, body, at.associated(header)); e == nil {
			return plain, nil
		}
		err = ErrDamaged
	}
	return nil, err
}

// NeedsRotation reports whether a value was sealed under another key than the
// current one.
func (r *Ring) NeedsRotation(sealed []byte) bool {
	current := r.keys[0].id()
	return len(sealed) < headerSize || sealed[0] != version || [4]byte(sealed[1:]) != current
}

// MAC is a keyed hash of the parts, under a key of its own for each purpose.
// The parts are told apart: ("ab", "c") and ("a", "bc") differ.
//
// The result depends on the current key. After a rotation [Ring.Verify] still
// holds for what an older one made.
func (r *Ring) MAC(purpose string, data ...[]byte) []byte {
	return r.keys[0].mac(purpose, data)
}

// Verify reports, in constant time, whether mac is what [Ring.MAC] makes or
// made of the parts under any key of the ring.
func (r *Ring) Verify(mac []byte, purpose string, data ...[]byte) bool {
	for _, key := range r.keys {
		if hmac.Equal(mac, key.mac(purpose, data)) {
			return true
		}
	}
	return false
}

// Format writes the same word for every verb.
func (r Ring) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue keeps keys out of the log.
func (r Ring) LogValue() slog.Value { return slog.StringValue(redacted) }

// cipher is AES-256-GCM with random nonces, under the key of the column.
func (k Key) cipher(at Place) cipher.AEAD {
	sub := k.derive("seal/"+string(join([]byte(at.Table), []byte(at.Column))), 32)
	block, err := aes.NewCipher(sub)
	if err != nil {
		panic(err) // only for another key size
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for another block size
	}
	return gcm
}

// associated is what the tag covers besides the text.
func (at Place) associated(header []byte) []byte {
	return join(header, []byte(at.Table), []byte(at.Column), []byte(at.Row))
}

func (k Key) mac(purpose string, data [][]byte) []byte {
	h := hmac.New(sha256.New, k.derive("mac/"+purpose, 32))
	h.Write(join(data...))
	return h.Sum(nil)
}

// join writes each part after its length, so that no two lists of parts have
// the same result.
func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}
