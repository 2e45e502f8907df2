package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/secret"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A scene is an organization whose domain is enforced, with a user, and another
// user who keeps a password.
type scene struct {
	*parts.Profile
	user directory.User
}

func newScene(t *testing.T, p *parts.Parts) *scene { return newSceneAt(t, p, "acme.test") }

func newSceneAt(t *testing.T, p *parts.Parts, domain string) *scene {
	t.Helper()
	acme := p.Organization(t, "Acme")
	d := acme.Domain(t, domain)
	s := &scene{user: acme.User(t, "user@"+domain, access.RoleMember), Profile: acme.Profile(t)}
	s.Enforce(t, d)
	return s
}

// reference is that of a refusal.
func reference(t *testing.T, err error, code fault.Code) string {
	t.Helper()
	var refusal *signin.Refusal
	if !errors.As(err, &refusal) || refusal.Fault.Code != code {
		t.Fatalf("%v, not a refusal with %s", err, code)
	}
	return refusal.Reference
}

func get(t *testing.T, p *parts.Parts, attemptID string) record.Record {
	t.Helper()
	r, err := p.Record.Record(t.Context(), parts.Operator(), attemptID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *scene) list(t *testing.T, q record.Query) []record.Attempt {
	t.Helper()
	q.OrganizationID = s.Organization.ID
	if q.Limit == 0 {
		q.Limit = 100
	}
	found, err := s.Record.List(t.Context(), parts.Operator(), q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func check(t *testing.T, checks []record.Check, name string, status saml.Status) record.Check {
	t.Helper()
	for _, c := range checks {
		if c.Name == name && c.Status == status {
			return c
		}
	}
	t.Fatalf("no check %s has %s: %+v", name, status, checks)
	return record.Check{}
}

func badAudience(r *samltest.Response) {
	r.Assertion.Conditions.Audiences = [][]string{{"https://other.example/metadata"}}
}

func TestARefusedAnswerLeavesItsChecksAndItsMessage(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, _ := s.Start(t, "")
		actor := access.Actor{Address: "192.0.2.7", Agent: "Browser \xff" + strings.Repeat("x", 2000)}
		_, err := p.SSO.Consume(t.Context(), actor, s.Answer(req.ID, s.user.Email, badAudience))
		r := get(t, p, reference(t, err, fault.SAMLAudienceMismatch))
		if r.OrganizationID != s.Organization.ID || r.ProfileID != s.ID || r.Method != access.MethodSSO || r.Started != record.SideHere ||
			r.Outcome != record.Refused || r.Code != fault.SAMLAudienceMismatch || r.Address != "192.0.2.7" || len(r.Agent) > 520 || r.Time != p.Now() || !r.Kept {
			t.Errorf("%+v", r.Attempt)
		}
		c := check(t, r.Checks, "audience", saml.Failed)
		if c.Code != fault.SAMLAudienceMismatch || c.Expected != p.SSO.URLs(s.ID).EntityID || !strings.Contains(c.Found, "https://other.example/metadata") {
			t.Errorf("%+v", c)
		}
		check(t, r.Checks, "signature_integrity", saml.Passed)
		if !strings.Contains(r.Message.Readable(), "https://other.example/metadata") {
			t.Errorf("%s", r.Message.Readable())
		}
		if e := s.Recorded(t, audit.SignInRefused); e.Reference != r.ID || e.Time != r.Time || e.Actor.Address != "192.0.2.7" || e.Actor.Kind != "anonymous" {
			t.Errorf("%+v", e)
		}
	})
}

func TestAnAcceptedSignInIsPendingAndThenSucceeded(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, browser := s.Start(t, "")
		out, err := p.Consume(t, s.Answer(req.ID, s.user.Email))
		if err != nil {
			t.Fatal(err)
		}
		found := s.list(t, record.Query{})
		if len(found) != 1 || found[0].Outcome != record.Pending || found[0].UserID != s.user.ID {
			t.Fatalf("%+v", found)
		}
		begun := found[0].Time
		p.Pass(time.Second)
		if _, err = p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{browser}}); err != nil {
			t.Fatal(err)
		}
		r := get(t, p, found[0].ID)
		if r.Outcome != record.Succeeded || r.Code != "" || r.Time != begun || r.Email != s.user.Email || r.Started != record.SideHere {
			t.Errorf("%+v", r.Attempt)
		}
		check(t, r.Checks, "nameid_email", saml.Passed)
		check(t, r.Checks, record.CheckDomain, saml.Passed)
		check(t, r.Checks, record.CheckUser, saml.Passed)
		if e := s.Recorded(t, audit.SignInSucceeded); e.Reference != r.ID {
			t.Errorf("%+v", e)
		}
		// The page reloaded is another attempt, and changes nothing of this one.
		_, err = p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{browser}})
		again := reference(t, err, fault.SAMLReplayed)
		if again == r.ID || get(t, p, r.ID).Outcome != record.Succeeded {
			t.Error("it was overwritten")
		}
		check(t, get(t, p, again).Checks, record.CheckTicket, saml.Failed)
	})
}

func TestTheEndMayBeWrittenBeforeTheBeginning(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, browser := s.Start(t, "")
		began := p.Now()
		out, err := p.Consume(t, s.Answer(req.ID, s.user.Email))
		if err != nil {
			t.Fatal(err)
		}
		p.Pass(2 * time.Second)
		if _, err := p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{browser}}); err != nil { // nothing was flushed
			t.Fatal(err)
		}
		found := s.list(t, record.Query{})
		if len(found) != 1 || found[0].Outcome != record.Succeeded || found[0].Started != record.SideHere || !found[0].Time.Equal(began) {
			t.Fatalf("%+v", found)
		}
		if r := get(t, p, found[0].ID); !r.Kept || len(r.Message.Text) == 0 {
			t.Error("its message is missing")
		}
	})
}

