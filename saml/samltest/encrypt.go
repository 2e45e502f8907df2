package samltest

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"math/big"
	"strconv"
	"strings"

	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
)

// A KeyPlace is where the EncryptedKeys stand.
type KeyPlace int

const (
	InData      KeyPlace = iota // in the KeyInfo of the EncryptedData
	Beside                      // behind the EncryptedData
	ByReference                 // behind it, with a RetrievalMethod for each
	ByName                      // behind it, with a KeyName that each carries
)

// An Encryption says how an element is encrypted (XML Encryption 1.1). For has
// to be set. Algorithms are URIs; empty ones are AES-128-GCM and rsa-oaep-mgf1p
// with SHA-1.
type Encryption struct {
	// For are the recipients: the content key is encrypted for each.
	For       []*Key
	Content   string
	Transport string
	// Digest and Mask are the hash of RSA-OAEP and that of its mask; they are
	// left out where they are empty. Label is its OAEPparams.
	Digest, Mask string
	Label        []byte
	Place        KeyPlace
	// NoHint leaves the KeyInfo of the EncryptedKeys out; Hint is the key whose
	// certificate stands there, the recipient's if nil.
	NoHint bool
	Hint   *Key
	// Recipient is an attribute of each EncryptedKey, Type one of the
	// EncryptedData; the type of elements if empty.
	Recipient, Type string
	// XEnc and DSig are prefixes: xenc and ds if empty.
	XEnc, DSig string
	// Wrap is put into base64 after each 76 characters.
	Wrap string

	// EditText may change the clear text, EditKey the content key that the
	// recipients get, Pad how AES-CBC is filled up, EditCipher and
	// EditKeyCipher the octets of the content and of each key, and Edit all of
	// it in the end.
	EditText                  func(clear string) string
	EditKey                   func(key []byte) []byte
	Pad                       func(clear []byte) []byte
	EditCipher, EditKeyCipher func(octets []byte) []byte
	Edit                      func(markup string) string
}

const (
	nsXEnc      = "http://www.w3.org/2001/04/xmlenc#"
	nsXEnc11    = "http://www.w3.org/2009/xmlenc11#"
	typeElement = nsXEnc + "Element"
	typeKey     = nsXEnc + "EncryptedKey"
)

// Encrypt returns an EncryptedData with what the clear text becomes, and the
// EncryptedKeys that stand beside it. The same text becomes the same octets.
func Encrypt(clear string, e Encryption) string {
	e.complete()
	if e.EditText != nil {
		clear = e.EditText(clear)
	}
	random := seeded(clear)
	size := map[string]int{xenc.AES192GCM: 24, xenc.AES192CBC: 24, xenc.AES256GCM: 32, xenc.AES256CBC: 32}[e.Content]
	content := octets(random, max(size, 16))
	body := e.edit(e.EditCipher, e.seal(content, []byte(clear), random))
	if e.EditKey != nil {
		content = e.EditKey(content)
	}
	var keys []string
	for i, key := range e.For {
		wrapped := e.edit(e.EditKeyCipher, e.wrap(key, content, random))
		keys = append(keys, e.encryptedKey(i, key, wrapped))
	}
	text := e.data(body, keys)
	if e.Edit != nil {
		text = e.Edit(text)
	}
	return text
}

func (e *Encryption) complete() {
	set := func(v *string, def string) {
		if *v == "" {
			*v = def
		}
	}
	set(&e.Content, xenc.AES128GCM)
	set(&e.Transport, xenc.OAEPMGF1P)
	set(&e.Type, typeElement)
	set(&e.XEnc, "xenc")
	set(&e.DSig, "ds")
	if e.Pad == nil {
		e.Pad = pad
	}
}

func (e *Encryption) edit(f func([]byte) []byte, b []byte) []byte {
	if f != nil {
		return f(b)
	}
	return b
}

// seal encrypts the content (XML Encryption 1.1, section 5.2).
func (e *Encryption) seal(key, clear []byte, random io.Reader) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("samltest: " + err.Error())
	}
	if strings.HasSuffix(e.Content, "-gcm") {
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			panic("samltest: " + err.Error())
		}
		nonce := octets(random, gcm.NonceSize())
		return gcm.Seal(nonce, nonce, clear, nil)
	}
	iv := octets(random, aes.BlockSize)
	clear = e.Pad(clear)
	sealed := make([]byte, len(clear))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, clear)
	return append(iv, sealed...)
}

