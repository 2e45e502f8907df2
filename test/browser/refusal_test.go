package browser

import (
	"regexp"
	"strings"
	"testing"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// jargon is what users are not to read when something fails.
var jargon = regexp.MustCompile(`(?i)\b(saml\w*|assertions?|audience|xml|name ?id|acs|idp|identity provider|service provider|sp|metadata|relay ?state|base64|entity id|issuer|binding|response|payload|exception|stack|null|undefined|sso)\b`)

// plain fails unless the page is a refusal as users should get one: one
// sentence, what to do, the reference and the time, and none of our words.
func (b *tab) plain(t *testing.T) {
	t.Helper()
	text := b.Text("body")
	if word := jargon.FindString(text + " " + b.Title()); word != "" {
		t.Errorf("the page says %q:\n%s", word, text)
	}
	heading, rest := b.Text("main h1"), b.Text("main h1 + p")
	if heading == "" || strings.ContainsAny(strings.TrimSuffix(heading, "."), ".!?") {
		t.Errorf("the heading is not one sentence: %q", heading)
	}
	if rest == "" {
		t.Error("the page does not say what to do")
	}
	_, header := b.Response()
	if reference := header.Get("Sallyport-Reference"); reference == "" || !strings.Contains(text, reference) {
		t.Errorf("the page does not show its reference %q:\n%s", reference, text)
	}
	if b.Text("main time") == "" {
		t.Error("the page does not say when it was")
	}
}

func refusalInPlainWords(t *testing.T, s *stage) {
	p, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.path(securityPath)
	b.identify(p.Address("stranger"))
	b.logIn(p.Address("stranger"))
	b.WaitURL(p.SP.ACSURL)
	b.answered(t, 403, "user_not_found")
	b.plain(t)
	if got := b.Text("main h1"); got != "Nobody with your e-mail address has been added here yet" {
		t.Errorf("the sentence is %q", got)
	}
	b.WaitText("Ask your administrator to add you.")
	b.Text("main a[href='https://support.sallyport.test/']")
	b.Click("Try again")
	b.WaitURL(s.Base + loginPath)
	b.signedIn(t, "", "")

	// A profile that signs with a key of somebody else.
	b = s.newTab(t)
	s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"metadata_xml": string(otherKey(p).Metadata())})
	b.path(loginPath)
	b.identify(user)
	b.logIn(user)
	b.WaitURL(p.SP.ACSURL)
	b.answered(t, 403, "saml_certificate_unknown")
	b.plain(t)
}

// otherKey is the profile's Identity Provider as it would be with another key.
func otherKey(p *harness.Profile) *samltest.IdP {
	other := *p.IdP
	other.Key = samltest.NamedKey(samltest.RSA2048Other)
	return &other
}
