package bench

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/beevik/etree"
	"github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"sallyport/saml/samltest"
)

// A floor is what has to be done for a message: decode it, decrypt what is
// encrypted, hash the canonical forms of what is signed and of each SignedInfo,
// and verify each signature. Nothing here is parsed, copied or checked.
type floor struct {
	wire, raw  []byte
	signatures []signatureWork
	wrapped    []byte // the content key, encrypted; nil where nothing is
	content    []byte // the assertion, encrypted
}

type signatureWork struct{ element, info, value []byte }

func newFloor(t testing.TB, text string) *floor {
	t.Helper()
	wire := []byte(samltest.Encode(text))
	f := &floor{wire: wire, raw: make([]byte, base64.StdEncoding.DecodedLen(len(wire)))}
	root := f.sign(t, []byte(text))
	for _, data := range root.FindElements("//EncryptedData/CipherData/CipherValue") {
		f.content = unbase64(t, data.Text())
	}
	for _, key := range root.FindElements("//EncryptedKey/CipherData/CipherValue") {
		f.wrapped = unbase64(t, key.Text())
	}
	if f.wrapped != nil {
		f.sign(t, f.decrypt(t))
	}
	return f
}

// sign adds the work on the signatures of a document, whose canonical forms
// goxmldsig writes.
func (f *floor) sign(t testing.TB, text []byte) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	for _, sig := range doc.FindElements("//Signature") {
		parent := sig.Parent()
		info := sig.SelectElement("SignedInfo")
		work := signatureWork{info: canonical(t, info, ""), value: unbase64(t, sig.SelectElement("SignatureValue").Text())}
		at := sig.Index()
		parent.RemoveChildAt(at)
		work.element = canonical(t, parent, "xs")
		parent.InsertChildAt(at, sig)
		f.signatures = append(f.signatures, work)
	}
	return doc.Root()
}

// canonical is the exclusive canonical form of an element where it stands.
func canonical(t testing.TB, el *etree.Element, prefixes string) []byte {
	t.Helper()
	ctx, err := etreeutils.NSBuildParentContext(el)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := etreeutils.NSDetatch(ctx, el)
	if err != nil {
		t.Fatal(err)
	}
	form, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes).Canonicalize(alone)
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// run does it once.
func (f *floor) run(t testing.TB) {
	if _, err := base64.StdEncoding.Decode(f.raw, f.wire); err != nil {
		t.Fatal(err)
	}
	if f.wrapped != nil {
		f.decrypt(t)
	}
	key := samltest.NamedKey(samltest.RSA2048).Certificate.PublicKey.(*rsa.PublicKey)
	for _, w := range f.signatures {
		sha256.Sum256(w.element)
		sum := sha256.Sum256(w.info)
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], w.value); err != nil {
			t.Fatal(err)
		}
	}
}

// decrypt opens what rsa-oaep-mgf1p and AES-GCM have sealed.
func (f *floor) decrypt(t testing.TB) []byte {
	key, err := rsa.DecryptOAEP(sha1.New(), nil, samltest.NamedKey(samltest.SP).Private.(*rsa.PrivateKey), f.wrapped, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	clear, err := gcm.Open(nil, f.content[:gcm.NonceSize()], f.content[gcm.NonceSize():], nil)
	if err != nil {
		t.Fatal(err)
	}
	return clear
}
