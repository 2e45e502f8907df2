package web

import (
	"slices"
	"strings"
	"testing"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
)

// TestEveryCodeHasAHelpPage compares the codes with the pages, both ways.
// Package help imports nothing, so the test stands here, at the door that
// serves them.
func TestEveryCodeHasAHelpPage(t *testing.T) {
	var codes []string
	for _, code := range fault.Codes() {
		codes = append(codes, string(code))
		if _, ok := help.Error(string(code)); !ok {
			t.Errorf("help/errors/%s.txt is missing", code)
		}
	}
	for _, code := range help.ErrorCodes() {
		if !slices.Contains(codes, code) {
			t.Errorf("help/errors/%s.txt explains a code that does not exist", code)
		}
	}
}

// atSignIn are the codes, besides those of the SAML core, that a sign-in through
// an Identity Provider, its test or its metadata may end with.
var atSignIn = []fault.Code{
	fault.UserNotFound, fault.UserDeactivated, fault.UserNotActivated, fault.SSONotEnabledForUser, fault.SSOProfileMismatch,
	fault.SSOProfileDisabled, fault.SSOProfileNotTested, fault.DomainNotVerified, fault.MetadataInvalid, fault.MetadataFetchFailed,
}

// TestEverySignInErrorHasAdvice holds that advice has a general row for each code
// of a sign-in, for every Identity Provider that a profile can be of.
func TestEverySignInErrorHasAdvice(t *testing.T) {
	for _, code := range fault.Codes() {
		if !strings.HasPrefix(string(code), "saml_") && !slices.Contains(atSignIn, code) {
			continue
		}
		for _, idp := range append([]string{"", "unknown"}, sso.Products...) {
			if a := help.Advise(string(code), idp); a.Fix == "" || a.Side == "" {
				t.Errorf("%s, %q: no advice", code, idp)
			}
		}
	}
}

// TestEveryProductHasItsGuide compares both lists: the outer contract's values of
// a profile's idp, in its order.
func TestEveryProductHasItsGuide(t *testing.T) {
	var slugs []string
	for _, g := range help.Guides() {
		slugs = append(slugs, g.Slug)
	}
	if !slices.Equal(slugs, sso.Products) {
		t.Errorf("guides for %q, profiles of %q", slugs, sso.Products)
	}
}
