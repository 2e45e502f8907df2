package secret

import (
	"bufio"
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the size of a key-encryption key in octets.
const KeySize = 32

// redacted is all that a Key or a Ring prints.
const redacted = "(secret)"

// A Key is one key-encryption key. Make it with [NewKey] or [ParseKey].
type Key struct {
	// The octets stand behind a function: where a Key is in an unexported
	// field, fmt calls no method of it and prints whatever it can reach.
	octets func() []byte
}

func newKey(raw [KeySize]byte) Key { return Key{func() []byte { return raw[:] }} }

// NewKey makes a random key.
func NewKey() Key {
	var raw [KeySize]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return newKey(raw)
}

// ParseKey reads a key of 32 octets in standard base64.
func ParseKey(text string) (Key, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		// err names the offset alone, but even that is nobody's business.
		return Key{}, errors.New("a secret key is 32 octets in base64, and this is no base64")
	}
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("a secret key is 32 octets in base64, and this holds %d", len(raw))
	}
	return newKey([KeySize]byte(raw)), nil
}

// ParseRing reads keys as [ParseKey] does, separated by commas, the current one
// first.
func ParseRing(text string) (*Ring, error) {
	var keys []Key
	for one := range strings.SplitSeq(text, ",") {
		k, err := ParseKey(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return NewRing(keys[0], keys[1:]...), nil
}

// Format writes the same word for every verb.
func (k Key) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue keeps keys out of the log.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// id tells the keys of a ring apart. It says nothing about the key.
func (k Key) id() [4]byte { return [4]byte(k.derive("id", 4)) }

// derive makes the subkey for one purpose.
func (k Key) derive(purpose string, size int) []byte {
	sub, err := hkdf.Key(sha256.New, k.octets(), nil, "sallyport/1/"+purpose, size)
	if err != nil {
		panic(err) // only for sizes above 8 kB
	}
	return sub
}

// CreateKeyFile makes a key file with one random key that only the file's
// owner can read. It is an error (fs.ErrExist) if there is a file already.
func CreateKeyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("secret key file: %w", err)
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(NewKey().octets()))
	// A key that a power failure takes away would take the data with it.
	if err = errors.Join(err, f.Sync(), f.Close(), syncDirectory(filepath.Dir(path))); err != nil {
		os.Remove(path)
		return fmt.Errorf("secret key file: %w", err)
	}
	return nil
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// LoadKeyFile reads a file of keys, one a line, the current one first. Empty
// lines and lines that begin with # say nothing. It refuses a file that others
// than its owner can read.
func LoadKeyFile(path string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("secret key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("secret key file: %w", err)
	}
	if mode := info.Mode(); mode&(fs.ModeType|0o077) != 0 {
		return nil, fmt.Errorf("secret key file %s: must be a file that only its owner can read, and its mode is %s: chmod 600", path, mode)
	}
	var keys []Key
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, err := ParseKey(string(line))
		if err != nil {
			return nil, fmt.Errorf("secret key file %s, line %d: %w", path, n, err)
		}
		keys = append(keys, k)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("secret key file %s: %w", path, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("secret key file %s: holds no key", path)
	}
	return NewRing(keys[0], keys[1:]...), nil
}
