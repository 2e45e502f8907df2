package bench

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	"github.com/jonboulle/clockwork"
	"github.com/russellhaering/gosaml2"
	"github.com/russellhaering/goxmldsig"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A validator decides on the value of the form field SAMLResponse, and returns
// the address that it signs in.
type validator func(value string) (email string, err error)

func sallyport(t testing.TB) validator {
	t.Helper()
	cfg := samltest.NewIdP().Config()
	cfg.Keys = samltest.SPKeys(samltest.SP)
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pending := func(id string) saml.RequestState {
		if id == samltest.RequestID {
			return saml.RequestPending
		}
		return saml.RequestUnknown
	}
	return func(value string) (string, error) {
		res, err := sp.Validate(saml.Message{Values: []string{value}, Received: samltest.Now(), Requests: pending})
		if err != nil {
			return "", err
		}
		return res.Assertion.Email, nil
	}
}

func crewjamSAML(t testing.TB) validator {
	t.Helper()
	crewjam.TimeNow = samltest.Now
	idp := new(crewjam.EntityDescriptor)
	if err := xml.Unmarshal(samltest.NewIdP().Metadata(), idp); err != nil {
		t.Fatal(err)
	}
	acs, err := url.Parse(samltest.ACSURL)
	if err != nil {
		t.Fatal(err)
	}
	sp := crewjam.ServiceProvider{EntityID: samltest.SPEntityID, AcsURL: *acs, IDPMetadata: idp, Key: samltest.NamedKey(samltest.SP).Private}
	ids := []string{samltest.RequestID}
	return func(value string) (string, error) {
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", err
		}
		assertion, err := sp.ParseXMLResponse(text, ids, *acs)
		if err != nil {
			var told *crewjam.InvalidResponseError
			if errors.As(err, &told) {
				err = told.PrivateErr
			}
			return "", err
		}
		return assertion.Subject.NameID.Value, nil
	}
}

func gosaml2(t testing.TB) validator {
	t.Helper()
	idp := samltest.NewIdP()
	key := samltest.NamedKey(samltest.SP)
	sp := &saml2.SAMLServiceProvider{
		IdentityProviderIssuer: idp.EntityID, AssertionConsumerServiceURL: samltest.ACSURL, AudienceURI: samltest.SPEntityID,
		IDPCertificateStore: &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{idp.Key.Certificate}},
		Clock:               dsig.NewFakeClock(clockwork.NewFakeClockAt(samltest.Now())),
		SPKeyStore:          dsig.TLSCertKeyStore(tls.Certificate{Certificate: [][]byte{key.Certificate.Raw}, PrivateKey: key.Private}),
	}
	return func(value string) (string, error) {
		info, err := sp.RetrieveAssertionInfo(value)
		switch {
		case err != nil:
			return "", err
		case info.WarningInfo.InvalidTime, info.WarningInfo.NotInAudience:
			return "", errors.New("a warning, which refuses elsewhere")
		}
		return info.NameID, nil
	}
}

// xmlsec has the xmlsec1 command verify the first signature of a message so many
// times in one process, and returns the time of one by the command's own clock.
// It parses the file each time; decoding the field and the rules of SAML are
// none of its business.
func xmlsec(t testing.TB, text string, times int) time.Duration {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: samltest.NamedKey(samltest.RSA2048).Certificate.Raw})
	cmd := exec.Command("xmlsec1", "--verify", "--repeat", strconv.Itoa(times), "--pubkey-cert-pem", file("cert", cert),
		"--enabled-key-data", "rsa", // it would build a chain for the certificate in KeyInfo
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
		file("message", []byte(text)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("xmlsec1: %v\n%s", err, out)
	}
	m := regexp.MustCompile(`Executed (\d+) tests in ([\d.]+) msec`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("xmlsec1 says nothing of its time: %s", out)
	}
	ran, _ := strconv.Atoi(string(m[1]))
	spent, _ := strconv.ParseFloat(string(m[2]), 64)
	if ran != times {
		t.Fatalf("xmlsec1 ran %d times, not %d", ran, times)
	}
	return time.Duration(spent * float64(time.Millisecond) / float64(times))
}
