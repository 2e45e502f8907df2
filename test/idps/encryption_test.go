package idps

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// Encryption algorithms as XML Encryption names them.
const (
	tripleDES = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"
	aes128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	aes192CBC = "http://www.w3.org/2001/04/xmlenc#aes192-cbc"
	aes256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	aes128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	aes192GCM = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	aes256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"

	rsaOAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	rsa15   = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
)

// An encrypter is an Identity Provider that encrypts by one of its algorithms.
type encrypter struct {
	product   *product
	algorithm string
	// encrypts tells it to, besides signing in a manner. The key is that of our
	// metadata.
	encrypts func(t *testing.T, c *customer, m manner, algorithm string)
}

func (e encrypter) name() string {
	_, algorithm, _ := strings.Cut(e.algorithm, "#")
	return e.product.name + " " + algorithm
}

// authentic reports whether what is encrypted cannot be changed unseen.
func (e encrypter) authentic() bool { return strings.HasSuffix(e.algorithm, "-gcm") }

// encrypters are all pairs that can be had. LemonLDAP::NG leaves no choice.
// SimpleSAMLphp leaves none either: by AES-128-CBC it encrypts as it is, by the
// others with one constant changed.
var encrypters = func() (all []encrypter) {
	all = append(all, encrypter{lemonLDAP, aes128CBC, lemonLDAPEncrypts}, encrypter{simpleSAMLphp, aes128CBC, simpleSAMLphpEncrypts})
	for _, algorithm := range []string{aes192CBC, aes256CBC, aes128GCM, aes192GCM, aes256GCM} {
		all = append(all, encrypter{simpleSAMLphp, algorithm, simpleSAMLphpEncrypts})
	}
	for _, algorithm := range []string{aes128CBC, aes256CBC, aes128GCM, aes256GCM} {
		all = append(all, encrypter{auth0samlp, algorithm, samlpEncrypts}, encrypter{samlIDP, algorithm, samlIDPEncrypts})
	}
	return all
}()

func simpleSAMLphpEncrypts(t *testing.T, c *customer, m manner, algorithm string) {
	if algorithm != aes128CBC {
		c.idp.(*testenv.SimpleSAMLphpIdP).EncryptBy(t, rsaOAEP, algorithm)
	}
	c.register(t, testenv.SimpleSAMLphpSP{
		SignResponse: m.SignResponse, SignAssertion: m.SignAssertion, Extra: map[string]any{"assertion.encryption": true},
	})
}

func lemonLDAPEncrypts(t *testing.T, c *customer, m manner, _ string) {
	sign := 0
	if m.SignResponse {
		sign = 1
	}
	c.registerLemonLDAP(t, map[string]any{"SignSSOMessage": sign, "EncryptionMode": "assertion"})
}

func samlpEncrypts(t *testing.T, c *customer, m manner, algorithm string) {
	c.putSAMLP(t, c.encrypting(t, m, algorithm))
}

func samlIDPEncrypts(t *testing.T, c *customer, m manner, algorithm string) {
	settings := c.encrypting(t, m, algorithm)
	settings["encryptAssertion"] = true
	c.setSAMLIDP(t, settings)
}

// encrypting are the options of samlp.
func (c *customer) encrypting(t *testing.T, m manner, algorithm string) harness.Object {
	t.Helper()
	certificate, public := c.encryptionKey(t)
	return harness.Object{
		"signResponse": m.SignResponse, "signAssertion": m.SignAssertion,
		"encryptionCert": certificate, "encryptionPublicKey": public, "encryptionAlgorithm": algorithm,
		// What it calls insecure is AES-CBC.
		"disallowEncryptionWithInsecureAlgorithm": false, "warnOnInsecureEncryptionAlgorithm": false,
	}
}

// metadataKeys are the certificates of our metadata for a use, in their order.
func (c *customer) metadataKeys(t *testing.T, use string) (certificates []*x509.Certificate) {
	t.Helper()
	var entity struct {
		Keys []struct {
			Use         string `xml:"use,attr"`
			Certificate string `xml:"KeyInfo>X509Data>X509Certificate"`
		} `xml:"SPSSODescriptor>KeyDescriptor"`
	}
	if err := xml.Unmarshal([]byte(c.Metadata), &entity); err != nil {
		t.Fatal(err)
	}
	for _, key := range entity.Keys {
		if key.Use != use {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(key.Certificate), ""))
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certificates = append(certificates, certificate)
	}
	return certificates
}

// encryptionKey is the key that our metadata offers, as PEM.
func (c *customer) encryptionKey(t *testing.T) (certificate, public string) {
	t.Helper()
	keys := c.metadataKeys(t, "encryption")
	if len(keys) != 1 {
		t.Fatalf("our metadata offers %d keys for encryption:\n%s", len(keys), c.Metadata)
	}
	return pemPair(t, keys[0])
}

