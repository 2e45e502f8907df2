package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TLSFiles is a server certificate of a test, with the authority that issued
// it, as files for programs and as values for Go.
type TLSFiles struct {
	// CertFile holds the server certificate followed by its authority's,
	// KeyFile the private key, CAFile the authority's certificate alone. All
	// are PEM.
	CertFile, KeyFile, CAFile string
	// SPKI is the SHA-256 of the server's public key, in base64: what
	// Chromium takes to trust this one key. See [TrustKey].
	SPKI string
	// Certificate is what a Go server presents.
	Certificate tls.Certificate
	// Pool trusts the authority and nothing else.
	Pool *x509.CertPool
}

// TLSCertificate makes a certificate for the hosts, names or IP addresses,
// issued by an authority made for this call alone, valid from an hour ago for
// a day. The files vanish with the test.
func TLSCertificate(t testing.TB, hosts ...string) *TLSFiles {
	t.Helper()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Sallyport test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	caKey := tlsKey(t)
	caDER := tlsIssue(t, ca, ca, caKey, caKey)
	if parsed, err := x509.ParseCertificate(caDER); err != nil {
		t.Fatalf("reading the test authority back: %v", err)
	} else {
		ca = parsed
	}

	leaf := tlsServerTemplate(ca, hosts)
	leafKey := tlsKey(t)
	leafDER := tlsIssue(t, leaf, ca, leafKey, caKey)
	return tlsWrite(t, ca, leafDER, leafKey)
}

// Authority is the authority's certificate, PEM.
func (f *TLSFiles) Authority(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(f.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tlsServerTemplate describes the certificate of a server that is reached by
// the hosts.
func tlsServerTemplate(ca *x509.Certificate, hosts []string) *x509.Certificate {
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "Sallyport test server"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	return leaf
}

func tlsKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	return key
}

func tlsIssue(t testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatalf("issuing a certificate for %s: %v", template.Subject, err)
	}
	return der
}

func tlsWrite(t testing.TB, ca *x509.Certificate, leafDER []byte, key *ecdsa.PrivateKey) *TLSFiles {
	t.Helper()
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("encoding a key: %v", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatalf("encoding a public key: %v", err)
	}
	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER}), caPEM...)
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})

	dir := t.TempDir()
	files := &TLSFiles{
		CertFile: filepath.Join(dir, "server.pem"),
		KeyFile:  filepath.Join(dir, "server.key"),
		CAFile:   filepath.Join(dir, "ca.pem"),
		Pool:     x509.NewCertPool(),
	}
	for path, content := range map[string][]byte{files.CertFile: chain, files.KeyFile: keyPEM, files.CAFile: caPEM} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if files.Certificate, err = tls.X509KeyPair(chain, keyPEM); err != nil {
		t.Fatalf("pairing certificate and key: %v", err)
	}
	files.Pool.AddCert(ca)
	sum := sha256.Sum256(spki)
	files.SPKI = base64.StdEncoding.EncodeToString(sum[:])
	return files
}
