package xenc_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

const clearText = `<saml:Assertion ID="_a"><saml:Issuer>i</saml:Issuer>text of some length, ümläute too</saml:Assertion>`

var (
	contents   = []string{xenc.AES128GCM, xenc.AES192GCM, xenc.AES256GCM, xenc.AES128CBC, xenc.AES192CBC, xenc.AES256CBC}
	transports = []string{xenc.OAEPMGF1P, xenc.OAEP, xenc.RSA15}
	digests    = []string{"", "http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmlenc#sha256",
		"http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}
	masks = []string{"", xenc11 + "mgf1sha1", xenc11 + "mgf1sha256", xenc11 + "mgf1sha384", xenc11 + "mgf1sha512"}
)

const xenc11 = "http://www.w3.org/2009/xmlenc11#"

// everything is a policy of all that this package can do.
var everything = xenc.Policy{Content: contents, Transport: transports}

func keys(names ...string) (list []xenc.Key) {
	for _, pair := range samltest.SPKeys(names...) {
		list = append(list, xenc.Key(pair))
	}
	return list
}

func recipients(names ...string) (list []*samltest.Key) {
	for _, name := range names {
		list = append(list, samltest.NamedKey(name))
	}
	return list
}

// wrapped is the encrypted clear text in the element that SAML puts it into.
func wrapped(t testing.TB, e samltest.Encryption) xmltree.Element {
	t.Helper()
	if e.For == nil {
		e.For = recipients(samltest.SP)
	}
	return parsed(t, `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">`+samltest.Encrypt(clearText, e)+`</saml:EncryptedAssertion>`)
}

func parsed(t testing.TB, text string) xmltree.Element {
	t.Helper()
	var p xmltree.Parser
	doc, err := p.Parse([]byte(text), xmltree.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return doc.Root()
}

// texts are those that an element may hold.
func texts(el xmltree.Element, p *xenc.Policy, list []xenc.Key) (all []string, err error) {
	c, err := new(xenc.Decrypter).Decrypt(el, list, p)
	if err != nil {
		return nil, err
	}
	for text := range c.Texts {
		all = append(all, string(text))
	}
	return all, nil
}

func TestEveryMethodDecrypts(t *testing.T) {
	for _, transport := range transports {
		for i, digest := range digests {
			for j, mask := range masks {
				if transport == xenc.RSA15 && (i > 0 || j > 0) {
					continue
				}
				for k, content := range contents {
					e := samltest.Encryption{Content: content, Transport: transport, Digest: digest, Mask: mask, Place: samltest.KeyPlace((i + j + k) % 4)}
					if k%2 == 0 {
						e.Label, e.Wrap = []byte("label"), "\n"
					}
					el := wrapped(t, e)
					got, err := texts(el, &everything, keys(samltest.SP))
					if err != nil || len(got) != 1 || got[0] != clearText {
						t.Fatalf("%s, %s with %s and %s: %q, %v\n%s", content, transport, digest, mask, got, err, el.Source())
					}
				}
			}
		}
	}
}

// TestTheMaskOfTheOlderTransport: whatever the digest is and an MGF element
// says, rsa-oaep-mgf1p means MGF1 with SHA-1.
func TestTheMaskOfTheOlderTransport(t *testing.T) {
	older := samltest.Encryption{Digest: digests[2], Mask: masks[2]}
	got, err := texts(wrapped(t, older), &everything, keys(samltest.SP))
	if err != nil || len(got) != 1 {
		t.Errorf("rsa-oaep-mgf1p: %q, %v", got, err)
	}
	other := older
	other.Transport = xenc.OAEP
	renamed := strings.Replace(string(wrapped(t, other).Source()), xenc.OAEP, xenc.OAEPMGF1P, 1)
	if got, err = texts(parsed(t, renamed), &everything, keys(samltest.SP)); err != nil || len(got) != 0 {
		t.Errorf("a mask with SHA-256 that is called rsa-oaep-mgf1p: %q, %v", got, err)
	}
}

// TestWhatDependsOnAKeyIsNoError: the texts are missing, or noise.
func TestWhatDependsOnAKeyIsNoError(t *testing.T) {
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte {
			b = bytes.Clone(b)
			b[(at+len(b))%len(b)] ^= 1
			return b
		}
	}
	padding := func(n int) func([]byte) []byte {
		return func(clear []byte) []byte {
			clear = append(bytes.Clone(clear), make([]byte, 16-len(clear)%16)...)
			clear[len(clear)-1] = byte(n)
			return clear
		}
	}
	gcm, cbc := xenc.AES256GCM, xenc.AES128CBC
	for name, e := range map[string]samltest.Encryption{
		"for another":                   {For: recipients(samltest.RSA2048Other)},
		"for another, hint for us":      {For: recipients(samltest.RSA2048Other), Hint: samltest.NamedKey(samltest.SP)},
		"for a longer key":              {For: recipients(samltest.SP3072)},
		"a changed key":                 {EditKeyCipher: flip(100)},
		"a short key":                   {EditKeyCipher: cut(255)},
		"no key":                        {EditKeyCipher: cut(0)},
		"a content key that is short":   {Content: gcm, EditKey: cut(16)},
		"an empty content key":          {EditKey: cut(0)},
		"a content key that is long":    {EditKey: func(b []byte) []byte { return append(b, b...) }},
		"a short content key, RSA 1.5":  {Transport: xenc.RSA15, EditKey: cut(15)},
		"a long content key, RSA 1.5":   {Transport: xenc.RSA15, EditKey: func(b []byte) []byte { return append(b, 0) }},
		"a changed key, RSA 1.5":        {Transport: xenc.RSA15, EditKeyCipher: flip(0)},
		"a short key, RSA 1.5":          {Transport: xenc.RSA15, EditKeyCipher: cut(200)},
		"a changed nonce":               {EditCipher: flip(0)},
		"changed text":                  {EditCipher: flip(20)},
		"a changed tag":                 {EditCipher: flip(-1)},
		"a nonce and a tag short of 1":  {EditCipher: cut(27)},
		"a nonce and a tag of nothing":  {EditCipher: cut(28)},
		"nothing":                       {EditCipher: cut(0)},
		"nothing in CBC":                {Content: cbc, EditCipher: cut(0)},
		"an initialisation vector only": {Content: cbc, EditCipher: cut(16)},
		"half a block":                  {Content: cbc, EditCipher: cut(40)},
		"a padding of 0":                {Content: cbc, Pad: padding(0)},
		"a padding of 17":               {Content: cbc, Pad: padding(17)},
		"a padding of 255":              {Content: cbc, Pad: padding(255)},
		"another label":                 {Label: []byte("a"), Edit: func(s string) string { return strings.Replace(s, ">YQ==<", ">Yg==<", 1) }},
		"another mask":                  {Transport: xenc.OAEP, Mask: masks[2], Edit: func(s string) string { return strings.Replace(s, "mgf1sha256", "mgf1sha512", 1) }},
		"another digest":                {Digest: digests[2], Edit: func(s string) string { return strings.Replace(s, digests[2], digests[1], 1) }},
	} {
		got, err := texts(wrapped(t, e), &everything, keys(samltest.SP))
		if err != nil || len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestPaddings: what the octets before the last one hold is not defined.
func TestPaddings(t *testing.T) {
	for n := range 33 {
		text := strings.Repeat("x", n)
		e := samltest.Encryption{Content: xenc.AES128CBC, EditText: func(string) string { return text }, Pad: func(clear []byte) []byte {
			clear = append(bytes.Clone(clear), bytes.Repeat([]byte{0xEE}, 16-len(clear)%16)...)
			clear[len(clear)-1] = byte(16 - n%16)
			return clear
		}}
		got, err := texts(wrapped(t, e), &everything, keys(samltest.SP))
		if err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("%d octets: %q, %v", n, got, err)
		}
	}
}

func TestARandomKeyStandsIn(t *testing.T) {
	for _, transport := range transports {
		el := wrapped(t, samltest.Encryption{Transport: transport, For: recipients(samltest.RSA2048Other), Content: xenc.AES192GCM})
		seen := make(map[string]bool)
		for range 3 {
			got, err := xenc.ContentKeys(el, keys(samltest.SP), &everything)
			if err != nil || len(got) != 1 || len(got[0]) != 24 || seen[string(got[0])] {
				t.Errorf("%s: %x, %v", transport, got, err)
				continue
			}
			seen[string(got[0])] = true
		}
	}
}

func TestSeveralKeysAndRecipients(t *testing.T) {
	const a, b, c = samltest.SP, samltest.SPOld, samltest.SP3072
	const stranger = samltest.RSA2048Other
	for _, r := range []struct {
		name  string
		e     samltest.Encryption
		ours  []string
		texts int
	}{
		{name: "the old key, hinted", e: samltest.Encryption{For: recipients(b)}, ours: []string{a, b}, texts: 1},
		{name: "the old key, no hint", e: samltest.Encryption{For: recipients(b), NoHint: true}, ours: []string{a, b}, texts: 1},
		{name: "the old key, hint for the new one", e: samltest.Encryption{For: recipients(b), Hint: samltest.NamedKey(a)}, ours: []string{a, b}, texts: 1},
		{name: "the old key, hint for a stranger", e: samltest.Encryption{For: recipients(b), Hint: samltest.NamedKey(stranger)}, ours: []string{a, b}, texts: 1},
		{name: "the last of four", e: samltest.Encryption{For: recipients(c)}, ours: []string{a, b, a, c}, texts: 1},
		{name: "a stranger and us", e: samltest.Encryption{For: recipients(stranger, a)}, ours: []string{a}, texts: 1},
		{name: "seven strangers and us", e: samltest.Encryption{For: recipients(stranger, stranger, stranger, stranger, stranger, stranger, stranger, a)}, ours: []string{a}, texts: 1},
		{name: "both of our keys", e: samltest.Encryption{For: recipients(a, b)}, ours: []string{a, b}, texts: 2},
		{name: "strangers only", e: samltest.Encryption{For: recipients(stranger, stranger)}, ours: []string{a, b}, texts: 0},
		{name: "no key that was published", e: samltest.Encryption{For: recipients(b)}, ours: []string{a}, texts: 0},
		{name: "RSA 1.5, where a random key comes first", e: samltest.Encryption{Transport: xenc.RSA15, For: recipients(b), NoHint: true}, ours: []string{a, b}, texts: 1},
	} {
		for _, place := range []samltest.KeyPlace{samltest.InData, samltest.Beside, samltest.ByReference, samltest.ByName} {
			r.e.Place = place
			got, err := texts(wrapped(t, r.e), &everything, keys(r.ours...))
			if err != nil || len(got) != r.texts || len(got) > 0 && got[0] != clearText {
				t.Errorf("%s, place %d: %q, %v", r.name, place, got, err)
			}
		}
	}
}

func TestNothingIsDecryptedThatIsNotWanted(t *testing.T) {
	stop := 0
	c, err := new(xenc.Decrypter).Decrypt(wrapped(t, samltest.Encryption{For: recipients(samltest.SP, samltest.SP)}), keys(samltest.SP), &everything)
	if err != nil {
		t.Fatal(err)
	}
	for range c.Texts {
		stop++
		break
	}
	if stop != 1 {
		t.Error(stop)
	}
}

func TestTheMethodsAreTold(t *testing.T) {
	c, err := new(xenc.Decrypter).Decrypt(wrapped(t, samltest.Encryption{Content: xenc.AES192CBC, Transport: xenc.OAEP, For: recipients(samltest.SP, samltest.SPOld)}), keys(samltest.SP), &everything)
	if err != nil || c.Content != xenc.AES192CBC || fmt.Sprint(c.Transport) != fmt.Sprint([]string{xenc.OAEP, xenc.OAEP}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhatThePolicyDoesNotList(t *testing.T) {
	strict := xenc.Policy{Content: contents[:3], Transport: transports[:2]}
	signed := strict
	signed.Authentic = true
	for _, c := range []struct {
		name    string
		e       samltest.Encryption
		p       xenc.Policy
		refused string
	}{
		{"GCM", samltest.Encryption{}, strict, ""},
		{"CBC", samltest.Encryption{Content: xenc.AES256CBC}, strict, "content encryption " + xenc.AES256CBC},
		{"CBC that is signed", samltest.Encryption{Content: xenc.AES256CBC}, signed, ""},
		{"RSA 1.5", samltest.Encryption{Transport: xenc.RSA15}, strict, "key transport " + xenc.RSA15},
		{"RSA 1.5 that is signed", samltest.Encryption{Transport: xenc.RSA15}, signed, "key transport " + xenc.RSA15},
		{"GCM that is not listed", samltest.Encryption{Content: xenc.AES256GCM}, xenc.Policy{Content: contents[:1], Transport: transports, Authentic: true}, "content encryption"},
	} {
		got, err := texts(wrapped(t, c.e), &c.p, keys(samltest.SP))
		if c.refused == "" && (err != nil || len(got) != 1) || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestElementsThatAreRefused(t *testing.T) {
	replaced := func(old, with string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("no %s in %s", old, s)
			}
			return strings.Replace(s, old, with, 1)
		}
	}
	second := func(s string) string { return s + s }
	nine := samltest.Encryption{}
	for range 9 {
		nine.For = append(nine.For, samltest.NamedKey(samltest.SP))
	}
	const value = "<xenc:CipherData><xenc:CipherValue>"
	const bad = "is not accepted here"
	for _, c := range []struct {
		name string
		e    samltest.Encryption
		edit func(string) string
		want string
	}{
		{"no EncryptedData", samltest.Encryption{}, func(string) string { return "" }, "not exactly one EncryptedData"},
		{"two EncryptedData", samltest.Encryption{}, second, "not exactly one EncryptedData"},
		{"EncryptedData of another namespace", samltest.Encryption{}, replaced(`xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"`, `xmlns:xenc="urn:x"`), "not exactly one EncryptedData"},
		{"3DES", samltest.Encryption{}, replaced(xenc.AES128GCM, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"), bad},
		{"another method", samltest.Encryption{}, replaced(xenc.AES128GCM, strings.Repeat("ü", 80)), "… " + bad},
		{"no method", samltest.Encryption{}, replaced(`<xenc:EncryptionMethod Algorithm="`+xenc.AES128GCM+`"></xenc:EncryptionMethod>`, ""), bad},
		{"two methods", samltest.Encryption{}, replaced("<xenc:EncryptionMethod ", `<xenc:EncryptionMethod Algorithm="`+xenc.AES128GCM+`"/><xenc:EncryptionMethod `), bad},
		{"an unknown transport", samltest.Encryption{}, replaced(xenc.OAEPMGF1P, "http://www.w3.org/2001/04/xmlenc#kw-aes128"), bad},
		{"two transports", samltest.Encryption{}, replaced(`<xenc:EncryptionMethod Algorithm="`+xenc.OAEPMGF1P, `<xenc:EncryptionMethod Algorithm="`+xenc.RSA15+`"/><xenc:EncryptionMethod Algorithm="`+xenc.OAEPMGF1P), bad},
		{"no transport", samltest.Encryption{}, replaced(`<xenc:EncryptionMethod Algorithm="`+xenc.OAEPMGF1P+`"></xenc:EncryptionMethod>`, ""), bad},
		{"an unknown digest", samltest.Encryption{Digest: "http://www.w3.org/2001/04/xmldsig-more#md5"}, nil, "a hash of the key transport"},
		{"SHA-224", samltest.Encryption{Digest: "http://www.w3.org/2001/04/xmldsig-more#sha224"}, nil, "a hash of the key transport"},
		{"an unknown mask", samltest.Encryption{Transport: xenc.OAEP, Mask: xenc11 + "mgf1sha224"}, nil, "a hash of the key transport"},
		{"two digests", samltest.Encryption{Digest: digests[1]}, replaced("<ds:DigestMethod ", `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/><ds:DigestMethod `), "stands there twice"},
		{"two masks", samltest.Encryption{Mask: masks[1]}, replaced("<xenc11:MGF ", `<xenc11:MGF xmlns:xenc11="`+xenc11+`"/><xenc11:MGF `), "stands there twice"},
		{"two labels", samltest.Encryption{Label: []byte{}}, replaced("<xenc:OAEPparams>", "<xenc:OAEPparams/><xenc:OAEPparams>"), "stands there twice"},
		{"a label that is no base64", samltest.Encryption{Label: []byte{}}, replaced("<xenc:OAEPparams>", "<xenc:OAEPparams>!"), "OAEPparams"},
		{"a label with an element", samltest.Encryption{Label: []byte{}}, replaced("<xenc:OAEPparams>", "<xenc:OAEPparams><x/>"), "OAEPparams"},
		{"CipherReference", samltest.Encryption{}, replaced(value, `<xenc:CipherData><xenc:CipherReference URI="https://evil.example/"/></xenc:CipherData><x>`+"<xenc:CipherValue>"), "CipherData"},
		{"CipherReference beside CipherValue", samltest.Encryption{}, replaced("</xenc:CipherValue>", `</xenc:CipherValue><xenc:CipherReference URI="#x"/>`), "CipherData"},
		{"two CipherData", samltest.Encryption{}, replaced(value, "<xenc:CipherData/>"+value), "CipherData"},
		{"two CipherValues", samltest.Encryption{}, replaced(value, "<xenc:CipherData><xenc:CipherValue/><xenc:CipherValue>"), "CipherData"},
		{"no CipherData", samltest.Encryption{Place: samltest.Beside}, func(s string) string {
			at := strings.Index(s, "<xenc:CipherData>")
			return s[:at] + s[at+strings.Index(s[at:], "</xenc:CipherData>")+len("</xenc:CipherData>"):]
		}, "CipherData"},
		{"a CipherValue that is no base64", samltest.Encryption{}, replaced(value, value+"!"), "CipherValue is not base64"},
		{"a CipherValue with an element", samltest.Encryption{}, replaced(value, value+"<x/>"), "CipherValue is not base64"},
		{"a key's CipherValue that is no base64", samltest.Encryption{Place: samltest.Beside}, func(s string) string {
			at := strings.LastIndex(s, value) + len(value)
			return s[:at] + "=" + s[at:]
		}, "CipherValue is not base64"},
		{"no key", samltest.Encryption{For: []*samltest.Key{}}, nil, "no EncryptedKey"},
		{"nine keys", nine, nil, "more than 8 EncryptedKeys"},
		{"two KeyInfos", samltest.Encryption{}, replaced("<ds:KeyInfo ", `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/><ds:KeyInfo `), "several KeyInfos"},
		{"a RetrievalMethod to elsewhere", samltest.Encryption{Place: samltest.ByReference}, replaced(`URI="#_key0"`, `URI="https://evil.example/key"`), "RetrievalMethod"},
		{"a RetrievalMethod to nothing", samltest.Encryption{Place: samltest.ByReference}, replaced(`URI="#_key0"`, `URI="#_key1"`), "RetrievalMethod"},
		{"a RetrievalMethod without URI", samltest.Encryption{Place: samltest.ByReference}, replaced(`URI="#_key0"`, ``), "RetrievalMethod"},
		{"a RetrievalMethod of an empty name", samltest.Encryption{Place: samltest.ByReference}, func(s string) string {
			return replaced(`URI="#_key0"`, `URI="#"`)(replaced(`Id="_key0"`, `Id=""`)(s))
		}, "RetrievalMethod"},
	} {
		c.e.Edit = c.edit
		if c.name == "CipherReference" {
			c.e.Edit = func(s string) string {
				return strings.Replace(c.edit(s), "</xenc:CipherValue></xenc:CipherData>", "</xenc:CipherValue></x>", 1)
			}
		}
		got, err := texts(wrapped(t, c.e), &everything, keys(samltest.SP))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if _, err := texts(wrapped(t, samltest.Encryption{}), &everything, nil); err == nil {
		t.Error("decrypted without a key")
	}
}

func TestHintsThatCannotBeRead(t *testing.T) {
	for _, with := range []string{"!", "AAAA", ""} {
		e := samltest.Encryption{For: recipients(samltest.SPOld), Edit: func(s string) string {
			at := strings.Index(s, "<ds:X509Certificate>") + len("<ds:X509Certificate>")
			return s[:at] + with + s[at+strings.Index(s[at:], "<"):]
		}}
		got, err := texts(wrapped(t, e), &everything, keys(samltest.SP, samltest.SPOld))
		if err != nil || len(got) != 1 {
			t.Errorf("%q: %q, %v", with, got, err)
		}
	}
}