// pad fills up to whole blocks; the last octet says with how many.
func pad(clear []byte) []byte {
	n := aes.BlockSize - len(clear)%aes.BlockSize
	clear = append(bytes.Clone(clear), make([]byte, n)...)
	clear[len(clear)-1] = byte(n)
	return clear
}

// wrap encrypts the content key for a recipient.
func (e *Encryption) wrap(key *Key, content []byte, random io.Reader) []byte {
	public := key.Certificate.PublicKey.(*rsa.PublicKey)
	if e.Transport == xenc.RSA15 {
		return raw(public, encodePKCS1(public.Size(), content, random))
	}
	mask := hashNamed(e.Mask)
	if e.Transport == xenc.OAEPMGF1P {
		mask = crypto.SHA1
	}
	return raw(public, encodeOAEP(public.Size(), hashNamed(e.Digest), mask, e.Label, content, random))
}

// hashNamed returns the hash that a URI ends with; SHA-1 if it is empty.
func hashNamed(uri string) crypto.Hash {
	for suffix, h := range map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512} {
		if strings.HasSuffix(uri, suffix) {
			return h
		}
	}
	return crypto.SHA1
}

// raw is RSA of an encoded message.
func raw(public *rsa.PublicKey, encoded []byte) []byte {
	m := new(big.Int).SetBytes(encoded)
	return m.Exp(m, big.NewInt(int64(public.E)), public.N).FillBytes(make([]byte, public.Size()))
}

// encodeOAEP is EME-OAEP of RFC 8017, section 7.1.1. The standard library's
// takes no randomness from us.
func encodeOAEP(size int, h, mask crypto.Hash, label, message []byte, random io.Reader) []byte {
	hashed := h.New()
	hashed.Write(label)
	block := make([]byte, size-h.Size()-1)
	copy(block, hashed.Sum(nil))
	start := len(block) - len(message)
	if start <= h.Size() {
		panic("samltest: a message that is too long for RSA-OAEP")
	}
	block[start-1] = 1
	copy(block[start:], message)
	seed := octets(random, h.Size())
	maskInto(block, seed, mask)
	maskInto(seed, block, mask)
	return append(append([]byte{0}, seed...), block...)
}

// maskInto is MGF1 of RFC 8017, section B.2.1.
func maskInto(b, seed []byte, h crypto.Hash) {
	for at, n := 0, byte(0); at < len(b); n++ {
		sum := h.New()
		sum.Write(seed)
		sum.Write([]byte{0, 0, 0, n})
		for _, c := range sum.Sum(nil) {
			if at < len(b) {
				b[at] ^= c
				at++
			}
		}
	}
}

// encodePKCS1 is EME-PKCS1-v1_5 of RFC 8017, section 7.2.1.
func encodePKCS1(size int, message []byte, random io.Reader) []byte {
	filler := octets(random, size-len(message)-3)
	for i := range filler {
		filler[i] |= 1
	}
	return append(append(append([]byte{0, 2}, filler...), 0), message...)
}

// encryptedKey writes one EncryptedKey.
func (e *Encryption) encryptedKey(i int, key *Key, wrapped []byte) string {
	x, d := e.XEnc+":", e.DSig+":"
	attrs := []string{"xmlns:" + e.XEnc, nsXEnc}
	if e.Place == ByReference {
		attrs = append(attrs, "Id", "_key"+strconv.Itoa(i))
	}
	w := newWriter(Style{})
	w.open(x+"EncryptedKey", append(attrs, "Recipient", e.Recipient)...)
	w.open(x+"EncryptionMethod", "Algorithm", e.Transport)
	if e.Digest != "" {
		w.leaf(d+"DigestMethod", "", "xmlns:"+e.DSig, nsSignature, "Algorithm", e.Digest)
	}
	if e.Mask != "" {
		w.leaf("xenc11:MGF", "", "xmlns:xenc11", nsXEnc11, "Algorithm", e.Mask)
	}
	if e.Label != nil {
		w.leaf(x+"OAEPparams", base64.StdEncoding.EncodeToString(e.Label))
	}
	w.close()
	if !e.NoHint {
		hint := key
		if e.Hint != nil {
			hint = e.Hint
		}
		w.open(d+"KeyInfo", "xmlns:"+e.DSig, nsSignature)
		w.open(d + "X509Data")
		w.leaf(d+"X509Certificate", e.base64(hint.Certificate.Raw))
		w.close()
		w.close()
	}
	e.cipherData(w, wrapped)
	if e.Place == ByName {
		w.leaf(x+"CarriedKeyName", "key"+strconv.Itoa(i))
	}
	w.close()
	return w.String()
}

