package xenc_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
)

// others is the directory of documents in a module that the tests need anyway.
// They are read where they are: nobody says under which terms the W3C's may be
// copied.
func others(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/crewjam/saml").Output()
	if err != nil {
		t.Skipf("the module is not there: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "xmlenc")
}

func privateKey(t *testing.T, path string) []xenc.Key {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return []xenc.Key{{Private: key}}
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return []xenc.Key{{Private: key.(*rsa.PrivateKey)}}
}

// encryptedParts are the elements of a document that hold an EncryptedData.
func encryptedParts(t *testing.T, path string) (list []xmltree.Element) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?s)<!DOCTYPE.*?\]>`).ReplaceAll(text, nil)
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{Markup: true})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	doc.Root().Descendants(func(el xmltree.Element) bool {
		if !el.Child(xmltree.XEnc, "EncryptedData").IsZero() {
			list = append(list, el)
		}
		return true
	})
	return list
}

// TestTheVectorsOfTheWorkingGroup reads the documents that the W3C's XML
// Encryption Working Group exchanged in 2002. Most use what is refused here:
// 3DES, key wrapping, Diffie-Hellman, keys that both sides know, references.
func TestTheVectorsOfTheWorkingGroup(t *testing.T) {
	dir := others(t)
	keys := privateKey(t, filepath.Join(dir, "testdata", "rsapriv.pem"))
	paths, err := filepath.Glob(filepath.Join(dir, "corpus", "*.xml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d documents, %v", len(paths), err)
	}
	found := 0
	for _, path := range paths {
		for _, el := range encryptedParts(t, path) {
			found++
			got, err := texts(el, &everything, keys)
			if filepath.Base(path) != "encrypt-element-aes128-cbc-rsa-1_5.xml" {
				if err == nil {
					t.Errorf("%s: %q", path, got)
				}
				continue
			}
			if err != nil || len(got) != 1 || !strings.HasPrefix(got[0], "<PaymentInfo") || !strings.HasSuffix(got[0], "</PaymentInfo>") {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d encrypted elements in %d documents", found, len(paths))
	}
}

// TestWhatShibbolethEncrypted reads two messages that Identity Providers have
// sent: AES-CBC and AES-GCM, both with rsa-oaep-mgf1p.
func TestWhatShibbolethEncrypted(t *testing.T) {
	dir := filepath.Join(others(t), "testdata")
	for _, c := range []struct{ message, key, id string }{
		{"input.xml", "key.pem", "_543eb64ea4ce19647a1f2aef5b91245d"}, {"input_gcm.xml", "cert.key", "_ac20566bce59381530a999d089048bf6"},
	} {
		list := encryptedParts(t, filepath.Join(dir, c.message))
		if len(list) != 1 {
			t.Fatalf("%s: %d encrypted elements", c.message, len(list))
		}
		got, err := texts(list[0], &everything, privateKey(t, filepath.Join(dir, c.key)))
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %q, %v", c.message, got, err)
		}
		root := document(t, got[0], list[0].Bindings()).Root()
		if id, _ := root.Attr("ID"); !root.Is(xmltree.Assertion, "Assertion") || string(id) != c.id {
			t.Errorf("%s: %s", c.message, got[0])
		}
	}
}
