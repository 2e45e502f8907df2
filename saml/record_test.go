package saml_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// checkNames are all checks in the order in which they stand in a record.
var checkNames = []string{
	"response", "size", "base64", "xml", "message", "status", "assertions",
	"signature", "signature_algorithm", "signature_integrity", "certificate", "certificate_dates", "decryption",
	"issuer", "audience", "destination", "request", "subject_confirmation", "recipient", "subject_confirmation_time",
	"conditions", "not_before", "not_on_or_after", "issue_instant", "authn_statement", "session", "authn_context",
	"replay", "nameid", "nameid_format", "nameid_email",
}

// statuses returns the worst status of each check by name, and fails on checks
// that are unknown or out of order.
func statuses(t *testing.T, list []saml.Check) map[string]saml.Status {
	t.Helper()
	rank := map[saml.Status]int{saml.NotReached: 0, saml.Passed: 1, saml.Warning: 2, saml.Failed: 3}
	got, at := make(map[string]saml.Status), 0
	for _, c := range list {
		for at < len(checkNames) && checkNames[at] != c.Name {
			at++
		}
		if at == len(checkNames) {
			t.Fatalf("check %s is unknown or out of order", c.Name)
		}
		if old, ok := got[c.Name]; !ok || rank[c.Status] > rank[old] {
			got[c.Name] = c.Status
		}
	}
	return got
}

