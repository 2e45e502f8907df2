package app

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// reloadAfter is how long a certificate is served before its files are looked
// at again: renewals need no restart.
const reloadAfter = 30 * time.Second

// tlsConfig serves a certificate from files, and its successor once it is
// there.
func tlsConfig(certFile, keyFile string) (*tls.Config, error) {
	k := &keyPair{certFile: certFile, keyFile: keyFile}
	if err := k.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.current(), nil }}, nil
}

type keyPair struct {
	certFile, keyFile string

	mu       sync.Mutex
	pair     *tls.Certificate
	changed  time.Time // of the certificate's file
	lookedAt time.Time
}

func (k *keyPair) load() error {
	info, err := os.Stat(k.certFile)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return err
	}
	k.pair, k.changed, k.lookedAt = &pair, info.ModTime(), time.Now()
	return nil
}

// current returns the certificate. Files that don't fit together, as in the
// middle of a renewal, leave the one before in place.
func (k *keyPair) current() *tls.Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.lookedAt) < reloadAfter {
		return k.pair
	}
	k.lookedAt = time.Now()
	if info, err := os.Stat(k.certFile); err == nil && !info.ModTime().Equal(k.changed) {
		if err := k.load(); err != nil {
			return k.pair
		}
	}
	return k.pair
}
