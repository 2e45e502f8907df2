package samltest

import (
	"strings"

	"sallyport/saml"
	"sallyport/saml/internal/xenc"
)

// EncryptedAttacks returns those that hide in a ciphertext, or try what a
// service provider tells of one. It has to have the key [SP] then, and no
// algorithm but those of the default.
func EncryptedAttacks() []Attack {
	list := append(sealed(), unsealed()...)
	for i := range list {
		if list[i].Code == "" {
			list[i].Code = saml.CodeDecryptionFailed
		}
	}
	return list
}

// seal encrypts the assertion of a good message.
func seal(f func(r *Response, e *Encryption)) func(Scene) string {
	return func(s Scene) string {
		r := s.onlyAssertion()
		r.AssertionEncryption = &Encryption{For: []*Key{NamedKey(SP)}}
		f(r, r.AssertionEncryption)
		return r.String()
	}
}

// sealedText changes the text before it is encrypted: anybody can encrypt for
// the service provider.
func sealedText(f func(clear string) string) func(Scene) string {
	return seal(func(_ *Response, e *Encryption) { e.EditText = f })
}

// sealed are bad texts in good ciphertexts.
func sealed() []Attack {
	evilText := func(clear string) string { return evil(without(clear, element(clear, "ds:Signature"))) }
	return []Attack{
		{"sealed-unsigned", "an assertion of nobody, encrypted with the public key", "", sealedText(evilText)},
		{"sealed-stranger", "an encrypted assertion that a stranger has signed", "", seal(func(r *Response, _ *Encryption) {
			r.Assertion.NameID.Value = Victim
			r.AssertionSigning.Key = NamedKey(RSA2048Other)
		})},
		{"sealed-changed", "an encrypted assertion that was changed behind its signature", "", sealedText(func(clear string) string {
			return replace(clear, Email, Victim)
		})},
		{"sealed-wrapping", "a forged assertion around the signed one, encrypted", "", sealedText(func(clear string) string {
			return inside(evilText(clear), clear)
		})},
		{"sealed-wrapping-object", "a forged assertion whose signature has the signed one in an Object, encrypted", "", sealedText(func(clear string) string {
			signature := element(clear, "ds:Signature")
			return behindIssuer(evilText(clear), inside(signature, "<ds:Object>"+without(clear, signature)+"</ds:Object>"))
		})},
		{"sealed-two-assertions", "a forged assertion before the signed one, in one ciphertext", "", sealedText(func(clear string) string {
			return evilText(clear) + clear
		})},
		{"sealed-and-clear", "a forged assertion in clear beside the encrypted one", saml.CodeMultipleAssertions, func(s Scene) string {
			_, _, _, rest := signedAssertion(s)
			return seal(func(r *Response, _ *Encryption) { r.More = []XML{XML(evil(rest))} })(s)
		}},
		{"sealed-twice", "two encrypted assertions", saml.CodeMultipleAssertions, func(s Scene) string {
			text := sealedText(func(clear string) string { return clear })(s)
			one := element(text, "saml:EncryptedAssertion")
			return replace(text, one, one+one)
		}},
		{"sealed-same-id", "a text with the ID of the response", "", sealedText(func(clear string) string {
			return replace(clear, `ID="_assertion1"`, `ID="_response1"`)
		})},
		{"sealed-comment", "a comment that cuts the address short, encrypted", "", func(s Scene) string {
			return seal(func(r *Response, e *Encryption) {
				r.Assertion.NameID.Value = Victim + ".evil.example"
				e.EditText = func(clear string) string { return replace(clear, Victim+".evil", Victim+"<!---->.evil") }
			})(s)
		}},
		{"sealed-doctype", "an entity for the address, encrypted", "", sealedText(func(clear string) string {
			return `<!DOCTYPE a [<!ENTITY who "` + Victim + `">]>` + replace(clear, Email, "&who;")
		})},
		{"sealed-entity-expansion", "a billion laughs, encrypted", "", sealedText(func(clear string) string {
			return `<!DOCTYPE a [<!ENTITY a "` + strings.Repeat("ha", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `">]>` + replace(clear, Email, "&b;")
		})},
		{"sealed-other-element", "a NameID in the place of the assertion", "", sealedText(func(clear string) string { return element(clear, "saml:NameID") })},
		{"sealed-text", "no markup at all", "", sealedText(func(string) string { return Victim })},
		{"sealed-nothing", "nothing", "", sealedText(func(string) string { return "" })},
		{"sealed-nested", "a ciphertext in a ciphertext", "", sealedText(func(clear string) string {
			return "<saml:EncryptedAssertion>" + Encrypt(clear, Encryption{For: []*Key{NamedKey(SP)}}) + "</saml:EncryptedAssertion>"
		})},
		{"sealed-foreign-prefix", "a prefix that only the ciphertext's markup declares", "", sealedText(func(clear string) string {
			return replace(clear, "<saml:Subject>", "<saml:Advice><xenc:x/></saml:Advice><saml:Subject>")
		})},
		{"sealed-in-extensions", "the ciphertext stands in the extensions", saml.CodeUnsupportedMessage, func(s Scene) string {
			text := sealedText(func(clear string) string { return clear })(s)
			one := element(text, "saml:EncryptedAssertion")
			return replace(text, one, "<samlp:Extensions>"+one+"</samlp:Extensions>")
		}},
		{"sealed-signature-beside", "the signature stands beside the ciphertext, not in its text", "", func(s Scene) string {
			return seal(func(r *Response, e *Encryption) {
				e.EditText = func(clear string) string { return without(clear, element(clear, "ds:Signature")) }
			})(s)
		}},
	}
}

// unsealed are ciphertexts that are made in a bad way: to be tried one after
// another, or to have something fetched.
func unsealed() []Attack {
	const tripleDES = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"
	markup := func(place KeyPlace, f func(string) string) func(Scene) string {
		return seal(func(_ *Response, e *Encryption) { e.Place, e.Edit = place, f })
	}
	method := func(old, with string) func(Scene) string {
		return markup(InData, func(x string) string { return replace(x, old, with) })
	}
	flip := func(octets []byte, at int) []byte {
		octets[at] ^= 1
		return octets
	}
	const value = "<xenc:CipherData><xenc:CipherValue>"
	return []Attack{
		{"padding-oracle", "AES-CBC with a bad padding, and nothing but the text signed (2011)", "", seal(func(_ *Response, e *Encryption) {
			e.Content, e.Pad = xenc.AES128CBC, func(clear []byte) []byte { return append(clear, make([]byte, 16-len(clear)%16)...) }
		})},
		{"padding-oracle-good", "AES-CBC with a good padding, and nothing but the text signed", "", seal(func(_ *Response, e *Encryption) { e.Content = xenc.AES256CBC })},
		{"bleichenbacher", "RSA 1.5 with a good padding (1998, 2012)", "", seal(func(_ *Response, e *Encryption) { e.Transport = xenc.RSA15 })},
		{"bleichenbacher-bad", "RSA 1.5 with a bad padding", "", seal(func(_ *Response, e *Encryption) {
			e.Transport, e.EditKeyCipher = xenc.RSA15, func(b []byte) []byte { return flip(b, 200) }
		})},
		{"manger", "RSA-OAEP of an altered key (2001)", "", seal(func(_ *Response, e *Encryption) { e.EditKeyCipher = func(b []byte) []byte { return flip(b, 255) } })},
		{"altered-ciphertext", "AES-GCM of altered octets", "", seal(func(_ *Response, e *Encryption) { e.EditCipher = func(b []byte) []byte { return flip(b, 40) } })},
		{"truncated-tag", "AES-GCM with a short tag", "", seal(func(_ *Response, e *Encryption) { e.EditCipher = func(b []byte) []byte { return b[:len(b)-12] } })},
		{"empty-ciphertext", "no octets", "", seal(func(_ *Response, e *Encryption) { e.EditCipher = func([]byte) []byte { return nil } })},
		{"content-3des", "3DES", "", method(xenc.AES128GCM, tripleDES)},
		{"content-none", "no content encryption", "", method(xenc.AES128GCM, "")},
		{"content-unknown", "a content encryption that nobody knows", "", method(xenc.AES128GCM, "urn:x")},
		{"transport-aes-wrap", "a content key that is wrapped with a key that both know", "", method(xenc.OAEPMGF1P, "http://www.w3.org/2001/04/xmlenc#kw-aes256")},
		{"oaep-md5", "RSA-OAEP with MD5", "", seal(func(_ *Response, e *Encryption) { e.Digest = "http://www.w3.org/2001/04/xmldsig-more#md5" })},
		{"key-of-another-size", "a content key of another size than the method's", "", seal(func(_ *Response, e *Encryption) {
			e.EditKey = func(k []byte) []byte { return append(k, k...) }
		})},
		{"for-a-stranger", "encrypted for another service provider", "", seal(func(_ *Response, e *Encryption) { e.For = []*Key{NamedKey(RSA2048Other)} })},
		{"cipher-reference", "the ciphertext is a URL to fetch", "", markup(InData, func(x string) string {
			at := strings.LastIndex(x, value)
			return x[:at] + `<xenc:CipherData><xenc:CipherReference URI="https://evil.example/x"/></xenc:CipherData></xenc:EncryptedData>`
		})},
		{"key-cipher-reference", "the encrypted key is a URL to fetch", "", markup(Beside, func(x string) string {
			at := strings.LastIndex(x, value)
			return x[:at] + `<xenc:CipherData><xenc:CipherReference URI="file:///etc/passwd"/></xenc:CipherData></xenc:EncryptedKey>`
		})},
		{"key-retrieval", "the encrypted key is to be fetched", "", markup(ByReference, func(x string) string {
			return replace(x, `URI="#_key0"`, `URI="https://evil.example/key"`)
		})},
		{"key-elsewhere", "the encrypted key stands elsewhere in the document", "", seal(func(r *Response, e *Encryption) {
			e.Place, e.Edit = ByReference, func(x string) string {
				key := element(x, "xenc:EncryptedKey")
				r.AfterSigning = func(text string) string {
					return replace(text, "<samlp:Status>", "<samlp:Extensions>"+key+"</samlp:Extensions><samlp:Status>")
				}
				return without(x, key)
			}
		})},
		{"no-encrypted-key", "no encrypted key", "", markup(Beside, func(x string) string { return without(x, element(x, "xenc:EncryptedKey")) })},
		{"two-encrypted-data", "two ciphertexts in one EncryptedAssertion", "", markup(InData, func(x string) string { return x + x })},
		{"two-cipher-values", "two CipherValues", "", markup(InData, func(x string) string {
			return replace(x, value, "<xenc:CipherData><xenc:CipherValue>AAAA</xenc:CipherValue><xenc:CipherValue>")
		})},
		{"many-encrypted-keys", "more keys to try than anybody needs", "", seal(func(_ *Response, e *Encryption) {
			e.Place, e.Edit = Beside, func(x string) string { return x + strings.Repeat(element(x, "xenc:EncryptedKey"), 9) }
		})},
		{"cipher-value-comment", "a comment in the ciphertext", saml.CodeXMLInvalid, markup(InData, func(x string) string { return replace(x, value, value+"<!---->") })},
		{"cipher-value-base64", "a ciphertext that is no base64", "", markup(InData, func(x string) string { return replace(x, value, value+"!") })},
	}
}