// TestTheRecordIsComplete breaks one rule at a time and wants it, and nothing
// else, to have failed, with all others judged.
func TestTheRecordIsComplete(t *testing.T) {
	type broken struct {
		name   string
		config func(*saml.Config)
		change func(*samltest.Response)
		asked  func(*saml.Message)
		fails  []string
	}
	for _, b := range []broken{
		{name: "nothing"},
		{name: "the signature", change: afterwards("Test User", "Evil User"), fails: []string{"signature_integrity"}},
		{name: "the algorithm", change: signings(func(s *samltest.Signing) { s.Digest = "http://www.w3.org/2000/09/xmldsig#sha1" }), fails: []string{"signature_algorithm"}},
		{name: "the certificate", change: signings(func(s *samltest.Signing) { s.Key = samltest.NamedKey(samltest.EC256); s.Method = ecdsaSHA256 }), fails: []string{"certificate"}},
		{name: "no signature", change: func(r *samltest.Response) { sign(r, onNeither) }, fails: []string{"signature"}},
		{name: "the issuer", change: func(r *samltest.Response) { r.Issuer.Value = "x" }, fails: []string{"issuer"}},
		{name: "the audience", change: conditioned(func(c *samltest.Conditions) { c.Audiences = nil }), fails: []string{"audience"}},
		{name: "the destination", change: func(r *samltest.Response) { r.Destination = "x" }, fails: []string{"destination"}},
		{name: "the request", asked: func(m *saml.Message) {
			m.Requests = func(string) saml.RequestState { return saml.RequestExpired }
		}, fails: []string{"request"}},
		{name: "the recipient", change: func(r *samltest.Response) { r.Confirmation().Recipient = "x" }, fails: []string{"recipient"}},
		{name: "the time of the confirmation", change: func(r *samltest.Response) { r.Confirmation().NotOnOrAfter = at(-time.Hour) }, fails: []string{"subject_confirmation_time"}},
		{name: "a condition", change: conditioned(func(c *samltest.Conditions) { c.More = "<x/>" }), fails: []string{"conditions"}},
		{name: "the start", change: conditioned(func(c *samltest.Conditions) { c.NotBefore = at(time.Hour) }), fails: []string{"not_before"}},
		{name: "the end", change: conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = at(-time.Hour) }), fails: []string{"not_on_or_after"}},
		{name: "the age", change: func(r *samltest.Response) { r.Assertion.IssueInstant = at(-30 * time.Hour) }, fails: []string{"issue_instant"}},
		{name: "the session", change: func(r *samltest.Response) { r.Statement().SessionNotOnOrAfter = at(-time.Hour) }, fails: []string{"session"}},
		{name: "the context", config: func(c *saml.Config) { c.AuthnContext = "x" }, fails: []string{"authn_context"}},
		{name: "replay", asked: func(m *saml.Message) { m.Consumed = func(string) bool { return true } }, fails: []string{"replay"}},
		{name: "the address", change: func(r *samltest.Response) { r.Assertion.NameID.Value = "user" }, fails: []string{"nameid_email"}},
		{name: "everything", config: func(c *saml.Config) { c.AuthnContext = "x" }, change: func(r *samltest.Response) {
			r.Issuer.Value, r.Destination = "x", "x"
			a := r.Assertion
			a.IssueInstant, a.NameID.Value = at(-30*time.Hour), "user"
			a.Conditions = &samltest.Conditions{NotBefore: at(time.Hour), NotOnOrAfter: at(-time.Hour), More: "<x/>"}
			a.Statements[0].SessionNotOnOrAfter = at(-time.Hour)
			a.Confirmations[0].NotOnOrAfter, a.Confirmations[0].Recipient = at(-time.Hour), "x"
			afterwards("Test User", "Evil User")(r)
		}, asked: func(m *saml.Message) {
			m.Consumed = func(string) bool { return true }
			m.Requests = func(string) saml.RequestState { return saml.RequestUsed }
		}, fails: []string{"signature_integrity", "issuer", "audience", "destination", "request", "recipient", "subject_confirmation_time",
			"conditions", "not_before", "not_on_or_after", "issue_instant", "session", "authn_context", "replay", "nameid_email"}},
	} {
		t.Run(b.name, func(t *testing.T) {
			s := samltest.NewScene()
			if b.config != nil {
				b.config(&s.SP)
			}
			r := s.Response()
			if b.change != nil {
				b.change(r)
			}
			m := saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID), Record: true}
			if b.asked != nil {
				b.asked(&m)
			}
			res, refused := judge(t, s.SP, m)
			got := statuses(t, checks(res, refused))
			want := make(map[string]saml.Status)
			for _, name := range checkNames {
				want[name] = saml.Passed
			}
			want["decryption"] = saml.NotReached
			signatureFails := false
			for _, name := range b.fails {
				want[name] = saml.Failed
				signatureFails = signatureFails || strings.HasPrefix(name, "signature") || name == "certificate"
			}
			if signatureFails {
				for _, name := range []string{"signature_algorithm", "signature_integrity", "certificate", "certificate_dates"} {
					delete(want, name)
					delete(got, name)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const ecdsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"

// TestTheSignatureDecidesFirst breaks the signature and one rule behind it:
// only what stands in the message's XML, its kind and its status may be told
// before.
func TestTheSignatureDecidesFirst(t *testing.T) {
	broken := func(f func(*samltest.Response)) func(*samltest.Response) {
		return func(r *samltest.Response) {
			f(r)
			afterwards("Test User", "Evil User")(r)
		}
	}
	invalid := saml.CodeSignatureInvalid
	run(t, []ruleCase{
		{name: "the status", response: broken(func(r *samltest.Response) { r.Status.Code = "x" }), want: saml.CodeStatusNotSuccess},
		{name: "the version", response: broken(func(r *samltest.Response) { r.Version = "1.1" }), want: saml.CodeUnsupportedMessage},
		{name: "the issuer", response: broken(func(r *samltest.Response) { r.Issuer.Value = "x" }), want: invalid},
		{name: "the audience", response: broken(conditioned(func(c *samltest.Conditions) { c.Audiences = nil })), want: invalid},
		{name: "the destination", response: broken(func(r *samltest.Response) { r.Destination = "x" }), want: invalid},
		{name: "the recipient", response: broken(func(r *samltest.Response) { r.Confirmation().Recipient = "x" }), want: invalid},
		{name: "the time", response: broken(conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = at(-time.Hour) })), want: invalid},
		{name: "the address", response: broken(func(r *samltest.Response) { r.Assertion.NameID.Value = "user" }), want: invalid},
		{name: "a used request", response: broken(func(*samltest.Response) {}), message: func(m *saml.Message) {
			m.Requests = func(string) saml.RequestState { return saml.RequestUsed }
		}, want: invalid},
		{name: "a consumed assertion", response: broken(func(*samltest.Response) {}), message: func(m *saml.Message) {
			m.Consumed = func(string) bool { return true }
		}, want: invalid},
		{name: "an unknown request", config: mode(saml.Refuse), response: broken(func(r *samltest.Response) {
			r.InResponseTo, r.Confirmation().InResponseTo = "_x", "_x"
		}), want: invalid},
	})
}

func TestWhatARecordRepeatsCanBeKept(t *testing.T) {
	long := strings.Repeat("ü", 2000)
	s := samltest.NewScene()
	for name, value := range map[string]string{
		"base64 of strange octets": "\x00\xff\xfe\xc3" + strings.Repeat("\x80", 100),
		"long names":               func() string { r := s.Response(); r.Issuer.Value, r.Destination = long, "x"+long; return r.Encode() }(),
		"a long status": func() string {
			r := s.Response()
			r.Status = samltest.Status{Code: long, SubCode: long, Message: "x" + long}
			return r.Encode()
		}(),
		"a long algorithm": func() string {
			r := s.Response()
			r.ResponseSigning.Edit = func(sig string) string { return must(sig, "http://www.w3.org/2001/04/xmlenc#sha256", "x"+long) }
			return r.Encode()
		}(),
	} {
		_, refused := judge(t, s.SP, saml.Message{Values: []string{value}, Received: s.Now, Requests: pending(s.RequestID)})
		if refused == nil {
			t.Fatalf("%s: accepted", name)
		}
		for _, c := range refused.Checks {
			for _, text := range []string{c.Expected, c.Found, c.Note} {
				if !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > 700 {
					t.Errorf("%s: check %s repeats %d octets, %.40q", name, c.Name, len(text), text)
				}
			}
		}
	}
}

func TestTheDecisionStandsWhateverIsAnsweredLater(t *testing.T) {
	s := samltest.NewScene()
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	_, err = sp.Validate(saml.Message{Values: []string{s.Response().Encode()}, Received: s.Now, Requests: pending(s.RequestID),
		Consumed: func(string) bool { asked++; return asked == 1 }})
	if code(refusal(t, err)) != saml.CodeReplayed {
		t.Errorf("got %v", err)
	}
}

func TestEveryCodeIsListed(t *testing.T) {
	listed := make(map[saml.Code]bool)
	for _, c := range saml.Codes() {
		if listed[c] || !strings.HasPrefix(string(c), "saml_") {
			t.Errorf("%s is listed twice, or is no code", c)
		}
		listed[c] = true
	}
	_, err := mustSP(t).Validate(saml.Message{})
	for _, c := range refusal(t, err).Checks {
		if !listed[c.Code] {
			t.Errorf("%s, of the check %s, is not listed", c.Code, c.Name)
		}
	}
}

func mustSP(t testing.TB) *saml.ServiceProvider {
	t.Helper()
	sp, err := saml.New(samltest.NewIdP().Config())
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func TestBothDigestsAreTold(t *testing.T) {
	s := samltest.NewScene()
	r := s.Response()
	afterwards("Test User", "Evil User")(r)
	_, refused := judge(t, s.SP, message(s, []byte(r.String())))
	for _, c := range refused.Checks {
		if c.Name == "signature_integrity" && c.Status == saml.Failed {
			if len(c.Expected) != len("digest ")+44 || len(c.Found) != len(c.Expected) || c.Found == c.Expected {
				t.Errorf("expected %q, found %q", c.Expected, c.Found)
			}
			return
		}
	}
	t.Error("no check of the digest")
}

func TestAResultOutlivesTheNextMessage(t *testing.T) {
	s := samltest.NewScene()
	sp := mustSP(t)
	first := mustAccept(t, sp, s)
	before := says(first.Assertion)
	for _, shape := range samltest.Shapes() {
		if _, err := sp.Validate(message(s, []byte(shape.Response(s).String()))); err != nil {
			t.Fatal(err)
		}
	}
	if after := says(first.Assertion); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestNowIsTheClockWhereNoInstantIsGiven(t *testing.T) {
	s := samltest.NewScene()
	s.Now = time.Now()
	if _, err := mustSP(t).Validate(saml.Message{Values: []string{s.Response().Encode()}, Requests: pending(s.RequestID)}); err != nil {
		t.Error(err)
	}
}

func TestOneServiceProviderForManyGoroutines(t *testing.T) {
	s := samltest.NewScene()
	sp := mustSP(t)
	good, bad := s.Response().Encode(), samltest.Encode(samltest.Attacks()[0].Message(s))
	done := make(chan error)
	for i := range 8 {
		go func() {
			for n := range 20 {
				value, want := good, true
				if (n+i)%2 == 0 {
					value, want = bad, false
				}
				res, err := sp.Validate(saml.Message{Values: []string{value}, Received: s.Now, Requests: pending(s.RequestID)})
				if (err == nil) != want || want && res.Assertion.Email != samltest.Email {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
