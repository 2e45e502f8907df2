package idps

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// xmlsecVerifies runs xmlsec1 over a metadata document, with a certificate in
// place of whatever the document names.
func xmlsecVerifies(t *testing.T, document string, certificate []byte) error {
	t.Helper()
	dir := t.TempDir()
	file, key := filepath.Join(dir, "metadata.xml"), filepath.Join(dir, "certificate.pem")
	for name, content := range map[string][]byte{file: []byte(document), key: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	xmlsec, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Fatalf("this test needs xmlsec1 (%v): apt-get install xmlsec1", err)
	}
	cmd := exec.Command(xmlsec, "--verify", "--enabled-key-data", "key-name", "--pubkey-cert-pem", key,
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor", file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if err == nil && !strings.Contains(out.String(), "\nSignedInfo References (ok/all): 1/1\n") {
		t.Fatalf("xmlsec1 verified something else:\n%s", out.String())
	}
	return err
}

func TestOurSignedMetadataIsVerifiedByXMLSec(t *testing.T) {
	s := servers["sqlite"]()
	c := connect(t, s, auth0samlp, harness.Object{"offer_encryption": true, "sign_requests": true})
	signed := s.NewBrowser(t).Get(t, "/saml/"+c.ProfileID+"/metadata?signed=1").Body
	ours := c.metadataKeys(t, "signing")[0]
	if err := xmlsecVerifies(t, signed, ours.Raw); err != nil {
		t.Errorf("with our certificate: %v", err)
	}
	if err := xmlsecVerifies(t, signed, samltest.NamedKey(samltest.SP).Certificate.Raw); err == nil {
		t.Error("verified with a certificate that is not ours")
	}
	changed := strings.Replace(signed, c.ACSURL, "https://other.test/acs", 1)
	if changed == signed {
		t.Fatalf("no ACS URL in the metadata:\n%s", signed)
	}
	if err := xmlsecVerifies(t, changed, ours.Raw); err == nil {
		t.Error("verified though it was changed")
	}
}

func TestEveryProductTakesOurSignedMetadata(t *testing.T) {
	s := servers["sqlite"]()
	for _, p := range []*product{simpleSAMLphp, lemonLDAP} { // the others read none
		t.Run(p.name, func(t *testing.T) {
			c := connect(t, s, p, harness.Object{"sign_requests": true})
			c.Metadata = s.NewBrowser(t).Get(t, "/saml/"+c.ProfileID+"/metadata?signed=1").Body
			if !strings.Contains(c.Metadata, "SignatureValue") {
				t.Fatalf("not signed:\n%s", c.Metadata)
			}
			verifiers[p].demand(t, c)
			b := s.NewBrowser(t)
			c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
		})
	}
}
