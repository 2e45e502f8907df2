package outside

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/fault"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// noSignIn are the codes that no attempt to sign in ends in, with the reason.
// Every other code has a case in whys.
var noSignIn = map[fault.Code]string{
	fault.Internal:                "ours to mend: the log has the reference, there is nothing to judge",
	fault.Overloaded:              "the same",
	fault.Malformed:               "the form of another page",
	fault.TooLarge:                "the same; what is too large at the ACS is saml_too_large",
	fault.CodeInvalid:             "the same",
	fault.Unauthenticated:         "a page behind the sign-in, or the API",
	fault.TokenExpired:            "the API",
	fault.Forbidden:               "a page behind the sign-in, or the API",
	fault.EditionRequired:         "the Admin Center: an edition without SSO ends no sign-in",
	fault.SignupClosed:            "a sign-up, which is none",
	fault.NotFound:                "no SSO profile, whose administrators could look: the operator can; see TestEveryWayInLeavesARecord",
	fault.LinkUsed:                "a link that was mailed, or a page that is over: it says what to do; see TestEveryWayInLeavesARecord",
	fault.LinkExpired:             "the same",
	fault.Conflict:                "the Admin Center and the API",
	fault.UserManagedElsewhere:    "the same",
	fault.DomainVerifiedElsewhere: "the same",
	fault.DomainProofMissing:      "the same",
	fault.DomainInUse:             "the same",
	fault.SSOProfileInUse:         "the same",
	fault.SSOProfileNotTested:     "the same",
	fault.SSOProfileMissing:       "the same",
	fault.LastOwner:               "the same",
	fault.AcknowledgementRequired: "the same",
	fault.DomainPublic:            "the same",
	fault.PasswordWeak:            "a new password, which may be tried again on its page",
	fault.MetadataInvalid:         "the Admin Center and the API",
	fault.MetadataFetchFailed:     "the same",
	fault.NotSupported:            "the API",
	fault.SAMLLogoutInvalid:       "a sign-out",
	fault.SAMLNameIDFormat:        "a warning alone: see TestAWarningStandsInTheRecordOfASignIn",
}

// A wrong is an organization whose people sign in with Okta, and where
// something is about to go wrong.
type wrong struct {
	*harness.Server
	p      *harness.Profile
	b      *harness.Browser
	user   string
	userID string
}

// vouched delivers an answer of the Identity Provider, and goes on to the end.
func (w *wrong) vouched(t *testing.T, edit func(*samltest.Response)) harness.Answer {
	t.Helper()
	a := vouchWith(t, w.b, w.p, func(r *samltest.Response) {
		r.Assertion.NameID.Value = w.user
		edit(r)
		if r.Assertion != nil {
			r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: "department", Values: []string{plantedValue}})
		}
	})
	if a.Status == 303 {
		return w.b.Get(t, a.Location)
	}
	return a
}

// plantedValue is the value of an attribute, which is nobody's business.
const plantedValue = "plantedValue-value-of-an-attribute"

func (w *wrong) patch(t *testing.T, changes harness.Object) {
	t.Helper()
	w.OK(t, "PATCH", "/sso-profiles/"+w.p.ID, changes)
}

func (w *wrong) option(t *testing.T, name string, value any) {
	t.Helper()
	w.patch(t, harness.Object{"options": harness.Object{name: value}})
}

func (w *wrong) patchUser(t *testing.T, changes harness.Object) {
	t.Helper()
	w.OK(t, "PATCH", "/users/"+w.userID, changes)
}

// A why is one way for a sign-in to end in a code, what its record says of it,
// and what makes the same message pass.
type why struct {
	code             fault.Code
	do               func(t *testing.T, w *wrong) harness.Answer
	expected, found  string // parts of what the failed check says
	side, field, fix string // fix is a part
	finding          string
	repair           func(t *testing.T, w *wrong) // nil: no setting makes this message pass

	onceOnly  bool // refused by a rule that a replay leaves out
	unjudged  bool // there is no message to judge again
	operators bool // nobody of the organization: its administrators don't see it
	silent    bool // the answer is alike for everybody, and without a reference
	unseen    bool // there is nothing that could be shown as found
}

