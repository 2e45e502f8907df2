package samltest

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"

	"sallyport/saml"
)

//go:generate go run genkeys.go

//go:embed testdata/*.pem
var keyFiles embed.FS

// A Key is a private key with a certificate for it. Everybody has these keys:
// nothing outside of a test may trust them.
type Key struct {
	Name        string
	Private     crypto.Signer
	Certificate *x509.Certificate
}

// Names of keys. The certificates are valid from 2020 to 2099 but for the two
// whose names say something else; those certify the key of RSA2048.
const (
	RSA2048        = "rsa2048"
	RSA2048Expired = "rsa2048-expired" // until 2019
	RSA2048Future  = "rsa2048-future"  // from 2098 on
	RSA2048Other   = "rsa2048-other"   // another key
	RSA3072        = "rsa3072"
	RSA1024        = "rsa1024" // too short to be accepted
	EC256          = "ec256"
	EC384          = "ec384"
	EC521          = "ec521"

	// Keys of the service provider.
	SP     = "sp"
	SPOld  = "sp-old" // the one before
	SP3072 = "sp-3072"
)

var keys = sync.OnceValue(func() map[string]*Key {
	all := make(map[string]*Key)
	for _, name := range KeyNames() {
		text, err := keyFiles.ReadFile("testdata/" + name + ".pem")
		if err != nil {
			panic(err)
		}
		all[name] = parseKey(name, text)
	}
	return all
})

// KeyNames returns the names of all keys.
func KeyNames() []string {
	return []string{RSA2048, RSA2048Expired, RSA2048Future, RSA2048Other, RSA3072, RSA1024, EC256, EC384, EC521, SP, SPOld, SP3072}
}

// SPKeys returns keys as the configuration of a service provider has them.
func SPKeys(names ...string) (pairs []saml.KeyPair) {
	for _, name := range names {
		key := NamedKey(name)
		pairs = append(pairs, saml.KeyPair{Private: key.Private.(*rsa.PrivateKey), Certificate: key.Certificate})
	}
	return pairs
}

func parseKey(name string, text []byte) *Key {
	private, rest := pem.Decode(text)
	certificate, _ := pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(certificate.Bytes)
	if err != nil {
		panic(err)
	}
	return &Key{name, key.(crypto.Signer), cert}
}

// NamedKey returns the key with this name.
func NamedKey(name string) *Key {
	if !slices.Contains(KeyNames(), name) {
		panic(fmt.Sprintf("samltest: no key is named %q", name))
	}
	return keys()[name]
}
