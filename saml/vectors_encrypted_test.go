package saml_test

import (
	"maps"
	"strings"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/samltest"
)

// addEncrypted describes the vectors in which something is encrypted.
func addEncrypted(add func(string, vector)) {
	for name, e := range samltest.Encryptions() {
		for suffix, signed := range map[string]string{"response": onResponse, "assertion": onAssertion, "both": onBoth} {
			about := "encrypted as " + name + " does it, with " + signed + " signed"
			text := encryptedShape(name, e, signed, false)
			v := accepted(about, text, header{"keys": samltest.SP})
			if signed == onAssertion && strings.HasSuffix(e.Content, "-cbc") {
				refuse(&v, string(saml.CodeDecryptionFailed))
				add("encrypted-"+name+"-"+suffix+"-allowed", accepted(about+", where AES-CBC is allowed", text,
					header{"keys": samltest.SP, "options": "allow-cbc", "warnings": "saml_decryption_failed"}))
			}
			add("encrypted-"+name+"-"+suffix, v)
		}
		add("encrypted-id-"+name, accepted("a NameID, encrypted as "+name+" does it", encryptedShape(name, e, onAssertion, true), header{"keys": samltest.SP}))
	}
	for _, a := range samltest.EncryptedAttacks() {
		v := accepted(a.About, a.Message(samltest.NewScene()), header{"keys": samltest.SP})
		refuse(&v, string(a.Code))
		add("attack-"+a.Name, v)
	}
	for _, c := range encryptionVectors() {
		h := header{"keys": samltest.SP}
		maps.Copy(h, c.header)
		c.header = h
		add(c.name, c.vector())
	}
}

func refuse(v *vector, code string) {
	for _, key := range outcomeKeys {
		delete(v.header, key)
	}
	v.header["verdict"], v.header["code"] = "reject", code
}

func encryptedShape(name string, e samltest.Encryption, signed string, id bool) string {
	for _, shape := range samltest.Shapes() {
		if shape.Name != name {
			continue
		}
		r := shape.Response(samltest.NewScene())
		sign(r, signed)
		if id {
			r.NameIDEncryption = encryption(e)
		} else {
			r.AssertionEncryption = encryption(e)
		}
		return r.String()
	}
	panic("no shape is named " + name)
}

