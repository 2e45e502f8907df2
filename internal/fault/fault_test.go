package fault

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// contract repeats the outer contract by hand, so that a slip in the table
// shows.
var contract = map[int]string{
	400: "malformed",
	401: "unauthenticated credentials_invalid token_expired recovery_code_invalid",
	403: `forbidden edition_required sso_required sso_not_enabled_for_user sso_profile_mismatch
		sso_profile_disabled user_not_found user_deactivated user_not_activated signup_closed
		saml_response_missing saml_base64_invalid saml_xml_invalid saml_unsupported_message
		saml_signature_missing saml_signature_invalid saml_signature_algorithm saml_certificate_unknown
		saml_certificate_expired saml_multiple_assertions saml_decryption_failed
		saml_status_not_success saml_issuer_mismatch saml_destination_mismatch saml_recipient_mismatch
		saml_audience_mismatch saml_condition_unknown saml_subject_unconfirmed
		saml_request_unknown saml_request_expired saml_idp_initiated_refused saml_replayed
		saml_not_yet_valid saml_expired saml_session_expired saml_authn_missing saml_authn_context
		saml_nameid_missing saml_nameid_not_email saml_nameid_format saml_logout_invalid`,
	404: "not_found",
	409: `conflict user_managed_elsewhere domain_verified_elsewhere domain_proof_missing domain_not_verified
		domain_in_use sso_profile_in_use sso_profile_not_tested sso_profile_missing last_owner
		acknowledgement_required`,
	410: "link_used link_expired",
	413: "too_large saml_too_large",
	422: "invalid domain_public password_weak metadata_invalid metadata_fetch_failed",
	429: "rate_limited",
	500: "internal",
	501: "not_supported",
	503: "overloaded",
}

func TestTableIsTheContract(t *testing.T) {
	got, want := map[string]int{}, map[string]int{}
	for _, c := range Codes() {
		if _, twice := got[string(c)]; twice {
			t.Errorf("%s stands twice in the table", c)
		}
		got[string(c)] = c.Status()
	}
	for status, codes := range contract {
		for code := range strings.FieldsSeq(codes) {
			want[code] = status
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes and status (-contract +table):\n%s", diff)
	}
}

// TestTitlesAreForPeople keeps the words of the protocol away from those who
// only want to sign in.
func TestTitlesAreForPeople(t *testing.T) {
	jargon := regexp.MustCompile(`(?i)saml|xml|assertion|idp|identity provider|nameid|\bacs\b|base64|_`)
	seen := map[string]Code{}
	for _, c := range Codes() {
		title := c.Title()
		if title == "" || len(title) > 80 || strings.HasSuffix(title, ".") || jargon.MatchString(title) {
			t.Errorf("%s: %q is no short plain sentence", c, title)
		}
		if other, ok := seen[title]; ok {
			t.Errorf("%s and %s have the same title", c, other)
		}
		seen[title] = c
	}
}

func TestUnlistedCodeIsInternal(t *testing.T) {
	if c := Code("no_such_code"); c.Status() != 500 || c.Title() != Internal.Title() {
		t.Errorf("status %d, title %q", c.Status(), c.Title())
	}
}

func TestErrorsAreToldApartByCode(t *testing.T) {
	err := fmt.Errorf("reading: %w", Newf(NotFound, "There is no user %d.", 7))
	if !errors.Is(err, NotFound) || !errors.Is(err, New(NotFound, "other words")) {
		t.Error("not recognised by its code")
	}
	if errors.Is(err, Conflict) || errors.Is(err, New(Conflict, "There is no user 7.")) || errors.Is(err, io.EOF) {
		t.Error("taken for another error")
	}
}

func TestCauseIsForTheLogAlone(t *testing.T) {
	e := Wrap(io.ErrUnexpectedEOF, MetadataFetchFailed, "The server closed the connection.")
	if !errors.Is(e, io.ErrUnexpectedEOF) || !strings.Contains(e.Error(), "unexpected EOF") {
		t.Error("the log doesn't get the cause")
	}
	if shown := e.Title + e.Detail; strings.Contains(shown, "EOF") {
		t.Errorf("%q shows the cause", shown)
	}
	if New(NotFound, "").Unwrap() != nil {
		t.Error("a cause out of nothing")
	}
}

func TestFrom(t *testing.T) {
	if From(nil) != nil {
		t.Error("no error became one")
	}
	known := Limited(time.Minute, "Wait a minute.")
	if got := From(fmt.Errorf("outer: %w", known)); got != known || got.RetryAfter != time.Minute || got.Status() != 429 {
		t.Errorf("a known error became %v", got)
	}
	outer := Wrap(New(NotFound, "inner"), Forbidden, "outer")
	if got := From(outer); got.Code != Forbidden {
		t.Errorf("%s won over the outermost code", got.Code)
	}
	if got := From(fmt.Errorf("bare: %w", LastOwner)); got.Code != LastOwner || got.Title != LastOwner.Title() {
		t.Errorf("a bare code became %v", got)
	}
	secret := errors.New("dial tcp 10.0.0.7: refused")
	got := From(secret)
	if got.Code != Internal || got.Status() != 500 || !errors.Is(got, secret) {
		t.Errorf("an unknown error became %v", got)
	}
	if strings.Contains(got.Title+got.Detail, "10.0.0.7") {
		t.Error("an unknown error shows its text")
	}
}

func TestInvalidNamesItsFields(t *testing.T) {
	e := Invalid(Field{Name: "email", Message: "is no e-mail address"}, Field{Name: "name", Message: "is too long"})
	if e.Code != CodeInvalid || e.Status() != 422 || len(e.Fields) != 2 {
		t.Errorf("%+v", e)
	}
	if want := "invalid [email: is no e-mail address] [name: is too long]"; e.Error() != want {
		t.Errorf("%q, not %q", e.Error(), want)
	}
}

func TestDomainNotVerifiedAtSignIn(t *testing.T) {
	e := New(DomainNotVerified, "")
	if e.Status() != 409 || e.AtSignIn().Status() != 403 {
		t.Errorf("%d, at sign-in %d", e.Status(), e.AtSignIn().Status())
	}
	if e.Status() != 409 {
		t.Error("AtSignIn changed the error itself")
	}
	if s := New(NotFound, "").AtSignIn().Status(); s != 404 {
		t.Errorf("another code became %d", s)
	}
}
