package dsig_test

import (
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/jonboulle/clockwork"
	other "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// theirs is what goxmldsig says of a sample.
func (s sample) theirs() error {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(s.text); err != nil {
		return err
	}
	el := doc.Root()
	if s.id == "inner" {
		inner := el.SelectElement("Assertion")
		if inner == nil {
			return other.ErrMissingSignature
		}
		// As its users do, for it looks at nothing around an element.
		scope, err := etreeutils.NSBuildParentContext(inner)
		if err != nil {
			return err
		}
		if el, err = etreeutils.NSDetatch(scope, inner); err != nil {
			return err
		}
	}
	cert := samltest.NamedKey(s.key).Certificate
	ctx := other.NewDefaultValidationContext(&other.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}})
	ctx.Clock = other.NewFakeClock(clockwork.NewFakeClockAt(cert.NotBefore.Add(time.Hour)))
	_, err := ctx.Validate(el)
	return err
}

// TestVerdictsAgreeWithGoxmldsig has both read the same documents, as they were
// signed and with one place changed. Left out is what goxmldsig does in its own
// way: ECDSA (it wants DER), comments that a form keeps although the reference
// is to an ID, xml: attributes of ancestors, a PrefixList for SignedInfo, and
// the name #default in one.
func TestVerdictsAgreeWithGoxmldsig(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	form := func(r *rand.Rand) dsig.Canonicalization {
		c := randomForm(r)
		c.URI = strings.TrimSuffix(c.URI, "WithComments")
		c.URI = strings.TrimSuffix(c.URI, "#")
		if c.URI == strings.TrimSuffix(dsig.ExcC14N, "#") {
			c.URI = dsig.ExcC14N
		}
		c.Prefixes = slices.DeleteFunc(c.Prefixes, func(p string) bool { return p == "#default" })
		return c
	}
	info := func(r *rand.Rand) dsig.Canonicalization { return dsig.Canonicalization{URI: form(r).URI} }
	explained := make(map[string]int)
	for range rounds(1000) {
		s := signedSample(t, r, []string{samltest.RSA2048, samltest.RSA3072}, form, info, true)
		if ours, theirs := s.verdict(), s.theirs(); ours != nil || theirs != nil {
			t.Fatalf("%s: ours %v, theirs %v\n%s", s.about, ours, theirs, s.text)
		}
		s.text = change(r, s.text)
		ours, theirs := s.verdict(), s.theirs()
		if (ours == nil) == (theirs == nil) {
			continue
		}
		if why := difference(ours, theirs); why != "" {
			explained[why]++
			continue
		}
		t.Errorf("changed, %s: ours %v, theirs %v\n%s", s.about, ours, theirs, s.text)
	}
	t.Logf("differences: %v", explained)
}

// difference explains why only one of both verifies a changed document.
func difference(ours, theirs error) string {
	var syntax *xmltree.SyntaxError
	switch {
	case ours == nil && strings.Contains(theirs.Error(), "Could not decode signature"):
		return "goxmldsig reads no blanks in base64"
	case ours == nil:
		return ""
	case errors.As(ours, &syntax):
		return "etree reads what is not well-formed"
	}
	return strictness(ours)
}
