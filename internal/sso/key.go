package sso

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/secret"
	"sallyport/saml"
)

// A Key is one of our keys of a profile. It signs what we send and decrypts
// what we are sent.
//
//	next ──(ActiveAt)──> current ──(a successor's ActiveAt)──> previous ──(RemoveAt)──> gone
//
// From its creation to its removal it stands in our metadata, so that the
// Identity Provider knows it before it is used and until nothing is under way
// any more that it was used for.
type Key struct {
	ID          string
	ProfileID   string
	Certificate *x509.Certificate
	CreatedAt   time.Time
	ActiveAt    time.Time
	RemoveAt    time.Time // zero: it has no successor
	sealed      []byte
}

// A KeyState is where a key stands.
type KeyState string

const (
	KeyNext     KeyState = "next"
	KeyCurrent  KeyState = "current"
	KeyPrevious KeyState = "previous"
)

// SHA256 is the fingerprint of the key's certificate, in hexadecimal.
func (k *Key) SHA256() string {
	sum := sha256.Sum256(k.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// Keys have RSA because that is what every Identity Provider can verify and
// encrypt to. The certificate is only a wrapping: nobody builds a chain from
// it, and a short life would mean nothing but an outage.
const (
	keyBits  = 2048
	keyYears = 10
)

// GenerateKey makes the private key of a [Key]. It takes a tenth of a second or
// so.
func GenerateKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }

// A keyPair is a new key that is in no row yet. It is made outside of
// transactions, because that takes long.
type keyPair struct {
	private     *rsa.PrivateKey
	certificate *x509.Certificate
}

func (s *Service) newKeyPair(name string) (k keyPair, err error) {
	if k.private, err = s.cfg.GenerateKey(); err != nil {
		return k, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return k, err
	}
	now := s.now()
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		// The clock of the other side may be behind.
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(keyYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, k.private.Public(), k.private)
	if err != nil {
		return k, err
	}
	k.certificate, err = x509.ParseCertificate(der)
	return k, err
}

// addKey stores a key of a profile, sealed.
func (s *Service) addKey(tx *db.Tx, profileID string, pair keyPair, activeAt time.Time) (Key, error) {
	k := Key{ID: s.ids.New(id.SSOKey), ProfileID: profileID, Certificate: pair.certificate, CreatedAt: tx.Now(), ActiveAt: activeAt}
	der, err := x509.MarshalPKCS8PrivateKey(pair.private)
	if err != nil {
		return k, err
	}
	if k.sealed, err = s.secrets.Seal(k.place(), der); err != nil {
		return k, err
	}
	return k, insertKey(tx, &k)
}

// place is where the private key stands sealed.
func (k *Key) place() secret.Place {
	return secret.Place{Table: "sso_keys", Column: "private_key", Row: k.ID}
}

// open returns a key in the terms of package saml.
func (s *Service) open(k *Key) (saml.KeyPair, error) {
	der, err := s.secrets.Open(k.place(), k.sealed)
	if err != nil {
		return saml.KeyPair{}, fmt.Errorf("key %s: %w", k.ID, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return saml.KeyPair{}, fmt.Errorf("key %s: %w", k.ID, err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return saml.KeyPair{}, errors.New("key " + k.ID + ": not RSA")
	}
	return saml.KeyPair{Private: private, Certificate: k.Certificate}, nil
}

// ordered puts the key that is used first: of the active ones that became so
// last. Behind it come the others, newest first. Until is when that, or which
// keys there are, changes next; zero if it does not.
func ordered(keys []Key, now time.Time) (list []Key, until time.Time) {
	list = slices.Clone(keys)
	active := func(k *Key) bool { return !k.ActiveAt.After(now) }
	slices.SortStableFunc(list, func(a, b Key) int { return b.ActiveAt.Compare(a.ActiveAt) })
	if i := slices.IndexFunc(list, func(k Key) bool { return active(&k) }); i > 0 {
		current := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), 0, current)
	}
	for _, k := range list {
		for _, at := range []time.Time{k.ActiveAt, k.RemoveAt} {
			if at.After(now) && (until.IsZero() || at.Before(until)) {
				until = at
			}
		}
	}
	return list, until
}

// newest returns the key that was made last: the one to encrypt to, from the
// day on that it is known.
func newest(keys []Key) Key {
	return slices.MaxFunc(keys, func(a, b Key) int { return a.ActiveAt.Compare(b.ActiveAt) })
}

// state returns where a key stands in the order of [ordered].
func (k *Key) state(list []Key, now time.Time) KeyState {
	switch {
	case k.ActiveAt.After(now):
		return KeyNext
	case list[0].ID == k.ID:
		return KeyCurrent
	}
	return KeyPrevious
}
