//go:build ignore

// This program writes the keys and certificates in testdata that are missing.
// They were made once; making them anew changes every signed vector.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log"
	"math/big"
	"os"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	one := newRSA(2048)
	for i, k := range []struct {
		name        string
		key         crypto.Signer
		from, until int
	}{
		{"rsa2048", one, 2020, 2099},
		{"rsa2048-expired", one, 2016, 2019},
		{"rsa2048-future", one, 2098, 2099},
		{"rsa2048-other", newRSA(2048), 2020, 2099},
		{"rsa3072", newRSA(3072), 2020, 2099},
		{"rsa1024", newRSA(1024), 2020, 2099},
		{"ec256", newEC(elliptic.P256()), 2020, 2099},
		{"ec384", newEC(elliptic.P384()), 2020, 2099},
		{"ec521", newEC(elliptic.P521()), 2020, 2099},
		{"sp", newRSA(2048), 2020, 2099},
		{"sp-old", newRSA(2048), 2020, 2099},
		{"sp-3072", newRSA(3072), 2020, 2099},
	} {
		if _, err := os.Stat("testdata/" + k.name + ".pem"); err != nil {
			write(k.name, k.key, int64(i+1), k.from, k.until)
		}
	}
}

func newRSA(bits int) crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	check(err)
	return k
}

func newEC(c elliptic.Curve) crypto.Signer {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	check(err)
	return k
}

func write(name string, key crypto.Signer, serial int64, from, until int) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name + domain(name)},
		NotBefore:    time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	cert, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
	check(os.WriteFile("testdata/"+name+".pem", out, 0o644))
}

func domain(name string) string {
	if strings.HasPrefix(name, "sp") {
		return ".app.example"
	}
	return ".idp.example"
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
