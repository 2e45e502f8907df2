package xenc_test

import (
	"testing"
	"time"

	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// FuzzDecrypt gives any element: decrypting ends, soon, and with GCM nothing
// comes out but what was encrypted.
func FuzzDecrypt(f *testing.F) {
	for i, content := range contents {
		for j, transport := range transports {
			e := samltest.Encryption{Content: content, Transport: transport, For: recipients(samltest.SP, samltest.SPOld), Place: samltest.KeyPlace((i + j) % 4)}
			if transport == xenc.OAEP {
				e.Digest, e.Mask, e.Label = digests[2], masks[4], []byte("label")
			}
			f.Add([]byte(`<a>` + samltest.Encrypt(clearText, e) + `</a>`))
		}
	}
	ours := keys(samltest.SPOld, samltest.SP)
	f.Fuzz(func(t *testing.T, text []byte) {
		var p xmltree.Parser
		doc, err := p.Parse(text, xmltree.Options{})
		if err != nil {
			return
		}
		began := time.Now()
		c, err := new(xenc.Decrypter).Decrypt(doc.Root(), ours, &everything)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 400 {
				t.Errorf("%v", err)
			}
			return
		}
		n := 0
		for clear := range c.Texts {
			if n++; len(clear) > len(text) {
				t.Errorf("%d octets become %d", len(text), len(clear))
			}
			if gcm := c.Content == xenc.AES128GCM || c.Content == xenc.AES192GCM || c.Content == xenc.AES256GCM; gcm && string(clear) != clearText {
				t.Errorf("never encrypted: %q", clear)
			}
		}
		if most := len(c.Transport) * len(ours); n > most || len(c.Transport) > 8 {
			t.Errorf("%d texts of %d keys", n, len(c.Transport))
		}
		// Sixteen keys cost some 20 ms.
		if spent := time.Since(began); spent > 5*time.Second {
			t.Errorf("%v", spent)
		}
	})
}