func encryptionVectors() []vectorCase {
	const digests, masks = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#mgf1"
	const bad = string(saml.CodeDecryptionFailed)
	in := func(signed string, e samltest.Encryption) func(*samltest.Response) {
		return both(parts(signed), encrypted(e))
	}
	text := func(signed string, f func(string) string) func(*samltest.Response) {
		return in(signed, samltest.Encryption{EditText: f})
	}
	style := func(s samltest.Style) func(*samltest.Response) {
		return both(func(r *samltest.Response) { r.Style = s }, encrypted(samltest.Encryption{}))
	}
	old := recipients(samltest.SPOld)
	two := header{"keys": "sp sp-old"}
	return []vectorCase{
		{name: "content-aes128-gcm", comment: "AES-128-GCM", change: encrypted(samltest.Encryption{Content: xenc.AES128GCM})},
		{name: "content-aes192-gcm", comment: "AES-192-GCM", change: encrypted(samltest.Encryption{Content: xenc.AES192GCM})},
		{name: "content-aes256-gcm", comment: "AES-256-GCM", change: encrypted(samltest.Encryption{Content: xenc.AES256GCM})},
		{name: "content-aes192-cbc-signed", comment: "AES-192-CBC behind a signed response", change: in(onResponse, samltest.Encryption{Content: xenc.AES192CBC})},
		{name: "content-not-listed", comment: "AES-128-GCM behind a signed response, where AES-256-GCM alone is accepted", change: in(onResponse, samltest.Encryption{Content: xenc.AES128GCM}), header: header{"options": "content=" + xenc.AES256GCM}, want: bad},
		{name: "content-listed", comment: "AES-256-GCM where nothing else is accepted", change: in(onResponse, samltest.Encryption{Content: xenc.AES256GCM}), header: header{"options": "content=" + xenc.AES256GCM}},
		{name: "transport-oaep-sha256", comment: "rsa-oaep-mgf1p with SHA-256, whose mask is with SHA-1", change: encrypted(samltest.Encryption{Digest: digests + "sha256"})},
		{name: "transport-oaep11", comment: "rsa-oaep without parameters, which means SHA-1 twice", change: encrypted(samltest.Encryption{Transport: xenc.OAEP})},
		{name: "transport-oaep11-sha512", comment: "rsa-oaep with SHA-512 and a mask with SHA-384", change: encrypted(samltest.Encryption{Transport: xenc.OAEP, Digest: digests + "sha512", Mask: masks + "sha384"})},
		{name: "transport-oaep11-mask-sha1", comment: "rsa-oaep with SHA-256 and a mask with SHA-1", change: encrypted(samltest.Encryption{Transport: xenc.OAEP, Digest: digests + "sha256", Mask: masks + "sha1"})},
		{name: "transport-oaep-label", comment: "a label", change: encrypted(samltest.Encryption{Label: []byte("label")})},
		{name: "transport-rsa15-allowed", comment: "RSA 1.5 where it is allowed", change: encrypted(samltest.Encryption{Transport: xenc.RSA15}), header: header{"options": "allow-rsa15", "warnings": bad}},
		{name: "transport-rsa15-bad-allowed", comment: "RSA 1.5 with a bad padding, where it is allowed", want: bad, header: header{"options": "allow-rsa15"},
			change: in(onAssertion, samltest.Encryption{Transport: xenc.RSA15, EditKeyCipher: func(b []byte) []byte { b[200] ^= 1; return b }})},
		{name: "padding-bad-allowed", comment: "AES-CBC with a bad padding, where it is allowed", want: bad, header: header{"options": "allow-cbc"},
			change: in(onAssertion, samltest.Encryption{Content: xenc.AES128CBC, Pad: func(clear []byte) []byte { return append(clear, make([]byte, 16-len(clear)%16)...) }})},
		{name: "padding-bad-signed", comment: "AES-CBC with a bad padding, behind a signed response", want: bad,
			change: in(onResponse, samltest.Encryption{Content: xenc.AES128CBC, Pad: func(clear []byte) []byte { return append(clear, make([]byte, 16-len(clear)%16)...) }})},
		{name: "padding-whole-block", comment: "AES-CBC with a whole block of padding", change: in(onResponse, samltest.Encryption{Content: xenc.AES128CBC, EditText: func(clear string) string {
			return clear + strings.Repeat(" ", 16-len(clear)%16)
		}})},
		{name: "key-old", comment: "the second key", change: encrypted(samltest.Encryption{For: old}), header: two},
		{name: "key-old-no-hint", comment: "the second key, without a hint", change: encrypted(samltest.Encryption{For: old, NoHint: true}), header: two},
		{name: "key-old-wrong-hint", comment: "the second key, with the hint for the first", change: encrypted(samltest.Encryption{For: old, Hint: samltest.NamedKey(samltest.SP)}), header: two},
		{name: "key-gone", comment: "a key that we have no more", change: in(onAssertion, samltest.Encryption{For: old}), want: bad},
		{name: "key-none", comment: "no key to decrypt with", change: in(onResponse, samltest.Encryption{}), header: header{"keys": ""}, want: bad},
		{name: "key-3072", comment: "a key of 3072 bits", change: encrypted(samltest.Encryption{For: recipients(samltest.SP3072)}), header: header{"keys": samltest.SP3072}},
		{name: "key-second-recipient", comment: "several recipients", change: encrypted(samltest.Encryption{For: recipients(samltest.RSA2048Other, samltest.SP)})},
		{name: "key-beside", comment: "the encrypted key beside the data", change: encrypted(samltest.Encryption{Place: samltest.Beside})},
		{name: "key-by-reference", comment: "the encrypted keys beside the data, with RetrievalMethods", change: encrypted(samltest.Encryption{Place: samltest.ByReference, For: recipients(samltest.RSA2048Other, samltest.SP)})},
		{name: "key-by-name", comment: "the encrypted key beside the data, with its name", change: encrypted(samltest.Encryption{Place: samltest.ByName})},
		{name: "key-eight", comment: "eight encrypted keys, the last for us", change: encrypted(samltest.Encryption{For: recipients(strings.Fields(strings.Repeat("rsa2048-other ", 7) + "sp")...)})},
		{name: "clear-declared-outside", comment: "prefixes that are declared outside of the ciphertext", change: style(samltest.Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Outer: true})},
		{name: "clear-default-outside", comment: "a default namespace that is declared outside of the ciphertext", change: style(samltest.Style{Protocol: "samlp", Outer: true})},
		{name: "clear-inclusive", comment: "signed in the inclusive form, with what is in scope outside", change: both(form10(dsig.C14N10), encrypted(samltest.Encryption{}))},
		{name: "clear-indented", comment: "indented", change: style(samltest.Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Indent: "  "})},
		{name: "clear-white-space", comment: "white space around the text", change: encrypted(samltest.Encryption{EditText: func(s string) string { return "\n" + s + "\n" }})},
		{name: "clear-of-unsigned-response", comment: "only the assertion in the ciphertext is signed", change: in(onAssertion, samltest.Encryption{})},
		{name: "clear-signed-outside", comment: "only the response around the ciphertext is signed", change: in(onResponse, samltest.Encryption{})},
		{name: "clear-other-element", comment: "a signed ciphertext of another element", change: text(onResponse, func(string) string { return "<x/>" }), want: "saml_unsupported_message"},
		{name: "clear-version", comment: "a signed ciphertext of another version", change: text(onResponse, func(s string) string { return must(s, `Version="2.0"`, `Version="1.1"`) }), want: "saml_unsupported_message"},
		{name: "clear-no-id", comment: "a signed ciphertext without an ID", change: text(onResponse, func(s string) string { return must(s, ` ID="_assertion1"`, "") }), want: "saml_xml_invalid"},
		{name: "clear-two-subjects", comment: "a signed ciphertext with two Subjects", change: text(onResponse, func(s string) string {
			return must(s, "<saml:Subject>", "<saml:Subject/><saml:Subject>")
		}), want: "saml_xml_invalid"},
		{name: "clear-id-twice", comment: "a signed ciphertext with the ID of the response", change: text(onResponse, func(s string) string {
			return must(s, `ID="_assertion1"`, `ID="_response1"`)
		}), want: "saml_xml_invalid"},
		{name: "clear-two-assertions", comment: "a signed ciphertext with an assertion in an assertion", change: text(onResponse, func(s string) string {
			return must(s, "<saml:Subject>", "<saml:Advice><saml:Assertion/></saml:Advice><saml:Subject>")
		}), want: "saml_multiple_assertions"},
		{name: "clear-stray-signature", comment: "a signed ciphertext with a Signature in an attribute", change: text(onResponse, func(s string) string {
			return must(s, "<saml:Subject>", `<saml:Advice><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></saml:Advice><saml:Subject>`)
		}), want: "saml_signature_invalid"},
		{name: "clear-garbage", comment: "a signed ciphertext of no XML", change: text(onResponse, func(string) string { return "user@acme.test" }), want: bad},
		{name: "clear-expired", comment: "an encrypted assertion that is too old", change: both(func(r *samltest.Response) { r.Assertion.Conditions.NotOnOrAfter = at(-600e9) }, in(onAssertion, samltest.Encryption{})), want: "saml_expired"},
		{name: "clear-audience", comment: "an encrypted assertion for somebody else", change: both(conditioned(func(c *samltest.Conditions) { c.Audiences = [][]string{{"x"}} }), in(onAssertion, samltest.Encryption{})), want: "saml_audience_mismatch"},
		{name: "clear-attribute", comment: "an encrypted attribute, which is left out", header: header{"warnings": bad}, change: edit("<saml:AttributeStatement>",
			"<saml:AttributeStatement><saml:EncryptedAttribute>"+samltest.Encrypt(`<saml:Attribute Name="x"/>`, *encryption(samltest.Encryption{}))+"</saml:EncryptedAttribute>")},
		{name: "transport-sha384", comment: "rsa-oaep with SHA-384 and a mask with SHA-512", change: encrypted(samltest.Encryption{Transport: xenc.OAEP, Digest: "http://www.w3.org/2001/04/xmldsig-more#sha384", Mask: masks + "sha512"})},
		{name: "transport-mask-unknown", comment: "rsa-oaep with a mask that nobody knows", change: in(onResponse, samltest.Encryption{Transport: xenc.OAEP, Mask: masks + "sha224"}), want: bad},
		{name: "transport-label-base64", comment: "a label that is no base64", change: in(onResponse, samltest.Encryption{Label: []byte("l"), Edit: func(s string) string { return must(s, ">bA==<", ">b!<") }}), want: bad},
		{name: "transport-label-twice", comment: "two labels", change: in(onResponse, samltest.Encryption{Label: []byte("l"), Edit: func(s string) string { return must(s, "<xenc:OAEPparams>", "<xenc:OAEPparams/><xenc:OAEPparams>") }}), want: bad},
		{name: "transport-label-twice-behind", comment: "a second, empty label behind the good one", change: in(onResponse, samltest.Encryption{Label: []byte("l"), Edit: func(s string) string {
			return must(s, "</xenc:OAEPparams>", "</xenc:OAEPparams><xenc:OAEPparams></xenc:OAEPparams>")
		}}), want: bad},
		{name: "transport-digest-twice", comment: "a second DigestMethod behind the good one", change: in(onResponse, samltest.Encryption{Digest: digests + "sha256", Edit: func(s string) string {
			return must(s, "</ds:DigestMethod>", "</ds:DigestMethod><ds:DigestMethod></ds:DigestMethod>")
		}}), want: bad},
		{name: "transport-mask-twice", comment: "a second MGF behind the good one", change: in(onResponse, samltest.Encryption{Transport: xenc.OAEP, Mask: masks + "sha256", Edit: func(s string) string {
			return must(s, "</xenc11:MGF>", `</xenc11:MGF><x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#"></x:MGF>`)
		}}), want: bad},
		{name: "transport-method-twice", comment: "a second EncryptionMethod behind the good one of a key", change: in(onResponse, samltest.Encryption{Edit: func(s string) string {
			before, key, _ := strings.Cut(s, "<xenc:EncryptedKey")
			return before + "<xenc:EncryptedKey" + must(key, "</xenc:EncryptionMethod>", "</xenc:EncryptionMethod><xenc:EncryptionMethod></xenc:EncryptionMethod>")
		}}), want: bad},
		{name: "content-method-twice", comment: "a second EncryptionMethod behind the good one of the content", change: in(onResponse, samltest.Encryption{Edit: func(s string) string {
			return must(s, "</xenc:EncryptionMethod>", "</xenc:EncryptionMethod><xenc:EncryptionMethod></xenc:EncryptionMethod>")
		}}), want: bad},
		{name: "key-by-empty-reference", comment: "a RetrievalMethod for an EncryptedKey whose Id is empty", change: in(onResponse, samltest.Encryption{Place: samltest.ByReference, Edit: func(s string) string {
			_, id, _ := strings.Cut(s, ` URI="#`)
			id, _, _ = strings.Cut(id, `"`)
			return must(must(s, ` URI="#`+id+`"`, ` URI="#"`), ` Id="`+id+`"`, ` Id=""`)
		}}), want: bad},
		{name: "content-one-block-cbc", comment: "AES-CBC of an initialisation vector alone", change: in(onResponse, samltest.Encryption{Content: xenc.AES128CBC, EditCipher: func(b []byte) []byte { return b[:16] }}), want: bad},
		{name: "content-empty-cbc", comment: "AES-CBC of nothing", change: in(onResponse, samltest.Encryption{Content: xenc.AES128CBC, EditCipher: func([]byte) []byte { return nil }}), want: bad},
		{name: "content-truncated-cbc", comment: "AES-CBC of half a block", change: in(onResponse, samltest.Encryption{Content: xenc.AES128CBC, EditCipher: func(b []byte) []byte { return b[:40] }}), want: bad},
		{name: "require-encryption", comment: "encrypted, as it has to be", change: encrypted(samltest.Encryption{}), header: header{"options": "require-encryption"}},
		{name: "require-encryption-clear", comment: "in clear where it has to be encrypted", header: header{"options": "require-encryption"}, want: bad},
		{name: "require-signed-response-encrypted", comment: "an encrypted assertion in a response that has to be signed and is not", change: in(onAssertion, samltest.Encryption{}), header: header{"options": "require-signed-response"}, want: "saml_signature_missing"},
		{name: "require-signed-response-encrypted-good", comment: "an encrypted assertion in a response that has to be signed", change: in(onResponse, samltest.Encryption{}), header: header{"options": "require-signed-response"}},
		{name: "encrypted-id-both", comment: "an encrypted NameID in an encrypted assertion", change: both(encryptedID(samltest.Encryption{Content: xenc.AES128CBC}), in(onAssertion, samltest.Encryption{}))},
		{name: "encrypted-id-and-nameid", comment: "a NameID in clear beside the encrypted one", want: "saml_xml_invalid",
			change: both(encryptedID(samltest.Encryption{}), edit("</saml:NameID>", "</saml:NameID><saml:NameID>"+samltest.Victim+"</saml:NameID>"))},
		{name: "encrypted-id-for-another", comment: "a NameID that is encrypted for somebody else", change: encryptedID(samltest.Encryption{For: old}), want: bad},
		{name: "encrypted-id-other-element", comment: "something else in the place of a NameID", change: encryptedID(samltest.Encryption{EditText: func(string) string { return "<x/>" }}), want: "saml_nameid_missing"},
		{name: "encrypted-id-unsigned", comment: "an encrypted NameID in a message that nobody signed", change: both(parts(onNeither), encryptedID(samltest.Encryption{})), want: "saml_signature_missing"},
		{name: "encrypted-restart", comment: "an encrypted assertion that answers no request: nothing is decrypted", change: both(unsolicited, encrypted(samltest.Encryption{})), header: header{"keys": ""}, want: "restart"},
		{name: "encrypted-response-changed", comment: "a response that was changed around its ciphertext: nothing is decrypted", want: "saml_signature_invalid",
			change: both(in(onResponse, samltest.Encryption{}), afterwards(`IssueInstant="2026`, `IssueInstant="2025`))},
	}
}

// form10 signs in an inclusive form a message whose namespaces are all declared
// at its root.
func form10(uri string) func(*samltest.Response) {
	return both(func(r *samltest.Response) { r.Style.Outer = true }, signings(func(s *samltest.Signing) { s.Transform, s.Info = uri, uri }))
}
