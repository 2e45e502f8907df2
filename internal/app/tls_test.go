package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pair writes a certificate with a name, and its key.
func pair(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func (k *keyPair) name(t *testing.T) string {
	t.Helper()
	c, err := x509.ParseCertificate(k.current().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return c.Subject.CommonName
}

// later makes the files' time another one, whatever the file system's clock,
// and lets the server look again.
func (k *keyPair) later(t *testing.T, minutes int) {
	t.Helper()
	at := time.Now().Add(time.Duration(minutes) * time.Minute)
	if err := os.Chtimes(k.certFile, at, at); err != nil {
		t.Fatal(err)
	}
	k.lookedAt = time.Now().Add(-reloadAfter)
}

func TestARenewedCertificateIsServedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := pair(t, dir, "first")
	k := &keyPair{certFile: certFile, keyFile: keyFile}
	if err := k.load(); err != nil {
		t.Fatal(err)
	}
	pair(t, dir, "second")
	if got := k.name(t); got != "first" {
		t.Errorf("%s, before it was time to look", got)
	}
	if k.later(t, 1); k.name(t) != "second" {
		t.Error("the successor is not served")
	}
	// In the middle of a renewal: the certificate is there, its key is not.
	old, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pair(t, dir, "third")
	next, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if k.later(t, 2); k.name(t) != "second" {
		t.Error("half of a renewal is served")
	}
	if err := os.WriteFile(keyFile, next, 0o600); err != nil {
		t.Fatal(err)
	}
	if k.lookedAt = (time.Time{}); k.name(t) != "third" {
		t.Error("the whole renewal is not served")
	}
	os.Remove(certFile)
	if k.lookedAt = (time.Time{}); k.name(t) != "third" {
		t.Error("a missing file ends the service")
	}
}

func TestTLSIsModern(t *testing.T) {
	certFile, keyFile := pair(t, t.TempDir(), "x")
	config, err := tlsConfig(certFile, keyFile)
	if err != nil || config.MinVersion != tls.VersionTLS12 || len(config.NextProtos) != 2 {
		t.Errorf("%+v, %v", config, err)
	}
	if got, err := config.GetCertificate(nil); err != nil || got == nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := tlsConfig(certFile, certFile); err == nil {
		t.Error("a certificate is taken for a key")
	}
	if _, err := tlsConfig("/none/there", keyFile); err == nil {
		t.Error("a certificate that is not there is taken")
	}
}