func TestARefusalAtTheFinishEndsTheAttempt(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, browser := s.Start(t, "")
		out, err := p.Consume(t, s.Answer(req.ID, s.user.Email))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{"another"}})
		foreign := get(t, p, reference(t, err, fault.SAMLRequestUnknown))
		check(t, foreign.Checks, record.CheckBrowser, saml.Failed)
		p.SetStatus(t, s.user.ID, access.UserDeactivated)
		_, err = p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{browser}})
		r := get(t, p, reference(t, err, fault.UserDeactivated))
		if r.Outcome != record.Refused || r.UserID != s.user.ID || len(r.Message.Text) == 0 {
			t.Errorf("%+v", r.Attempt)
		}
		check(t, r.Checks, "audience", saml.Passed)
		check(t, r.Checks, record.CheckUser, saml.Failed)
		if n := len(s.list(t, record.Query{Outcome: record.Pending})); n != 0 {
			t.Errorf("%d are pending", n)
		}
	})
}

func TestPasswordsLeaveARecord(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Domain(t, "free.test")
		free := s.User(t, "user@free.test", access.RoleMember)
		try := func(email, password string) error {
			p.Pass(time.Second)
			_, err := p.SignIn.Password(t.Context(), access.Actor{Address: "192.0.2.1"}, signin.PasswordAttempt{Email: email, Password: password})
			return err
		}
		if err := try("User@Free.test", parts.Password); err != nil {
			t.Fatal(err)
		}
		good := s.list(t, record.Query{Who: free.ID})
		if len(good) != 1 || good[0].Outcome != record.Succeeded || good[0].Method != access.MethodPassword || good[0].ProfileID != "" {
			t.Fatalf("%+v", good)
		}
		r := get(t, p, good[0].ID)
		check(t, r.Checks, record.CheckPassword, saml.Passed)
		check(t, r.Checks, record.CheckUser, saml.Passed)

		r = get(t, p, reference(t, try(free.Email, "wrong"), fault.CredentialsInvalid))
		if c := check(t, r.Checks, record.CheckPassword, saml.Failed); r.UserID != free.ID || r.Email != free.Email || c.Found != "another password" {
			t.Errorf("%+v", r)
		}
		r = get(t, p, reference(t, try("Nobody@free.test", "wrong"), fault.CredentialsInvalid))
		if r.OrganizationID != s.Organization.ID || r.UserID != "" || r.Email != "Nobody@free.test" {
			t.Errorf("%+v", r)
		}
		if found := s.list(t, record.Query{Who: "nobody@FREE.test"}); len(found) != 1 || found[0].ID != r.ID {
			t.Errorf("by its address: %+v", found)
		}
		r = get(t, p, reference(t, try("my secret passphrase", "wrong"), fault.CredentialsInvalid))
		if r.OrganizationID != "" || !strings.HasPrefix(r.Email, "hash:") || strings.Contains(fmt.Sprint(r), "secret") {
			t.Errorf("%+v", r)
		}
		r = get(t, p, reference(t, try(s.user.Email, parts.Password), fault.SSORequired))
		check(t, r.Checks, record.CheckPassword, saml.Passed)
		if c := check(t, r.Checks, record.CheckUser, saml.Failed); c.Code != fault.SSORequired {
			t.Errorf("%+v", c)
		}
		for range 12 {
			try(free.Email, "wrong")
		}
		r = get(t, p, reference(t, try(free.Email, parts.Password), fault.RateLimited))
		check(t, r.Checks, record.CheckRate, saml.Failed)
	})
}

// TestMessagesAreSealedInTheirPlace looks at what stands in the database, and
// moves it elsewhere.
func TestMessagesAreSealedInTheirPlace(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, _ := s.Start(t, "")
		_, err := p.Consume(t, s.Answer(req.ID, s.user.Email, badAudience))
		first := get(t, p, reference(t, err, fault.SAMLAudienceMismatch))
		p.Pass(time.Second)
		_, err = p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"other"}})
		second := get(t, p, reference(t, err, fault.SAMLBase64Invalid))
		var sealed []byte
		p.View(t, func(tx *db.Tx) error {
			return tx.QueryRow("select sealed from record_details where attempt_id = $1", first.ID).Scan(&sealed)
		})
		if bytes.Contains(sealed, []byte("samlp")) || bytes.Contains(sealed, []byte("audience")) {
			t.Error("it is readable")
		}
		p.Exec(t, "update record_details set sealed = $1 where attempt_id = $2", sealed, second.ID)
		if _, err := p.Record.Record(t.Context(), parts.Operator(), second.ID); err == nil {
			t.Error("it opens at another attempt")
		}
		p.Exec(t, "update record_attempts set organization_id = $1 where id = $2", p.Organization(t, "Globex").ID, first.ID)
		if _, err := p.Record.Record(t.Context(), parts.Operator(), first.ID); err == nil {
			t.Error("it opens in another organization")
		}
	})
}

func TestMessagesAreSealedAgainUnderANewKey(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	_, err := p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"other"}})
	attempt := reference(t, err, fault.SAMLBase64Invalid)
	p.Flush(t)
	key := secret.NewKey()
	with := func(ring *secret.Ring) *record.Service {
		return record.New(p.DB, p.IDs, p.Audit, ring, slog.New(slog.DiscardHandler), record.Config{})
	}
	if n, err := with(p.WithKey(key)).Reseal(t.Context(), parts.Operator()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if r, err := with(secret.NewRing(key)).Record(t.Context(), parts.Operator(), attempt); err != nil || len(r.Checks) == 0 {
		t.Errorf("%+v %v", r, err)
	}
}
