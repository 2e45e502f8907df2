package saml_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"

	"sallyport/saml"
)

// TestKeySizesAtTheirBounds needs no keys, only numbers of their size.
func TestKeySizesAtTheirBounds(t *testing.T) {
	for bits, ok := range map[uint]bool{1024: false, 2047: false, 2048: true, 2049: true, 4096: true, 8192: true, 8193: false, 16384: false} {
		n := new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1)
		err := saml.CheckKey(&x509.Certificate{PublicKey: &rsa.PublicKey{N: n, E: 65537}})
		if (err == nil) != ok {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	for curve, ok := range map[elliptic.Curve]bool{elliptic.P224(): false, elliptic.P256(): true, elliptic.P384(): true, elliptic.P521(): true} {
		err := saml.CheckKey(&x509.Certificate{PublicKey: &ecdsa.PublicKey{Curve: curve}})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), curve.Params().Name) {
			t.Errorf("%s: %v", curve.Params().Name, err)
		}
	}
	if err := saml.CheckKey(&x509.Certificate{PublicKey: ed25519.PublicKey{}}); err == nil {
		t.Error("an Ed25519 key is accepted")
	}
}
