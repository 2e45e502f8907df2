package help

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSearchFindsWhatIsMeant(t *testing.T) {
	for query, first := range map[string]string{
		"saml_audience_mismatch":                "/help/errors/saml_audience_mismatch",
		"okta":                                  "/help/guides/okta",
		"OKTA":                                  "/help/guides/okta",
		"AADSTS50105":                           "/help/guides/entra",
		"how do I replace a certificate":        "/help/concepts/rollover",
		"MSIS7070":                              "/help/guides/adfs",
		"app_not_configured_for_user":           "/help/guides/google",
		"exemption":                             "/help/concepts/exemptions",
		"what do managed users become?":         "/help/concepts/managed-users",
		"ACS (Consumer) URL Validator":          "/help/guides/onelogin",
		"simplesaml":                            "/help/guides/simplesamlphp",
		"the Identity Provider fails":           "/help/concepts/locked-out",
		"the browser doesn't keep our cookies ": "/help/errors/saml_request_unknown",
	} {
		hits := Search(query)
		var urls []string
		for _, h := range hits {
			urls = append(urls, h.URL)
		}
		if len(urls) == 0 || urls[0] != first {
			t.Errorf("%q: %q", query, urls[:min(len(urls), 3)])
		}
	}
}

func TestSearchFindsNothing(t *testing.T) {
	for _, query := range []string{"", " ", "x", "- ' \" %", "qwertzuiop", "how do you", "\x00\xff\xfe", strings.Repeat("a ", 5000)} {
		if hits := Search(query); len(hits) != 0 {
			t.Errorf("%q: %+v", query[:min(len(query), 20)], hits[0])
		}
	}
}

func TestASearchIsBounded(t *testing.T) {
	long := strings.Repeat("the certificate of the user ä ", 1000)
	hits := Search(long)
	if len(hits) == 0 || len(hits) > maxHits {
		t.Errorf("%d hits", len(hits))
	}
	for _, h := range hits {
		if utf8.RuneCountInString(h.Excerpt) > maxExcerpt+2 || !utf8.ValidString(h.Excerpt) || h.Excerpt == "" || h.Title == "" {
			t.Errorf("%+v", h)
		}
	}
}

// TestAnExcerptHoldsTheWord: what is shown is why the page was found.
func TestAnExcerptHoldsTheWord(t *testing.T) {
	for _, h := range Search("fingerprint") {
		if !strings.Contains(strings.ToLower(h.Excerpt), "fingerprint") {
			t.Errorf("%s: %s", h.URL, h.Excerpt)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	Search("okta")
	for b.Loop() {
		Search("which certificate does the identity provider sign with")
	}
}