func (e *Encryption) cipherData(w *writer, octets []byte) {
	w.open(e.XEnc + ":CipherData")
	w.leaf(e.XEnc+":CipherValue", e.base64(octets))
	w.close()
}

func (e *Encryption) base64(octets []byte) string {
	if e.Wrap == "" {
		return base64.StdEncoding.EncodeToString(octets)
	}
	return EncodeLines(string(octets), 76, e.Wrap)
}

// data writes the EncryptedData and what stands beside it.
func (e *Encryption) data(body []byte, keys []string) string {
	x, d := e.XEnc+":", e.DSig+":"
	w := newWriter(Style{})
	w.open(x+"EncryptedData", "xmlns:"+e.XEnc, nsXEnc, "Type", e.Type)
	w.leaf(x+"EncryptionMethod", "", "Algorithm", e.Content)
	if e.Place != Beside {
		w.open(d+"KeyInfo", "xmlns:"+e.DSig, nsSignature)
		for i, key := range keys {
			switch e.Place {
			case InData:
				w.raw(XML(key))
			case ByReference:
				w.leaf(d+"RetrievalMethod", "", "Type", typeKey, "URI", "#_key"+strconv.Itoa(i))
			case ByName:
				w.leaf(d+"KeyName", "key"+strconv.Itoa(i))
			}
		}
		w.close()
	}
	e.cipherData(w, body)
	w.close()
	if e.Place == InData {
		return w.String()
	}
	return w.String() + strings.Join(keys, "")
}

// seeded returns octets that depend on nothing but a text.
func seeded(text string) io.Reader {
	sum := sha256.Sum256([]byte(text))
	return salts(hex.EncodeToString(sum[:]))
}

func octets(random io.Reader, n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		panic("samltest: " + err.Error())
	}
	return b
}

// encrypt replaces an element by an encrypted one of this local name.
func (s Style) encrypt(text, local string, e *Encryption, is func(xmltree.Element) bool) string {
	var p xmltree.Parser
	doc, err := p.Parse([]byte(text), xmltree.Options{Markup: true, Limits: xmltree.Limits{Elements: 2_000_000, Depth: 1000}})
	if err != nil {
		panic("samltest: " + err.Error())
	}
	var found xmltree.Element
	doc.Root().Descendants(func(el xmltree.Element) bool {
		if is(el) {
			found = el
		}
		return found.IsZero()
	})
	if found.IsZero() {
		panic("samltest: nothing to encrypt as " + local)
	}
	name, declaration := local, ` xmlns="`+nsAssertion+`"`
	if s.Assertion != "" {
		name, declaration = s.Assertion+":"+local, " xmlns:"+s.Assertion+`="`+nsAssertion+`"`
	}
	if ns, ok := found.Parent().Resolve(s.Assertion); ok && ns == xmltree.Assertion {
		declaration = ""
	}
	source := string(doc.Source())
	at, clear := found.Offset(), string(found.Source())
	return source[:at] + "<" + name + declaration + ">" + Encrypt(clear, *e) + "</" + name + ">" + source[at+len(clear):]
}

func hasID(id string) func(xmltree.Element) bool {
	return func(el xmltree.Element) bool {
		value, ok := el.Attr("ID")
		return ok && string(value) == id
	}
}

func isNameID(el xmltree.Element) bool { return el.Is(xmltree.Assertion, "NameID") }