func pemPair(t *testing.T, c *x509.Certificate) (certificate, public string) {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(c.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
}

var encryptionMethod = regexp.MustCompile(`EncryptedData[^>]*>\s*<(?:\w+:)?EncryptionMethod Algorithm="([^"]*)"`)

// encrypted fails unless the assertion is encrypted by this algorithm, and
// nothing of it is in clear.
func (f form) encrypted(t *testing.T, algorithm string) {
	t.Helper()
	message := f.xml(t)
	found := encryptionMethod.FindStringSubmatch(message)
	if found == nil || found[1] != algorithm || !strings.Contains(message, "EncryptedAssertion") || strings.Contains(message, "NameID") {
		t.Fatalf("not encrypted by %s:\n%s", algorithm, message)
	}
}

// eachEncrypter runs a test for every pair, with one customer for each product.
func eachEncrypter(t *testing.T, options harness.Object, f func(t *testing.T, c *customer, e encrypter)) {
	t.Helper()
	s := servers["sqlite"]()
	connected := map[*product]*customer{}
	for _, e := range encrypters {
		c := connected[e.product]
		if c == nil {
			c = connect(t, s, e.product, options)
			connected[e.product] = c
		}
		t.Run(e.name(), func(t *testing.T) { f(t, c, e) })
	}
}

func TestWhatIsEncryptedIsRead(t *testing.T) {
	options := harness.Object{"offer_encryption": true, "require_encrypted_assertion": true}
	eachEncrypter(t, options, func(t *testing.T, c *customer, e encrypter) {
		for _, m := range e.product.manners {
			t.Run(m.name, func(t *testing.T) {
				e.encrypts(t, c, m, e.algorithm)
				b := c.NewBrowser(t)
				f := c.ask(t, b, c.Login)
				f.encrypted(t, e.algorithm)
				if !e.authentic() && !m.SignResponse {
					c.refused(t, b, f, "saml_decryption_failed")
					return
				}
				c.arrive(t, b, f, "/account/security")
			})
		}
	})
}

func TestCBCInAResponseWithoutSignatureIsReadWhereTheProfileAllowsIt(t *testing.T) {
	options := harness.Object{"offer_encryption": true, "allow_cbc": true}
	eachEncrypter(t, options, func(t *testing.T, c *customer, e encrypter) {
		e.encrypts(t, c, signsAssertion, e.algorithm)
		b := c.NewBrowser(t)
		f := c.ask(t, b, c.Login)
		f.encrypted(t, e.algorithm)
		c.arrive(t, b, f, "/account/security")
	})
}

func TestAnAssertionInClearIsRefusedWhereTheProfileSaysSo(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := p.answers(t, s, harness.Object{"offer_encryption": true, "require_encrypted_assertion": true}, signsBoth)
		b := s.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login), "saml_decryption_failed")
	})
}

func TestNobodyEncryptsUnlessTheProfileOffersIt(t *testing.T) {
	s := servers["sqlite"]()
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			c := p.answers(t, s, nil, signsBoth)
			if keys := c.metadataKeys(t, "encryption"); keys != nil {
				t.Fatalf("our metadata offers %d keys", len(keys))
			}
			b := s.NewBrowser(t)
			f := c.ask(t, b, c.Login)
			f.signed(t, signsBoth) // which looks at an assertion in clear
			c.arrive(t, b, f, "/account/security")
		})
	}
}

var cipherValue = regexp.MustCompile(`(?s)(<(?:\w+:)?CipherValue>)[^<]*(</(?:\w+:)?CipherValue>)`)

// resealed puts other octets in place of every ciphertext: keys, and what they
// encrypt.
func (f form) resealed(t *testing.T) form {
	t.Helper()
	message := f.xml(t)
	if len(cipherValue.FindAllString(message, -1)) != 2 {
		t.Fatalf("not one key and one text:\n%s", message)
	}
	noise := base64.StdEncoding.EncodeToString(make([]byte, 256))
	message = cipherValue.ReplaceAllString(message, "${1}"+noise+"${2}")
	return form{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(message))}, "RelayState": f["RelayState"]}
}

func TestWhatOthersEncryptedIsRefused(t *testing.T) {
	options := harness.Object{"offer_encryption": true, "allow_cbc": true}
	eachEncrypter(t, options, func(t *testing.T, c *customer, e encrypter) {
		e.encrypts(t, c, signsAssertion, e.algorithm)
		b := c.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login).resealed(t), "saml_decryption_failed")
		// What is signed around it tells that it was changed.
		e.encrypts(t, c, signsBoth, e.algorithm)
		b = c.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login).resealed(t), "saml_signature_invalid")
	})
}