// answerWith is a case of one change in a good answer.
func answerWith(edit func(*samltest.Response)) func(*testing.T, *wrong) harness.Answer {
	return func(t *testing.T, w *wrong) harness.Answer {
		t.Helper()
		return w.vouched(t, edit)
	}
}

// with is the same, after an option of the profile was set.
func with(name string, value any, edit func(*samltest.Response)) func(*testing.T, *wrong) harness.Answer {
	return func(t *testing.T, w *wrong) harness.Answer {
		t.Helper()
		w.option(t, name, value)
		return w.vouched(t, edit)
	}
}

// sent is a case of a field that no Identity Provider has made.
func sent(field string) func(*testing.T, *wrong) harness.Answer {
	return func(t *testing.T, w *wrong) harness.Answer {
		t.Helper()
		req := w.b.Depart(t, w.user, "")
		return w.b.DeliverEncoded(t, w.p, field, req.RelayState)
	}
}

func good(*samltest.Response) {}

// TestARecordSaysWhyASignInWasRefused provokes each code, finds the record by the
// reference that the user was shown, and reads what was expected and found and
// what to change in which field. Where the message can be judged again, a replay
// says the same, and that it would pass once that is repaired.
func TestARecordSaysWhyASignInWasRefused(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{Args: []string{"--throttle-address", "3/10m", "--log-level", "debug"}}, func(t *testing.T, s *harness.Server) {
		for _, c := range whys() {
			t.Run(string(c.code)+"/"+c.finding, func(t *testing.T) {
				p, user, id := harness.Enforced(t, s, nil)
				w := &wrong{s, p, s.NewBrowser(t), user, id}
				w.patch(t, harness.Object{"idp": "okta"})
				reference := c.provoke(t, w)
				c.recorded(t, w, reference)
				c.judgedAgain(t, w, reference)
			})
		}
		if log := s.Log(); strings.Contains(log, plantedValue) {
			t.Error("the log holds the value of an attribute")
		}
	})
}

// TestEveryCodeThatASignInCanEndInHasACase keeps whys whole.
func TestEveryCodeThatASignInCanEndInHasACase(t *testing.T) {
	t.Parallel()
	cases := make(map[fault.Code]bool)
	for _, c := range whys() {
		cases[c.code] = true
	}
	for _, code := range fault.Codes() {
		if reason := noSignIn[code]; cases[code] == (reason != "") {
			t.Errorf("%s: has it a case in whys, or a reason in noSignIn, and not both?", code)
		}
	}
}

// provoke returns the reference of the attempt.
func (c *why) provoke(t *testing.T, w *wrong) (reference string) {
	t.Helper()
	a := c.do(t, w)
	if c.silent { // the answer is alike for everybody: administrators find it in the list
		eventually(t, 5*time.Second, "recorded", func() bool {
			list := harness.Items(w.OK(t, "GET", "/organizations/"+w.p.Organization.ID+"/sign-ins?code="+string(c.code), nil))
			if len(list) == 1 {
				reference = fmt.Sprint(list[0]["reference"])
			}
			return len(list) == 1
		})
		return reference
	}
	status := c.code.Status()
	if c.code == fault.DomainNotVerified {
		status = 403 // at a sign-in
	}
	a.Refused(t, status, string(c.code))
	for name, values := range a.Header {
		if strings.Contains(fmt.Sprint(values), plantedValue) {
			t.Errorf("the header %s holds the value of an attribute", name)
		}
	}
	for _, secret := range []string{plantedValue, "samlp", "other.example", "rsa2048"} {
		if strings.Contains(a.Body, secret) {
			t.Errorf("the user's page holds %q of the message:\n%s", secret, a.Body)
		}
	}
	return a.Reference
}