func TestWhatIsEncryptedForAnotherIsRefused(t *testing.T) {
	s := servers["sqlite"]()
	c := connect(t, s, auth0samlp, harness.Object{"offer_encryption": true})
	entry := c.encrypting(t, signsBoth, aes256GCM)
	entry["encryptionCert"], entry["encryptionPublicKey"] = pemPair(t, samltest.NamedKey(samltest.SP).Certificate)
	c.putSAMLP(t, entry)
	b := s.NewBrowser(t)
	c.refused(t, b, c.ask(t, b, c.Login), "saml_decryption_failed")
}

func TestRSA15IsReadWhereTheProfileAllowsIt(t *testing.T) {
	s := servers["sqlite"]()
	strict := connect(t, s, simpleSAMLphp, harness.Object{"offer_encryption": true})
	lenient := connect(t, s, simpleSAMLphp, harness.Object{"offer_encryption": true, "allow_rsa15": true})
	for _, algorithm := range []string{aes128CBC, aes256GCM} {
		t.Run(algorithm, func(t *testing.T) {
			strict.idp.(*testenv.SimpleSAMLphpIdP).EncryptBy(t, rsa15, algorithm)
			for _, c := range []*customer{strict, lenient} {
				c.register(t, testenv.SimpleSAMLphpSP{SignResponse: true, Extra: map[string]any{"assertion.encryption": true}})
				b := s.NewBrowser(t)
				f := c.ask(t, b, c.Login)
				f.encrypted(t, algorithm)
				if !strings.Contains(f.xml(t), rsa15) {
					t.Fatalf("the key is not transported by RSA 1.5:\n%s", f.xml(t))
				}
				if c == strict {
					c.refused(t, b, f, "saml_decryption_failed")
				} else {
					c.arrive(t, b, f, "/account/security")
				}
			}
		})
	}
}

func TestTripleDESIsRefused(t *testing.T) {
	s := servers["sqlite"]()
	c := connect(t, s, simpleSAMLphp, harness.Object{"offer_encryption": true, "allow_cbc": true, "allow_rsa15": true})
	simpleSAMLphpEncrypts(t, c, signsBoth, tripleDES)
	b := s.NewBrowser(t)
	f := c.ask(t, b, c.Login)
	f.encrypted(t, tripleDES)
	c.refused(t, b, f, "saml_decryption_failed")
}

func TestBothKeysDecryptWhileOneFollowsTheOther(t *testing.T) {
	s := servers["sqlite"]()
	for _, e := range []encrypter{encrypters[0], encrypters[1], {auth0samlp, aes256GCM, samlpEncrypts}} {
		t.Run(e.name(), func(t *testing.T) {
			c := connect(t, s, e.product, harness.Object{"offer_encryption": true})
			e.encrypts(t, c, signsBoth, e.algorithm)
			old, _ := c.encryptionKey(t)
			c.OK(t, "POST", "/sso-profiles/"+c.ProfileID+"/keys", harness.Object{"delay": "0"})
			b := s.NewBrowser(t)
			c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")

			c.readMetadata(t)
			if now, _ := c.encryptionKey(t); now == old {
				t.Fatal("our metadata still offers the old key")
			}
			e.encrypts(t, c, signsBoth, e.algorithm)
			b = s.NewBrowser(t)
			c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
		})
	}
}

// LemonLDAP::NG has an option for this, and puts the NameID in clear over what
// Lasso encrypted.
func TestAnEncryptedNameIDOfSimpleSAMLphpIsRead(t *testing.T) {
	s := servers["sqlite"]()
	c := connect(t, s, simpleSAMLphp, harness.Object{"offer_encryption": true})
	for _, m := range simpleSAMLphp.manners {
		for _, within := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, assertion encrypted=%t", m.name, within), func(t *testing.T) {
				c.register(t, testenv.SimpleSAMLphpSP{
					SignResponse: m.SignResponse, SignAssertion: m.SignAssertion,
					Extra: map[string]any{"nameid.encryption": true, "assertion.encryption": within},
				})
				b := s.NewBrowser(t)
				f := c.ask(t, b, c.Login)
				if message := f.xml(t); strings.Contains(message, "<saml:EncryptedID") == within || strings.Contains(message, "<saml:NameID") {
					t.Fatalf("the NameID is not encrypted:\n%s", message)
				}
				if within && !m.SignResponse { // AES-CBC
					c.refused(t, b, f, "saml_decryption_failed")
					return
				}
				c.arrive(t, b, f, "/account/security")
			})
		}
	}
}