// recorded finds the record by its reference and reads it.
func (c *why) recorded(t *testing.T, w *wrong, reference string) {
	t.Helper()
	found := harness.Items(w.OK(t, "GET", "/organizations/"+w.p.Organization.ID+"/sign-ins?reference="+reference, nil))
	switch {
	case c.operators && len(found) != 0:
		t.Errorf("the organization sees %v", found)
	case !c.operators && (len(found) != 1 || found[0]["code"] != string(c.code) || found[0]["outcome"] != "refused"):
		t.Fatalf("the list has %v", found)
	}
	r := w.OK(t, "GET", "/sign-ins/"+reference, nil)
	if len(found) == 1 && fmt.Sprint(found[0]["checks"]) != fmt.Sprint(r["checks"]) {
		t.Errorf("the list has the checks %v", found[0]["checks"])
	}
	if r["code"] != string(c.code) || r["reference"] != reference || r["kept"] != true {
		t.Errorf("the record is %v", r)
	}
	if strings.Contains(fmt.Sprint(r), plantedValue) {
		t.Errorf("the record shows the value of an attribute to whom nobody asked: %v", r)
	}
	for name, want := range map[string]string{"side": c.side, "field": c.field, "finding": c.finding} {
		if got := harness.At(r, "diagnosis", name); got != want && (got != nil || want != "") {
			t.Errorf("%s is %v, not %q", name, got, want)
		}
	}
	for name, part := range map[string]string{"expected": c.expected, "found": c.found, "fix": c.fix} {
		if got, _ := harness.At(r, "diagnosis", name).(string); !strings.Contains(got, part) || part == "" && !c.unseen {
			t.Errorf("%s is %q, without %q", name, got, part)
		}
	}
	if got := harness.At(r, "diagnosis", "help_url"); got != "/help/errors/"+string(c.code) {
		t.Errorf("the help is at %v", got)
	}
	failed := false
	checks, _ := r["checks"].([]any)
	for _, check := range checks {
		one, _ := check.(map[string]any)
		failed = failed || one["status"] == "failed" && one["code"] == string(c.code)
	}
	if !failed {
		t.Errorf("no check has failed with it: %v", checks)
	}
}

// judgedAgain replays the attempt before and after the repair. It signs nobody in.
func (c *why) judgedAgain(t *testing.T, w *wrong, reference string) {
	t.Helper()
	path, before := "/sign-ins/"+reference+"/replay", len(w.Sessions(t, w.userID))
	if c.unjudged {
		w.Refused(t, 409, "conflict", "POST", path, nil)
		return
	}
	again := w.OK(t, "POST", path, nil)
	switch {
	case c.onceOnly: // the rules that have used it up are left out
		if again["status"] != "passed" {
			t.Errorf("replayed: %v", again)
		}
	case again["status"] != "failed" || again["code"] != string(c.code) || harness.At(again, "diagnosis", "side") != c.side:
		t.Errorf("replayed: %v", again)
	}
	if c.repair != nil {
		c.repair(t, w)
		if again := w.OK(t, "POST", path, nil); again["status"] != "passed" || again["code"] != nil || again["diagnosis"] != nil {
			t.Errorf("replayed after the repair: %v", again)
		}
	}
	if after := len(w.Sessions(t, w.userID)); after != before {
		t.Errorf("%d sessions before, %d after", before, after)
	}
}

// TestAWarningStandsInTheRecordOfASignIn: what refuses nobody is told as well.
func TestAWarningStandsInTheRecordOfASignIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		w := &wrong{s, p, s.NewBrowser(t), user, id}
		expired := samltest.NamedKey(samltest.RSA2048Expired)
		w.patch(t, harness.Object{"certificates": []string{harness.PEM(expired)}})
		w.vouched(t, func(r *samltest.Response) {
			r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: expired}, &samltest.Signing{Key: expired}
			r.Assertion.NameID.Format = "urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress"
		}).Redirected(t, "/")
		list := harness.Items(s.OK(t, "GET", "/organizations/"+p.Organization.ID+"/sign-ins?outcome=succeeded&user="+id, nil))
		if len(list) != 1 {
			t.Fatalf("%v", list)
		}
		r := s.OK(t, "GET", "/sign-ins/"+harness.ID(list[0]), nil)
		warned := make(map[any]bool)
		checks, _ := r["checks"].([]any)
		for _, check := range checks {
			one, _ := check.(map[string]any)
			if one["status"] == "warning" {
				warned[one["code"]] = true
			}
		}
		if !warned["saml_nameid_format"] || !warned["saml_certificate_expired"] || r["diagnosis"] != nil {
			t.Errorf("%v warn, diagnosis %v", warned, r["diagnosis"])
		}
	})
}
